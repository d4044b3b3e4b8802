/* bench/live/allocate.c - a program that does little but allocate, as a parser
 * or an interpreter does: recursion of the usual depth, blocks of many sizes
 * that live shortly or long, written and read.
 *
 *   allocate ROUNDS          short-lived trees of strings and a long-lived table
 *   allocate loop COUNT      malloc and free alone, the worst case there is */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TABLE 100000

struct tree {
    struct tree *left, *right;
    char *name;
    size_t weight;
};

static uint64_t state = 88172645463325252u;

static uint64_t draw(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

__attribute__((noinline)) static char *name_make(unsigned depth)
{
    char text[64];
    size_t size = 8 + draw() % 56;
    char *name;

    memset(text, 'a' + (int)(depth % 26), sizeof text);
    name = malloc(size);
    memcpy(name, text, size - 1);
    name[size - 1] = '\0';
    return name;
}

__attribute__((noinline)) static struct tree *tree_make(unsigned depth)
{
    struct tree *tree = malloc(sizeof *tree);

    tree->name = name_make(depth);
    tree->left = depth ? tree_make(depth - 1) : NULL;
    tree->right = depth ? tree_make(depth - 1) : NULL;
    tree->weight = strlen(tree->name);
    if (tree->left) tree->weight += tree->left->weight;
    if (tree->right) tree->weight += tree->right->weight;
    return tree;
}

__attribute__((noinline)) static void tree_drop(struct tree *tree)
{
    if (!tree) return;
    tree_drop(tree->left);
    tree_drop(tree->right);
    free(tree->name);
    free(tree);
}

static size_t rounds_run(unsigned rounds)
{
    static char *table[TABLE];
    size_t sum = 0;

    for (unsigned round = 0; round < rounds; round++) {
        struct tree *tree = tree_make(12);

        sum += tree->weight;
        for (unsigned i = 0; i < 2000; i++) {
            char **place = &table[draw() % TABLE];

            free(*place);
            *place = name_make(i);
            sum += (unsigned char)**place;
        }
        tree_drop(tree);
    }
    for (unsigned i = 0; i < TABLE; i++) free(table[i]);
    return sum;
}

static size_t loop_run(unsigned long count)
{
    size_t sum = 0;

    for (unsigned long i = 0; i < count; i++) {
        char *volatile block = malloc(32 + (i & 63));

        *block = (char)i;
        sum += (unsigned char)*block;
        free(block);
    }
    return sum;
}

int main(int argc, char **argv)
{
    size_t sum;

    if (argc == 3 && strcmp(argv[1], "loop") == 0)
        sum = loop_run(strtoul(argv[2], NULL, 10));
    else if (argc == 2)
        sum = rounds_run((unsigned)strtoul(argv[1], NULL, 10));
    else
        return 2;
    printf("%zu\n", sum);
    return 0;
}
