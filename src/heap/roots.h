/* heap/roots.h - where pointers may lie outside the heap: the writable data of
 * loaded objects. For both scanners: heap/reach.h's of a parser run, and
 * heap/scan.h's of a whole process. */
#ifndef SMT_HEAP_ROOTS_H
#define SMT_HEAP_ROOTS_H

#include <stdint.h>

/* Called with each range; object_base is the object's load address. */
typedef void smt_roots_visit(void *context, uintptr_t object_base, uintptr_t from, uintptr_t to);

/* data and bss of every object, without what the dynamic linker made read-only. */
void smt_roots_each_data(smt_roots_visit *visit, void *context);

/* The same of the object that has this address, whether its pages were ever
 * touched or not. */
void smt_roots_data_of(uintptr_t address, smt_roots_visit *visit, void *context);

/* The calling thread's thread-local storage, object by object. */
void smt_roots_each_tls(smt_roots_visit *visit, void *context);

#endif
