/* Files and folders through one of these targets, without an engine. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/base.h"

#define FILE_MAX ((size_t)16 << 20)

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t size_bytes);

static size_t replayed;

static bool file_replay(const char *path)
{
    struct smt_buffer bytes;
    bool loaded;

    smt_buffer_init(&bytes);
    loaded = smt_buffer_load(&bytes, path, FILE_MAX) == SMT_OK;
    if (loaded) {
        printf("%s\n", path);
        fflush(stdout); /* which one it was, should it be the last */
        LLVMFuzzerTestOneInput((const unsigned char *)bytes.data, bytes.size);
        replayed++;
    } else {
        fprintf(stderr, "%s\n", smt_fail_text());
    }
    smt_buffer_clear(&bytes);
    return loaded;
}

static bool folder_replay(const char *path)
{
    struct dirent **entries;
    int count = scandir(path, &entries, NULL, alphasort);
    bool good = true;

    for (int i = 0; i < count; i++) {
        char name[4096];

        snprintf(name, sizeof name, "%.2000s/%.2000s", path, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.' && !file_replay(name)) good = false;
        free(entries[i]);
    }
    if (count >= 0) free(entries);
    return good && count >= 0;
}

int main(int argc, char **argv)
{
    bool good = true;

    for (int i = 1; i < argc; i++) {
        struct stat info;

        if (stat(argv[i], &info) == 0 && S_ISDIR(info.st_mode))
            good = folder_replay(argv[i]) && good;
        else
            good = file_replay(argv[i]) && good;
    }
    printf("%zu inputs, nothing found\n", replayed);
    return good && replayed ? 0 : 2;
}
