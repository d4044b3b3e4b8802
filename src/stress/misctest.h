/* stress/misctest.h - the two functions of Kamailio's misctest, for C programs:
 * <misctest.h>, with libmemtest.
 *
 * They keep misctest's names, the one exception to the prefix. Both work on
 * one engine of the whole process (backend libc, no content checks), made on
 * first use; any thread may call. */
#ifndef SMT_STRESS_MISCTEST_H
#define SMT_STRESS_MISCTEST_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

/* Allocates size bytes and keeps them; 0, or -1 when refused. */
int mt_mem_alloc(size_t size);

/* Frees everything mt_mem_alloc() allocated up to now. */
void mt_mem_free(void);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif
