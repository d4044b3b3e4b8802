/* base/buffer.h - bytes that grow: text under construction, file contents.
 *
 * A failed allocation sticks: later calls do nothing and `failed` stays set,
 * so a writer checks once, at its end. `data` is always followed by a zero
 * byte that `size` does not count. Not for memory a parser under test uses. */
#ifndef SMT_BASE_BUFFER_H
#define SMT_BASE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

struct smt_buffer {
    char *data;      /* NULL while nothing was added */
    size_t size;     /* bytes in use */
    size_t capacity; /* bytes allocated */
    bool failed;     /* an allocation failed; contents are incomplete */
};

void smt_buffer_init(struct smt_buffer *buffer);
void smt_buffer_clear(struct smt_buffer *buffer);

void smt_buffer_add(struct smt_buffer *buffer, const void *bytes, size_t size_bytes);
void smt_buffer_add_text(struct smt_buffer *buffer, const char *text);
void smt_buffer_addf(struct smt_buffer *buffer, const char *format, ...) SMT_PRINTF(2, 3);

/* Adds bytes as printable UTF-8 text: NUL and what is no UTF-8 becomes `\xHH`;
 * CR, LF and TAB become `\r \n \t`, a backslash `\\`: as --message-data reads it. */
void smt_buffer_add_escaped(struct smt_buffer *buffer, const void *bytes, size_t size_bytes);

/* Adds one word of a shell's command line: as it is when the shell reads it so,
 * '...' when that is enough, else $'...'. */
void smt_buffer_add_shell_word(struct smt_buffer *buffer, const char *word);

/* Whether all of it is well-formed UTF-8; zero bytes are. */
bool smt_text_is_utf8(const void *bytes, size_t size_bytes);

/* Forgets the contents, keeps the memory. */
void smt_buffer_empty(struct smt_buffer *buffer);

/* Moves the bytes to the caller, who frees them with free(); "" when empty,
 * NULL when failed. The buffer is empty afterwards. */
char *smt_buffer_take(struct smt_buffer *buffer);

/* Reads a file to its end, `-` being standard input; more than limit_bytes is
 * SMT_EINPUT. What is added stays in the buffer on failure. */
SMT_MUST_USE enum smt_status smt_buffer_load(struct smt_buffer *buffer, const char *path,
                                             size_t limit_bytes);

#endif
