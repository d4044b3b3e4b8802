/* report/inside.h - inside report/: what formats share.
 *
 * Text in results is of two kinds. Names (messages, functions, files) are
 * bytes as they are; smt_report_show_bytes() makes printable UTF-8 of them. Sentences and
 * differences were written by us, with foreign bytes escaped already;
 * smt_report_show_text() alters only what could still harm a terminal or a document. */
#ifndef SMT_REPORT_INSIDE_H
#define SMT_REPORT_INSIDE_H

#include "report/report.h"

/* The head of every format's state. */
struct report_sink {
    struct smt_sink sink;
    FILE *out;
    struct smt_report_settings settings;
    bool out_of_memory; /* something is missing from the report */
};

/* report.c's rows */
extern const struct smt_report_format smt_report_text, smt_report_json, smt_report_junit,
    smt_report_tap, smt_report_sarif, smt_report_html, smt_report_github;

/* Writes the buffer and clears it; notes when it is incomplete. */
void smt_report_write(struct report_sink *report, struct smt_buffer *text);

/* show.c */
void smt_report_show_bytes(const char *bytes, struct smt_buffer *text);
void smt_report_show_text(const char *escaped, struct smt_buffer *text);

/* "via.c:42", or "libx.so.1+0x1b2e0". */
void smt_report_show_place(const struct smt_frame *frame, struct smt_buffer *text);

/* The function's name, "?" for none. */
void smt_report_show_function(const struct smt_frame *frame, struct smt_buffer *text);

/* How many frames from `at` on are the same call: recursion. At least 1. */
size_t smt_report_frames_alike(const struct smt_trace *trace, size_t at);

/* "24 leak, 69 wrong-code": what is not 0, worst first. */
void smt_report_show_counts(const uint64_t *counts, struct smt_buffer *text);

/* "CORRUPT, LEAK": the set's defects in capitals. */
void smt_report_show_verdicts(uint32_t set, struct smt_buffer *text);

/* What a verdict means to a team and what to do about it: a few sentences. */
const char *smt_report_show_help(enum smt_verdict verdict);

/* "transient", "window:4". */
void smt_report_show_mode(enum smt_mode mode, const struct smt_sweep_settings *settings,
                          struct smt_buffer *text);

/* "lost: Route[1]", "changed: Via[0] ;branch: "was" -> "now"". */
void smt_report_show_diff(const struct smt_diff *diff, struct smt_buffer *text);
const char *smt_report_show_diff_kind(enum smt_diff_kind kind);

/* The command that repeats a finding's run, ready for a shell. */
void smt_report_show_replay(const struct smt_finding *finding, struct smt_buffer *text);

/* The same, to be typed in another folder. */
void smt_report_show_replay_apart(const struct smt_finding *finding, struct smt_buffer *text);

/* The command that names the instruction which read what was never written; false
 * when the finding has it. Runs that differ do not tell where they began to. */
bool smt_report_show_reader(const struct smt_finding *finding, struct smt_buffer *text);

/* "block 37 (24 bytes): byte 24 is 0x41, was 0xfd". */
void smt_report_show_block(const struct smt_finding_block *block, struct smt_buffer *text);

/* The bytes in rows of 16, the first bad one in brackets, the block's bounds
 * marked by bars; each row starts with `indent` and ends with a newline. */
void smt_report_show_hexdump(const struct smt_finding_block *block, const char *indent,
                             struct smt_buffer *text);

/* "in strlen < osip_via_to_str": the two innermost functions where it failed,
 * else where memory was refused, else where its block was allocated. */
void smt_report_show_where(const struct smt_finding *finding, struct smt_buffer *text);

/* "crash: reads through a null pointer, in strlen < osip_via_to_str". */
void smt_report_show_headline(const struct smt_finding *finding, struct smt_buffer *text);

/* A finding's stacks, differences, blocks, signature and replay command in
 * plain text, as much of them as the text format shows: lines indented by
 * three, each ended by a newline. */
void smt_report_show_finding(const struct smt_finding *finding, struct smt_buffer *text);

/* "3 times", "once". */
void smt_report_show_times(uint64_t count, struct smt_buffer *text);

/* "1 message", "2 messages". */
void smt_report_show_count(uint64_t count, const char *noun, struct smt_buffer *text);

/* The next row from `at` on that the known-findings file lists and the sweep did
 * not see; NULL when there is none, or no file. */
const struct smt_known_row *smt_report_fixed_next(const struct smt_sweep_settings *settings,
                                                  size_t *at);

/* Such a row as text: its columns, set apart by blanks. */
void smt_report_show_known_row(const struct smt_known_row *row, struct smt_buffer *text);

/* Why the sweep is incomplete and what is missing, without a full stop;
 * nothing when it is complete. A spent budget is not truncation. */
void smt_report_show_truncation(const struct smt_summary *summary, size_t messages,
                                struct smt_buffer *text);
void smt_report_show_budget(const struct smt_summary *summary, struct smt_buffer *text);

#endif
