/* base/descriptors.h - which descriptors this process has, and how many it may. */
#ifndef SMT_BASE_DESCRIPTORS_H
#define SMT_BASE_DESCRIPTORS_H

#include <stdbool.h>

/* Raises the soft limit to the hard one (RLIMIT_NOFILE); programs started later
 * inherit it. False when it was there already, or the system refuses. */
bool smt_descriptors_raise(void);

/* Whether there are enough left for a loop of libuv, which ends the program
 * when it cannot open a pipe of its own. */
bool smt_descriptors_suffice(void);

/* A standard stream the caller closed must not become another file or socket by
 * accident: it is taken, and reading and writing it fails. */
void smt_descriptors_secure(void);

#endif
