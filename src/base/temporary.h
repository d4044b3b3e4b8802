/* base/temporary.h - files and folders for a while: in $TMPDIR, in /tmp when that is
 * unset or empty. Whoever makes one removes it. The path is absolute, so that who
 * changes folder meanwhile finds it. SMT_EIO names a folder that cannot be used. */
#ifndef SMT_BASE_TEMPORARY_H
#define SMT_BASE_TEMPORARY_H

#include "base/status.h"

#define SMT_TEMPORARY_BYTES 512 /* room for a path */

/* An empty file, its name beginning with `name`; open, and closed on exec. */
SMT_MUST_USE enum smt_status smt_temporary_file(const char *name,
                                                char ret_path[SMT_TEMPORARY_BYTES], int *ret_fd);

/* The same for a folder. */
SMT_MUST_USE enum smt_status smt_temporary_folder(const char *name,
                                                  char ret_path[SMT_TEMPORARY_BYTES]);

#endif
