#include "heap/scan_mark.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "heap/live.h"
#include "heap/live_memory.h"
#include "heap/live_stack.h"
#include "heap/scan_index.h"

#define RED_ZONE     128 /* below the stack pointer, in use (System V ABI, x86-64) */
#define MAPPINGS_MAX 65536
#define CPU_LIMIT_S  120
#define PREFETCHED   256u /* bytes of the next block; the processor sees to the rest */
#define ALTERNATE    ((size_t)64 << 10)

/* One process, one scan: what it works with may be static. */
static struct smt_scan_index index_;
static uint32_t *waiting; /* entries whose contents have yet to be read */
static uint32_t waiting_count;
static struct smt_scan_range *mappings;
static size_t mapping_count;
static sigjmp_buf unreadable;

static void on_fault(int number)
{
    (void)number;
    siglongjmp(unreadable, 1);
}

/* Memory may have been unmapped, or be a file that was cut: such words are
 * skipped. The handler has a stack of its own. */
static void faults_catch(void)
{
    struct sigaction action = {.sa_handler = on_fault, .sa_flags = SA_ONSTACK | SA_NODEFER};
    stack_t stack = {.ss_sp = smt_pages_new(ALTERNATE, 0), .ss_size = ALTERNATE};

    if (stack.ss_sp) sigaltstack(&stack, NULL);
    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGBUS, &action, NULL);
}

static inline void entry_reach(uint32_t at)
{
    if (index_.states[at] != SMT_SCAN_UNSEEN) return;
    index_.states[at] = SMT_SCAN_REACHED;
    if (index_.flags[at] & (SMT_LIVE_NO_SCAN | SMT_LIVE_IGNORED)) return;
    waiting[waiting_count++] = at;
}

static inline void word_follow(uintptr_t word)
{
    uint32_t at;

    if (word - index_.from >= index_.to - index_.from) return;
    at = smt_scan_index_find(&index_, word);
    if (at != SMT_SCAN_NOWHERE) entry_reach(at);
}

static void words_scan(uintptr_t from, uintptr_t to)
{
    const uintptr_t *word = (const uintptr_t *)((from + 7) & ~(uintptr_t)7);
    const uintptr_t *end = (const uintptr_t *)(to & ~(uintptr_t)7);
    uintptr_t low = index_.from, span = index_.to - index_.from;

    for (; word < end; word++)
        if (*word - low < span) word_follow(*word);
}

/* Reads what is waiting, and what that reaches, until nothing waits. */
static void waiting_scan(void)
{
    (void)sigsetjmp(unreadable, 0); /* after a fault: on with the next one */
    while (waiting_count) {
        const struct smt_scan_entry *entry = &index_.entries[waiting[--waiting_count]];

        if (waiting_count)
            for (uintptr_t line = 0; line < PREFETCHED; line += 64)
                __builtin_prefetch((const char *)index_.entries[waiting[waiting_count - 1]].from +
                                   line);
        words_scan(entry->from, entry->to);
    }
}

/* --- mappings --- */

static uintptr_t hexadecimal_read(const char **text)
{
    uintptr_t value = 0;

    for (;; (*text)++) {
        char c = **text;

        if (c >= '0' && c <= '9')
            value = value << 4 | (uintptr_t)(c - '0');
        else if (c >= 'a' && c <= 'f')
            value = value << 4 | (uintptr_t)(c - 'a' + 10);
        else
            return value;
    }
}

static void mapping_add(const char *line)
{
    struct smt_scan_range range;

    range.from = hexadecimal_read(&line);
    if (*line++ != '-' || mapping_count == MAPPINGS_MAX) return;
    range.to = hexadecimal_read(&line);
    if (line[0] == ' ' && line[1] == 'r') mappings[mapping_count++] = range;
}

/* The readable mappings of this process. */
static void mappings_read(void)
{
    static char text[65536];
    size_t held = 0;
    int fd = (int)syscall(SYS_openat, AT_FDCWD, "/proc/self/maps", O_RDONLY | O_CLOEXEC);
    ssize_t size;

    mappings = smt_pages_new(MAPPINGS_MAX * sizeof *mappings, 0);
    while (mappings && fd >= 0 &&
           (size = syscall(SYS_read, fd, text + held, sizeof text - 1 - held)) > 0) {
        char *line = text, *end;

        held += (size_t)size;
        text[held] = '\0';
        while ((end = memchr(line, '\n', held - (size_t)(line - text)))) {
            mapping_add(line);
            line = end + 1;
        }
        held -= (size_t)(line - text);
        memmove(text, line, held);
    }
    if (fd >= 0) (void)syscall(SYS_close, fd);
}

/* The first mapping that ends above the address. */
static size_t mapping_upto(uintptr_t address)
{
    size_t low = 0, high = mapping_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (address >= mappings[middle].to)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct smt_scan_range mapping_of(uintptr_t address)
{
    size_t at = mapping_upto(address);

    if (at == mapping_count || address < mappings[at].from) return (struct smt_scan_range){0, 0};
    return mappings[at];
}

/* A root; what of it cannot be read is skipped. */
static void range_scan(uintptr_t from, uintptr_t to)
{
    static size_t at; /* outlasts a jump */

    at = mapping_upto(from);
    (void)sigsetjmp(unreadable, 0);
    while (at < mapping_count && mappings[at].from < to) {
        const struct smt_scan_range *mapping = &mappings[at++];

        words_scan(from > mapping->from ? from : mapping->from,
                   to < mapping->to ? to : mapping->to);
    }
}

/* The allocator's own variables. It gives a block the 8 bytes where the next
 * chunk of memory begins, so its pointers to that chunk point into the block:
 * that is no reference. */
static void allocator_scan(uintptr_t from, uintptr_t to)
{
    for (const uintptr_t *word = (const uintptr_t *)((from + 7) & ~(uintptr_t)7);
         (uintptr_t)(word + 1) <= to; word++) {
        uint32_t at = smt_scan_index_find(&index_, *word);

        if (at == SMT_SCAN_NOWHERE) continue;
        if (*word != index_.entries[at].from && *word + 8 >= index_.entries[at].to &&
            *word % 16 == 0)
            continue;
        entry_reach(at);
    }
}

/* --- threads --- */

extern void *__libc_stack_end;

static bool range_has(struct smt_scan_range range, uintptr_t address)
{
    return address - range.from < range.to - range.from;
}

static uintptr_t below(uintptr_t address, size_t size)
{
    return address > size ? address - size : 0;
}

/* Storage lies below the thread's base, its control block (and with it the
 * values of thread-specific keys) above. */
static void storage_scan(const struct smt_scan_work *work, uintptr_t base)
{
    struct smt_scan_range mapping = mapping_of(base);
    uintptr_t from = below(base, work->thread_storage_below);
    uintptr_t to = base + work->thread_storage_above;

    range_scan(from > mapping.from ? from : mapping.from, to < mapping.to ? to : mapping.to);
}

static void stack_scan(const struct smt_scan_work *work, const struct smt_world *world,
                       const struct smt_world_thread *thread)
{
    uintptr_t from = below(thread->sp, RED_ZONE), first = (uintptr_t)__libc_stack_end;
    struct smt_scan_range stack = mapping_of(thread->sp), usual = mapping_of(thread->thread_base);
    uint32_t at = smt_scan_index_find(&index_, thread->sp);

    /* A thread's control block ends its stack; only the first thread's does not. */
    if (range_has(stack, thread->thread_base) && thread->thread_base > thread->sp) {
        range_scan(from, thread->thread_base + work->thread_storage_above);
        return;
    }
    if (range_has(stack, first)) {
        range_scan(from, stack.to);
        return;
    }
    /* A signal's stack, or a coroutine's: how far the usual one is in use is not
     * known, so all of it counts. */
    if (at != SMT_SCAN_NOWHERE)
        entry_reach(at);
    else
        range_scan(from, stack.to);
    if (thread->tid == world->process) usual = mapping_of(first);
    range_scan(usual.from, usual.to);
}

static void threads_scan(const struct smt_scan_work *work, const struct smt_world *world)
{
    for (uint32_t i = 0; i < world->count; i++) {
        const struct smt_world_thread *thread = &world->threads[i];

        if (!thread->stopped) continue;
        storage_scan(work, thread->thread_base);
        if (work->options->skip_stacks) continue;
        for (unsigned r = 0; r < SMT_WORLD_REGISTERS; r++) word_follow(thread->registers[r]);
        stack_scan(work, world, thread);
    }
}

/* --- blocks that count as reached whoever points to them --- */

static uint32_t block_checksum(const struct smt_scan_entry *entry)
{
    uint64_t sum = 1;
    uintptr_t at = entry->from;

    for (; at + 8 <= entry->to; at += 8) sum = (sum ^ *(const uint64_t *)at) * 0x9FB21C651E98DF25u;
    for (; at < entry->to; at++) sum = (sum ^ *(const uint8_t *)at) * 0x9FB21C651E98DF25u;
    return (uint32_t)(sum ^ sum >> 32);
}

static uint32_t checksum_read(uint32_t at)
{
    if (sigsetjmp(unreadable, 0) != 0) return 0;
    return block_checksum(&index_.entries[at]);
}

static bool block_is_root(const struct smt_scan_work *work, uint32_t at)
{
    const struct smt_live_block *block = smt_live_record(index_.records[at]);
    const struct smt_live_stack *stack;

    if (block->flags & (SMT_LIVE_GREY | SMT_LIVE_IGNORED | SMT_LIVE_OURS)) return true;
    if (work->now_cs - block->since_cs < work->options->min_age_cs) return true;
    stack = smt_live_stack_at(block->stack);
    return stack && stack->of_linker;
}

static void root_blocks_reach(const struct smt_scan_work *work)
{
    for (uint32_t at = 0; at < index_.count; at++)
        if (index_.states[at] == SMT_SCAN_UNSEEN && block_is_root(work, at)) entry_reach(at);
    waiting_scan();
}

/* Unreferenced at the scan before, and written to since: somebody has it. */
static void changed_blocks_reach(void)
{
    for (uint32_t at = 0; at < index_.count; at++) {
        const struct smt_live_block *block = smt_live_record(index_.records[at]);

        if (index_.states[at] != SMT_SCAN_UNSEEN || !(block->flags & SMT_LIVE_SUMMED)) continue;
        if (checksum_read(at) != smt_live_checksum(index_.records[at])) entry_reach(at);
    }
    waiting_scan();
}

/* --- what is left --- */

static uintptr_t *vias; /* beside the entries */

static void lost_follow(uint32_t from)
{
    const struct smt_scan_entry *entry = &index_.entries[from];
    const uintptr_t *word = (const uintptr_t *)((entry->from + 7) & ~(uintptr_t)7);

    if (index_.flags[from] & SMT_LIVE_NO_SCAN) return;
    for (; (uintptr_t)(word + 1) <= entry->to; word++) {
        uint32_t at = smt_scan_index_find(&index_, *word);

        if (at == SMT_SCAN_NOWHERE || at == from) continue;
        if (index_.states[at] == SMT_SCAN_UNSEEN) waiting[waiting_count++] = at;
        if (index_.states[at] == SMT_SCAN_UNSEEN || index_.states[at] == SMT_SCAN_LOST) {
            index_.states[at] = SMT_SCAN_LOST_BY;
            vias[at] = entry->from;
        }
    }
}

/* Each block not yet met leads those it reaches, until one that is met later
 * turns out to lead it. */
static void lost_group(void)
{
    static uint32_t leader, at; /* they outlast a jump */

    for (leader = 0; leader < index_.count; leader++) {
        if (index_.states[leader] != SMT_SCAN_UNSEEN) continue;
        index_.states[leader] = SMT_SCAN_LOST;
        waiting[waiting_count++] = leader;
        (void)sigsetjmp(unreadable, 0);
        while (waiting_count) {
            at = waiting[--waiting_count];
            lost_follow(at);
            /* A ring leads back to its own leader, which stays one. */
            if (index_.states[leader] == SMT_SCAN_LOST_BY) index_.states[leader] = SMT_SCAN_LOST;
        }
    }
}

static void found_tell(const struct smt_scan_work *work)
{
    for (uint32_t at = 0; at < index_.count; at++) {
        const struct smt_live_block *block = smt_live_record(index_.records[at]);
        struct smt_scan_found *found = &work->found[work->answer->found_count];

        work->answer->bytes += block->size_bytes;
        if (index_.states[at] < SMT_SCAN_LOST) continue;
        if (work->answer->found_count == work->found_max) continue;
        found->record = index_.records[at];
        found->number = block->number;
        found->checksum = checksum_read(at);
        found->via = index_.states[at] == SMT_SCAN_LOST_BY ? vias[at] : 0;
        found->suspect = block->misses + 1u >= work->options->misses;
        work->answer->found_count++;
    }
    work->answer->blocks = index_.count;
}

void smt_scan_mark(void *context, const struct smt_world *world)
{
    const struct smt_scan_work *work = context;
    const struct rlimit limit = {CPU_LIMIT_S, CPU_LIMIT_S}; /* whatever happens, it ends */

    if (!smt_scan_index_build(&index_)) return;
    waiting = smt_pages_new((index_.count + 1) * sizeof *waiting, 0);
    vias = smt_pages_new((index_.count + 1) * sizeof *vias, 0);
    if (!waiting || !vias) return;
    faults_catch();
    setrlimit(RLIMIT_CPU, &limit);
    mappings_read();
    for (size_t i = 0; i < work->root_count; i++)
        range_scan(work->roots[i].from, work->roots[i].to);
    for (size_t i = 0; i < work->allocator_count; i++)
        allocator_scan(work->allocator[i].from, work->allocator[i].to);
    threads_scan(work, world);
    waiting_scan();
    root_blocks_reach(work);
    changed_blocks_reach();
    lost_group();
    found_tell(work);
    work->answer->done = true;
}
