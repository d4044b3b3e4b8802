/* tests/cli/live/leaks.c - ten small leaking programs in one: `leaks N`. What each
 * leaks is said by its line in `shapes`; valgrind and LeakSanitizer must agree. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOINLINE __attribute__((noinline))

struct node {
    struct node *next, *other;
    char payload[48];
};

void *volatile held;
char *volatile inside;
_Thread_local void *volatile thread_held;

NOINLINE static struct node *node_make(struct node *next)
{
    struct node *node = calloc(1, sizeof *node);

    node->next = next;
    return node;
}

NOINLINE static void single(void)
{
    char *volatile block = malloc(100);

    block[0] = 1;
}

NOINLINE static void list(void)
{
    struct node *volatile first = node_make(node_make(node_make(NULL)));

    first->payload[0] = 1;
}

NOINLINE static void ring(void)
{
    struct node *volatile first = node_make(NULL);

    first->next = node_make(first);
}

NOINLINE static void tree(void)
{
    struct node *volatile root = node_make(node_make(NULL));

    root->other = node_make(node_make(NULL));
}

NOINLINE static void held_by_global(void)
{
    held = malloc(200);
    single();
}

NOINLINE static void held_inside(void)
{
    inside = (char *)malloc(300) + 150;
    single();
}

NOINLINE static void lost_by_realloc(void)
{
    char *volatile block = malloc(50);

    block = realloc(block, 5000);
    block[0] = 1;
}

NOINLINE static void aligned(void)
{
    void *volatile block = aligned_alloc(256, 512);
    void *other = NULL;

    if (posix_memalign(&other, 64, 192) == 0) memset(other, 1, 192);
    memset(block, 1, 512);
}

static void *thread_main(void *context)
{
    (void)context;
    thread_held = malloc(70); /* lost with the thread */
    single();
    return NULL;
}

NOINLINE static void thread(void)
{
    pthread_t other;

    if (pthread_create(&other, NULL, thread_main, NULL) == 0) pthread_join(other, NULL);
}

NOINLINE static void strings(void)
{
    for (int i = 0; i < 100; i++) {
        char *volatile copy = strdup("a string of thirty-two letters..");

        if (i % 2) free(copy);
    }
}

static void (*const shapes[])(void) = {
    single,          list,    ring,   tree,    held_by_global, held_inside,
    lost_by_realloc, aligned, thread, strings,
};

/* Nothing of what was done is left on the stack or in registers. */
NOINLINE static void scrub(void)
{
    volatile char bytes[16384];

    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = 0;
}

int main(int argc, char **argv)
{
    unsigned shape = argc > 1 ? (unsigned)atoi(argv[1]) : 0;

    if (shape >= sizeof shapes / sizeof *shapes) return 2;
    shapes[shape]();
    scrub();
    fprintf(stderr, "%p %p\n", held, (void *)inside);
    return 0;
}
