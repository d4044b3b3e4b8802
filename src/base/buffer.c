#include "base/buffer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void smt_buffer_init(struct smt_buffer *buffer)
{
    *buffer = (struct smt_buffer){0};
}

void smt_buffer_clear(struct smt_buffer *buffer)
{
    free(buffer->data);
    smt_buffer_init(buffer);
}

/* Makes room for size_bytes more and the closing zero. */
static bool buffer_reserve(struct smt_buffer *buffer, size_t size_bytes)
{
    size_t needed, capacity;
    char *data;

    if (buffer->failed) return false;
    if (__builtin_add_overflow(buffer->size, size_bytes, &needed) ||
        __builtin_add_overflow(needed, 1, &needed) || needed > SIZE_MAX / 2) {
        buffer->failed = true;
        return false;
    }
    if (needed <= buffer->capacity) return true;
    capacity = buffer->capacity ? buffer->capacity : 64;
    while (capacity < needed) capacity *= 2;
    data = realloc(buffer->data, capacity);
    if (!data) {
        buffer->failed = true;
        return false;
    }
    buffer->data = data;
    buffer->capacity = capacity;
    return true;
}

void smt_buffer_add(struct smt_buffer *buffer, const void *bytes, size_t size_bytes)
{
    if (!buffer_reserve(buffer, size_bytes)) return;
    if (size_bytes) memcpy(buffer->data + buffer->size, bytes, size_bytes);
    buffer->size += size_bytes;
    buffer->data[buffer->size] = '\0';
}

void smt_buffer_add_text(struct smt_buffer *buffer, const char *text)
{
    smt_buffer_add(buffer, text, strlen(text));
}

void smt_buffer_addf(struct smt_buffer *buffer, const char *format, ...)
{
    va_list args, again;
    int length;

    va_start(args, format);
    va_copy(again, args);
    length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (length >= 0 && buffer_reserve(buffer, (size_t)length)) {
        vsnprintf(buffer->data + buffer->size, (size_t)length + 1, format, again);
        buffer->size += (size_t)length;
    }
    va_end(again);
}

/* Length of the well-formed UTF-8 sequence at `at` (Unicode 15, table 3-7), 0
 * when there is none. */
static size_t utf8_length(const unsigned char *at, size_t left)
{
    size_t length = at[0] < 0x80   ? 1
                    : at[0] < 0xC2 ? 0
                    : at[0] < 0xE0 ? 2
                    : at[0] < 0xF0 ? 3
                    : at[0] < 0xF5 ? 4
                                   : 0;

    if (!length || length > left) return 0;
    for (size_t i = 1; i < length; i++)
        if ((at[i] & 0xC0) != 0x80) return 0;
    if (at[0] == 0xE0 && at[1] < 0xA0) return 0;
    if (at[0] == 0xED && at[1] > 0x9F) return 0;
    if (at[0] == 0xF0 && at[1] < 0x90) return 0;
    if (at[0] == 0xF4 && at[1] > 0x8F) return 0;
    return length;
}

bool smt_text_is_utf8(const void *bytes, size_t size_bytes)
{
    const unsigned char *at = bytes;

    for (size_t i = 0; i < size_bytes;) {
        size_t length = utf8_length(at + i, size_bytes - i);

        if (!length) return false;
        i += length;
    }
    return true;
}

void smt_buffer_add_escaped(struct smt_buffer *buffer, const void *bytes, size_t size_bytes)
{
    const unsigned char *at = bytes;

    for (size_t i = 0; i < size_bytes;) {
        size_t length = utf8_length(at + i, size_bytes - i);

        if (at[i] == '\r')
            smt_buffer_add_text(buffer, "\\r");
        else if (at[i] == '\n')
            smt_buffer_add_text(buffer, "\\n");
        else if (at[i] == '\t')
            smt_buffer_add_text(buffer, "\\t");
        else if (at[i] == '\\')
            smt_buffer_add_text(buffer, "\\\\");
        else if (!length || at[i] < 0x20 || at[i] == 0x7F)
            smt_buffer_addf(buffer, "\\x%02X", at[i]);
        else
            smt_buffer_add(buffer, at + i, length);
        i += length ? length : 1;
    }
}

/* Is there nothing in the word but what stands in '...' for itself? */
static bool word_is_printable(const char *word)
{
    const unsigned char *at = (const unsigned char *)word;

    for (; *at; at++)
        if (*at < 0x20 || *at == 0x7F || *at == '\'') return false;
    return smt_text_is_utf8(word, strlen(word));
}

void smt_buffer_add_shell_word(struct smt_buffer *buffer, const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "_./:,+@%=-#";
    struct smt_buffer escaped;

    if (*word && *word != '#' && strspn(word, plain) == strlen(word)) {
        smt_buffer_add_text(buffer, word);
        return;
    }
    if (word_is_printable(word)) {
        smt_buffer_addf(buffer, "'%s'", word);
        return;
    }
    smt_buffer_init(&escaped);
    smt_buffer_add_escaped(&escaped, word, strlen(word));
    smt_buffer_add_text(buffer, "$'"); /* whose escapes are the same */
    for (const char *c = escaped.data; c && *c; c++)
        smt_buffer_addf(buffer, *c == '\'' ? "\\%c" : "%c", *c);
    smt_buffer_add_text(buffer, "'");
    buffer->failed |= escaped.failed;
    smt_buffer_clear(&escaped);
}

void smt_buffer_empty(struct smt_buffer *buffer)
{
    buffer->size = 0;
    buffer->failed = false;
    if (buffer->data) buffer->data[0] = '\0';
}

char *smt_buffer_take(struct smt_buffer *buffer)
{
    char *data;

    buffer_reserve(buffer, 0);
    if (buffer->failed) {
        smt_buffer_clear(buffer);
        return NULL;
    }
    data = buffer->data;
    data[buffer->size] = '\0';
    smt_buffer_init(buffer);
    return data;
}

/* Reads fd to its end. */
static enum smt_status buffer_read(struct smt_buffer *buffer, int fd, const char *path,
                                   size_t limit_bytes)
{
    size_t start = buffer->size;

    for (;;) {
        ssize_t got;

        if (!buffer_reserve(buffer, 65536)) return smt_fail(SMT_ENOMEM, "%s: out of memory", path);
        got = read(fd, buffer->data + buffer->size, 65536);
        if (got < 0 && errno == EINTR) continue;
        if (got > 0) buffer->size += (size_t)got;
        buffer->data[buffer->size] = '\0';
        if (got < 0) return smt_fail(SMT_EINPUT, "%s: cannot read: %s", path, strerror(errno));
        if (got == 0) return SMT_OK;
        if (buffer->size - start > limit_bytes)
            return smt_fail(SMT_EINPUT, "%s: larger than the limit of %zu bytes", path,
                            limit_bytes);
    }
}

enum smt_status smt_buffer_load(struct smt_buffer *buffer, const char *path, size_t limit_bytes)
{
    enum smt_status status;
    struct stat info;
    int fd;

    if (strcmp(path, "-") == 0)
        return buffer_read(buffer, STDIN_FILENO, "standard input", limit_bytes);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return smt_fail(SMT_EINPUT, "%s: cannot open: %s", path, strerror(errno));
    if (fstat(fd, &info) == 0 && S_ISDIR(info.st_mode))
        status = smt_fail(SMT_EINPUT, "%s: is a directory, not a file", path);
    else
        status = buffer_read(buffer, fd, path, limit_bytes);
    close(fd);
    return status;
}
