/* bench/fuzz/go_on.c - linked to a fuzz target with --wrap, so that it goes on
 * after a finding: a speed is to be measured where every engine would have ended.
 *
 * A crash of the parser is jumped out of: what it held is in our arena, which the
 * next run empties. In a sanitizer's heap it is not, and there the end is the end. */
#include <setjmp.h>
#include <signal.h>

#include "oracle.h"

int __real_smt_fuzz_one(const uint8_t *data, size_t size_bytes);
int __wrap_smt_fuzz_one(const uint8_t *data, size_t size_bytes);
_Noreturn void __real_abort(void);
_Noreturn void __wrap_abort(void);

static sigjmp_buf next_input;
static bool is_at_work;

static void on_crash(int number)
{
    if (is_at_work) siglongjmp(next_input, 1);
    signal(number, SIG_DFL);
    raise(number);
}

int __wrap_smt_fuzz_one(const uint8_t *data, size_t size_bytes)
{
    static bool is_installed;

    if (!is_installed) {
        struct sigaction action = {.sa_handler = on_crash, .sa_flags = SA_NODEFER};

        sigaction(SIGSEGV, &action, NULL);
        sigaction(SIGBUS, &action, NULL);
        is_installed = true;
    }
    is_at_work = true;
    if (!sigsetjmp(next_input, 0)) __real_smt_fuzz_one(data, size_bytes);
    is_at_work = false;
    return 0;
}

/* The oracle reports when the run is over and everything released. */
void __wrap_abort(void)
{
    if (is_at_work) siglongjmp(next_input, 1);
    __real_abort();
}
