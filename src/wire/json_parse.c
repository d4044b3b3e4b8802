/* When memory is refused, Jansson 2.14 calls it a syntax error, goes on with a
 * string of which a part is missing, or ends the program by an assertion. So
 * its parser never learns of a refusal: it is left by longjmp. What it had
 * allocated lies in chunks of ours and is freed with them, whether parsing came
 * to its end or not. Outside of it Jansson has plain malloc, which its other
 * users in this program expect. */
#include "wire/json_parse.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/base.h"

#define ALIGNMENT   16
#define CHUNK_FIRST 4000
#define CHUNK_MAX   ((size_t)1 << 20)
#define MAP_LEAST   ((size_t)64 << 10)

/* The newest chunk is first. */
struct smt_json_memory {
    struct smt_json_memory *older;
    size_t size, used; /* of bytes */
    _Alignas(ALIGNMENT) char bytes[];
};

struct parse {
    jmp_buf left;
    bool refused;
    struct smt_json_memory *memory;
};

static _Thread_local struct parse *parsing;

/* A large chunk is a mapping: malloc may keep what is freed to it, in each worker's part
 * of its memory, and one large message would make the server large from then on. */
static struct smt_json_memory *chunk_new(struct smt_json_memory *older, size_t size_bytes)
{
    size_t size = older ? older->size * 2 : CHUNK_FIRST, bytes;
    struct smt_json_memory *chunk;

    if (size > CHUNK_MAX) size = CHUNK_MAX;
    if (size < size_bytes) size = size_bytes;
    if (__builtin_add_overflow(size, sizeof *chunk, &bytes)) return NULL;
    chunk = bytes >= MAP_LEAST ? smt_pages_map(bytes, 0) : malloc(bytes);
    if (chunk) *chunk = (struct smt_json_memory){.older = older, .size = size};
    return chunk;
}

static void chunk_free(struct smt_json_memory *chunk)
{
    size_t bytes = sizeof *chunk + chunk->size;

    if (bytes >= MAP_LEAST)
        munmap(chunk, bytes);
    else
        free(chunk);
}

static void *block_alloc(size_t size_bytes)
{
    struct parse *parse = parsing;
    struct smt_json_memory *chunk;
    size_t size = (size_bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;

    if (!parse) return malloc(size_bytes);
    chunk = parse->memory;
    if (!chunk || chunk->size - chunk->used < size) {
        chunk = chunk_new(parse->memory, size);
        if (!chunk) {
            parse->refused = true;
            longjmp(parse->left, 1);
        }
        parse->memory = chunk;
    }
    chunk->used += size;
    return chunk->bytes + chunk->used - size;
}

static void block_free(void *block)
{
    if (!parsing) free(block);
}

static void parse_begin(void)
{
    json_set_alloc_funcs(block_alloc, block_free);
}

/* An integer beyond 64 bits is no syntax error, although Jansson says so: then all
 * numbers are read as reals, and whoever wants an integer refuses that one. */
static json_t *text_load(struct parse *parse, const void *text, size_t size_bytes, size_t flags)
{
    json_error_t error;
    json_t *root;

    if (setjmp(parse->left) != 0) return NULL;
    parsing = parse;
    root = json_loadb(text, size_bytes, flags, &error);
    if (!root && json_error_code(&error) == json_error_numeric_overflow)
        root = json_loadb(text, size_bytes, flags | JSON_DECODE_INT_AS_REAL, &error);
    return root;
}

json_t *smt_json_parse(const void *text, size_t size_bytes, size_t flags,
                       struct smt_json_memory **memory, bool *ret_refused)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct parse parse;
    json_t *root;

    pthread_once(&once, parse_begin);
    parse.memory = *memory;
    parse.refused = false;
    root = text_load(&parse, text, size_bytes, flags);
    parsing = NULL;
    *memory = parse.memory;
    *ret_refused = parse.refused;
    return root;
}

void smt_json_memory_free(struct smt_json_memory *memory)
{
    while (memory) {
        struct smt_json_memory *older = memory->older;

        chunk_free(memory);
        memory = older;
    }
}
