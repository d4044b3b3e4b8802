/* cli/sipmemtest_actions.c - options that print something and run nothing. */
#include <string.h>

#include "cli/sipmemtest.h"

static enum smt_status help_print(const struct smt_sipmemtest_options *options, FILE *out)
{
    (void)options;
    smt_cli_write_help(&smt_sipmemtest_program, out);
    return SMT_OK;
}

/* Which library a parser's row stands for: its findings belong to that build. */
static void parser_print(const struct smt_parser *parser, FILE *out)
{
    const char *file = NULL;
    char build_id[128];

    fprintf(out, "parser %s: version %s", parser->name, parser->version());
    if (smt_symbol_module((uintptr_t)parser->anchor, &file, NULL) && file)
        fprintf(out, ", %s", file);
    if (smt_symbol_build_id((uintptr_t)parser->anchor, build_id, sizeof build_id))
        fprintf(out, ", build-id %s", build_id);
    fputc('\n', out);
}

static enum smt_status version_print(const struct smt_sipmemtest_options *options, FILE *out)
{
    bool is_listed = false;

    fprintf(out, "sipmemtest %s\n", SMT_VERSION);
    for (size_t i = 0; smt_parsers[i]; i++) {
        parser_print(smt_parsers[i], out);
        is_listed |= smt_parsers[i] == options->sweep.worker.parser;
    }
    if (!is_listed) parser_print(options->sweep.worker.parser, out);
    return SMT_OK;
}

static enum smt_status parsers_print(const struct smt_sipmemtest_options *options, FILE *out)
{
    (void)options;
    for (size_t i = 0; smt_parsers[i]; i++)
        fprintf(out, "%-12s %s%s\n", smt_parsers[i]->name, smt_parsers[i]->summary,
                i ? "" : " (default)");
    return SMT_OK;
}

static enum smt_status formats_print(const struct smt_sipmemtest_options *options, FILE *out)
{
    (void)options;
    for (size_t i = 0; smt_report_formats[i]; i++)
        fprintf(out, "%-12s %s%s\n", smt_report_formats[i]->name, smt_report_formats[i]->summary,
                i ? "" : " (default)");
    return SMT_OK;
}

static enum smt_status man_print(const struct smt_sipmemtest_options *options, FILE *out)
{
    (void)options;
    smt_cli_write_man(&smt_sipmemtest_program, out);
    return SMT_OK;
}

static enum smt_status completion_print(const struct smt_sipmemtest_options *options, FILE *out)
{
    return smt_cli_write_completion(&smt_sipmemtest_program, options->shell, out);
}

static const struct {
    const char *option;
    smt_sipmemtest_action *action;
} actions[] = {
    {"help", help_print},
    {"version", version_print},
    {"list-parsers", parsers_print},
    {"list-formats", formats_print},
    {"print-man", man_print},
    {"print-completion", completion_print},
};

SMT_CLI_SETTER(smt_sipmemtest_set_action)
{
    struct smt_sipmemtest_options *all = options;

    if (arg) all->shell = arg;
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
        if (strcmp(actions[i].option, row->name) == 0) all->action = actions[i].action;
    return SMT_OK;
}
