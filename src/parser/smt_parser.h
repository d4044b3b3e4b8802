/* smt_parser.h - what an adapter for a SIP parser implements.
 *
 * An adapter is one `struct smt_parser`: a row. It brings one SIP stack under
 * test: it gives the stack the allocator hooks, runs its operations on a
 * message, and shows what they produced. It knows nothing of heaps, faults or
 * verdicts, and keeps no memory of its own between runs: everything of a run
 * lives in `state`, which is zeroed before each run and may be thrown away in
 * the middle of any call (a crash is left by siglongjmp).
 *
 * A run is: parse, then the other operations asked for, in enum order, then
 * release. An operation that reported an error ends the run after a refusal;
 * release must then cope with what is there. One thread calls.
 *
 * This header stands alone: an adapter built outside the tree includes only
 * it, and exports `const struct smt_parser smt_parser_adapter`. */
#ifndef SMT_PARSER_H
#define SMT_PARSER_H

#include <stdbool.h>
#include <stddef.h>

#define SMT_PARSER_INTERFACE 1u /* version of everything in this header */

/* Where the parser takes its memory from; same contracts as the C library's. */
struct smt_parser_hooks {
    void *(*malloc)(size_t size_bytes);
    void *(*calloc)(size_t count, size_t size_bytes);
    void *(*realloc)(void *block, size_t size_bytes);
    void (*free)(void *block);
};

/* The message under test. Not followed by a zero byte; read-only memory. */
struct smt_parser_input {
    const char *data;
    size_t size_bytes;
};

/* Operations, in the order they are done. */
enum smt_op {
    SMT_OP_PARSE,     /* message -> structures */
    SMT_OP_SDP,       /* SDP of every body -> structures, cloned and rendered too */
    SMT_OP_CLONE,     /* copy of the structures */
    SMT_OP_RENDER,    /* message and clone -> text */
    SMT_OP_ACCESS,    /* every getter and every string, each byte read */
    SMT_OP_ROUNDTRIP, /* parse what was rendered, render again */
    SMT_OP_COUNT
};

/* Receives what an operation produced, field by field, in an order that
 * depends on the message only. The names are SIP terms as RFC 3261 has them:
 *
 *     enter(w, "Via", 0); field(w, "host", "a.example", 9);
 *     field(w, ";branch", "z9hG4bK1", 8); leave(w);
 *
 * which a person sees as `Via[0] host`, `Via[0] ;branch`. Names must be
 * valid only during the call. index -1: there is only one. */
struct smt_walk {
    void (*enter)(struct smt_walk *walk, const char *name, int index);
    void (*leave)(struct smt_walk *walk);
    void (*field)(struct smt_walk *walk, const char *name, const void *bytes, size_t size_bytes);
};

struct smt_parser_op {
    /* 0 success, else the parser's own code. NULL: the parser has none. */
    int (*run)(void *state, const struct smt_parser_input *input);
    /* What a successful run produced. Allocates nothing through the hooks.
     * NULL: nothing to show. */
    void (*show)(const void *state, struct smt_walk *walk);
    /* After success: NULL, or how the result contradicts itself ("the clone
     * renders differently"); static text. May be NULL. */
    const char *(*contradiction)(const void *state);
};

struct smt_parser {
    unsigned interface_version; /* SMT_PARSER_INTERFACE */
    const char *name;           /* as --parser takes it */
    const char *summary;        /* one line */
    size_t least_alignment;     /* bytes; what the parser expects of malloc(): 1 finds most */
    size_t state_size_bytes;    /* of `state` */
    const void *anchor; /* an address inside the library under test: names module and build-id */

    /* Version text of the library in use, "unknown" at worst. */
    const char *(*version)(void);
    /* Once per process, before any run, hooks given: silence traces, set
     * allocators, build tables. 0 or the parser's code. */
    int (*init)(const struct smt_parser_hooks *hooks);
    /* Is this the code by which the parser says "out of memory"? */
    bool (*is_out_of_memory)(int code);
    /* The parser's name for a code ("OSIP_SYNTAXERROR"), or NULL. */
    const char *(*code_name)(int code);
    /* Releases everything the run holds; `state` may be half built. */
    void (*release)(void *state);

    struct smt_parser_op ops[SMT_OP_COUNT];
};

#endif
