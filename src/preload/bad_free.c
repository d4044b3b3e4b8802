/* Frees of what is no live block: told, and not done. */
#include "preload/preload.h"

#include <stdio.h>
#include <unistd.h>

#include "heap/heap.h"

#define FREED_KEPT 512 /* small enough to stay in the cache */

/* Who freed what lately, by address; another thread's write may mix in, and then
 * a double free is called a foreign one. */
static struct {
    uintptr_t address, pc;
} freed[FREED_KEPT];

static struct mt_bad_free bad_frees[MT_BAD_FREES_MAX];
static atomic_ullong bad_free_count;

static size_t freed_place(uintptr_t address)
{
    return (size_t)((address >> 4) * 0x9E3779B97F4A7C15u >> 55);
}

_Static_assert(FREED_KEPT == 1 << 9, "a place has 9 bits");

void mt_freed_note(uintptr_t address, uintptr_t pc)
{
    size_t place = freed_place(address);

    __atomic_store_n(&freed[place].address, address, __ATOMIC_RELAXED);
    __atomic_store_n(&freed[place].pc, pc, __ATOMIC_RELAXED);
}

/* One line, without stdio, which might allocate. */
static void bad_free_tell(const struct mt_bad_free *bad)
{
    char line[160];
    int size = snprintf(
        line, sizeof line, "mtctl: pid %d: %s of 0x%lx, not done (mtctl -s pid:%d badfrees)\n",
        (int)getpid(), bad->kind == MT_DOUBLE_FREE ? "double free" : "free of no live block",
        (unsigned long)bad->address, (int)getpid());

    if (size > 0 && write(STDERR_FILENO, line, (size_t)size) < 0) return;
}

void mt_bad_free_note(uintptr_t address, uint32_t stack)
{
    const struct smt_live_stack *known = smt_live_stack_at(stack);
    struct mt_bad_free bad = {.kind = MT_FOREIGN_FREE, .address = address, .stack = stack};
    size_t place = freed_place(address);
    uint64_t number;

    /* The dynamic linker frees what it made before there was a malloc. */
    if (known && known->of_linker) return;
    bad.since_cs = smt_live_now_cs();
    if (__atomic_load_n(&freed[place].address, __ATOMIC_RELAXED) == address) {
        bad.kind = MT_DOUBLE_FREE;
        bad.freed_pc = __atomic_load_n(&freed[place].pc, __ATOMIC_RELAXED);
    }
    number = atomic_fetch_add(&bad_free_count, 1);
    if (number >= MT_BAD_FREES_MAX) return;
    bad_frees[number] = bad;
    if (number < 10) bad_free_tell(&bad);
}

uint64_t mt_bad_free_count(void)
{
    return atomic_load(&bad_free_count);
}

const struct mt_bad_free *mt_bad_free_at(uint64_t number)
{
    return number < MT_BAD_FREES_MAX && number < mt_bad_free_count() ? &bad_frees[number] : NULL;
}
