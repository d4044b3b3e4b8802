/* library/gate.h - between libmemtest and who catches allocations for it.
 *
 * A catcher stands in front of malloc() and its family: libmemtest_malloc by
 * defining them, libmemtest_wrap by the linker's --wrap. Both are of their own
 * files and know only this header, so that a program links one of them or none.
 *
 *    function under test -> malloc() -> gate open in this thread?
 *                                          | yes             | no
 *                                          v                 v
 *                                  gate->allocate       the next malloc()
 *
 * Open is a thread's own: only the sweeping thread, only while the function (or
 * its release) is being called. While the gate's own functions are at work it is
 * shut, so that what they allocate passes. Addresses decide where a block goes
 * back to: what is not owned, foreign pointers included, goes to the next free(). */
#ifndef SMT_LIBRARY_GATE_H
#define SMT_LIBRARY_GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct smt_gate {
    void *(*allocate)(uintptr_t caller, size_t alignment, size_t size_bytes, bool zeroed);
    void *(*reallocate)(uintptr_t caller, void *block, size_t size_bytes);
    void (*release)(uintptr_t caller, void *block);
    bool (*owns)(const void *address);
    size_t (*size)(const void *block); /* of a live block that begins there, else 0 */
};

/* A catcher defines both; libmemtest refers to them weakly. The gate is static
 * and stays known once it was given. */
__attribute__((weak, visibility("default"))) void smt_catch_gate(const struct smt_gate *gate);
/* Opens or shuts the gate for the calling thread. */
__attribute__((weak, visibility("default"))) void smt_catch_open(bool open);

#endif
