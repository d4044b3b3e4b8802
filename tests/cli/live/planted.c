/* tests/cli/live/planted.c - blocks that are lost, and blocks that are held in every
 * way there is. Lost: 101 bytes, and a chain of three of 48. Says `ready` and
 * waits for its input to end; each line it reads before plants one block of 55
 * bytes more. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NOINLINE __attribute__((noinline))

struct node {
    struct node *next;
    char fill[40];
};

void *global_held;
char *interior_held;
_Thread_local void *volatile thread_held;
static pthread_barrier_t started;

NOINLINE void *make_direct(size_t size)
{
    return memset(malloc(size), 'D', size);
}

NOINLINE struct node *make_node(struct node *next)
{
    struct node *node = calloc(1, sizeof *node);

    node->next = next;
    return node;
}

NOINLINE static void plant(void)
{
    void *volatile direct = make_direct(101);
    struct node *volatile chain = make_node(make_node(make_node(NULL)));

    direct = NULL;
    chain = NULL;
    (void)direct;
    (void)chain;
    interior_held = (char *)make_direct(202) + 100;
    global_held = make_direct(303);
    thread_held = make_direct(404);
}

NOINLINE static void scrub(void)
{
    volatile char bytes[8192];

    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = 0;
}

static void *thread_main(void *context)
{
    void *volatile on_stack = make_direct(606);

    (void)context;
    thread_held = make_direct(505);
    scrub();
    pthread_barrier_wait(&started);
    for (;;) pause();
    return on_stack;
}

int main(void)
{
    void *volatile on_stack = make_direct(707);
    pthread_t thread;
    char letter;

    pthread_barrier_init(&started, NULL, 2);
    pthread_create(&thread, NULL, thread_main, NULL);
    pthread_barrier_wait(&started);
    plant();
    scrub();
    if (write(1, "ready\n", 6) != 6) return 1;
    while (read(0, &letter, 1) == 1) {
        void *volatile more;

        if (letter != '\n') continue;
        more = make_direct(55);
        more = NULL;
        (void)more;
        scrub();
        if (write(1, "more\n", 5) != 5) return 1;
    }
    return on_stack == NULL;
}
