/* control/live_reply.h - an answer of the engine in another process, taken apart,
 * with names for its addresses; and the ways to show it. */
#ifndef SMT_CONTROL_LIVE_REPLY_H
#define SMT_CONTROL_LIVE_REPLY_H

#include "base/base.h"

#define SMT_LIVE_FRAMES 16

struct json_t;           /* jansson.h */
struct smt_symbol_files; /* heap/symbol_file.h: its room's names and wire/'s clash */

struct smt_live_item {
    enum { SMT_LIVE_ENTRY, SMT_LIVE_LEAK, SMT_LIVE_BAD_FREE, SMT_LIVE_ATTEMPT, SMT_LIVE_HELD } kind;
    uint64_t number, size_bytes, age_cs; /* held: how many blocks, their bytes, the oldest's */
    uintptr_t address, via; /* via: of a leak; 0 direct. Of a bad free: who freed it before */
    const char *what;       /* of a bad free: "double", "foreign" */
    const char *hex;        /* of a leak: its first bytes */
    uint32_t stack;
};

struct smt_live_reply_stack {
    uint32_t number, cookie;
    uint64_t frees;
    unsigned depth;
    uintptr_t frames[SMT_LIVE_FRAMES];
};

struct smt_live_pair {
    const char *name, *value;
};

/* Text points into `text`, which must live as long. */
struct smt_live_reply {
    int code; /* 0, or why not, with `fault` */
    const char *fault;
    int process;
    const char *comm;
    const char *list, *list_detail; /* what the items are; "" */
    struct smt_live_pair *says;     /* name NULL */
    size_t say_count;
    struct smt_live_pair *stats;
    size_t stat_count;
    struct smt_live_item *items;
    size_t item_count;
    struct smt_live_reply_stack *stacks; /* by number, ascending */
    size_t stack_count;
    struct smt_symbol_files *files;
    bool failed; /* no memory: incomplete */
};

/* Takes the lines apart, in place. `process` is its id as we see it; 0: as it says
 * itself. */
void smt_live_reply_parse(struct smt_live_reply *reply, char *text, int process);
void smt_live_reply_clear(struct smt_live_reply *reply);

/* NULL: not told. */
const struct smt_live_reply_stack *smt_live_reply_stack(const struct smt_live_reply *reply,
                                                        uint32_t number);

/* The value of a stat as a number; 0 when it is not there. */
uint64_t smt_live_reply_stat(const struct smt_live_reply *reply, const char *name);

/* Drops leaks that have a suppressed function on their stack; how many. */
size_t smt_live_reply_suppress(struct smt_live_reply *reply, char *const *suppressed);

/* Has the stack a function named like one of the globs (ended by NULL)? */
bool smt_live_reply_has(const struct smt_live_reply *reply, uint32_t stack, char *const *globs);

/* Of the names on a stack, so that it is the same in every run and, where all
 * have names, for every build; 0 for a stack not told. */
uint64_t smt_live_reply_hash(const struct smt_live_reply *reply, uint32_t stack);

/* The innermost functions of a stack in one line. */
void smt_live_reply_line(const struct smt_live_reply *reply, uint32_t stack,
                         struct smt_buffer *text);

/* A stack, innermost first, one frame a line. */
void smt_live_reply_frames(struct smt_live_reply *reply, uint32_t stack, const char *indent,
                           struct smt_buffer *text);

/* A stack as an array of frames; the caller's. NULL: no memory. */
struct json_t *smt_live_reply_stack_json(const struct smt_live_reply *reply, uint32_t stack);

/* As people read it, or as one line of JSON. */
void smt_live_reply_text(struct smt_live_reply *reply, bool by_stack, struct smt_buffer *text);
void smt_live_reply_json(struct smt_live_reply *reply, struct smt_buffer *text);

#endif
