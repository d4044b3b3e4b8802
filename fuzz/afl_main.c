/* fuzz/afl_main.c - a target as AFL++ runs it: persistent, input in shared memory.
 * With arguments, or outside of AFL++ on a terminal, it replays files instead. */
#include <unistd.h> /* for a macro of afl-clang-fast */

#include "oracle.h"

__AFL_FUZZ_INIT();

#define ROUNDS 100000 /* inputs a process */

int main(int argc, char **argv)
{
    const unsigned char *input;

    if (argc > 1) return smt_fuzz_replay(argc, argv);
    LLVMFuzzerInitialize(&argc, &argv);
    __AFL_INIT();
    input = __AFL_FUZZ_TESTCASE_BUF;
    while (__AFL_LOOP(ROUNDS)) {
        int size = __AFL_FUZZ_TESTCASE_LEN;

        LLVMFuzzerTestOneInput(input, size < 0 ? 0 : (size_t)size);
    }
    return 0;
}
