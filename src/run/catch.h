/* run/catch.h - inside run/: the signal by which the parent asks a child where
 * it hangs. */
#ifndef SMT_RUN_CATCH_H
#define SMT_RUN_CATCH_H

#include <signal.h>

#define SMT_HANG_SIGNAL SIGUSR2

#endif
