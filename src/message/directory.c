#include "message/internal.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Paths relative to the root; those of folders end with a slash, "" is the root. */
struct path_list {
    char **items;
    size_t count;
    size_t capacity;
};

/* One walk. Folders wait in a list instead of on the stack: no depth that could
 * exhaust it, and one open directory at a time. */
struct walk {
    const char *root; /* "corpus/" */
    struct path_list folders;
    struct path_list files;
    smt_message_on_error *on_error;
    void *context;
};

/* Names in a directory that are no messages. */
static const char *const skipped_patterns[] = {".*", SMT_MESSAGE_MANIFEST, "README*", "*.md"};

static void path_list_clear(struct path_list *list)
{
    for (size_t i = 0; i < list->count; i++) free(list->items[i]);
    free(list->items);
    *list = (struct path_list){0};
}

/* Takes `path`, also when it fails; NULL is taken for out of memory. */
static bool path_list_take(struct path_list *list, char *path)
{
    if (path && list->count == list->capacity) {
        size_t capacity = list->capacity ? list->capacity * 2 : 64;
        char **items = reallocarray(list->items, capacity, sizeof *items);

        if (!items) {
            free(path);
            return false;
        }
        list->items = items;
        list->capacity = capacity;
    }
    if (!path) return false;
    list->items[list->count++] = path;
    return true;
}

/* A new string of up to three parts; NULL when out of memory. */
static char *text_join(const char *a, const char *b, const char *c)
{
    char *text;

    return asprintf(&text, "%s%s%s", a, b, c) < 0 ? NULL : text;
}

static void walk_complain(const struct walk *walk)
{
    if (walk->on_error) walk->on_error(walk->context, smt_fail_text());
}

static bool name_is_skipped(const char *name)
{
    for (size_t i = 0; i < sizeof skipped_patterns / sizeof skipped_patterns[0]; i++)
        if (fnmatch(skipped_patterns[i], name, 0) == 0) return true;
    return false;
}

/* Puts one entry of `folder` where it belongs. */
static enum smt_status walk_add_entry(struct walk *walk, const char *folder, const char *name)
{
    char *path = text_join(walk->root, folder, name);
    struct path_list *list = NULL;
    const char *closing = "";
    bool is_known, is_link = false;
    struct stat info;

    if (!path) return smt_fail(SMT_ENOMEM, "%s: out of memory", walk->root);
    is_known = lstat(path, &info) == 0;
    if (is_known && S_ISLNK(info.st_mode)) {
        is_link = true;
        is_known = stat(path, &info) == 0;
    }
    if (!is_known) {
        smt_fail(SMT_EINPUT, "%s: cannot read%s: %s", path, is_link ? " where it links to" : "",
                 strerror(errno));
        walk_complain(walk);
    } else if (S_ISREG(info.st_mode)) {
        list = &walk->files;
    } else if (S_ISDIR(info.st_mode) && !is_link) {
        list = &walk->folders;
        closing = "/";
    }
    free(path);
    if (list && !path_list_take(list, text_join(folder, name, closing)))
        return smt_fail(SMT_ENOMEM, "%s: out of memory", walk->root);
    return SMT_OK;
}

/* Reads the entries of one folder. SMT_EINPUT when it cannot be read. */
static enum smt_status walk_read_folder(struct walk *walk, const char *folder)
{
    char *path = text_join(walk->root, folder, "");
    enum smt_status status = SMT_OK;
    struct dirent *entry;
    DIR *stream;

    if (!path) return smt_fail(SMT_ENOMEM, "%s: out of memory", walk->root);
    stream = opendir(path);
    if (!stream) {
        status = smt_fail(SMT_EINPUT, "%s: cannot read the directory: %s", path, strerror(errno));
        goto out;
    }
    for (;;) {
        errno = 0;
        entry = readdir(stream);
        if (!entry) break;
        if (name_is_skipped(entry->d_name)) continue;
        status = walk_add_entry(walk, folder, entry->d_name);
        if (status != SMT_OK) goto out;
    }
    if (errno)
        status = smt_fail(SMT_EINPUT, "%s: cannot read the directory: %s", path, strerror(errno));
out:
    if (stream) closedir(stream);
    free(path);
    return status;
}

static int path_compare(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

/* Finds all folders, files and manifests below the root. */
static enum smt_status walk_find(struct walk *walk, struct smt_message_manifest *manifest)
{
    if (!path_list_take(&walk->folders, strdup("")))
        return smt_fail(SMT_ENOMEM, "%s: out of memory", walk->root);
    for (size_t i = 0; i < walk->folders.count; i++) {
        const char *folder = walk->folders.items[i];
        enum smt_status status = walk_read_folder(walk, folder);

        if (status == SMT_EINPUT && i > 0) {
            walk_complain(walk);
            continue;
        }
        if (status == SMT_OK) status = smt_message_manifest_load(manifest, folder);
        if (status != SMT_OK) return status;
    }
    /* Sorting by folder and then by name would be another order: '-' < '/'. */
    if (walk->files.count > 0)
        qsort(walk->files.items, walk->files.count, sizeof *walk->files.items, path_compare);
    return smt_message_manifest_sort(manifest);
}

/* Reads the files found. */
static enum smt_status walk_add_files(const struct walk *walk, struct smt_message_list *list,
                                      struct smt_message_manifest *manifest)
{
    size_t count = list->count;

    for (size_t i = 0; i < walk->files.count; i++) {
        const char *file = walk->files.items[i];
        char *path = text_join(walk->root, file, "");
        enum smt_status status;

        if (!path) return smt_fail(SMT_ENOMEM, "%s: out of memory", walk->root);
        status = smt_message_read_file(list, path);
        free(path);
        smt_message_manifest_see(manifest, file);
        if (status == SMT_OK)
            smt_message_manifest_apply(manifest, file, &list->items[list->count - 1]);
        else if (status == SMT_EINPUT)
            walk_complain(walk);
        else
            return status;
    }
    smt_message_manifest_complain(manifest, walk->on_error, walk->context);
    if (list->count > count) return SMT_OK;
    return smt_fail(SMT_EINPUT,
                    "%s: no message in this directory; hidden files, README* and *.md do not count",
                    walk->root);
}

static enum smt_status add_directory(struct smt_message_list *list, const char *root,
                                     smt_message_on_error *on_error, void *context)
{
    struct walk walk = {.root = root, .on_error = on_error, .context = context};
    struct smt_message_manifest *manifest = smt_message_manifest_new(root, strlen(root));
    enum smt_status status = SMT_ENOMEM;

    if (!manifest) return smt_fail(SMT_ENOMEM, "%s: out of memory", root);
    status = walk_find(&walk, manifest);
    if (status == SMT_OK) status = walk_add_files(&walk, list, manifest);
    path_list_clear(&walk.folders);
    path_list_clear(&walk.files);
    smt_message_manifest_free(manifest);
    return status;
}

enum smt_status smt_message_add_path(struct smt_message_list *list, const char *path,
                                     smt_message_on_error *on_error, void *context)
{
    size_t length = strlen(path);
    enum smt_status status;
    struct stat info;
    char *root;

    if (strcmp(path, "-") == 0 || stat(path, &info) != 0 || !S_ISDIR(info.st_mode))
        return smt_message_add_file(list, path);
    root = text_join(path, path[length - 1] == '/' ? "" : "/", "");
    if (!root) return smt_fail(SMT_ENOMEM, "%s: out of memory", path);
    status = add_directory(list, root, on_error, context);
    free(root);
    return status;
}
