/* fuzz/afl_mutator.c - the mutator's face for AFL++ (custom mutator interface of
 * 4.04c), a shared object for AFL_CUSTOM_MUTATOR_LIBRARY.
 *
 *     SMT_FUZZ_TAIL=N   the target's last N bytes are no message (default 0)
 *     SMT_FUZZ_FIX=P    mend Content-Length of P % of what is run (default 50)
 *
 * The environment is all AFL++ lets through to a mutator.
 *
 * post_process sees every input, AFL++'s own mutations too, and what it returns
 * is what is run and saved. It must therefore be a function of the bytes alone
 * and leave its own result unchanged, or a saved input would run as another one:
 * a hash of the bytes decides, and a mended length needs no mending. Nor may it
 * change the size: 4.04c calibrates an input with the bytes it gave back and the
 * size from before, so that every second edge looked as if it came by chance. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "mutator_tail.h"
#include "message/message.h"

#define EXPORT           __attribute__((visibility("default")))
#define HAVOC_PERCENT    20
#define DESCRIPTION_SIZE 256

struct face {
    struct smt_mutator *mutator;
    struct smt_trim *trim;
    struct smt_model model; /* of post_process */
    struct smt_random random;
    uint8_t *out;
    size_t out_capacity;
    uint8_t *trimmed, *processed;
    size_t trimmed_capacity, processed_capacity;
    uint8_t tail[SMT_TAIL_MAX]; /* of the input being trimmed */
    size_t trim_tail_bytes;
    size_t tail_bytes;
    unsigned fix_percent;
    uint64_t last_seed;
    char description[DESCRIPTION_SIZE];
};

EXPORT void *afl_custom_init(void *afl, unsigned int seed);
EXPORT void afl_custom_deinit(void *data);
EXPORT size_t afl_custom_fuzz(void *data, uint8_t *buf, size_t size_bytes, uint8_t **ret_out,
                              uint8_t *other, size_t other_bytes, size_t capacity_bytes);
EXPORT size_t afl_custom_havoc_mutation(void *data, uint8_t *buf, size_t size_bytes,
                                        uint8_t **ret_out, size_t capacity_bytes);
EXPORT uint8_t afl_custom_havoc_mutation_probability(void *data);
EXPORT const char *afl_custom_describe(void *data, size_t capacity_bytes);
EXPORT size_t afl_custom_post_process(void *data, uint8_t *buf, size_t size_bytes,
                                      uint8_t **ret_out);
EXPORT int32_t afl_custom_init_trim(void *data, uint8_t *buf, size_t size_bytes);
EXPORT size_t afl_custom_trim(void *data, uint8_t **ret_out);
EXPORT int32_t afl_custom_post_trim(void *data, int success);

/* A number from the environment; complains and leaves, since afl-fuzz would go
 * on with something else than was asked for. */
static size_t number_from(const char *name, size_t most, size_t otherwise)
{
    const char *text = getenv(name);
    uint64_t number;

    if (!text || !*text) return otherwise;
    if (smt_number_parse(text, &number) && number <= most) return (size_t)number;
    fprintf(stderr, "sipmemtest-afl-mutator: %s=%s is no number from 0 to %zu\n", name, text, most);
    exit(2);
}

void *afl_custom_init(void *afl, unsigned int seed)
{
    struct face *face = calloc(1, sizeof *face);

    (void)afl;
    if (!face) return NULL;
    face->mutator = smt_mutator_new();
    face->trim = smt_trim_new();
    if (!face->mutator || !face->trim) {
        afl_custom_deinit(face);
        return NULL;
    }
    smt_random_init(&face->random, seed);
    face->tail_bytes = number_from("SMT_FUZZ_TAIL", SMT_TAIL_MAX, 0);
    face->fix_percent = (unsigned)number_from("SMT_FUZZ_FIX", 100, 50);
    return face;
}

void afl_custom_deinit(void *data)
{
    struct face *face = data;

    smt_mutator_free(face->mutator);
    smt_trim_free(face->trim);
    smt_model_clear(&face->model);
    free(face->out);
    free(face->trimmed);
    free(face->processed);
    free(face);
}

/* Makes *buffer at least this large; its contents are not kept. */
static bool reserve(uint8_t **buffer, size_t *capacity, size_t size_bytes)
{
    if (size_bytes <= *capacity) return true;
    free(*buffer);
    *buffer = malloc(size_bytes);
    *capacity = *buffer ? size_bytes : 0;
    return *buffer != NULL;
}

/* One mutation of `buf` in face->out, tail kept behind it. 0: no memory. */
static size_t mutate(struct face *face, const uint8_t *buf, size_t size_bytes,
                     size_t capacity_bytes)
{
    size_t tail_bytes = tail_bytes_of(size_bytes, face->tail_bytes), size;

    if (tail_bytes > capacity_bytes) tail_bytes = 0;
    if (!reserve(&face->out, &face->out_capacity, capacity_bytes)) return 0;
    face->last_seed = smt_random_next(&face->random);
    size = smt_mutate(face->mutator, buf, size_bytes - tail_bytes, face->last_seed, face->out,
                      capacity_bytes - tail_bytes);
    if (tail_bytes) memcpy(face->out + size, buf + size_bytes - tail_bytes, tail_bytes);
    tail_change(face->out + size, tail_bytes, &face->random);
    return size + tail_bytes;
}

size_t afl_custom_fuzz(void *data, uint8_t *buf, size_t size_bytes, uint8_t **ret_out,
                       uint8_t *other, size_t other_bytes, size_t capacity_bytes)
{
    struct face *face = data;
    size_t size;

    other_bytes -= tail_bytes_of(other_bytes, face->tail_bytes);
    smt_mutator_set_other(face->mutator, other, other ? other_bytes : 0);
    size = mutate(face, buf, size_bytes, capacity_bytes);
    smt_mutator_set_other(face->mutator, NULL, 0);
    *ret_out = face->out;
    return size;
}

size_t afl_custom_havoc_mutation(void *data, uint8_t *buf, size_t size_bytes, uint8_t **ret_out,
                                 size_t capacity_bytes)
{
    struct face *face = data;
    size_t size = mutate(face, buf, size_bytes, capacity_bytes);

    *ret_out = size ? face->out : buf;
    return size ? size : size_bytes;
}

uint8_t afl_custom_havoc_mutation_probability(void *data)
{
    (void)data;
    return HAVOC_PERCENT;
}

/* Becomes part of a file name: `sipmemtest mutate --seed` repeats it when there
 * was no other message to splice from. */
const char *afl_custom_describe(void *data, size_t capacity_bytes)
{
    struct face *face = data;

    snprintf(face->description, sizeof face->description, "smt:%" PRIu64 "+%s", face->last_seed,
             smt_mutator_describe(face->mutator));
    for (char *c = face->description; *c; c++)
        if (*c == ',') *c = '+';
    if (capacity_bytes < sizeof face->description) face->description[capacity_bytes] = '\0';
    return face->description;
}

/* FNV-1a, as its authors give it. */
static uint64_t hash(const uint8_t *bytes, size_t size_bytes)
{
    uint64_t value = 0xcbf29ce484222325u;

    for (size_t i = 0; i < size_bytes; i++) value = (value ^ bytes[i]) * 0x100000001b3u;
    return value ^ (value >> 32);
}

/* Is there a length to mend, and does the hash say so? */
static bool wants_fix(struct face *face, const uint8_t *buf, size_t size_bytes)
{
    if (!size_bytes || !face->fix_percent || hash(buf, size_bytes) % 100 >= face->fix_percent)
        return false;
    if (smt_model_parse(&face->model, (const char *)buf, size_bytes) != SMT_OK) return false;
    return !smt_model_length_is_exact(&face->model) && smt_model_fix_length(&face->model);
}

size_t afl_custom_post_process(void *data, uint8_t *buf, size_t size_bytes, uint8_t **ret_out)
{
    struct face *face = data;
    size_t tail_bytes = tail_bytes_of(size_bytes, face->tail_bytes), size;

    *ret_out = buf;
    if (!wants_fix(face, buf, size_bytes - tail_bytes)) return size_bytes;
    size = smt_model_size(&face->model);
    if (size + tail_bytes != size_bytes) return size_bytes;
    if (!reserve(&face->processed, &face->processed_capacity, size + tail_bytes)) return size_bytes;
    smt_model_write(&face->model, (char *)face->processed, size);
    if (tail_bytes) memcpy(face->processed + size, buf + size_bytes - tail_bytes, tail_bytes);
    *ret_out = face->processed;
    return size + tail_bytes;
}

int32_t afl_custom_init_trim(void *data, uint8_t *buf, size_t size_bytes)
{
    struct face *face = data;
    size_t tail_bytes = tail_bytes_of(size_bytes, face->tail_bytes);

    if (!reserve(&face->trimmed, &face->trimmed_capacity, size_bytes)) return 0;
    if (tail_bytes) memcpy(face->tail, buf + size_bytes - tail_bytes, tail_bytes);
    face->trim_tail_bytes = tail_bytes;
    return (int32_t)smt_trim_start(face->trim, buf, size_bytes - tail_bytes);
}

size_t afl_custom_trim(void *data, uint8_t **ret_out)
{
    struct face *face = data;
    const uint8_t *bytes;
    size_t size = smt_trim_next(face->trim, &bytes);

    memcpy(face->trimmed, bytes, size);
    if (face->trim_tail_bytes) memcpy(face->trimmed + size, face->tail, face->trim_tail_bytes);
    *ret_out = face->trimmed;
    return size + face->trim_tail_bytes;
}

int32_t afl_custom_post_trim(void *data, int success)
{
    struct face *face = data;

    return (int32_t)smt_trim_accept(face->trim, success != 0);
}
