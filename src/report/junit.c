/* report/junit.c - JUnit XML as Jenkins, GitLab and others read it: a suite for
 * each message, a case for its clean runs and for each mode, and a last suite
 * that fails when the run is not whole. All of it is written at the end. */
#include <stdlib.h>
#include <string.h>

#include <mxml.h>

#include "report/cases.h"

struct junit_report {
    struct report_sink base;
    struct case_list cases;
    char *parser; /* printable: name and version */
    size_t messages;
};

/* U+FFFE and U+FFFF are UTF-8 but may not stand in XML 1.0 (2.2). */
static const char *xml_text(const struct smt_buffer *text)
{
    char *at = text->data;

    while (at && (at = strstr(at, "\xEF\xBF"))) {
        if ((unsigned char)at[2] >= 0xBE) memset(at, '?', 3);
        at += 2;
    }
    return text->data ? text->data : "";
}

static void attribute_take(mxml_node_t *node, const char *name, struct smt_buffer *text)
{
    mxmlElementSetAttr(node, name, xml_text(text));
    smt_buffer_clear(text);
}

static void attribute_set(mxml_node_t *node, const char *name, const char *value)
{
    struct smt_buffer text;

    smt_buffer_init(&text);
    smt_buffer_add_text(&text, value);
    attribute_take(node, name, &text);
}

static void attribute_number(mxml_node_t *node, const char *name, size_t number)
{
    mxmlElementSetAttrf(node, name, "%zu", number);
}

static void text_node(mxml_node_t *parent, const char *name, const struct smt_buffer *text)
{
    if (text->size) mxmlNewOpaque(mxmlNewElement(parent, name), xml_text(text));
}

/* Jenkins takes what is before the last dot for a package. */
static void class_set(mxml_node_t *node, const char *message)
{
    struct smt_buffer name;

    smt_buffer_init(&name);
    smt_buffer_add_text(&name, message);
    for (size_t i = 0; i < name.size; i++)
        if (name.data[i] == '.') name.data[i] = '_';
    attribute_take(node, "classname", &name);
}

static void failure_node(mxml_node_t *parent, struct report_case *item)
{
    mxml_node_t *failure = mxmlNewElement(parent, "failure");

    if (item->new_findings > 1)
        smt_buffer_addf(&item->headline, " (and %zu more)", item->new_findings - 1);
    attribute_set(failure, "message", item->headline.data ? item->headline.data : "");
    mxmlElementSetAttr(failure, "type", smt_verdicts[item->worst].name);
    mxmlNewOpaque(failure, xml_text(&item->failures));
}

static void case_node(mxml_node_t *suite, struct report_case *item)
{
    mxml_node_t *node = mxmlNewElement(suite, "testcase");
    struct smt_buffer name, note;

    smt_buffer_init(&name);
    smt_report_case_name(item, &name);
    smt_buffer_addf(&name, ": %s", item->message);
    attribute_take(node, "name", &name);
    class_set(node, item->message);
    attribute_set(node, "file", item->message);
    if (item->is_skipped)
        mxmlElementSetAttr(mxmlNewElement(node, "skipped"), "message", "nothing was refused");
    if (item->new_findings) failure_node(node, item);
    smt_buffer_init(&note);
    smt_buffer_add(&note, item->note.data, item->note.size);
    if (note.size && item->known.size) smt_buffer_add_text(&note, "\n");
    smt_buffer_add(&note, item->known.data, item->known.size);
    text_node(node, "system-out", &note);
    smt_buffer_clear(&note);
}

static mxml_node_t *suite_node(mxml_node_t *root, const char *name, size_t tests, size_t failures,
                               size_t errors, size_t skipped)
{
    mxml_node_t *suite = mxmlNewElement(root, "testsuite");

    attribute_set(suite, "name", name);
    attribute_number(suite, "tests", tests);
    attribute_number(suite, "failures", failures);
    attribute_number(suite, "errors", errors);
    attribute_number(suite, "skipped", skipped);
    return suite;
}

/* Cases first.. of one message; returns the number after the last. */
static size_t message_suite(struct junit_report *report, mxml_node_t *root, size_t first)
{
    struct report_case *items = report->cases.items;
    size_t end = first, failures = 0, skipped = 0;
    mxml_node_t *suite;

    for (; end < report->cases.count && items[end].index == items[first].index; end++) {
        failures += items[end].new_findings > 0;
        skipped += items[end].is_skipped;
    }
    suite = suite_node(root, items[first].message, end - first, failures, 0, skipped);
    for (size_t i = first; i < end; i++) case_node(suite, &items[i]);
    return end;
}

/* A run that is not whole must not look like one that passed. */
static void whole_suite(const struct junit_report *report, mxml_node_t *root,
                        const struct smt_summary *summary)
{
    bool is_error = summary->truncated || summary->unusable_inputs;
    mxml_node_t *suite = suite_node(root, "sipmemtest", 1, 0, is_error, 0), *node, *error;
    struct smt_buffer text;

    if (report->parser) {
        node = mxmlNewElement(mxmlNewElement(suite, "properties"), "property");
        mxmlElementSetAttr(node, "name", "parser");
        attribute_set(node, "value", report->parser);
    }
    node = mxmlNewElement(suite, "testcase");
    mxmlElementSetAttr(node, "name", "the run is whole");
    mxmlElementSetAttr(node, "classname", "sipmemtest");
    smt_buffer_init(&text);
    if (is_error) {
        error = mxmlNewElement(node, "error");
        if (summary->truncated) smt_buffer_add_text(&text, "TRUNCATED ");
        smt_report_show_truncation(summary, report->messages, &text);
        if (summary->truncated && summary->unusable_inputs) smt_buffer_add_text(&text, "; ");
        if (summary->unusable_inputs) {
            smt_report_show_count(summary->unusable_inputs, "input", &text);
            smt_buffer_add_text(&text, " could not be used");
        }
        mxmlElementSetAttr(error, "type", summary->truncated ? "truncated" : "input");
        attribute_take(error, "message", &text);
    }
    smt_report_show_budget(summary, &text);
    text_node(node, "system-out", &text);
    smt_buffer_clear(&text);
}

/* --- the sink ---------------------------------------------------------------- */

static void junit_begin(struct smt_sink *sink, const struct smt_sweep_run *run)
{
    struct junit_report *report = (struct junit_report *)sink;
    struct smt_buffer text;

    smt_buffer_init(&text);
    smt_report_show_bytes(run->parser, &text);
    smt_buffer_add_text(&text, " ");
    smt_report_show_bytes(run->parser_version, &text);
    report->parser = smt_buffer_take(&text);
    report->messages = run->messages;
    report->cases.settings = run->settings;
}

static void junit_message(struct smt_sink *sink, const struct smt_message_report *message)
{
    smt_report_cases_message(&((struct junit_report *)sink)->cases, message);
}

static void junit_mode(struct smt_sink *sink, const struct smt_mode_report *mode)
{
    smt_report_cases_mode(&((struct junit_report *)sink)->cases, mode);
}

static void junit_finding(struct smt_sink *sink, const struct smt_finding *finding)
{
    smt_report_cases_finding(&((struct junit_report *)sink)->cases, finding);
}

static mxml_node_t *root_node(const struct junit_report *report, mxml_node_t *document,
                              const struct smt_summary *summary)
{
    mxml_node_t *root = mxmlNewElement(document, "testsuites");
    size_t failures = 0, skipped = 0;

    for (size_t i = 0; i < report->cases.count; i++) {
        failures += report->cases.items[i].new_findings > 0;
        skipped += report->cases.items[i].is_skipped;
    }
    mxmlElementSetAttrf(root, "name", "sipmemtest %s", SMT_VERSION);
    attribute_number(root, "tests", report->cases.count + 1);
    attribute_number(root, "failures", failures);
    attribute_number(root, "errors", summary->truncated || summary->unusable_inputs);
    attribute_number(root, "skipped", skipped);
    mxmlElementSetAttrf(root, "time", "%.3f", summary->seconds);
    return root;
}

/* Elements that hold others begin and end on lines of their own. */
static const char *line_break(mxml_node_t *node, int where)
{
    const char *name = mxmlGetElement(node);
    bool is_text = name && (strcmp(name, "failure") == 0 || strcmp(name, "system-out") == 0);

    if (where == MXML_WS_BEFORE_CLOSE) return is_text ? NULL : "\n";
    if (!name || name[0] == '?') return NULL; /* nothing may stand before the declaration */
    return where == MXML_WS_BEFORE_OPEN ? "\n" : NULL;
}

static void junit_end(struct smt_sink *sink, const struct smt_summary *summary)
{
    struct junit_report *report = (struct junit_report *)sink;
    mxml_node_t *document = mxmlNewXML("1.0"), *root = root_node(report, document, summary);
    char *text;

    for (size_t i = 0; i < report->cases.count;) i = message_suite(report, root, i);
    whole_suite(report, root, summary);
    mxmlSetWrapMargin(0);
    text = mxmlSaveAllocString(document, line_break);
    if (text)
        fprintf(report->base.out, "%s\n", text);
    else
        report->base.out_of_memory = true;
    report->base.out_of_memory |= report->cases.out_of_memory;
    free(text);
    mxmlDelete(document);
}

static void junit_clear(struct smt_sink *sink)
{
    struct junit_report *report = (struct junit_report *)sink;

    smt_report_cases_clear(&report->cases);
    free(report->parser);
}

const struct smt_report_format smt_report_junit = {
    .name = "junit",
    .summary = "JUnit XML, for Jenkins, GitLab and the like",
    .callbacks =
        {
            .begin = junit_begin,
            .message = junit_message,
            .mode = junit_mode,
            .finding = junit_finding,
            .end = junit_end,
        },
    .size_bytes = sizeof(struct junit_report),
    .clear = junit_clear,
};
