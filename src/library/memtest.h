/* memtest.h - sweeps a C function: refuses every allocation it makes, one at a
 * time, and reports what it makes of that.
 *
 * The function runs in a child process, again and again. First clean: with
 * fences around its blocks, with fresh memory filled in three ways, with every
 * block ending at and beginning after an inaccessible page. Then once for each
 * of its allocations with that one refused, and once with that one and all
 * later ones refused. Found are crashes, hangs, memory written, read or released
 * wrongly, leaks, unwritten memory used, refusals that were swallowed (success
 * was reported and the result differs), and wrong codes.
 *
 * Allocations are caught by libmemtest_malloc, which must be linked or
 * preloaded, or by libmemtest_wrap with the linker's --wrap; see libmemtest(3).
 *
 * In a test, with whatever framework:
 *
 *     static int call(void *text, void **ret_result)
 *     {
 *         return config_parse(text, (struct config **)ret_result);
 *     }
 *     static const struct smt_sweep_subject subject = {
 *         .name = "config_parse", .call = call, .context = "port=5060\n",
 *         .show = show, .release = release, .out_of_memory = -ENOMEM,
 *     };
 *     assert_int_equal(smt_sweep(&subject, NULL, NULL), 0);
 *
 * The function must do the same thing each time, leave what it was given as it
 * was, and allocate in the calling thread only. One sweep at a time in a
 * process. */
#ifndef MEMTEST_H
#define MEMTEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SMT_PUBLIC __attribute__((visibility("default")))

/* Receives a result, value by value, in an order that depends on the result
 * only. Names are for people; they must be valid only during the call. */
struct smt_show;

/* `text` may be NULL, which is another value than "". */
SMT_PUBLIC void smt_show_text(struct smt_show *show, const char *name, const char *text);
SMT_PUBLIC void smt_show_bytes(struct smt_show *show, const char *name, const void *bytes,
                               size_t size_bytes);
SMT_PUBLIC void smt_show_number(struct smt_show *show, const char *name, int64_t number);

/* Values until smt_show_leave() belong to `name`, or to name[index]; index -1
 * when there is only one. */
SMT_PUBLIC void smt_show_enter(struct smt_show *show, const char *name, int index);
SMT_PUBLIC void smt_show_leave(struct smt_show *show);

/* What is swept. Zero what is not needed. */
struct smt_sweep_subject {
    const char *name; /* of the function, in reports and signatures */

    /* Calls the function; *ret_result is NULL before. Its return value is the
     * function's code. */
    int (*call)(void *context, void **ret_result);
    void *context; /* handed to `call` as it is */

    /* Releases the result, also one that a failed call left. Not called for
     * NULL. NULL: there is nothing to release. */
    void (*release)(void *result);

    /* Shows the result of a successful call (result may be NULL), so that what a
     * refusal lost can be told. What it allocates is not swept. NULL: only the
     * code is compared. */
    void (*show)(const void *result, struct smt_show *show);

    /* Which codes mean success? NULL: 0 does. */
    bool (*is_success)(int code);

    /* The code that means "out of memory"; 0: any failure will do. */
    int out_of_memory;
    /* The same for several codes; used instead when it is not NULL. */
    bool (*is_out_of_memory)(int code);

    /* A code's name ("-ENOMEM"), or NULL. May be NULL. */
    const char *(*code_name)(int code);

    bool fails; /* the call is meant to fail also when nothing is refused */
};

/* One thing found. All of it is valid during the callback. */
struct smt_sweep_finding {
    const char *verdict;    /* "leak", "crash", ...: libmemtest(3) has the list */
    const char *signature;  /* "config_parse/leak/1f0e...": the same on any build */
    const char *summary;    /* one line */
    const char *text;       /* all of it, as printed */
    const char *mode;       /* "transient", "persistent", ...; NULL: nothing was refused */
    uint64_t allocation;    /* the number of the refused one, from 1; 0: none */
    uint64_t occurrences;   /* runs that showed it */
    const char *refused_at; /* functions, innermost first: "add < config_parse"; "" unknown */
    const char *failed_at;
    const char *replay; /* for the environment's MEMTEST_REPLAY */
    bool is_known;      /* listed in the file of known findings */
};

/* How it is swept. Zero is the default. */
struct smt_sweep_options {
    /* Called for each finding, worst first. */
    void (*finding)(void *context, const struct smt_sweep_finding *finding);
    void *context;

    FILE *out;    /* where the text goes; NULL: standard error */
    bool quiet;   /* no text at all */
    bool verbose; /* text also when nothing is found, all frames and blocks */

    const char *modes;       /* NULL: "transient,persistent"; also window:K, double, limit */
    const char *known;       /* a file of known findings: those do not count; NULL none */
    unsigned repeat;         /* clean runs; 0: 100 */
    unsigned timeout_ms;     /* of the first run, CPU time; 0: 10 seconds */
    bool keep_output;        /* the function's standard output goes to standard error, else away */
    bool without_pages;      /* leave out the runs with inaccessible pages */
    bool without_fill;       /* leave out the runs with other fills */
    bool in_this_process;    /* no child: for a debugger. A crash ends the program. */
    const void *reserved[4]; /* for later versions */
};

/* What the sweep did. */
struct smt_sweep_result {
    uint64_t allocations; /* of one clean run */
    uint64_t refusals;    /* runs in which memory was refused */
    uint64_t clean_runs;
    unsigned findings;       /* that count: not known */
    unsigned known_findings; /* that do not */
    uint64_t kept_blocks;    /* caches: static data still reaches them */
};

/* Sweeps. Returns how many findings there are, 0 when all is well; -1 when the
 * sweep could not be done, with the reason in smt_sweep_error() and, unless
 * quiet, as text. A function that makes no allocation cannot be swept. `options`
 * and `ret_result` may be NULL; ret_result is untouched on failure. */
SMT_PUBLIC int smt_sweep(const struct smt_sweep_subject *subject,
                         const struct smt_sweep_options *options,
                         struct smt_sweep_result *ret_result);

/* The sentence of this thread's last failure; "" when there was none. */
SMT_PUBLIC const char *smt_sweep_error(void);

/* "0.1.0" */
SMT_PUBLIC const char *smt_sweep_version(void);

#ifdef __cplusplus
}
#endif

#endif
