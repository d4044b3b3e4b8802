/* The table of planted bugs, and those that show in a run with no fault.
 *
 * Compilers must neither see through these nor drop them: blocks come from
 * function pointers, pointers that are meant to be bad pass a volatile, reads
 * end in a volatile, and each bug returns after its deed, so that its frame is
 * still on the stack. */
#include "parser/selftest.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUG(function)                                                                              \
    SMT_SELFTEST_KEEP static int selftest_bug_##function(struct smt_selftest_state *state,         \
                                                         const struct smt_parser_input *input)
#define UNUSED (void)state, (void)input
#define BLOCK(size)                                                                                \
    char *block = smt_selftest_hooks.malloc(size);                                                 \
    UNUSED;                                                                                        \
    if (!block) return SMT_SELFTEST_NOMEM;                                                         \
    memset(block, 'b', size)

static char *cached;
static unsigned nondeterministic_runs;

void smt_selftest_bugs_init(void)
{
    cached = NULL;
    nondeterministic_runs = 0;
}

/* ---- the process dies or stays ---- */

BUG(crash)
{
    volatile char *volatile nowhere = NULL;

    UNUSED;
    SMT_SELFTEST_POKE(nowhere);
    return SMT_SELFTEST_OK;
}

BUG(crash_wild)
{
    /* 2^36 on 64 bits: below every mapping of a position independent program. */
    volatile uintptr_t address = (uintptr_t)1 << (sizeof(void *) * 8 - 28);

    UNUSED;
    *(volatile char *)address = 1;
    return SMT_SELFTEST_OK;
}

/* A volatile decision keeps compilers from knowing that control never returns. */
static volatile bool always = true;

BUG(crash_abort)
{
    UNUSED;
    if (always) abort();
    return SMT_SELFTEST_OK;
}

BUG(crash_exit)
{
    UNUSED;
    if (always) exit(3);
    return SMT_SELFTEST_OK;
}

BUG(crash_quick_exit)
{
    UNUSED;
    if (always) _exit(3);
    return SMT_SELFTEST_OK;
}

/* Reads the frame above after the call, so it is no tail call. */
SMT_SELFTEST_KEEP static int selftest_bug_crash_stack_down(volatile char *above)
{
    volatile char frame[512];

    frame[0] = (char)(above[0] + 1);
    if (!always) return frame[0];
    return selftest_bug_crash_stack_down(frame) + frame[0];
}

BUG(crash_stack)
{
    volatile char top = 0;

    UNUSED;
    return selftest_bug_crash_stack_down(&top) ? SMT_SELFTEST_OK : SMT_SELFTEST_SYNTAX;
}

BUG(hang)
{
    UNUSED;
    while (always) __asm__ volatile("" ::: "memory");
    return SMT_SELFTEST_OK;
}

/* ---- writes and reads beside a block ---- */

BUG(overflow_1)
{
    BLOCK(13);
    SMT_SELFTEST_POKE(&block[13]);
    smt_selftest_hooks.free(block);
    return SMT_SELFTEST_OK;
}

BUG(overflow_far)
{
    BLOCK(13);
    for (int i = 0; i < 9; i++) SMT_SELFTEST_POKE(&block[13 + i]);
    smt_selftest_hooks.free(block);
    return SMT_SELFTEST_OK;
}

/* Beyond fence and guard page, into a block that is in use: whatever stands
 * there is overwritten, and no fence with it. */
BUG(overflow_wild)
{
    BLOCK(13);
    char *behind = smt_selftest_hooks.malloc(16384);

    if (behind) SMT_SELFTEST_POKE(&block[13 + 12000]);
    smt_selftest_hooks.free(block);
    smt_selftest_hooks.free(behind);
    return behind ? SMT_SELFTEST_OK : SMT_SELFTEST_NOMEM;
}

BUG(overflow_slack)
{
    BLOCK(20);
    SMT_SELFTEST_POKE(&block[20]);
    smt_selftest_hooks.free(block);
    return SMT_SELFTEST_OK;
}

BUG(overflow_skip)
{
    BLOCK(13);
    SMT_SELFTEST_POKE(&block[13 + 16]);
    smt_selftest_hooks.free(block);
    return SMT_SELFTEST_OK;
}

BUG(underflow)
{
    BLOCK(13);
    SMT_SELFTEST_POKE(&block[-1]);
    smt_selftest_hooks.free(block);
    return SMT_SELFTEST_OK;
}

BUG(over_read)
{
    BLOCK(13);
    volatile char seen = block[13];

    (void)seen;
    smt_selftest_hooks.free(block);
    return SMT_SELFTEST_OK;
}

BUG(under_read)
{
    BLOCK(13);
    volatile char seen = block[-1];

    (void)seen;
    smt_selftest_hooks.free(block);
    return SMT_SELFTEST_OK;
}

BUG(over_read_input)
{
    volatile char seen = input->data[input->size_bytes];

    (void)seen, (void)state;
    return SMT_SELFTEST_OK;
}

BUG(write_to_input)
{
    volatile char *first = (volatile char *)(uintptr_t)input->data;

    (void)state;
    first[0] = first[0];
    return SMT_SELFTEST_OK;
}

/* ---- blocks after their life ---- */

BUG(use_after_free_read)
{
    BLOCK(32);
    char *volatile freed = block;

    smt_selftest_hooks.free(block);
    volatile char seen = freed[5];
    (void)seen;
    return SMT_SELFTEST_OK;
}

BUG(use_after_free_write)
{
    BLOCK(32);
    char *volatile freed = block;

    smt_selftest_hooks.free(block);
    SMT_SELFTEST_POKE(&freed[5]);
    return SMT_SELFTEST_OK;
}

BUG(double_free)
{
    BLOCK(32);
    char *volatile freed = block;

    smt_selftest_hooks.free(block);
    smt_selftest_hooks.free(freed);
    return SMT_SELFTEST_OK;
}

BUG(foreign_free)
{
    static char never_allocated[32];
    char *volatile foreign = never_allocated;

    UNUSED;
    smt_selftest_hooks.free(foreign);
    return SMT_SELFTEST_OK;
}

BUG(interior_free)
{
    BLOCK(32);
    smt_selftest_hooks.free(block + 1);
    return SMT_SELFTEST_OK;
}

BUG(realloc_after_free)
{
    BLOCK(32);
    char *volatile freed = block;

    smt_selftest_hooks.free(block);
    freed = smt_selftest_hooks.realloc(freed, 48);
    if (freed) smt_selftest_hooks.free(freed);
    return SMT_SELFTEST_OK;
}

BUG(leak)
{
    BLOCK(24);
    return SMT_SELFTEST_OK;
}

BUG(leak_indirect)
{
    char **outer = smt_selftest_hooks.calloc(1, sizeof *outer);

    UNUSED;
    if (!outer) return SMT_SELFTEST_NOMEM;
    *outer = smt_selftest_hooks.malloc(24);
    if (!*outer) {
        smt_selftest_hooks.free(outer);
        return SMT_SELFTEST_NOMEM;
    }
    memset(*outer, 'b', 24);
    return SMT_SELFTEST_OK;
}

BUG(cached)
{
    UNUSED;
    if (!cached) {
        cached = smt_selftest_hooks.malloc(40);
        if (!cached) return SMT_SELFTEST_NOMEM;
        memset(cached, 'c', 40);
    }
    /* Whoever lets the cache go stale sees it. */
    return cached[39] == 'c' ? SMT_SELFTEST_OK : SMT_SELFTEST_SYNTAX;
}

/* ---- results that depend on what they must not ---- */

BUG(uninitialized_branch)
{
    unsigned char *block = smt_selftest_hooks.malloc(7);
    int code;

    UNUSED;
    if (!block) return SMT_SELFTEST_NOMEM;
    code = block[3] & 1 ? SMT_SELFTEST_OK : SMT_SELFTEST_SYNTAX;
    smt_selftest_hooks.free(block);
    return code;
}

BUG(uninitialized_text)
{
    char *block = smt_selftest_hooks.malloc(7);
    int code;

    (void)input;
    if (!block) return SMT_SELFTEST_NOMEM;
    memcpy(block, "almost", 6);
    code = smt_selftest_header_add(&state->message->headers, "X-Planted", 9, block, 7);
    smt_selftest_hooks.free(block);
    return code;
}

BUG(uninitialized_allocations)
{
    unsigned char *block = smt_selftest_hooks.malloc(7);
    unsigned char *extra = NULL;
    bool wanted;

    UNUSED;
    if (!block) return SMT_SELFTEST_NOMEM;
    wanted = block[3] & 1;
    if (wanted) extra = smt_selftest_hooks.malloc(9);
    smt_selftest_hooks.free(block);
    if (extra) smt_selftest_hooks.free(extra);
    return wanted && !extra ? SMT_SELFTEST_NOMEM : SMT_SELFTEST_OK;
}

BUG(nondeterministic)
{
    UNUSED;
    if (nondeterministic_runs++ % 2) {
        char *extra = smt_selftest_hooks.malloc(9);

        if (!extra) return SMT_SELFTEST_NOMEM;
        smt_selftest_hooks.free(extra);
    }
    return SMT_SELFTEST_OK;
}

BUG(mismatch)
{
    (void)input;
    smt_selftest_header_drop_first(&state->clone->headers);
    return SMT_SELFTEST_OK;
}

BUG(roundtrip)
{
    struct smt_selftest_text *text = &state->re_text;
    char *data = smt_selftest_hooks.realloc(text->data, text->size_bytes + 2);

    (void)input;
    if (!data) return SMT_SELFTEST_NOMEM;
    memcpy(data + text->size_bytes, "\r\n", 2);
    *text = (struct smt_selftest_text){data, text->size_bytes + 2};
    return SMT_SELFTEST_OK;
}

/* ---- the table ---- */

enum { /* short for the rows below */
       CLEAN_RUN = SMT_SELFTEST_CLEAN_RUN,
       END = SMT_SELFTEST_PAGES_END,
       FRONT = SMT_SELFTEST_PAGES_FRONT,
       FREED = SMT_SELFTEST_PAGES_FREED,
       INPUT_PAGE = SMT_SELFTEST_INPUT_PAGE,
       FILL = SMT_SELFTEST_FILL,
       MANIFEST = SMT_SELFTEST_MANIFEST,
       ROUNDTRIP = SMT_SELFTEST_ROUNDTRIP,
       LATER = SMT_SELFTEST_LATER,
       TRANSIENT = SMT_SELFTEST_TRANSIENT,
       PERSISTENT = SMT_SELFTEST_PERSISTENT,
       DOUBLE = SMT_SELFTEST_DOUBLE,
       DECOYS = SMT_SELFTEST_DECOYS,
};

#define ROW(name, function, verdict, moment, shows, why)                                           \
    {                                                                                              \
        name, verdict, CLEAN_RUN | (shows), why, SMT_OP_##moment, selftest_bug_##function          \
    }
#define ROW_REFUSAL(name, function, verdict, moment, shows, why)                                   \
    {name, verdict,         SMT_SELFTEST_UNDER_REFUSAL | (shows),                                  \
     why,  SMT_OP_##moment, smt_selftest_bug_##function},

const struct smt_selftest_bug smt_selftest_bugs[] = {
    ROW("crash", crash, "crash", PARSE, 0, "writes through NULL"),
    ROW("crash-wild", crash_wild, "crash", PARSE, 0, "writes where nothing is mapped"),
    ROW("crash-abort", crash_abort, "crash", PARSE, 0, "calls abort()"),
    ROW("crash-exit", crash_exit, "crash", PARSE, 0, "calls exit(3)"),
    ROW("crash-quick-exit", crash_quick_exit, "crash", PARSE, 0, "calls _exit(3)"),
    ROW("crash-stack", crash_stack, "crash", PARSE, 0, "recurses until the stack ends"),
    ROW("crash-render", crash, "crash", RENDER, 0, "writes through NULL in a later operation"),
    ROW("hang", hang, "hang", PARSE, 0, "loops for ever"),
    ROW("overflow-1", overflow_1, "corrupt", PARSE, 0, "writes the byte after a 13-byte block"),
    ROW("overflow-far", overflow_far, "corrupt", PARSE, 0, "writes 9 bytes after a 13-byte block"),
    ROW("overflow-slack", overflow_slack, "corrupt", PARSE, 0,
        "writes the byte after a 20-byte block, where heaps round up"),
    ROW("overflow-skip", overflow_skip, "corrupt", PARSE, END,
        "skips 16 bytes after a block, then writes: a short fence misses it"),
    ROW("overflow-wild", overflow_wild, "corrupt", PARSE, DECOYS,
        "writes 12000 bytes behind a block, into another one that is in use"),
    ROW("underflow", underflow, "corrupt", PARSE, 0, "writes the byte before a block"),
    ROW("over-read-1", over_read, "over-read", PARSE, END, "reads the byte after a 13-byte block"),
    ROW("under-read", under_read, "over-read", PARSE, FRONT, "reads the byte before a block"),
    ROW("over-read-input", over_read_input, "over-read", PARSE, INPUT_PAGE,
        "reads the byte after the message"),
    ROW("write-to-input", write_to_input, "corrupt", PARSE, INPUT_PAGE,
        "writes the message's first byte, with the value it has"),
    ROW("use-after-free-read", use_after_free_read, "use-after-free", PARSE, FREED,
        "reads a freed block"),
    ROW("use-after-free-write", use_after_free_write, "use-after-free", PARSE, 0,
        "writes to a freed block"),
    ROW("double-free", double_free, "bad-free", PARSE, 0, "frees a block twice"),
    ROW("foreign-free", foreign_free, "bad-free", PARSE, 0, "frees a static array"),
    ROW("interior-free", interior_free, "bad-free", PARSE, 0, "frees the second byte of a block"),
    ROW("realloc-after-free", realloc_after_free, "bad-free", PARSE, 0, "resizes a freed block"),
    ROW("leak", leak, "leak", PARSE, 0, "forgets a block of 24 bytes"),
    ROW("leak-indirect", leak_indirect, "leak", PARSE, 0, "forgets a block that owns another"),
    ROW("leak-clone", leak, "leak", CLONE, 0, "forgets a block in a later operation"),
    ROW("cached", cached, "cached", PARSE, 0, "keeps a block of the first run: no defect"),
    ROW("uninitialized-branch", uninitialized_branch, "uninitialized", PARSE, FILL,
        "the code depends on a byte never written"),
    ROW("uninitialized-text", uninitialized_text, "uninitialized", PARSE, FILL,
        "a header's last byte was never written"),
    ROW("uninitialized-allocations", uninitialized_allocations, "uninitialized", PARSE, FILL,
        "the number of allocations depends on a byte never written"),
    ROW("nondeterministic", nondeterministic, "nondeterministic", PARSE, LATER,
        "every other run allocates once more; fills are not the cause"),
    ROW("mismatch", mismatch, "mismatch", CLONE, 0, "the clone loses its first header"),
    ROW("roundtrip", roundtrip, "mismatch", ROUNDTRIP, ROUNDTRIP, "rendering is no fixed point"),
    {"unexpected", "unexpected", CLEAN_RUN | MANIFEST,
     "accepts a Content-Length beyond the end of the message", SMT_OP_PARSE, NULL},
    SMT_SELFTEST_REFUSAL(ROW_REFUSAL){NULL, NULL, 0, NULL, 0, NULL},
};

_Static_assert(sizeof smt_selftest_bugs / sizeof *smt_selftest_bugs <= 129,
               "struct smt_selftest_message has 128 bits for bugs");

/* ---- who asked for what ---- */

int smt_selftest_bug_request(struct smt_selftest_message *message,
                             const struct smt_selftest_header *header)
{
    const struct smt_selftest_text *name = &header->name, *value = &header->value;

    if (name->size_bytes != 5 || memcmp(name->data, "X-Bug", 5) != 0) return SMT_SELFTEST_OK;
    for (size_t i = 0; smt_selftest_bugs[i].name; i++) {
        const struct smt_selftest_bug *bug = &smt_selftest_bugs[i];

        if (strlen(bug->name) != value->size_bytes ||
            memcmp(bug->name, value->data, value->size_bytes) != 0)
            continue;
        message->bugs[i / 64] |= (uint64_t)1 << (i % 64);
        return SMT_SELFTEST_OK;
    }
    return SMT_SELFTEST_SYNTAX;
}

static bool bug_is_on(const struct smt_selftest_message *message, size_t row)
{
    return message->bugs[row / 64] >> (row % 64) & 1;
}

bool smt_selftest_bug_asked(const struct smt_selftest_message *message, const char *name)
{
    for (size_t i = 0; smt_selftest_bugs[i].name; i++)
        if (strcmp(smt_selftest_bugs[i].name, name) == 0) return bug_is_on(message, i);
    return false;
}

int smt_selftest_plant(struct smt_selftest_state *state, const struct smt_parser_input *input,
                       enum smt_op moment)
{
    if (state->message->deep) return smt_selftest_deep_plant(state, input, moment);
    for (size_t i = 0; smt_selftest_bugs[i].name; i++) {
        const struct smt_selftest_bug *bug = &smt_selftest_bugs[i];
        int code;

        if (bug->moment != moment || !bug->plant || !bug_is_on(state->message, i)) continue;
        code = bug->plant(state, input);
        if (code) return code;
    }
    return SMT_SELFTEST_OK;
}
