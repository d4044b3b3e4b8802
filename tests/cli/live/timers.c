/* tests/cli/live/timers.c - a timer leak as in the field: each line read adds a timer
 * through a few layers. `timers` forgets to free it; `timers fixed` does not. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOINLINE __attribute__((noinline))

void *timers[1000]; /* held: not unreachable, only old */
static unsigned timer_count;

NOINLINE void *get_segment(size_t size)
{
    return malloc(size);
}

NOINLINE void *scap_add_timer(void)
{
    void *timer = get_segment(0x2c);

    timers[timer_count++ % 1000] = timer;
    return timer;
}

NOINLINE void process_message(int fixed)
{
    void *timer = scap_add_timer();

    if (fixed) {
        timers[--timer_count % 1000] = NULL;
        free(timer);
    }
}

int main(int argc, char **argv)
{
    int fixed = argc > 1 && strcmp(argv[1], "fixed") == 0;

    setvbuf(stdout, NULL, _IOLBF, 0);
    puts("ready");
    for (int c; (c = getchar()) != EOF;)
        if (c == '\n') {
            process_message(fixed);
            puts("done");
        }
    return 0;
}
