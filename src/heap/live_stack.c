#include "heap/live_stack.h"

#include <stdatomic.h>
#include <string.h>

#include "base/base.h"
#include "heap/live_memory.h"

#define CHUNK_STACKS 4096u
#define CHUNKS_MAX   1024u /* 4 million stacks */
#define PLACES_FIRST (1u << 13)
#define TAG_BITS     40 /* of the hash in a place; the other 24 are the stack's number */

static struct smt_live_stack *chunks[CHUNKS_MAX];

/* What is asked for most, close together. */
struct link {
    uint64_t hash;
    _Atomic uint32_t follower; /* the stack that was asked for after this one */
};

static struct link *links[CHUNKS_MAX];

/* Open addressing, at most half full. Readers take no lock: a table that became
 * too small stays as it is, for those who are still in it. */
struct places {
    uint32_t mask;
    _Atomic uint64_t words[]; /* tag << 24 | number; 0: empty */
};

static struct places *_Atomic places;
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

static uint64_t place_word(uint64_t hash, uint32_t number)
{
    return hash >> (64 - TAG_BITS) << (64 - TAG_BITS) | number;
}

/* Where the hash's word is, or would be. Tag and place together are 53 bits of
 * hash or more, which are trusted: the stack itself is not looked at. */
static _Atomic uint64_t *place_find(struct places *table, uint64_t hash)
{
    for (uint32_t at = (uint32_t)hash & table->mask;; at = (at + 1) & table->mask) {
        uint64_t word = atomic_load_explicit(&table->words[at], memory_order_acquire);

        if (!word || word >> (64 - TAG_BITS) == hash >> (64 - TAG_BITS)) return &table->words[at];
    }
}

static struct link *link_at(uint32_t number)
{
    return &links[number / CHUNK_STACKS][number % CHUNK_STACKS];
}

static uint32_t table_find(uint64_t hash)
{
    struct places *table = atomic_load_explicit(&places, memory_order_acquire);

    if (!table) return 0;
    return (uint32_t)atomic_load_explicit(place_find(table, hash), memory_order_acquire) & 0xFFFFFF;
}

/* With the lock held: twice as large. */
static bool places_grow(void)
{
    struct places *old = atomic_load(&places), *table;
    uint32_t size = old ? 2 * (old->mask + 1) : PLACES_FIRST;

    table = smt_pages_new(sizeof *table + size * sizeof *table->words, 0);
    if (!table) return false;
    table->mask = size - 1;
    for (uint32_t number = atomic_load(&count); number; number--) {
        uint64_t hash = link_at(number)->hash;

        atomic_store_explicit(place_find(table, hash), place_word(hash, number),
                              memory_order_relaxed);
    }
    atomic_store_explicit(&places, table, memory_order_release);
    return true;
}

/* With the lock held. */
static uint32_t stack_add(uint64_t hash, const uintptr_t *frames, unsigned depth)
{
    uint32_t number = atomic_load_explicit(&count, memory_order_relaxed) + 1;
    struct smt_live_stack **chunk = &chunks[number / CHUNK_STACKS], *stack;
    struct link **link = &links[number / CHUNK_STACKS];
    struct places *table = atomic_load(&places);

    if (number / CHUNK_STACKS >= CHUNKS_MAX) return 0;
    if ((!table || number * 2 > table->mask) && !places_grow()) return 0;
    if (!*chunk) *chunk = smt_pages_new(CHUNK_STACKS * sizeof **chunk, 0);
    if (!*link) *link = smt_pages_new(CHUNK_STACKS * sizeof **link, 0);
    if (!*chunk || !*link) return 0;
    stack = &(*chunk)[number % CHUNK_STACKS];
    link_at(number)->hash = hash;
    stack->cookie = (uint32_t)(hash ^ hash >> 32);
    stack->depth = (uint8_t)depth;
    stack->of_linker = depth && frames[0] >= linker_from && frames[0] < linker_to;
    memcpy(stack->frames, frames, depth * sizeof *frames);
    atomic_store_explicit(&count, number, memory_order_release);
    atomic_store_explicit(place_find(atomic_load(&places), hash), place_word(hash, number),
                          memory_order_release);
    return number;
}

uint32_t smt_live_stack_find(uint64_t hash, uint32_t before)
{
    _Atomic uint32_t *follower;
    uint32_t number;

    if (!before) return table_find(hash);
    follower = &link_at(before)->follower;
    number = atomic_load_explicit(follower, memory_order_acquire);
    if (number && link_at(number)->hash == hash) return number;
    number = table_find(hash);
    if (number) atomic_store_explicit(follower, number, memory_order_release);
    return number;
}

uint32_t smt_live_stack_number(const uintptr_t *frames, unsigned depth)
{
    uint64_t hash = smt_unwind_hash(frames, depth);
    uint32_t number = table_find(hash);

    if (number) return number;
    smt_lock_take(&lock);
    number = table_find(hash);
    if (!number) number = stack_add(hash, frames, depth);
    smt_lock_give(&lock);
    return number;
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
