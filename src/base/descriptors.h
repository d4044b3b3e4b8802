/* base/descriptors.h - how many descriptors this process may have open. */
#ifndef SMT_BASE_DESCRIPTORS_H
#define SMT_BASE_DESCRIPTORS_H

#include <stdbool.h>

/* Raises the soft limit to the hard one (RLIMIT_NOFILE); programs started later
 * inherit it. False when it was there already, or the system refuses. */
bool smt_descriptors_raise(void);

#endif
