/* tests/cli/live/steps.c - says `ready`, does one thing, says `done` after each line
 * of input until it ends.
 *
 *   steps annotated       lost blocks; of some it is said what they are
 *   steps lives           each line: many that live shortly, one that is kept
 *   steps library PATH    first line: a library whose data hold a block; second:
 *                         the library is gone, the block is not */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "preload/memtest_live.h"

#define NOINLINE __attribute__((noinline))

static const char *path;
static void *library;
static void *kept[100];
static int kept_count;

/* Overwrites what calls left on the stack. */
NOINLINE static void stack_wipe(void)
{
    volatile char bytes[8192];

    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = 0;
}

NOINLINE static void **lost(size_t size, size_t size_inside)
{
    void **block = calloc(1, size);

    if (size_inside) *block = calloc(1, size_inside);
    return block;
}

NOINLINE static void annotated_make(void)
{
    lost(111, 0);
    memtest_not_leak(lost(222, 333)); /* what it points to is held */
    memtest_ignore(lost(444, 555));   /* what it points to is not */
    memtest_no_scan(lost(666, 777));
}

static void annotated(void)
{
    annotated_make();
    stack_wipe();
}

NOINLINE static void *session_make(void)
{
    return malloc(99);
}

static void lives(void)
{
    for (int i = 0; i < 50; i++) free(session_make());
    kept[kept_count++ % 100] = session_make();
}

NOINLINE static void library_load(void)
{
    void (*hold)(void);

    library = dlopen(path, RTLD_NOW);
    *(void **)&hold = library ? dlsym(library, "library_hold") : NULL;
    if (hold) hold();
}

static void library_step(void)
{
    if (!library) {
        library_load();
    } else {
        dlclose(library);
        library = NULL;
    }
    stack_wipe();
}

static const struct {
    const char *name;
    void (*step)(void);
} modes[] = {{"annotated", annotated}, {"lives", lives}, {"library", library_step}};

int main(int argc, char **argv)
{
    void (*step)(void) = NULL;

    for (size_t i = 0; argc > 1 && i < sizeof modes / sizeof *modes; i++)
        if (strcmp(modes[i].name, argv[1]) == 0) step = modes[i].step;
    if (!step) return 99;
    path = argc > 2 ? argv[2] : NULL;
    setvbuf(stdout, NULL, _IOLBF, 0);
    puts("ready");
    for (int c; (c = getchar()) != EOF;)
        if (c == '\n') {
            step();
            puts("done");
        }
    return 0;
}
