/* The AFL++ face, called the way afl-fuzz 4.04c calls it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../fuzz/afl_mutator.c"

static const char message[] =
    "INVITE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=1\r\nTo: <sip:a@b>\r\n"
    "l: 99\r\n\r\nv=0\r\ns=-\r\n";

#define MESSAGE_SIZE (sizeof message - 1)

static int setup(void **state)
{
    unsetenv("SMT_FUZZ_TAIL");
    unsetenv("SMT_FUZZ_FIX");
    *state = afl_custom_init(NULL, 1);
    return *state ? 0 : -1;
}

static int teardown(void **state)
{
    afl_custom_deinit(*state);
    return 0;
}

static uint8_t *copy_of(const void *bytes, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);

    assert_non_null(copy);
    memcpy(copy, bytes, size);
    return copy;
}

static void same_engine_seed_gives_same_mutations(void **state)
{
    void *first = afl_custom_init(NULL, 7), *second = afl_custom_init(NULL, 7);
    uint8_t *data = copy_of(message, MESSAGE_SIZE), *out[2];
    (void)state;

    for (int i = 0; i < 500; i++) {
        size_t size = afl_custom_fuzz(first, data, MESSAGE_SIZE, &out[0], data, MESSAGE_SIZE, 4096);

        assert_in_range(size, 0, 4096);
        assert_int_equal(
            afl_custom_fuzz(second, data, MESSAGE_SIZE, &out[1], data, MESSAGE_SIZE, 4096), size);
        assert_memory_equal(out[0], out[1], size);
        assert_memory_equal(data, message, MESSAGE_SIZE);
    }
    free(data);
    afl_custom_deinit(first);
    afl_custom_deinit(second);
}

static void works_without_another_input(void **state)
{
    uint8_t *data = copy_of(message, MESSAGE_SIZE), *out = NULL;

    assert_true(afl_custom_fuzz(*state, data, MESSAGE_SIZE, &out, NULL, 0, 200) <= 200);
    assert_non_null(out);
    assert_true(afl_custom_havoc_mutation(*state, data, MESSAGE_SIZE, &out, 200) <= 200);
    assert_in_range(afl_custom_havoc_mutation_probability(*state), 1, 99);
    free(data);
}

static void description_fits_a_file_name(void **state)
{
    uint8_t *data = copy_of(message, MESSAGE_SIZE), *out;

    afl_custom_fuzz(*state, data, MESSAGE_SIZE, &out, NULL, 0, 4096);

    assert_null(strpbrk(afl_custom_describe(*state, 200), "/, "));
    assert_true(strlen(afl_custom_describe(*state, 10)) <= 10);
    free(data);
}

/* What it returned must stay as it is: a saved input is processed again. */
static void post_process_leaves_its_own_result(void **state)
{
    uint8_t *data = copy_of(message, MESSAGE_SIZE), *out, *once, *twice;
    size_t fixed = 0, kept = 0;

    for (int i = 0; i < 1000; i++) {
        size_t size = afl_custom_fuzz(*state, data, MESSAGE_SIZE, &out, NULL, 0, 4096);
        size_t once_bytes = afl_custom_post_process(*state, out, size, &once);
        uint8_t *saved = copy_of(once, once_bytes);

        if (once == out)
            kept++;
        else
            fixed++;
        assert_int_equal(afl_custom_post_process(*state, saved, once_bytes, &twice), once_bytes);
        assert_memory_equal(twice, saved, once_bytes);
        free(saved);
    }

    assert_true(fixed > 20 && kept > 20);
    free(data);
}

static void post_process_can_be_switched_off(void **state)
{
    uint8_t *out, *data = copy_of(message, MESSAGE_SIZE);
    void *face;
    (void)state;
    setenv("SMT_FUZZ_FIX", "0", 1);
    face = afl_custom_init(NULL, 1);
    assert_non_null(face);

    for (uint8_t i = 0; i < 100; i++) {
        data[0] = i;
        assert_int_equal(afl_custom_post_process(face, data, MESSAGE_SIZE, &out), MESSAGE_SIZE);
        assert_ptr_equal(out, data);
    }
    free(data);
    afl_custom_deinit(face);
}

/* afl-fuzz's loop; good is what still has the Via. */
static void trim_loop_ends_with_the_least_that_is_good(void **state)
{
    uint8_t *data = copy_of(message, MESSAGE_SIZE), *out = NULL;
    size_t size = MESSAGE_SIZE;
    int32_t step = 0, steps = afl_custom_init_trim(*state, data, size);

    while (step < steps) {
        size_t now = afl_custom_trim(*state, &out);
        bool is_good = memmem(out, now, "branch=1", 8) != NULL;

        assert_in_range(now, 1, size);
        if (is_good) size = now;
        if (is_good) memcpy(data, out, now);
        step = afl_custom_post_trim(*state, is_good);
    }

    assert_int_equal(size, strlen("INVITE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=1\r\n\r\n"));
    free(data);
}

static void tail_stays_behind_the_message(void **state)
{
    static const char tail[] = "<<TAIL>>";
    uint8_t *data, *out;
    size_t same = 0, bytes;
    void *face;
    (void)state;
    setenv("SMT_FUZZ_TAIL", "8", 1);
    face = afl_custom_init(NULL, 1);
    assert_non_null(face);
    data = malloc(MESSAGE_SIZE + 8);
    assert_non_null(data);
    memcpy(data, message, MESSAGE_SIZE);
    memcpy(data + MESSAGE_SIZE, tail, 8);

    for (int i = 0; i < 400; i++) {
        size_t size = afl_custom_fuzz(face, data, MESSAGE_SIZE + 8, &out, NULL, 0, 1024),
               differ = 0;

        assert_in_range(size, 8, 1024);
        for (size_t k = 0; k < 8; k++) differ += out[size - 8 + k] != (uint8_t)tail[k];
        assert_true(differ <= 1);
        same += differ == 0;
    }
    assert_in_range(same, 250, 399);
    bytes = afl_custom_post_process(face, data, MESSAGE_SIZE + 8, &out);
    assert_memory_equal(out + bytes - 8, tail, 8);
    assert_true(afl_custom_init_trim(face, data, MESSAGE_SIZE + 8) > 0);
    bytes = afl_custom_trim(face, &out);
    assert_memory_equal(out + bytes - 8, tail, 8);
    free(data);
    afl_custom_deinit(face);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(same_engine_seed_gives_same_mutations),
        TEST(works_without_another_input),
        TEST(description_fits_a_file_name),
        TEST(post_process_leaves_its_own_result),
        TEST(post_process_can_be_switched_off),
        TEST(trim_loop_ends_with_the_least_that_is_good),
        TEST(tail_stays_behind_the_message),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
