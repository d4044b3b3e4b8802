/* base/memory.h - how much memory this process may have, and has. Any thread may
 * call. */
#ifndef SMT_BASE_MEMORY_H
#define SMT_BASE_MEMORY_H

#include <stdint.h>

/* What this process may use, in bytes: the least of its cgroups' limits (v1 and v2, up
 * to the root), RLIMIT_AS, RLIMIT_DATA and the machine's memory. */
uint64_t smt_memory_allowed(void);

/* What it has in memory, in bytes; 0 when /proc does not tell. Allocates nothing. */
uint64_t smt_memory_resident(void);

#endif
