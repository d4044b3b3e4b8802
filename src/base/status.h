/* base/status.h - our own bad news: the tool could not do its job.
 *
 * One list gives enum and process exit status. A status never speaks of
 * the parser under test; what that does wrong is a finding (sweep/).
 * The sentence that goes with the last failure is kept per thread. */
#ifndef SMT_BASE_STATUS_H
#define SMT_BASE_STATUS_H

#define SMT_MUST_USE     __attribute__((warn_unused_result))
#define SMT_PRINTF(f, a) __attribute__((format(printf, f, a)))

/* X(name, exit status) */
#define SMT_STATUS_LIST(X)                                                                         \
    X(SMT_OK, 0)                                                                                   \
    X(SMT_EUSAGE, 2)       /* the command line is wrong */                                         \
    X(SMT_EINPUT, 2)       /* an input cannot be used */                                           \
    X(SMT_ENOTFOUND, 2)    /* nothing has this name */                                             \
    X(SMT_ENOMEM, 3)       /* no memory for the tool itself */                                     \
    X(SMT_EIO, 3)          /* reading or writing failed */                                         \
    X(SMT_ESYS, 3)         /* another system call failed */                                        \
    X(SMT_ECHILD, 3)       /* a child process failed */                                            \
    X(SMT_EUNSUPPORTED, 3) /* this machine or build cannot do it */                                \
    X(SMT_EINTERRUPTED, 130)

enum smt_status {
#define SMT_STATUS_ENUM(name, exit_status) name,
    SMT_STATUS_LIST(SMT_STATUS_ENUM)
#undef SMT_STATUS_ENUM
};

/* The exit status a program ends with on this status. */
int smt_status_exit(enum smt_status status);

/* Keeps the sentence (one line, no newline: what, where, how to mend it) for
 * this thread and returns `status`, so that a failure reads
 *     return smt_fail(SMT_EINPUT, "%s: no such file", path); */
enum smt_status smt_fail(enum smt_status status, const char *format, ...) SMT_PRINTF(2, 3);

/* The sentence of this thread's last smt_fail(); "" when there was none. */
const char *smt_fail_text(void);

#endif
