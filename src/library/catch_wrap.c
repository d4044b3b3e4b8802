/* library/catch_wrap.c - libmemtest_wrap: the malloc family for programs linked
 * with -Wl,--wrap=malloc and so on. Catches what the program's own objects and
 * static libraries ask for; what shared libraries ask for themselves passes by,
 * and comes back as a foreign pointer. strdup() and its like are defined here
 * too, as their memory would pass by otherwise. */
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

void *__real_malloc(size_t size_bytes);
void *__real_calloc(size_t count, size_t size_bytes);
void *__real_realloc(void *block, size_t size_bytes);
void __real_free(void *block);
void *__real_memalign(size_t alignment, size_t size_bytes);

static inline void *next_allocate(size_t alignment, size_t size_bytes, bool zeroed)
{
    if (alignment) return __real_memalign(alignment, size_bytes);
    return zeroed ? __real_calloc(1, size_bytes) : __real_malloc(size_bytes);
}

static inline void *next_reallocate(void *block, size_t size_bytes)
{
    return __real_realloc(block, size_bytes);
}

static inline void next_release(void *block)
{
    __real_free(block);
}

#define CATCH_ENTRY(name) __wrap_##name
#include "library/catch.h"

/* what --wrap makes of the names */
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t most);
__attribute__((format(printf, 2, 0))) int __wrap_vasprintf(char **ret_text, const char *format,
                                                           va_list args);
__attribute__((format(printf, 2, 3))) int __wrap_asprintf(char **ret_text, const char *format, ...);

ALWAYS_INLINE char *text_copy(uintptr_t caller, const char *text, size_t length)
{
    char *copy = catch_allocate(caller, 0, length + 1, false);

    if (!copy) return NULL;
    memcpy(copy, text, length);
    copy[length] = '\0';
    return copy;
}

CATCH_PUBLIC char *__wrap_strdup(const char *text)
{
    return text_copy(CALLER, text, strlen(text));
}

CATCH_PUBLIC char *__wrap_strndup(const char *text, size_t most)
{
    return text_copy(CALLER, text, strnlen(text, most));
}

__attribute__((format(printf, 3, 0))) static int text_print(uintptr_t caller, char **ret_text,
                                                            const char *format, va_list args)
{
    va_list again;
    char *text;
    int length;

    va_copy(again, args);
    length = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (length < 0) return -1;
    text = catch_allocate(caller, 0, (size_t)length + 1, false);
    if (!text) return -1;
    *ret_text = text;
    return vsnprintf(text, (size_t)length + 1, format, args);
}

__attribute__((format(printf, 2, 0))) CATCH_PUBLIC int
__wrap_vasprintf(char **ret_text, const char *format, va_list args)
{
    return text_print(CALLER, ret_text, format, args);
}

__attribute__((format(printf, 2, 3))) CATCH_PUBLIC int __wrap_asprintf(char **ret_text,
                                                                       const char *format, ...)
{
    va_list args;
    int length;

    va_start(args, format);
    length = text_print(CALLER, ret_text, format, args);
    va_end(args);
    return length;
}
