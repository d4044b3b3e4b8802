/* A folder of its own for a test, and a callback that keeps complaints. */
#ifndef SMT_TESTS_MESSAGE_FOLDER_H
#define SMT_TESTS_MESSAGE_FOLDER_H

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "message/message.h"

struct test_folder {
    char path[SMT_TEMPORARY_BYTES]; /* no slash at its end */
    struct smt_message_list list;
    struct smt_buffer complaints; /* one a line */
    size_t complaint_count;
};

static inline int test_folder_setup(void **state)
{
    struct test_folder *folder = calloc(1, sizeof *folder);

    if (!folder) return -1;
    if (smt_temporary_folder("test-message", folder->path) != SMT_OK) return -1;
    smt_message_list_init(&folder->list);
    smt_buffer_init(&folder->complaints);
    *state = folder;
    return 0;
}

static inline int test_folder_remove_one(const char *path, const struct stat *info, int type,
                                         struct FTW *walk)
{
    (void)info, (void)type, (void)walk;
    return remove(path);
}

static inline int test_folder_teardown(void **state)
{
    struct test_folder *folder = *state;

    nftw(folder->path, test_folder_remove_one, 16, FTW_DEPTH | FTW_PHYS);
    smt_message_list_clear(&folder->list);
    smt_buffer_clear(&folder->complaints);
    free(folder);
    return 0;
}

/* The path of a name in the folder; good until the next four calls. */
static inline const char *test_folder_path(const struct test_folder *folder, const char *name)
{
    static char paths[4][4096];
    static unsigned next;
    char *path = paths[next++ % 4];

    snprintf(path, sizeof paths[0], "%s/%s", folder->path, name);
    return path;
}

/* Writes a file, and the folders it lies in. */
static inline void test_folder_write(const struct test_folder *folder, const char *name,
                                     const void *bytes, size_t size_bytes)
{
    char path[4096];
    FILE *file;

    snprintf(path, sizeof path, "%s/%s", folder->path, name);
    for (char *c = path + strlen(folder->path) + 1; *c; c++) {
        if (*c != '/') continue;
        *c = '\0';
        mkdir(path, 0700);
        *c = '/';
    }
    file = fopen(path, "w");
    if (!file) abort();
    if (size_bytes && fwrite(bytes, size_bytes, 1, file) != 1) abort();
    fclose(file);
}

static inline void test_folder_write_text(const struct test_folder *folder, const char *name,
                                          const char *text)
{
    test_folder_write(folder, name, text, strlen(text));
}

static inline void test_folder_link(const struct test_folder *folder, const char *target,
                                    const char *name)
{
    if (symlink(target, test_folder_path(folder, name)) != 0) abort();
}

static inline void test_folder_complain(void *context, const char *sentence)
{
    struct test_folder *folder = context;

    folder->complaint_count++;
    smt_buffer_addf(&folder->complaints, "%s\n", sentence);
}

/* Reads `name` in the folder, complaints going to the folder. */
static inline enum smt_status test_folder_add(struct test_folder *folder, const char *name)
{
    return smt_message_add_path(&folder->list, test_folder_path(folder, name), test_folder_complain,
                                folder);
}

static inline bool test_folder_has_complaint(const struct test_folder *folder, const char *part)
{
    return folder->complaints.data && strstr(folder->complaints.data, part);
}

/* Names of all messages without the folder, joined by blanks; static. */
static inline const char *test_folder_names(const struct test_folder *folder)
{
    static char names[4096];
    size_t prefix = strlen(folder->path) + 1;

    names[0] = '\0';
    for (size_t i = 0; i < folder->list.count; i++) {
        const char *name = folder->list.items[i].name;

        if (strncmp(name, folder->path, prefix - 1) == 0) name += prefix;
        if (i > 0) strcat(names, " ");
        strcat(names, name);
    }
    return names;
}

#endif
