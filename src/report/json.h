/* report/json.h - inside report/: results as the JSON contract has them.
 *
 * The caller owns the reference. NULL when out of memory. */
#ifndef SMT_REPORT_JSON_H
#define SMT_REPORT_JSON_H

#include <jansson.h>

#include "sweep/sweep.h"

json_t *smt_report_json_message(const struct smt_message_report *message);
json_t *smt_report_json_unusable(const struct smt_unusable_report *unusable);
json_t *smt_report_json_mode(const struct smt_mode_report *mode);
json_t *smt_report_json_finding(const struct smt_finding *finding);
json_t *smt_report_json_site(const struct smt_site_report *site);
json_t *smt_report_json_summary(const struct smt_summary *summary,
                                const struct smt_sweep_settings *settings);

/* json_run.c: the first line, and back from it. Texts of the settings belong to
 * the line; `parser` is NULL when this program has no such parser. */
json_t *smt_report_json_run(const struct smt_sweep_run *run);

struct json_settings {
    struct smt_sweep_settings settings;
    struct smt_span *spans;
    const char **only_sites, **skip_sites;
};
SMT_MUST_USE enum smt_status smt_report_json_settings_read(const json_t *run,
                                                           struct json_settings *ret);
void smt_report_json_settings_clear(struct json_settings *settings);

#endif
