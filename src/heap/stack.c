#define UNW_LOCAL_ONLY
#include "heap/stack.h"

#include <libunwind.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>
#include <xxhash.h>

#include "heap/module.h"
#include "heap/unwind.h"

#define TRACE_MAX 160   /* frames looked at before the slow walk */
#define WALK_MAX  65536 /* frames walked in search of a caller or the boundary */

/* A frame while walking: cfa is the stack pointer of the frame around it. */
struct walked_frame {
    uintptr_t ip, sp, cfa;
    bool is_last;
};

static void stack_push(struct smt_stack *stack, uintptr_t address)
{
    if (stack->depth < SMT_STACK_MAX) stack->frames[stack->depth++] = address;
}

/* Reads the frame the cursor is at and moves it outward. */
static void cursor_next(unw_cursor_t *cursor, struct walked_frame *ret_frame)
{
    unw_word_t ip = 0, sp = 0, cfa = 0;

    unw_get_reg(cursor, UNW_REG_IP, &ip);
    unw_get_reg(cursor, UNW_REG_SP, &sp);
    ret_frame->is_last = unw_step(cursor) <= 0 || unw_get_reg(cursor, UNW_REG_SP, &cfa) < 0;
    ret_frame->ip = ip;
    ret_frame->sp = sp;
    ret_frame->cfa = ret_frame->is_last ? sp : cfa;
}

static bool frame_is_ours(const struct walked_frame *frame, const void *boundary)
{
    return boundary && frame->cfa > (uintptr_t)boundary;
}

/* Walks from the cursor to the boundary; with `caller`, frames inside of that return
 * address are left out. */
static void stack_walk(struct smt_stack *stack, unw_cursor_t *cursor, uintptr_t caller,
                       const void *boundary)
{
    bool wanted = caller == 0;
    struct walked_frame frame;

    for (unsigned i = 0; i < WALK_MAX; i++) {
        cursor_next(cursor, &frame);
        if (!frame.ip || frame_is_ours(&frame, boundary)) return;
        if (frame.ip == caller) wanted = true;
        if (wanted) stack_push(stack, frame.ip);
        if (frame.is_last || stack->depth == SMT_STACK_MAX) return;
    }
}

/* From `point` by heap/unwind.h. False when that does not find the caller or the
 * boundary. */
static bool stack_trace(struct smt_stack *stack, const struct smt_unwind_point *point,
                        uintptr_t caller, const void *boundary)
{
    uintptr_t trace[TRACE_MAX];
    unsigned count = boundary ? smt_unwind_walk_to(point, boundary, trace, TRACE_MAX) : 0;
    unsigned first = 0;

    while (first < count && trace[first] != caller) first++;
    if (first == count) return false;
    for (; first < count && stack->depth < SMT_STACK_MAX; first++) stack_push(stack, trace[first]);
    return true;
}

__attribute__((noinline)) void smt_stack_capture_from(struct smt_stack *stack, const void *caller,
                                                      const void *boundary)
{
    struct smt_unwind_point point = SMT_UNWIND_CALLER();
    unw_context_t context;
    unw_cursor_t cursor;

    stack->depth = 0;
    stack->exact_top = false;
    if (stack_trace(stack, &point, (uintptr_t)caller, boundary)) return;
    if (unw_getcontext(&context) == 0 && unw_init_local(&cursor, &context) == 0)
        stack_walk(stack, &cursor, (uintptr_t)caller, boundary);
    if (!stack->depth) stack_push(stack, (uintptr_t)caller);
}

__attribute__((noinline)) void smt_stack_capture(struct smt_stack *stack, const void *boundary)
{
    smt_stack_capture_from(stack, __builtin_return_address(0), boundary);
    __asm__ volatile("" ::: "memory"); /* no tail call: it would drop the frame we look for */
}

#if defined(__x86_64__)
static uintptr_t context_pc(const ucontext_t *context)
{
    return (uintptr_t)context->uc_mcontext.gregs[REG_RIP];
}

/* Undoes a call that went to no code: back to where it would have returned. */
static bool context_return(ucontext_t *context)
{
    uintptr_t sp = (uintptr_t)context->uc_mcontext.gregs[REG_RSP];
    uintptr_t address;

    if (!smt_unwind_is_readable(sp)) return false;
    memcpy(&address, (const void *)sp, sizeof address);
    if (!smt_module_is_code(address)) return false;
    context->uc_mcontext.gregs[REG_RIP] = (greg_t)address;
    context->uc_mcontext.gregs[REG_RSP] = (greg_t)(sp + sizeof address);
    return true;
}
#else
#error "say here where a signal context keeps its program counter"
#endif

void smt_stack_capture_context(struct smt_stack *stack, const void *ucontext, const void *boundary)
{
    ucontext_t context;
    unw_cursor_t cursor;
    int flags = UNW_INIT_SIGNAL_FRAME;

    memcpy(&context, ucontext, sizeof context);
    stack->depth = 0;
    stack->exact_top = true;
    if (!smt_module_is_code(context_pc(&context))) {
        stack_push(stack, context_pc(&context));
        if (!context_return(&context)) return;
        flags = 0;
    }
    if (unw_init_local2(&cursor, &context, flags) == 0) stack_walk(stack, &cursor, 0, boundary);
    if (!stack->depth) stack_push(stack, context_pc(&context));
}

__attribute__((noinline)) void smt_stack_warm_up(void)
{
    static uint64_t generation;
    struct smt_stack stack;
    unw_context_t context;

    smt_module_refresh();
    if (generation && generation != smt_module_generation()) smt_unwind_forget();
    generation = smt_module_generation();
    unw_set_caching_policy(unw_local_addr_space, UNW_CACHE_PER_THREAD);
    smt_stack_capture(&stack, NULL);
    smt_stack_capture(&stack, __builtin_frame_address(0));
    if (unw_getcontext(&context) == 0) smt_stack_capture_context(&stack, &context, NULL);
    (void)syscall(SYS_getpid); /* binds syscall() */
    (void)smt_stack_hash(&stack);
}

uint64_t smt_stack_hash(const struct smt_stack *stack)
{
    uint64_t places[2 * SMT_STACK_MAX];

    for (uint32_t i = 0; i < stack->depth; i++) {
        const struct smt_module *module = smt_module_find(stack->frames[i]);

        places[2 * i] = module ? module->identity : 0;
        places[2 * i + 1] = module ? stack->frames[i] - module->bias : stack->frames[i] & 0xFFF;
    }
    return XXH3_64bits(places, stack->depth * 2 * sizeof *places);
}
