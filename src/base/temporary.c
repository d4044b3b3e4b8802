#include "base/temporary.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *place(void)
{
    const char *folder = getenv("TMPDIR");

    return folder && *folder ? folder : "/tmp";
}

static enum smt_status place_refuse(int error)
{
    return smt_fail(SMT_EIO, "%s: cannot hold temporary files (see TMPDIR): %s", place(),
                    strerror(error));
}

/* The path as mkstemp() wants it. */
static enum smt_status pattern_make(const char *name, char ret_pattern[SMT_TEMPORARY_BYTES])
{
    char *folder = realpath(place(), NULL);
    int size;

    if (!folder) return place_refuse(errno);
    size = snprintf(ret_pattern, SMT_TEMPORARY_BYTES, "%s/%s-XXXXXX", folder, name);
    free(folder);
    return size < SMT_TEMPORARY_BYTES ? SMT_OK : place_refuse(ENAMETOOLONG);
}

enum smt_status smt_temporary_file(const char *name, char ret_path[SMT_TEMPORARY_BYTES],
                                   int *ret_fd)
{
    char path[SMT_TEMPORARY_BYTES];
    enum smt_status status = pattern_make(name, path);
    int fd;

    if (status != SMT_OK) return status;
    fd = mkostemp(path, O_CLOEXEC);
    if (fd < 0) return place_refuse(errno);
    strcpy(ret_path, path);
    *ret_fd = fd;
    return SMT_OK;
}

enum smt_status smt_temporary_folder(const char *name, char ret_path[SMT_TEMPORARY_BYTES])
{
    char path[SMT_TEMPORARY_BYTES];
    enum smt_status status = pattern_make(name, path);

    if (status != SMT_OK) return status;
    if (!mkdtemp(path)) return place_refuse(errno);
    strcpy(ret_path, path);
    return SMT_OK;
}
