/* heap/stack: which frames a capture has, from hooks and from signal handlers. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <ucontext.h>
#include <unistd.h>
#include <cmocka.h>

#include "heap/module.h"
#include "heap/stack.h"
#include "heap/symbol.h"

#if defined(__has_feature)
#define SANITIZED (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

#define NOINLINE __attribute__((noinline, noclone))
#ifdef __clang__
#undef NOINLINE
#define NOINLINE __attribute__((noinline))
#endif

static struct smt_stack captured;
static const void *captured_boundary;
static volatile int after_call; /* work after a call: no tail calls */
static volatile unsigned allocations;

#if !SANITIZED
void *__libc_malloc(size_t size_bytes);
void *__libc_calloc(size_t count, size_t size_bytes);
void *__libc_realloc(void *block, size_t size_bytes);

void *malloc(size_t size_bytes)
{
    allocations++;
    return __libc_malloc(size_bytes);
}

void *calloc(size_t count, size_t size_bytes)
{
    allocations++;
    return __libc_calloc(count, size_bytes);
}

void *realloc(void *block, size_t size_bytes)
{
    allocations++;
    return __libc_realloc(block, size_bytes);
}
#endif

static const char *function_name(uint32_t index)
{
    struct smt_frame frame;

    assert_true(index < captured.depth);
    smt_symbol_frame(captured.frames[index], captured.exact_top && index == 0, &frame);
    return frame.function ? frame.function : "?";
}

NOINLINE static void innermost(void)
{
    smt_stack_capture(&captured, captured_boundary);
    after_call++;
}

NOINLINE static void middle(void)
{
    innermost();
    after_call++;
}

NOINLINE static void outermost(void)
{
    middle();
    after_call++;
}

NOINLINE static void run_begin(void (*call)(void))
{
    captured_boundary = __builtin_frame_address(0);
    call();
    after_call++;
}

static void nested_functions_are_named_from_the_caller_outward(void **state)
{
    struct smt_frame frame;

    (void)state;
    captured_boundary = NULL;

    outermost();

    assert_string_equal(function_name(0), "innermost");
    assert_string_equal(function_name(1), "middle");
    assert_string_equal(function_name(2), "outermost");
    assert_string_equal(function_name(3), __func__);
    assert_true(captured.depth > 4);
    assert_false(captured.exact_top);
    smt_symbol_frame(captured.frames[1], false, &frame);
    assert_string_equal(frame.module, "test_stack");
    assert_non_null(frame.file);
    assert_non_null(strstr(frame.file, "test_stack.c"));
    assert_true(frame.line > 0);
}

static void names_carry_no_symbol_version(void **state)
{
    (void)state;
    captured_boundary = NULL;

    outermost(); /* outermost of all: the C library's start of the program */

    assert_true(captured.depth > 5);
    for (uint32_t i = 0; i < captured.depth; i++) assert_null(strchr(function_name(i), '@'));
}

static void boundary_cuts_the_frame_it_is_in_and_all_outward(void **state)
{
    (void)state;

    for (int i = 0; i < 3; i++) { /* the first walk learns the frames, later ones know them */
        run_begin(outermost);

        assert_int_equal(captured.depth, 3);
        assert_string_equal(function_name(2), "outermost");
    }
}

NOINLINE static void run_begin_deeper(void)
{
    run_begin(middle);
    after_call++;
}

static void boundary_of_an_earlier_run_is_not_mistaken_for_this_one(void **state)
{
    (void)state;

    run_begin(outermost);
    assert_int_equal(captured.depth, 3);
    run_begin_deeper();
    assert_int_equal(captured.depth, 2);
    assert_string_equal(function_name(1), "middle");
    run_begin(innermost);
    assert_int_equal(captured.depth, 1);
}

NOINLINE static void hook_inner(const void *caller)
{
    smt_stack_capture_from(&captured, caller, captured_boundary);
    after_call++;
}

NOINLINE static void hook(void)
{
    hook_inner(__builtin_return_address(0));
    after_call++;
}

NOINLINE static void allocating(void)
{
    hook();
    after_call++;
}

static void frames_of_a_hook_are_left_out(void **state)
{
    (void)state;

    for (int i = 0; i < 2; i++) {
        run_begin(allocating);

        assert_int_equal(captured.depth, 1);
        assert_string_equal(function_name(0), "allocating");
    }
}

static void caller_that_is_not_on_the_stack_stands_alone(void **state)
{
    (void)state;

    smt_stack_capture_from(&captured, (const void *)0x1234, NULL);

    assert_int_equal(captured.depth, 1);
    assert_int_equal(captured.frames[0], 0x1234);
}

NOINLINE static void recurse(int left)
{
    if (left) recurse(left - 1);
    if (!left) innermost();
    after_call++;
}

static void recurse_200(void)
{
    recurse(200);
}

static void deep_stack_keeps_the_innermost_frames(void **state)
{
    (void)state;

    for (int i = 0; i < 2; i++) {
        run_begin(recurse_200);

        assert_int_equal(captured.depth, SMT_STACK_MAX);
        assert_string_equal(function_name(0), "innermost");
        assert_string_equal(function_name(1), "recurse");
        assert_string_equal(function_name(SMT_STACK_MAX - 1), "recurse");
    }
}

static void capture_allocates_nothing_after_the_warm_up(void **state)
{
    unsigned before;

    (void)state;
#if SANITIZED
    skip();
#endif
    free(malloc(1)); /* the counter works */
    assert_true(allocations > 0);

    before = allocations;
    run_begin(outermost);
    run_begin(recurse_200);
    captured_boundary = NULL;
    outermost();

    assert_int_equal(allocations, before);
    assert_int_not_equal(smt_stack_hash(&captured), 0);
    assert_int_equal(allocations, before);
}

static sigjmp_buf escape;
static volatile unsigned allocations_in_handler;

static void fault_handler(int number, siginfo_t *info, void *context)
{
    unsigned before = allocations;

    (void)number;
    (void)info;
    smt_stack_capture_context(&captured, context, captured_boundary);
    allocations_in_handler = allocations - before;
    siglongjmp(escape, 1);
}

/* Runs `call` with faults caught on a stack of their own. */
static void with_faults_caught(void (*call)(void))
{
    static char handler_stack[1 << 16];
    stack_t old_stack, stack = {.ss_sp = handler_stack, .ss_size = sizeof handler_stack};
    struct sigaction old, action = {.sa_sigaction = fault_handler};

    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    assert_int_equal(sigaltstack(&stack, &old_stack), 0);
    assert_int_equal(sigaction(SIGSEGV, &action, &old), 0);
    captured.depth = 0;
    if (!sigsetjmp(escape, 1)) run_begin(call);
    assert_int_equal(sigaction(SIGSEGV, &old, NULL), 0);
    assert_int_equal(sigaltstack(&old_stack, NULL), 0);
}

static volatile char *volatile unmapped = (char *)8;

__attribute__((no_sanitize("undefined"))) NOINLINE static void write_wildly(void)
{
    *unmapped = 1;
    after_call++;
}

NOINLINE static void call_writer(void)
{
    write_wildly();
    after_call++;
}

static void fault_is_found_at_its_exact_instruction(void **state)
{
    (void)state;

    with_faults_caught(call_writer);

    assert_true(captured.exact_top);
    assert_int_equal(captured.depth, 2);
    assert_string_equal(function_name(0), "write_wildly");
    assert_string_equal(function_name(1), "call_writer");
    assert_int_equal(allocations_in_handler, 0);
}

static void (*volatile no_function)(void);

__attribute__((no_sanitize("undefined"))) NOINLINE static void call_null(void)
{
    no_function();
    after_call++;
}

static void call_through_null_is_blamed_on_the_caller(void **state)
{
    (void)state;

    with_faults_caught(call_null);

    assert_int_equal(captured.depth, 2);
    assert_int_equal(captured.frames[0], 0);
    assert_string_equal(function_name(0), "?");
    assert_string_equal(function_name(1), "call_null");
}

static volatile int always = 1;

NOINLINE static int recurse_forever(int level)
{
    volatile char room[512];

    room[0] = (char)level;
    if (always) after_call = recurse_forever(level + 1);
    return room[0] + after_call;
}

static void overflow_stack(void)
{
    after_call = recurse_forever(0);
}

static void stack_overflow_keeps_the_innermost_frames(void **state)
{
    struct rlimit limit;

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_STACK, &limit), 0);
    if (limit.rlim_cur > 8u << 20) limit.rlim_cur = 8u << 20; /* some have none */
    assert_int_equal(setrlimit(RLIMIT_STACK, &limit), 0);

    with_faults_caught(overflow_stack);

    assert_int_equal(captured.depth, SMT_STACK_MAX);
    assert_string_equal(function_name(1), "recurse_forever");
    assert_string_equal(function_name(SMT_STACK_MAX - 1), "recurse_forever");
    assert_int_equal(allocations_in_handler, 0);
}

static void context_with_a_wild_stack_pointer_gives_one_frame(void **state)
{
    ucontext_t context;

    (void)state;
    assert_int_equal(getcontext(&context), 0);
    context.uc_mcontext.gregs[REG_RIP] = 0x10;
    context.uc_mcontext.gregs[REG_RSP] = 0x20;

    smt_stack_capture_context(&captured, &context, NULL);

    assert_int_equal(captured.depth, 1);
    assert_int_equal(captured.frames[0], 0x10);
}

/* The hash of a stack in a fresh copy of this program. */
static uint64_t hash_in_new_process(void)
{
    char command[4200], path[4096];
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    unsigned long hash = 0;
    FILE *output;

    assert_true(length > 0);
    path[length] = '\0';
    snprintf(command, sizeof command, "'%s' --hash", path);
    output = popen(command, "r");
    assert_non_null(output);
    assert_int_equal(fscanf(output, "%lx", &hash), 1);
    assert_int_equal(pclose(output), 0);
    return hash;
}

static void hash_is_the_same_in_every_process(void **state)
{
    uint64_t hash;

    (void)state;
    run_begin(outermost);

    hash = smt_stack_hash(&captured);

    assert_int_equal(hash_in_new_process(), hash);
    assert_int_equal(hash_in_new_process(), hash);
}

static void hash_tells_stacks_apart(void **state)
{
    uint64_t three_frames;

    (void)state;
    run_begin(outermost);
    three_frames = smt_stack_hash(&captured);

    run_begin(middle);

    assert_int_not_equal(smt_stack_hash(&captured), three_frames);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nested_functions_are_named_from_the_caller_outward),
        cmocka_unit_test(names_carry_no_symbol_version),
        cmocka_unit_test(boundary_cuts_the_frame_it_is_in_and_all_outward),
        cmocka_unit_test(boundary_of_an_earlier_run_is_not_mistaken_for_this_one),
        cmocka_unit_test(frames_of_a_hook_are_left_out),
        cmocka_unit_test(caller_that_is_not_on_the_stack_stands_alone),
        cmocka_unit_test(deep_stack_keeps_the_innermost_frames),
        cmocka_unit_test(capture_allocates_nothing_after_the_warm_up),
        cmocka_unit_test(fault_is_found_at_its_exact_instruction),
        cmocka_unit_test(call_through_null_is_blamed_on_the_caller),
        cmocka_unit_test(stack_overflow_keeps_the_innermost_frames),
        cmocka_unit_test(context_with_a_wild_stack_pointer_gives_one_frame),
        cmocka_unit_test(hash_is_the_same_in_every_process),
        cmocka_unit_test(hash_tells_stacks_apart),
    };

    smt_stack_warm_up();
    if (argc > 1 && strcmp(argv[1], "--hash") == 0) {
        run_begin(outermost);
        printf("%lx\n", (unsigned long)smt_stack_hash(&captured));
        return 0;
    }
    return cmocka_run_group_tests_name("stack", tests, NULL, NULL);
}
