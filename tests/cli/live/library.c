/* tests/cli/live/library.c - a library that holds a block in its own data. */
#include <stdlib.h>

static void *volatile held;

void library_hold(void);
void library_hold(void)
{
    held = malloc(1234);
}
