#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>

static const int exit_statuses[] = {
#define STATUS_ROW(name, exit_status) [name] = (exit_status),
    SMT_STATUS_LIST(STATUS_ROW)
#undef STATUS_ROW
};

static _Thread_local char last_failure[1024];

int smt_status_exit(enum smt_status status)
{
    return exit_statuses[status];
}

enum smt_status smt_fail(enum smt_status status, const char *format, ...)
{
    char sentence[sizeof last_failure]; /* an argument may be the old sentence */
    va_list args;

    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    for (char *c = sentence; *c; c++)
        if (*c == '\n' || *c == '\r') *c = ' ';
    snprintf(last_failure, sizeof last_failure, "%s", sentence);
    return status;
}

const char *smt_fail_text(void)
{
    return last_failure;
}
