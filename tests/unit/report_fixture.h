/* report_fixture.h - runs made up by hand, told to a sink as a sweep tells
 * them: all messages and modes, then the findings, sites and the summary. */
#ifndef REPORT_FIXTURE_H
#define REPORT_FIXTURE_H

#include <string.h>

#include "report/report.h"

/* A name that is an attack on every format at once. */
#define HOSTILE_NAME                                                                               \
    "a b\\c\x1b[31m\xff\xc3\xa9<b>&\"'$(x)`]]>--><!--</script>\n# not ok 1\t%0A::error::%s,:.sip"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define TRACE(array) ((struct smt_trace){COUNT(array), (array)})

static struct smt_frame fixture_parse[] = {
    {"libosipparser2.so.15", 0x1b2e0, "osip_via_parse", "osip_via_parse", NULL, 0},
    {"libosipparser2.so.15", 0x1b463, "osip_message_set_via~2", NULL, NULL, 0},
    {"my<parser>.so", 0x40, "evil\"name\xfe", NULL, "src/via & to.c", 42},
    {"?", 0x7f0000001000, NULL, NULL, NULL, 0},
};

static struct smt_frame fixture_deep[] = {
    {"libc.so.6", 0x100, "strlen", NULL, "../sysdeps/strlen.S", 79},
    {"libosipparser2.so.15", 0x200, "osip_via_to_str", NULL, NULL, 0},
    {"libosipparser2.so.15", 0x210, "walk", NULL, NULL, 0},
    {"libosipparser2.so.15", 0x210, "walk", NULL, NULL, 0},
    {"libosipparser2.so.15", 0x210, "walk", NULL, NULL, 0},
    {"libosipparser2.so.15", 0x210, "walk", NULL, NULL, 0},
    {"libosipparser2.so.15", 0x220, "osip_message_to_str", NULL, NULL, 0},
};

static struct smt_finding_block fixture_blocks[] = {
    {
        .allocation = 37,
        .size_bytes = 20,
        .is_damaged = true,
        .has_bad_offset = true,
        .bad_offset = 20,
        .last_bad_offset = 21,
        .expected = 0xfd,
        .found = 0x41,
        .bytes_from = -4,
        .byte_count = 34,
        .bytes = "\xfa\xfa\xfa\xfaSIP/2.0/UDP <b>&\"'..AA\xfd\xfd\xfd\xfd\xfd\xfd",
    },
    {.allocation = 38, .size_bytes = 1},
    {.allocation = 39, .size_bytes = 8, .has_bad_offset = true, .bad_offset = -3, .byte_count = 0},
    {.allocation = 40, .size_bytes = 0, .byte_count = 3, .bytes = "\0\x7f\x80"},
};

static struct smt_diff fixture_diffs[] = {
    {SMT_DIFF_LOST, (char *)"Route[1]", NULL, NULL, 3},
    {SMT_DIFF_CHANGED, (char *)"Via[0] ;branch", (char *)"z9hG4bK\\xFF\\r\\n",
     (char *)"</td><script>alert(1)</script>", 3},
    {SMT_DIFF_GAINED, (char *)"header[\"X-\xff\x1b\"]", NULL, (char *)"\"quoted\" --> ]]>", 2},
    {SMT_DIFF_LOST, (char *)"Subject", (char *)"", NULL, 1},
};

/* The findings of the full run; the traces of blocks are set on the way. */
static void fixture_findings(struct smt_sink *sink)
{
    struct smt_finding crash = {
        .signature = "osip/crash/0c6f9e3f7ffa558b",
        .verdict = SMT_VERDICT_CRASH,
        .parser = "osip",
        .message = (char *)"invite.sip",
        .message_bytes = 400,
        .message_index = 1,
        .mode = (char *)"transient",
        .allocation = 3,
        .occurrences = 4,
        .replay = (char *)"osip:transient:f5.2d.1.3",
        .summary = (char *)"reads through a null pointer (address 0x0)",
        .injected_at = TRACE(fixture_parse),
        .failed_at = TRACE(fixture_deep),
    };
    struct smt_finding corrupt = {
        .signature = "osip/corrupt/00000000000000aa",
        .verdict = SMT_VERDICT_CORRUPT,
        .parser = "osip",
        .message = (char *)HOSTILE_NAME,
        .message_bytes = 12,
        .message_index = 2,
        .occurrences = 1,
        .replay = (char *)"osip:clean",
        .summary = (char *)"byte 1 past the end of block 37 (20 bytes) was written: "
                           "0x41, was 0xfd",
        .failed_at = TRACE(fixture_parse),
        .block_count = COUNT(fixture_blocks),
        .blocks = fixture_blocks,
        .is_unconfirmed = true,
    };
    struct smt_finding swallowed = {
        .signature = "selftest/swallowed/00000000000000bb",
        .verdict = SMT_VERDICT_SWALLOWED,
        .parser = "selftest",
        .message = (char *)HOSTILE_NAME,
        .message_bytes = 12,
        .message_index = 2,
        .mode = (char *)"double",
        .allocation = 9,
        .occurrences = 1234567,
        .replay = (char *)"selftest:double:1.2.1.9+4",
        .summary = (char *)"parse reports success, lost: Route[1] and 3 more \\xFF <b>&\x1b",
        .injected_at = TRACE(fixture_deep),
        .second_at = TRACE(fixture_parse),
        .diff = {fixture_diffs, COUNT(fixture_diffs), COUNT(fixture_diffs)},
    };
    struct smt_finding known = {
        .signature = "osip/leak/00000000000000cc",
        .verdict = SMT_VERDICT_LEAK,
        .parser = "osip",
        .message = (char *)"-dash's.sip",
        .message_bytes = 77,
        .message_index = 3,
        .mode = (char *)"limit",
        .occurrences = 2,
        .replay = (char *)"osip:limit:4096",
        .summary = (char *)"2 blocks, 112 bytes, left after release",
        .leaked_blocks = 2,
        .leaked_bytes = 112,
        .is_known = true,
    };
    /* Nothing but what every finding has; its message was never told. */
    struct smt_finding bare = {
        .signature = "osip/hang/00000000000000dd",
        .verdict = SMT_VERDICT_HANG,
        .parser = "osip",
        .message = (char *)"later.sip",
        .message_index = 9,
        .occurrences = 1,
        .replay = (char *)"osip:clean",
        .summary = (char *)"",
    };

    /* A second one in the same sweep. */
    struct smt_finding wrong_code = {
        .signature = "osip/wrong-code/00000000000000ee",
        .verdict = SMT_VERDICT_WRONG_CODE,
        .parser = "osip",
        .message = (char *)"invite.sip",
        .message_bytes = 400,
        .message_index = 1,
        .mode = (char *)"transient",
        .allocation = 5,
        .occurrences = 4,
        .replay = (char *)"osip:transient:f6.2e.1.5",
        .summary = (char *)"parse returns OSIP_SYNTAXERROR (-5) instead of out of memory",
        .injected_at = TRACE(fixture_parse),
    };

    fixture_blocks[0].allocated_at = TRACE(fixture_parse);
    fixture_blocks[0].freed_at = TRACE(fixture_deep);
    sink->finding(sink, &crash);
    sink->finding(sink, &bare);
    sink->finding(sink, &corrupt);
    sink->finding(sink, &known);
    sink->finding(sink, &swallowed);
    sink->finding(sink, &wrong_code);
}

static void fixture_mode(struct smt_sink *sink, size_t index, enum smt_mode mode, const char *signs,
                         uint64_t skipped)
{
    struct smt_mode_report report = {
        .index = index, .mode = mode, .injections = strlen(signs), .skipped = skipped};

    report.allocations = report.injections + skipped;
    report.signs = signs;
    for (const char *c = signs; *c; c++)
        for (unsigned v = 0; v < SMT_VERDICT_COUNT; v++)
            if (smt_verdicts[v].sign == *c) report.counts[v]++;
    if (sink->mode) sink->mode(sink, &report);
}

static void fixture_message(struct smt_sink *sink, size_t index, const char *name, int code,
                            uint64_t allocations, uint32_t verdicts)
{
    struct smt_run_result baseline = {.ops_done = 1u << SMT_OP_PARSE | 1u << SMT_OP_RENDER,
                                      .verdicts = verdicts};
    struct smt_message_report report = {
        .index = index,
        .name = name,
        .bytes = 100 * index,
        .baseline = &baseline,
        .accepted = code == 0,
        .verdicts = verdicts,
        .runs = index == 3 ? 312 : 1000,
        .repeat_cut = index == 3,
        .cached_blocks = index == 3 ? 1 : 0,
    };

    baseline.codes[SMT_OP_PARSE] = code;
    baseline.heap.attempts = allocations;
    if (sink->message) sink->message(sink, &report);
}

static void fixture_injection(struct smt_sink *sink, uint64_t allocation, enum smt_verdict verdict)
{
    struct smt_injection_report report = {.mode = SMT_MODE_TRANSIENT,
                                          .allocation = allocation,
                                          .verdicts = 1u << verdict,
                                          .refused_at = TRACE(fixture_parse)};

    if (!sink->injection || !sink->trace) return;
    if (sink->trace == 1 && !smt_verdicts[verdict].is_defect) return;
    sink->injection(sink, &report);
}

static void fixture_sites(struct smt_sink *sink)
{
    struct smt_site_report sites[] = {
        {.hash = 0x1f, .seen = 12, .refused = {12, 3}, .trace = TRACE(fixture_parse)},
        {.hash = 0xffffffffffffffff, .seen = 1},
    };

    for (size_t i = 0; i < COUNT(sites) && sink->site; i++) sink->site(sink, &sites[i]);
}

static const struct smt_sweep_settings *fixture_settings(void)
{
    static struct smt_known_row rows[] = {
        {(char *)"osip/leak/0000000000000001",
         (char *)"osip/leak/0000000000000001\trefused in <a> < b\tfailed in \xff", false},
        {(char *)"osip/leak/00000000000000cc", (char *)"osip/leak/00000000000000cc", true},
        {(char *)"osip/leak/00000000000000ff", (char *)"osip/leak/00000000000000ff", false},
    };
    static struct smt_known known = {.rows = rows, .count = COUNT(rows)};
    static struct smt_sweep_settings settings;

    settings = (struct smt_sweep_settings){
        .worker = {.ops = 1u << SMT_OP_PARSE | 1u << SMT_OP_RENDER},
        .repeat = 1000,
        .oom = true,
        .modes = 1u << SMT_MODE_TRANSIENT | 1u << SMT_MODE_WINDOW,
        .window = 4,
        .range = {1, UINT64_MAX},
        .budget_injections = 100,
        .seed = 42,
        .known = &known,
    };
    return &settings;
}

/* Everything at once: stopped early, too. */
static void fixture_run_full(struct smt_sink *sink)
{
    struct smt_sweep_run run = {fixture_settings(), "osip", "5.3.0 (libosipparser2.so.15.0.0)",
                                "0123456789abcdef", 4,      0x1234};
    struct smt_summary summary = {
        .messages = 3,
        .unusable_inputs = 2, /* one of them was message 4 */
        .unsound_messages = 1,
        .injections = 94,
        .clean_runs = 2312,
        .findings = 6,
        .new_findings = 5,
        .known_findings = 1,
        .fixed_findings = 2,
        .sites = 2,
        .sites_refused = {1, 1},
        .truncated = true,
        .truncated_by = "interrupted",
        .skipped_injections = 17,
        .budget_spent = true,
        .children = 3,
        .seconds = 0.0625,
    };

    summary.verdicts[SMT_VERDICT_CRASH] = summary.verdicts_all[SMT_VERDICT_CRASH] = 4;
    summary.verdicts[SMT_VERDICT_CLEAN] = summary.verdicts_all[SMT_VERDICT_CLEAN] = 90;
    summary.verdicts_all[SMT_VERDICT_LEAK] = 2;
    if (sink->begin) sink->begin(sink, &run);
    fixture_message(sink, 1, "invite.sip", 0, 70, 0);
    fixture_injection(sink, 3, SMT_VERDICT_CRASH);
    fixture_injection(sink, 4, SMT_VERDICT_CLEAN);
    fixture_mode(sink, 1, SMT_MODE_TRANSIENT,
                 "..C.WWWWLb.SSS.N.P...........................................CCC......", 0);
    fixture_mode(sink, 1, SMT_MODE_WINDOW, "..CSL..b", 62);
    fixture_message(sink, 2, HOSTILE_NAME, 0, 9, SMT_VERDICT_BIT(CORRUPT) | SMT_VERDICT_BIT(LEAK));
    fixture_mode(sink, 2, SMT_MODE_DOUBLE, "...", 0);
    fixture_message(sink, 3, "-dash's.sip", -5, 13, SMT_VERDICT_BIT(CACHED));
    fixture_mode(sink, 3, SMT_MODE_TRANSIENT, "", 13);
    if (sink->unusable)
        sink->unusable(sink, &(struct smt_unusable_report){4, HOSTILE_NAME, "needs more than is"});
    if (sink->finding) fixture_findings(sink);
    fixture_sites(sink);
    if (sink->end) sink->end(sink, &summary);
}

/* A run in which all is well. */
static void fixture_run_healthy(struct smt_sink *sink)
{
    struct smt_sweep_run run = {fixture_settings(), "osip", "5.3.0", NULL, 1, 0x1234};
    struct smt_summary summary = {.messages = 1,
                                  .injections = 5,
                                  .clean_runs = 1000,
                                  .sites = 4,
                                  .sites_refused = {4},
                                  .seconds = 0.5};

    summary.verdicts[SMT_VERDICT_CLEAN] = summary.verdicts_all[SMT_VERDICT_CLEAN] = 5;
    if (sink->begin) sink->begin(sink, &run);
    fixture_message(sink, 1, "bye.sip", 0, 5, 0);
    fixture_mode(sink, 1, SMT_MODE_TRANSIENT, ".....", 0);
    if (sink->end) sink->end(sink, &summary);
}

/* A tool that failed at once tells no message. */
static void fixture_run_nothing(struct smt_sink *sink)
{
    struct smt_sweep_run run = {NULL, "osip", "unknown", NULL, 1, 0};
    struct smt_summary summary = {.truncated = true, .truncated_by = "a failure of the tool"};

    if (sink->begin) sink->begin(sink, &run);
    if (sink->end) sink->end(sink, &summary);
}

/* A replay tells no messages, and its finding even when it is no defect. */
static void fixture_run_replay(struct smt_sink *sink)
{
    struct smt_sweep_run run = {fixture_settings(), "osip", "5.3.0", NULL, 1, 0x1234};
    struct smt_summary summary = {.messages = 1, .injections = 1, .findings = 1};
    struct smt_finding clean = {
        .signature = "osip/clean/00000000000000aa",
        .verdict = SMT_VERDICT_CLEAN,
        .parser = "osip",
        .message = (char *)"bye.sip",
        .message_bytes = 100,
        .message_index = 1,
        .mode = (char *)"transient",
        .allocation = 3,
        .occurrences = 1,
        .replay = (char *)"osip:transient:f5.2d.1.3",
        .summary = (char *)"",
        .injected_at = TRACE(fixture_parse),
    };

    summary.verdicts[SMT_VERDICT_CLEAN] = summary.verdicts_all[SMT_VERDICT_CLEAN] = 1;
    if (sink->begin) sink->begin(sink, &run);
    if (sink->finding) sink->finding(sink, &clean);
    if (sink->end) sink->end(sink, &summary);
}

#endif
