/* fuzz/known.c - which findings are known: of clean runs by their signature, of
 * refusals by the verdict and the names of the functions that asked.
 *
 * A stack is looked up by its addresses; only one not seen before in this process
 * is put into names. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "oracle.h"

#define REFUSED_IN "refused in "
#define SITE_SLOTS (1u << 15)
#define SITE_MOST  (SITE_SLOTS / 2)

/* A row of the file: what is known of one site. */
struct known_site {
    char *names; /* "A < B < C" */
    uint32_t verdicts;
};

/* A stack seen before; a hash of 0: none. */
struct seen_site {
    uint64_t hash;
    uint32_t verdicts;
};

static struct {
    uint32_t ignored;
    struct smt_known list;
    struct known_site *sites; /* sorted by names, each once */
    size_t site_count;
    unsigned depth;         /* innermost functions that are compared; 0 all */
    struct seen_site *seen; /* SITE_SLOTS; no static data, where leaks look for pointers */
    size_t seen_count;
} known;

/* Cuts the text behind the innermost `depth` names. */
static void names_cut(char *names)
{
    unsigned left = known.depth;

    if (!left) return;
    for (char *at = names; (at = strstr(at, " < ")); at += 3)
        if (!--left) {
            *at = '\0';
            return;
        }
}

static bool name_is_outermost(const char *prefixes, const char *name)
{
    for (const char *at = prefixes; *at; at += *at == ',') {
        size_t length = strcspn(at, ",");

        if (strncmp(name, at, length) == 0) return true;
        at += length;
    }
    return false;
}

/* Cuts what called the parser. Names that fit none are left alone. */
static void names_cut_ours(const struct smt_fuzz_target *target, char *names)
{
    char *end = NULL;

    if (!target->outermost) return;
    for (char *at = names; at; at = strstr(at, " < ")) {
        if (at != names) at += 3;
        if (name_is_outermost(target->outermost, at)) end = at + strcspn(at, " ");
    }
    if (end) *end = '\0';
}

static int site_order(const void *a, const void *b)
{
    return strcmp(((const struct known_site *)a)->names, ((const struct known_site *)b)->names);
}

/* The site of a line "SIGNATURE<TAB>refused in A < B<TAB>..."; NULL: a clean run's. */
static char *line_names(const struct smt_fuzz_target *target, const char *line)
{
    const char *from = strstr(line, REFUSED_IN);
    char *names;

    if (!from) return NULL;
    from += strlen(REFUSED_IN);
    names = strndup(from, strcspn(from, "\t"));
    if (!names) return NULL;
    names_cut_ours(target, names);
    names_cut(names);
    return names;
}

static uint32_t signature_verdict(const char *signature)
{
    const char *from = strchr(signature, '/');
    char name[32];
    enum smt_verdict verdict;

    if (!from || sscanf(from + 1, "%31[^/]", name) != 1) return 0;
    verdict = smt_verdict_find(name);
    return verdict == SMT_VERDICT_COUNT ? 0 : 1u << verdict;
}

/* Sites that several rows name become one. */
static void sites_merge(void)
{
    size_t kept = 0;

    qsort(known.sites, known.site_count, sizeof *known.sites, site_order);
    for (size_t i = 0; i < known.site_count; i++) {
        if (kept && site_order(&known.sites[kept - 1], &known.sites[i]) == 0) {
            known.sites[kept - 1].verdicts |= known.sites[i].verdicts;
            free(known.sites[i].names);
        } else {
            known.sites[kept++] = known.sites[i];
        }
    }
    known.site_count = kept;
}

static void sites_build(const struct smt_fuzz_target *target)
{
    known.sites = calloc(known.list.count + 1, sizeof *known.sites);
    known.seen = calloc(SITE_SLOTS, sizeof *known.seen);
    if (!known.seen) return;
    for (size_t i = 0; known.sites && i < known.list.count; i++) {
        const struct smt_known_row *row = &known.list.rows[i];
        char *names;

        if (!smt_known_row_is_of(row, target->parser->name)) continue;
        names = line_names(target, row->line);
        if (!names) continue;
        known.sites[known.site_count++] =
            (struct known_site){names, signature_verdict(row->signature)};
    }
    if (known.sites) sites_merge();
}

/* known-findings.txt beside the program, when it is there. */
static bool default_path(char *path, size_t size_bytes)
{
    ssize_t length = readlink("/proc/self/exe", path, size_bytes - 1);
    char *slash;

    if (length <= 0) return false;
    path[length] = '\0';
    slash = strrchr(path, '/');
    if (!slash || (size_t)(slash - path) + sizeof "/known-findings.txt" > size_bytes) return false;
    strcpy(slash, "/known-findings.txt");
    return access(path, F_OK) == 0;
}

static _Noreturn void environment_refuse(const char *sentence)
{
    fprintf(stderr, "sipmemtest-fuzz: %s\n", sentence);
    exit(2);
}

static void depth_read(void)
{
    const char *text = getenv("SMT_FUZZ_KNOWN_DEPTH");
    uint64_t depth;

    if (!text || !*text) return;
    if (!smt_number_parse(text, &depth) || depth > SMT_STACK_MAX)
        environment_refuse("SMT_FUZZ_KNOWN_DEPTH is no number of functions");
    known.depth = (unsigned)depth;
}

static void ignored_read(void)
{
    const char *text = getenv("SMT_FUZZ_IGNORE");
    char *words = text ? strdup(text) : NULL;

    for (char *rest = words, *word; rest && (word = strsep(&rest, ","));) {
        enum smt_verdict verdict = smt_verdict_find(word);

        if (!*word) continue;
        if (verdict == SMT_VERDICT_COUNT)
            environment_refuse("SMT_FUZZ_IGNORE: not a list of verdicts, as leak,mismatch");
        known.ignored |= 1u << verdict;
    }
    free(words);
}

uint32_t fuzz_ignored(void)
{
    return known.ignored;
}

void fuzz_known_load(const struct smt_fuzz_target *target)
{
    const char *path = getenv("SMT_FUZZ_KNOWN");
    char beside[4096];

    depth_read();
    ignored_read();
    if (!path && default_path(beside, sizeof beside)) path = beside;
    if (!path || !*path) return;
    if (smt_known_load(path, &known.list) != SMT_OK) environment_refuse(smt_fail_text());
    sites_build(target);
}

bool fuzz_known_place(const struct smt_fuzz_target *target, enum smt_verdict verdict,
                      const char *place, const char *owner, char *ret_signature)
{
    smt_signature_of_place(target->parser->name, verdict, place, owner, ret_signature);
    return smt_known_see(&known.list, ret_signature);
}

void fuzz_site_text(const struct smt_fuzz_target *target, const struct smt_stack *stack,
                    struct smt_buffer *text)
{
    struct smt_frame frame;

    for (uint32_t i = 0; i < stack->depth; i++) {
        smt_symbol_frame(stack->frames[i], false, &frame);
        smt_buffer_addf(text, "%s%s", i ? " < " : "", frame.function ? frame.function : "?");
    }
    if (!text->data) return;
    names_cut_ours(target, text->data);
    text->size = strlen(text->data);
}

static uint32_t site_verdicts(const struct smt_fuzz_target *target, const struct smt_stack *stack)
{
    const struct known_site *found = NULL;
    struct known_site key;
    struct smt_buffer text;

    smt_buffer_init(&text);
    fuzz_site_text(target, stack, &text);
    if (text.data && !text.failed) {
        names_cut(text.data);
        key.names = text.data;
        found = bsearch(&key, known.sites, known.site_count, sizeof *known.sites, site_order);
    }
    smt_buffer_clear(&text);
    return found ? found->verdicts : 0;
}

uint32_t fuzz_known_site(const struct smt_fuzz_target *target, const struct smt_stack *stack)
{
    uint64_t hash = XXH3_64bits(stack->frames, stack->depth * sizeof stack->frames[0]) | 1;
    size_t slot = hash % SITE_SLOTS;

    if (!known.site_count) return 0;
    for (; known.seen[slot].hash; slot = (slot + 1) % SITE_SLOTS)
        if (known.seen[slot].hash == hash) return known.seen[slot].verdicts;
    if (known.seen_count == SITE_MOST) return site_verdicts(target, stack);
    known.seen_count++;
    known.seen[slot].hash = hash;
    known.seen[slot].verdicts = site_verdicts(target, stack);
    return known.seen[slot].verdicts;
}
