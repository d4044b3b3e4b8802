#include "heap/live_stack.h"

#include <stdatomic.h>
#include <string.h>

#include "heap/live_memory.h"

#define CHUNK_STACKS 4096u
#define CHUNKS_MAX   1024u /* 4 million stacks */
#define BUCKETS      (1u << 16)

static struct smt_live_stack *chunks[CHUNKS_MAX];
static _Atomic uint32_t buckets[BUCKETS];
static _Atomic uint32_t count;
static struct smt_lock lock;
static uintptr_t linker_from, linker_to;

struct smt_live_stack *smt_live_stack_at(uint32_t number)
{
    if (!number || number > atomic_load_explicit(&count, memory_order_acquire)) return NULL;
    return &chunks[number / CHUNK_STACKS][number % CHUNK_STACKS];
}

uint32_t smt_live_stack_count(void)
{
    return atomic_load_explicit(&count, memory_order_acquire);
}

static uint64_t frames_hash(const uintptr_t *frames, unsigned depth)
{
    uint64_t hash = depth;

    for (unsigned i = 0; i < depth; i++) {
        hash = (hash ^ frames[i]) * 0x9FB21C651E98DF25u;
        hash ^= hash >> 28;
    }
    return hash;
}

static uint32_t stack_find(uint64_t hash, const uintptr_t *frames, unsigned depth)
{
    uint32_t number = atomic_load_explicit(&buckets[hash % BUCKETS], memory_order_acquire);

    while (number) {
        const struct smt_live_stack *stack = &chunks[number / CHUNK_STACKS][number % CHUNK_STACKS];

        if (stack->hash == hash && stack->depth == depth &&
            memcmp(stack->frames, frames, depth * sizeof *frames) == 0)
            break;
        number = stack->next;
    }
    return number;
}

/* With the lock held. */
static uint32_t stack_add(uint64_t hash, const uintptr_t *frames, unsigned depth)
{
    uint32_t number = atomic_load_explicit(&count, memory_order_relaxed) + 1;
    struct smt_live_stack **chunk = &chunks[number / CHUNK_STACKS], *stack;

    if (number / CHUNK_STACKS >= CHUNKS_MAX) return 0;
    if (!*chunk) *chunk = smt_pages_new(CHUNK_STACKS * sizeof **chunk, 0);
    if (!*chunk) return 0;
    stack = &(*chunk)[number % CHUNK_STACKS];
    stack->hash = hash;
    stack->depth = (uint8_t)depth;
    stack->of_linker = depth && frames[0] >= linker_from && frames[0] < linker_to;
    memcpy(stack->frames, frames, depth * sizeof *frames);
    stack->next = atomic_load_explicit(&buckets[hash % BUCKETS], memory_order_relaxed);
    atomic_store_explicit(&count, number, memory_order_release);
    atomic_store_explicit(&buckets[hash % BUCKETS], number, memory_order_release);
    return number;
}

uint32_t smt_live_stack_number(const uintptr_t *frames, unsigned depth)
{
    uint64_t hash = frames_hash(frames, depth);
    uint32_t number = stack_find(hash, frames, depth);

    if (number) return number;
    smt_lock_take(&lock);
    number = stack_find(hash, frames, depth);
    if (!number) number = stack_add(hash, frames, depth);
    smt_lock_give(&lock);
    return number;
}

uint32_t smt_live_stack_cookie(const struct smt_live_stack *stack)
{
    return (uint32_t)(stack->hash ^ stack->hash >> 32);
}

unsigned smt_life_class(uint32_t life_cs)
{
    unsigned bits = life_cs ? 32 - (unsigned)__builtin_clz(life_cs) : 0;
    unsigned class_number = (bits + 1) / 2;

    return class_number < SMT_LIFE_CLASSES ? class_number : SMT_LIFE_CLASSES - 1;
}

uint64_t smt_life_class_end_cs(unsigned class_number)
{
    return (uint64_t)1 << 2 * class_number;
}

void smt_live_stack_learn(uint32_t number, uint32_t life_cs)
{
    struct smt_live_stack *stack = smt_live_stack_at(number);
    uint32_t *life, frees;

    if (!stack) return;
    /* Figures: an increment lost between two threads does no harm. */
    life = &stack->lives[smt_life_class(life_cs)];
    frees = __atomic_load_n(&stack->frees, __ATOMIC_RELAXED);
    if (frees == UINT32_MAX) return;
    __atomic_store_n(&stack->frees, frees + 1, __ATOMIC_RELAXED);
    __atomic_store_n(life, __atomic_load_n(life, __ATOMIC_RELAXED) + 1, __ATOMIC_RELAXED);
}

void smt_live_stack_set_linker(uintptr_t from, uintptr_t to)
{
    linker_from = from;
    linker_to = to;
}

void smt_live_stack_lock(void)
{
    smt_lock_take(&lock);
}

void smt_live_stack_unlock(void)
{
    smt_lock_give(&lock);
}
