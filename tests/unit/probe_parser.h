/* A parser that does what its message says: one word and a number. It allocates
 * three blocks first, and releases them. */
#ifndef PROBE_PARSER_H
#define PROBE_PARSER_H

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "parser/smt_parser.h"

/* Its misdeeds are not for the sanitizers of a build. */
#define PROBE_RAW __attribute__((no_sanitize("address", "undefined")))

#define PROBE_NOMEM (-4)

struct probe_state {
    char *blocks[3];
    char word[32];
    int number;
};

static struct smt_parser_hooks probe_hooks;
static unsigned *probe_acts; /* where acts that end are counted, in all processes; or NULL */
static char *volatile probe_cache;
static volatile int probe_sink, probe_block_count = 3; /* volatile: one site, not unrolled */

static int probe_init(const struct smt_parser_hooks *hooks)
{
    probe_hooks = *hooks;
    return 0;
}

static const char *probe_version(void)
{
    return "1";
}

static bool probe_is_out_of_memory(int code)
{
    return code == PROBE_NOMEM;
}

static const char *probe_code_name(int code)
{
    return code == PROBE_NOMEM ? "PROBE_NOMEM" : NULL;
}

static void probe_release(void *state)
{
    struct probe_state *probe = state;

    for (int i = 0; i < 3; i++) probe_hooks.free(probe->blocks[i]);
}

__attribute__((noinline)) static int probe_recurse(int depth)
{
    volatile char room[4096];

    room[0] = (char)depth;
    if (depth < 0) return 0;
    return probe_recurse(depth + 1) + room[0];
}

PROBE_RAW __attribute__((noinline)) static void probe_spin(void)
{
    for (;;) probe_sink++;
}

static void probe_signal(struct probe_state *probe, const struct smt_parser_input *input)
{
    (void)input;
    raise(probe->number);
}

static void probe_exit(struct probe_state *probe, const struct smt_parser_input *input)
{
    (void)input;
    exit(probe->number);
}

static void probe__exit(struct probe_state *probe, const struct smt_parser_input *input)
{
    (void)input;
    _exit(probe->number);
}

static void probe_quick_exit(struct probe_state *probe, const struct smt_parser_input *input)
{
    (void)input;
    quick_exit(probe->number);
}

static void probe_abort(struct probe_state *probe, const struct smt_parser_input *input)
{
    (void)probe;
    (void)input;
    abort();
}

static void probe_stack(struct probe_state *probe, const struct smt_parser_input *input)
{
    (void)input;
    probe->number = probe_recurse(0);
}

static void probe_hang(struct probe_state *probe, const struct smt_parser_input *input)
{
    (void)probe;
    (void)input;
    probe_spin();
}

static void probe_sleep(struct probe_state *probe, const struct smt_parser_input *input)
{
    (void)probe;
    (void)input;
    for (;;) pause();
}

/* A process of the parser's own lives on, and with it all open files. */
static void probe_orphan(struct probe_state *probe, const struct smt_parser_input *input)
{
    (void)probe;
    (void)input;
    if (fork() == 0) {
        alarm(5);
        close(STDERR_FILENO);
        for (;;) pause();
    }
    raise(SIGALRM);
}

static void probe_print(struct probe_state *probe, const struct smt_parser_input *input)
{
    (void)probe;
    (void)input;
    printf("the parser speaks\n");
    fflush(stdout);
}

/* Reads the byte at `number`, counted from the message's first one, or behind its
 * end when it is above zero. */
static void probe_read(struct probe_state *probe, const struct smt_parser_input *input)
{
    const volatile char *at =
        input->data + (probe->number < 0 ? 0 : (ptrdiff_t)input->size_bytes) + probe->number;

    probe_sink = *at;
}

static void probe_write(struct probe_state *probe, const struct smt_parser_input *input)
{
    volatile char *at = (volatile char *)(uintptr_t)input->data;

    at[probe->number] = at[probe->number];
}

PROBE_RAW static void probe_touch(struct probe_state *probe, const struct smt_parser_input *input)
{
    volatile char *block = probe->blocks[1];

    (void)input;
    block[probe->number] = 'X'; /* of 20 bytes */
}

static void probe_after_free(struct probe_state *probe, const struct smt_parser_input *input)
{
    volatile char *block = probe->blocks[1];

    (void)input;
    probe_hooks.free(probe->blocks[1]);
    probe->blocks[1] = NULL;
    block[probe->number] = 'X';
}

/* A pointer taken from a freed, or a fresh, block is followed. */
PROBE_RAW static void probe_follow_freed(struct probe_state *probe,
                                         const struct smt_parser_input *input)
{
    char *volatile *block = (char *volatile *)(void *)probe->blocks[0];

    (void)input;
    probe_hooks.free(probe->blocks[0]);
    probe->blocks[0] = NULL;
    probe_sink = *block[1];
}

PROBE_RAW static void probe_follow_fresh(struct probe_state *probe,
                                         const struct smt_parser_input *input)
{
    char *volatile *block = (char *volatile *)(void *)probe->blocks[0];

    (void)input;
    probe_sink = *block[1];
}

static void probe_double_free(struct probe_state *probe, const struct smt_parser_input *input)
{
    (void)input;
    probe_hooks.free(probe->blocks[1]);
    probe_hooks.free(probe->blocks[1]);
    probe->blocks[1] = NULL;
}

static void probe_leak(struct probe_state *probe, const struct smt_parser_input *input)
{
    (void)input;
    for (int i = 0; i < probe->number; i++) probe_sink += !probe_hooks.malloc(24);
}

static void probe_cache_once(struct probe_state *probe, const struct smt_parser_input *input)
{
    (void)probe;
    (void)input;
    if (!probe_cache) probe_cache = probe_hooks.malloc(100);
}

static void probe_cache_more(struct probe_state *probe, const struct smt_parser_input *input)
{
    char *block = probe_hooks.malloc(24);

    (void)probe;
    (void)input;
    if (!block) return;
    memcpy(block, (const void *)&probe_cache, sizeof probe_cache);
    probe_cache = block;
}

/* Blocks of 20 GiB, which are addresses for the most part. */
static void probe_grab(struct probe_state *probe, const struct smt_parser_input *input)
{
    (void)input;
    for (int i = 0; i < probe->number; i++)
        if (!probe_hooks.malloc((size_t)20 << 30)) raise(SIGSEGV);
}

static void probe_many(struct probe_state *probe, const struct smt_parser_input *input)
{
    (void)input;
    for (int i = 0; i < probe->number; i++) probe_hooks.free(probe_hooks.malloc(24));
}

/* As many; leaves nobody to wait for. */
static void probe_many_orphans(struct probe_state *probe, const struct smt_parser_input *input)
{
    signal(SIGCHLD, SIG_IGN);
    probe_many(probe, input);
}

/* As many; spins when the block is refused after which five more were to come. */
static void probe_hang_late(struct probe_state *probe, const struct smt_parser_input *input)
{
    (void)input;
    for (int i = 1; i <= probe->number; i++) {
        char *block = probe_hooks.malloc(24);

        if (!block && i == probe->number - 5) probe_spin();
        probe_hooks.free(block);
    }
}

static void probe_nothing(struct probe_state *probe, const struct smt_parser_input *input)
{
    (void)probe;
    (void)input;
}

static const struct probe_deed {
    const char *word;
    void (*act)(struct probe_state *probe, const struct smt_parser_input *input);
} probe_deeds[] = {
    {"nothing", probe_nothing},
    {"signal", probe_signal},
    {"exit", probe_exit},
    {"_exit", probe__exit},
    {"quick-exit", probe_quick_exit},
    {"abort", probe_abort},
    {"stack", probe_stack},
    {"hang", probe_hang},
    {"sleep", probe_sleep},
    {"orphan", probe_orphan},
    {"print", probe_print},
    {"read", probe_read},
    {"write", probe_write},
    {"touch", probe_touch},
    {"after-free", probe_after_free},
    {"follow-freed", probe_follow_freed},
    {"follow-fresh", probe_follow_fresh},
    {"double-free", probe_double_free},
    {"leak", probe_leak},
    {"cache-once", probe_cache_once},
    {"cache-more", probe_cache_more},
    {"grab", probe_grab},
    {"many", probe_many},
    {"many-orphans", probe_many_orphans},
    {"hang-late", probe_hang_late},
};

static int probe_parse(void *state, const struct smt_parser_input *input)
{
    struct probe_state *probe = state;
    char text[64] = "";

    memcpy(text, input->data, input->size_bytes < 63 ? input->size_bytes : 63);
    sscanf(text, "%31s %d", probe->word, &probe->number);
    for (int i = 0; i < probe_block_count; i++) {
        probe->blocks[i] = probe_hooks.malloc(20);
        if (!probe->blocks[i]) return PROBE_NOMEM;
    }
    return 0;
}

static void probe_show(const void *state, struct smt_walk *walk)
{
    const struct probe_state *probe = state;

    walk->enter(walk, "Probe", 0);
    walk->field(walk, "word", probe->word, strlen(probe->word));
    walk->enter(walk, "Deep", -1);
    walk->field(walk, "number", &probe->number, sizeof probe->number);
    walk->leave(walk);
    walk->leave(walk);
    walk->field(walk, "nul", "a\0b", 3);
    walk->field(walk, "empty", "", 0);
}

static int probe_act(void *state, const struct smt_parser_input *input)
{
    struct probe_state *probe = state;

    for (size_t i = 0; i < sizeof probe_deeds / sizeof *probe_deeds; i++)
        if (strcmp(probe_deeds[i].word, probe->word) == 0) probe_deeds[i].act(probe, input);
    if (probe_acts) ++*probe_acts;
    return 0;
}

/* Acts in the operation SDP, so that parse is behind it. */
static const struct smt_parser probe_parser = {
    .interface_version = SMT_PARSER_INTERFACE,
    .name = "probe",
    .summary = "does what its message says",
    .least_alignment = 1,
    .state_size_bytes = sizeof(struct probe_state),
    .anchor = (const void *)&probe_sink,
    .version = probe_version,
    .init = probe_init,
    .is_out_of_memory = probe_is_out_of_memory,
    .code_name = probe_code_name,
    .release = probe_release,
    .ops =
        {[SMT_OP_PARSE] = {probe_parse, probe_show, NULL}, [SMT_OP_SDP] = {probe_act, NULL, NULL}},
};

#endif
