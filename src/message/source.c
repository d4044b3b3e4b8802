#include "message/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORD_BYTES_MOST 4096u /* longer ones are no line that anybody copies */

void smt_message_list_init(struct smt_message_list *list)
{
    *list = (struct smt_message_list){0};
}

void smt_message_clear(struct smt_message *message)
{
    free(message->name);
    free(message->data);
    free(message->words);
    *message = (struct smt_message){0};
}

void smt_message_list_clear(struct smt_message_list *list)
{
    for (size_t i = 0; i < list->count; i++) smt_message_clear(&list->items[i]);
    free(list->items);
    smt_message_manifest_free(list->manifest);
    smt_message_list_init(list);
}

/* Makes room for one message more. */
static bool list_reserve(struct smt_message_list *list)
{
    size_t capacity = list->capacity ? list->capacity * 2 : 16;
    struct smt_message *items;

    if (list->count < list->capacity) return true;
    items = reallocarray(list->items, capacity, sizeof *items);
    if (!items) return false;
    list->items = items;
    list->capacity = capacity;
    return true;
}

/* How sentences call a message: `-` alone would be overlooked. */
static const char *name_shown(const char *name)
{
    return strcmp(name, "-") == 0 ? "standard input" : name;
}

enum smt_status smt_message_add_bytes(struct smt_message_list *list, const char *name,
                                      const void *bytes, size_t size_bytes)
{
    struct smt_message message = {.size_bytes = size_bytes};

    if (size_bytes == 0)
        return smt_fail(SMT_EINPUT, "%s: empty message; a message needs at least one byte",
                        name_shown(name));
    if (size_bytes > SMT_MESSAGE_LIMIT_BYTES)
        return smt_fail(SMT_EINPUT, "%s: larger than the limit of %zu bytes", name_shown(name),
                        SMT_MESSAGE_LIMIT_BYTES);
    message.name = strdup(name);
    message.data = malloc(size_bytes + 1);
    if (!message.name || !message.data || !list_reserve(list)) {
        smt_message_clear(&message);
        return smt_fail(SMT_ENOMEM, "%s: out of memory", name_shown(name));
    }
    memcpy(message.data, bytes, size_bytes);
    message.data[size_bytes] = '\0';
    list->items[list->count++] = message;
    return SMT_OK;
}

void smt_message_add_words(const struct smt_message *message, struct smt_buffer *text)
{
    if (message->words) {
        smt_buffer_add_text(text, message->words);
        return;
    }
    if (message->name[0] == '-') smt_buffer_add_text(text, "./");
    smt_buffer_add_shell_word(text, message->name);
}

/* How this text is given again. */
static char *words_of_text(const char *name, const char *text)
{
    struct smt_buffer words;

    smt_buffer_init(&words);
    if (strlen(text) > WORD_BYTES_MOST) {
        smt_buffer_addf(&words, "--message-data TEXT # that of %s", name);
    } else {
        smt_buffer_add_text(&words, "--message-data ");
        smt_buffer_add_shell_word(&words, text);
    }
    return smt_buffer_take(&words);
}

enum smt_status smt_message_add_data(struct smt_message_list *list, const char *name,
                                     const char *text)
{
    struct smt_buffer bytes;
    enum smt_status status;
    char numbered[32];

    if (!name) {
        snprintf(numbered, sizeof numbered, "data:%zu", list->data_count + 1);
        name = numbered;
    }
    smt_buffer_init(&bytes);
    status = smt_message_unescape(name, text, &bytes);
    if (status == SMT_OK) status = smt_message_add_bytes(list, name, bytes.data, bytes.size);
    if (status == SMT_OK && name == numbered) {
        list->data_count++;
        list->items[list->count - 1].words = words_of_text(name, text);
    }
    smt_buffer_clear(&bytes);
    return status;
}

enum smt_status smt_message_read_file(struct smt_message_list *list, const char *path)
{
    struct smt_buffer bytes;
    enum smt_status status;

    smt_buffer_init(&bytes);
    status = smt_buffer_load(&bytes, path, SMT_MESSAGE_LIMIT_BYTES);
    if (status == SMT_OK) status = smt_message_add_bytes(list, path, bytes.data, bytes.size);
    smt_buffer_clear(&bytes);
    return status;
}

/* Has the manifest of the file's folder at hand in list->manifest. It is kept:
 * `corpus/` with a star behind is thousands of files and one manifest. */
static enum smt_status list_load_manifest(struct smt_message_list *list, const char *path,
                                          size_t folder_bytes)
{
    struct smt_message_manifest *manifest = list->manifest;
    enum smt_status status;

    if (manifest && strlen(manifest->root) == folder_bytes &&
        strncmp(manifest->root, path, folder_bytes) == 0)
        return SMT_OK;
    manifest = smt_message_manifest_new(path, folder_bytes);
    if (!manifest) return smt_fail(SMT_ENOMEM, "%s: out of memory", path);
    status = smt_message_manifest_load(manifest, "");
    if (status == SMT_OK) status = smt_message_manifest_sort(manifest);
    if (status != SMT_OK) {
        smt_message_manifest_free(manifest);
        return status;
    }
    smt_message_manifest_free(list->manifest);
    list->manifest = manifest;
    return SMT_OK;
}

enum smt_status smt_message_add_file(struct smt_message_list *list, const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t folder_bytes = slash ? (size_t)(slash - path) + 1 : 0;
    size_t count = list->count;
    enum smt_status status;

    status = smt_message_read_file(list, path);
    if (status != SMT_OK) return status;
    if (strcmp(path, "-") == 0) {
        list->items[count].words = strdup("- # and the same standard input");
        return SMT_OK;
    }
    status = list_load_manifest(list, path, folder_bytes);
    if (status != SMT_OK) {
        list->count = count;
        smt_message_clear(&list->items[count]);
        return status;
    }
    smt_message_manifest_apply(list->manifest, path + folder_bytes, &list->items[count]);
    return SMT_OK;
}
