#include "mutate_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "message/message.h"
#include "mutate_messages.h"

#define GOLDEN_SEEDS    3
#define GOLDEN_CAPACITY 1200

static void set_other(struct text other)
{
    smt_mutator_set_other(mutator, other.data, other.size);
}

/* Escaped, one line of the message on one line of the text. */
static void add_readable(struct smt_buffer *buffer, const uint8_t *bytes, size_t size)
{
    for (size_t from = 0, to; from < size; from = to) {
        for (to = from; to < size && bytes[to] != '\n';) to++;
        to += to < size;
        smt_buffer_add_escaped(buffer, bytes + from, to - from);
        smt_buffer_add_text(buffer, "\n");
    }
}

static void add_golden(struct smt_buffer *buffer, const struct smt_mutation *operation)
{
    bool is_multipart = operation->needs & SMT_NEED_MULTIPART;
    struct text message = is_multipart ? MULTIPART_MESSAGE : SDP_MESSAGE;
    uint8_t out[GOLDEN_CAPACITY];

    set_other(is_multipart ? SDP_MESSAGE : MULTIPART_MESSAGE);
    for (uint64_t seed = 1; seed <= GOLDEN_SEEDS; seed++) {
        size_t size =
            smt_mutate_with(mutator, operation, message.data, message.size, seed, out, sizeof out);

        smt_buffer_addf(buffer, "# seed %d: %s\n", (int)seed,
                        *smt_mutator_describe(mutator) ? "done" : "nothing to do");
        add_readable(buffer, out, size);
    }
}

static void save(const char *path, const struct smt_buffer *buffer)
{
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(buffer->data, 1, buffer->size, file), buffer->size);
    assert_int_equal(fclose(file), 0);
}

static void compare_golden(const char *name, const struct smt_buffer *now)
{
    struct smt_buffer golden;
    char path[512];

    smt_buffer_init(&golden);
    snprintf(path, sizeof path, "%s/golden/mutate/%s.txt", SMT_TESTS, name);
    assert_false(now->failed);
    if (getenv("SMT_UPDATE_GOLDEN")) save(path, now);
    if (smt_buffer_load(&golden, path, 1 << 20) != SMT_OK)
        fail_msg("%s; run scripts/update-golden", smt_fail_text());
    if (strcmp(now->data, golden.data) != 0) fail_msg("%s differs; now:\n%s", path, now->data);
    smt_buffer_clear(&golden);
}

static void operations_give_their_golden_bytes(void **state)
{
    (void)state;

    for (const struct smt_mutation *row = smt_mutations; row->name; row++) {
        struct smt_buffer now;

        smt_buffer_init(&now);
        add_golden(&now, row);
        compare_golden(row->name, &now);
        smt_buffer_clear(&now);
    }
}

static uint64_t digest(uint64_t value, const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) value = (value ^ bytes[i]) * 0x100000001b3u;
    return value;
}

/* Stacked operations, fix-ups and crosses: too many bytes to keep, so a digest. */
static void whole_mutations_give_their_golden_digest(void **state)
{
    struct text first = SDP_MESSAGE, second = MULTIPART_MESSAGE;
    struct smt_buffer now;
    uint8_t out[4096];
    (void)state;
    smt_buffer_init(&now);
    set_other(second);

    for (uint64_t seed = 0, mutated = 1, crossed = 1; seed < 10000; seed++) {
        size_t size = smt_mutate(mutator, first.data, first.size, seed, out, sizeof out);

        mutated = digest(mutated, out, size);
        size = smt_mutate_cross(mutator, first.data, first.size, second.data, second.size, seed,
                                out, sizeof out);
        crossed = digest(crossed, out, size);
        if (seed % 1000 == 999)
            smt_buffer_addf(&now, "to seed %d: mutate %016llx cross %016llx\n", (int)seed,
                            (unsigned long long)mutated, (unsigned long long)crossed);
    }

    compare_golden("whole", &now);
    smt_buffer_clear(&now);
}

static void same_seed_gives_same_bytes(void **state)
{
    struct smt_mutator *fresh = smt_mutator_new();
    struct text message = SDP_MESSAGE;
    uint8_t first[4096], second[4096];
    (void)state;
    assert_non_null(fresh);

    for (uint64_t seed = 0; seed < 5000; seed++) {
        size_t first_bytes, second_bytes;

        set_other(seed % 2 ? MULTIPART_MESSAGE : text_of("", 0));
        first_bytes = smt_mutate(mutator, message.data, message.size, seed, first, sizeof first);
        smt_mutator_set_other(fresh, (const uint8_t *)multipart_message,
                              seed % 2 ? sizeof multipart_message - 1 : 0);
        second_bytes = smt_mutate(fresh, message.data, message.size, seed, second, sizeof second);

        assert_int_equal(first_bytes, second_bytes);
        assert_memory_equal(first, second, first_bytes);
        if (seed % 1000 == 0) { /* what it did before must not matter */
            smt_mutator_free(fresh);
            fresh = smt_mutator_new();
            assert_non_null(fresh);
        }
    }
    smt_mutator_free(fresh);
}

static void other_seeds_give_other_bytes(void **state)
{
    struct text message = SDP_MESSAGE;
    uint8_t out[2][4096];
    size_t sizes[2] = {0, 0}, same = 0;
    (void)state;
    set_other(MULTIPART_MESSAGE);

    for (uint64_t seed = 0; seed < 1000; seed++) {
        sizes[seed % 2] =
            smt_mutate(mutator, message.data, message.size, seed, out[seed % 2], sizeof out[0]);
        same += sizes[0] == sizes[1] && memcmp(out[0], out[1], sizes[0]) == 0;
    }

    assert_true(same < 10);
}

static void result_may_replace_its_input(void **state)
{
    struct text message = SDP_MESSAGE;
    uint8_t apart[4096], place[4096];
    (void)state;

    for (uint64_t seed = 0; seed < 2000; seed++) {
        size_t size = smt_mutate(mutator, message.data, message.size, seed, apart, sizeof apart);

        memcpy(place, message.data, message.size);
        assert_int_equal(smt_mutate(mutator, place, message.size, seed, place, sizeof place), size);
        assert_memory_equal(place, apart, size);
    }
}

/* `out` is as large as promised and no larger, so that a sanitizer sees a write
 * too far. */
static void mutate_all_ways(struct text message, size_t capacity, uint64_t seeds)
{
    uint8_t *data = malloc(message.size ? message.size : 1), *out = malloc(capacity ? capacity : 1);

    assert_non_null(data);
    assert_non_null(out);
    memcpy(data, message.data, message.size);
    for (uint64_t seed = 0; seed < seeds; seed++) {
        assert_true(smt_mutate(mutator, data, message.size, seed, out, capacity) <= capacity);
        assert_true(smt_mutate_cross(mutator, data, message.size, data, message.size, seed, out,
                                     capacity) <= capacity);
        for (const struct smt_mutation *row = smt_mutations; row->name && seed < 4; row++)
            assert_true(smt_mutate_with(mutator, row, data, message.size, seed, out, capacity) <=
                        capacity);
        assert_true(smt_mutate_fix(mutator, data, message.size, out, capacity) <= capacity);
    }
    free(data);
    free(out);
}

static void out_never_exceeds_its_capacity(void **state)
{
    static const size_t capacities[] = {0, 1, 2, 10, 100, 400, 700, 1024, 4096, 70000};
    (void)state;
    set_other(MULTIPART_MESSAGE);

    for (size_t i = 0; i < sizeof capacities / sizeof *capacities; i++) {
        mutate_all_ways(SDP_MESSAGE, capacities[i], 200);
        mutate_all_ways(MULTIPART_MESSAGE, capacities[i], 200);
    }
}

static void survives_empty_and_random_input(void **state)
{
    static const char letters[] = "\r\n \t:;,a\"<>-@%=.0\0\xff";
    struct smt_random random;
    char data[300], other[300];
    (void)state;
    smt_random_init(&random, 7);
    mutate_all_ways(text_of("", 0), 1024, 500);

    for (int i = 0; i < 200; i++) {
        size_t size = smt_random_below(&random, sizeof data);

        for (size_t k = 0; k < sizeof data; k++) {
            data[k] = letters[smt_random_below(&random, sizeof letters - 1)];
            other[k] = (char)smt_random_next(&random);
        }
        set_other(text_of(other, smt_random_below(&random, sizeof other)));
        mutate_all_ways(text_of(data, size), 1024, 8);
    }
    set_other(text_of("", 0));
}

static void fill_with(char *data, size_t size, const char *unit)
{
    size_t length = strlen(unit);

    for (size_t i = 0; i < size; i++) data[i] = unit[i % length];
}

/* One MiB of each: many headers, one header, one body, folds, parts, nothing. */
static void survives_a_mebibyte(void **state)
{
    static const char *const units[] = {
        "a:b\r\n", "x,;=<\"", "\r\n ",
        "\n",      "\r",      "S\r\nc:multipart/x;boundary=b\r\n\r\n--b\r\n\r\n",
        "--\n",    ";"};
    size_t size = 1 << 20;
    char *data = malloc(size);
    uint64_t from = smt_clock_cpu_ns();
    (void)state;
    assert_non_null(data);
    set_other(MULTIPART_MESSAGE);

    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        fill_with(data, size, units[i]);
        mutate_all_ways(text_of(data, size), size + 5000, 1);
    }

    assert_true(smt_clock_cpu_ns() - from < 60000000000u);
    free(data);
}

/* Every row, on some message of the corpus, with some seed. */
static void every_operation_fires_on_the_corpus(void **state)
{
    struct smt_message_list list;
    static uint8_t out[65536];
    (void)state;
    smt_message_list_init(&list);
    assert_int_equal(smt_message_add_path(&list, SMT_CORPUS, NULL, NULL), SMT_OK);

    for (const struct smt_mutation *row = smt_mutations; row->name; row++) {
        size_t fired = 0, tried = 0;

        for (size_t i = 0; i < list.count; i++) {
            struct smt_message *message = &list.items[i];
            struct smt_message *other = &list.items[(i + 1) % list.count];

            set_other(text_of(other->data, other->size_bytes));
            smt_mutate_with(mutator, row, (const uint8_t *)message->data, message->size_bytes, i,
                            out, sizeof out);
            fired += *smt_mutator_describe(mutator) != '\0';
            tried++;
        }
        if (fired == 0) fail_msg("%s did nothing to any of %zu messages", row->name, tried);
    }
    set_other(text_of("", 0));
    smt_message_list_clear(&list);
}

static void every_operation_is_drawn(void **state)
{
    size_t rows = 0;
    char *seen;
    uint8_t out[4096];
    (void)state;
    set_other(SDP_MESSAGE);
    while (smt_mutations[rows].name) rows++;
    seen = calloc(rows, 1);
    assert_non_null(seen);

    for (uint64_t seed = 0; seed < 40000; seed++) {
        struct text message = seed % 2 ? SDP_MESSAGE : MULTIPART_MESSAGE;
        const char *described;

        smt_mutate(mutator, message.data, message.size, seed, out, sizeof out);
        described = smt_mutator_describe(mutator);
        for (size_t i = 0; i < rows && *described; i++)
            if (strncmp(described, smt_mutations[i].name, strcspn(described, ",")) == 0)
                seen[i] = 1;
    }

    for (size_t i = 0; i < rows; i++)
        if (!seen[i]) fail_msg("%s was never drawn first", smt_mutations[i].name);
    free(seen);
}

static void names_are_unique_and_found(void **state)
{
    (void)state;

    for (const struct smt_mutation *row = smt_mutations; row->name; row++) {
        assert_ptr_equal(smt_mutation_find(row->name), row);
        assert_non_null(strchr(row->name, '-'));
        assert_true(*row->summary && row->weight);
    }
    assert_null(smt_mutation_find("no-such"));
}

static void operation_without_what_it_needs_changes_nothing(void **state)
{
    const struct smt_mutation *row = smt_mutation_find("part-delete");
    struct text message = SDP_MESSAGE;
    uint8_t out[4096];
    (void)state;

    assert_int_equal(smt_mutate_with(mutator, row, message.data, message.size, 1, out, sizeof out),
                     message.size);

    assert_memory_equal(out, message.data, message.size);
    assert_string_equal(smt_mutator_describe(mutator), "");
}

static void fix_makes_a_message_whole(void **state)
{
    static const char broken[] = "BYE sip:a SIP/2.0\r\nCSeq: 1 INVITE\r\nl: 7\r\n"
                                 "c: multipart/x;boundary=a\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n";
    static const char whole[] =
        "BYE sip:a SIP/2.0\r\nCSeq: 1 BYE\r\nl: 17\r\n"
        "c: multipart/mixed;boundary=\"b\"\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n";
    uint8_t out[512];
    size_t size;
    (void)state;

    size = smt_mutate_fix(mutator, (const uint8_t *)broken, sizeof broken - 1, out, sizeof out);

    assert_int_equal(size, sizeof whole - 1);
    assert_memory_equal(out, whole, size);
}

/* Most results must get past the framing, or nothing behind it is ever tested. */
static void most_lengths_stay_exact(void **state)
{
    struct text message = SDP_MESSAGE;
    struct smt_model model;
    uint8_t out[8192];
    size_t exact = 0;
    (void)state;
    smt_model_init(&model);

    for (uint64_t seed = 0; seed < 2000; seed++) {
        size_t size = smt_mutate(mutator, message.data, message.size, seed, out, sizeof out);

        assert_int_equal(smt_model_parse(&model, (const char *)out, size), SMT_OK);
        exact += smt_model_length_is_exact(&model);
    }

    assert_in_range(exact, 1100, 1900);
    smt_model_clear(&model);
}

static void cross_takes_from_both(void **state)
{
    struct text first = SDP_MESSAGE, second = MULTIPART_MESSAGE;
    uint8_t out[4096];
    size_t from_first = 0, from_second = 0;
    (void)state;

    for (uint64_t seed = 0; seed < 500; seed++) {
        size_t size = smt_mutate_cross(mutator, first.data, first.size, second.data, second.size,
                                       seed, out, sizeof out);

        from_first += memmem(out, size, "From: ", 6) != NULL;
        from_second += memmem(out, size, "c.example", 9) != NULL ||
                       memmem(out, size, "Max-Forwards", 12) != NULL;
    }

    assert_in_range(from_first, 100, 499);
    assert_in_range(from_second, 100, 499);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(operations_give_their_golden_bytes),
        TEST(whole_mutations_give_their_golden_digest),
        TEST(same_seed_gives_same_bytes),
        TEST(other_seeds_give_other_bytes),
        TEST(result_may_replace_its_input),
        TEST(out_never_exceeds_its_capacity),
        TEST(survives_empty_and_random_input),
        TEST(survives_a_mebibyte),
        TEST(every_operation_fires_on_the_corpus),
        TEST(every_operation_is_drawn),
        TEST(names_are_unique_and_found),
        TEST(operation_without_what_it_needs_changes_nothing),
        TEST(fix_makes_a_message_whole),
        TEST(most_lengths_stay_exact),
        TEST(cross_takes_from_both),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
