/* report/help.c - what a verdict means to a team, and what to do about it. */
#include "report/inside.h"

static const char *const help[SMT_VERDICT_COUNT] = {
    [SMT_VERDICT_CRASH] =
        "The parser ended its process: a signal, abort() or exit(). Who can send the message, or "
        "can make memory scarce, can stop the program. The stack \"failed\" is where it ended; "
        "when memory was refused, look there for a result that was used unchecked.",
    [SMT_VERDICT_HANG] =
        "The run took more than a hundred times the CPU time of the undisturbed one. After a "
        "refusal this is mostly a loop that retries for ever or waits for a list to shrink.",
    [SMT_VERDICT_CORRUPT] =
        "Bytes outside a block were written. In production they belong to somebody else: another "
        "message, or the allocator. The writer is in the stack \"failed\", the block's own stack "
        "says where its size was chosen.",
    [SMT_VERDICT_OVER_READ] =
        "Bytes outside a block, or behind the end of the message, were read. The result depends on "
        "what lies there, and may send it to the peer. Often a missing length check or a string "
        "without its closing zero.",
    [SMT_VERDICT_USE_AFTER_FREE] =
        "A block was used after its release. The three stacks say where it was allocated, where it "
        "was released and where it was used then; the release is the one to move, or the pointer "
        "to clear.",
    [SMT_VERDICT_BAD_FREE] =
        "A pointer was released that is no block in use: released already, never allocated, or "
        "pointing into the middle of one. On error paths mostly two owners of one block.",
    [SMT_VERDICT_LEAK] =
        "After everything was released, blocks are left that no pointer reaches. A server that "
        "meets the case often grows until it is restarted. The stack says who allocated them.",
    [SMT_VERDICT_UNINITIALIZED] =
        "The result changes with what fresh memory happens to hold: something was read before it "
        "was written. The block is known, the reader is not: valgrind --track-origins=yes names it "
        "when it runs sipmemtest --heap=libc --in-process --replay TOKEN FILE.",
    [SMT_VERDICT_MISMATCH] =
        "The same message rendered in two ways differs: the copy from its original, or a message "
        "parsed again from its own text.",
    [SMT_VERDICT_UNEXPECTED] =
        "The manifest beside the messages says accept and the parser rejects, or the reverse.",
    [SMT_VERDICT_SWALLOWED] =
        "Memory was refused, success was reported, and part of the message is gone or altered: the "
        "program goes on with a message its peer never sent. Look for an allocation whose failure "
        "is neither checked nor passed on above the stack \"refused\".",
    [SMT_VERDICT_WRONG_CODE] =
        "Memory was refused and an error reported, but not the one for out of memory: a good "
        "message is answered as if it were a bad one, and nobody learns that memory is short.",
    [SMT_VERDICT_POISONED] =
        "After the run, an undisturbed run of the same message in the same process gives another "
        "result: static data was left in a state that does not belong there.",
    [SMT_VERDICT_NONDETERMINISTIC] =
        "Two runs of the same message ask for memory in a different order. The sweep cannot refuse "
        "what it means to refuse; something besides the message decides, such as time, addresses "
        "or leftovers of the run before.",
    [SMT_VERDICT_CACHED] =
        "Blocks were left that the library's static data still reaches: a cache, no defect.",
    [SMT_VERDICT_BENIGN] =
        "Memory was refused, success was reported, and the result is the same: no defect.",
    [SMT_VERDICT_CLEAN] =
        "Memory was refused, the parser said so and left nothing behind: as it should be.",
};

const char *smt_report_show_help(enum smt_verdict verdict)
{
    return help[verdict];
}
