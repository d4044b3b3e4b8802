#include "run/static_data.h"

#include <dlfcn.h>
#include <link.h>

struct stretch_walk {
    uintptr_t table_from, table_to; /* left out */
    smt_roots_visit *visit;
    void *context;
};

static const struct link_map *parser_module(const struct smt_parser *parser)
{
    struct link_map *module = NULL;
    Dl_info info;

    return dladdr1(parser->anchor, &info, (void **)&module, RTLD_DL_LINKMAP) ? module : NULL;
}

/* The table that the dynamic linker fills when a function is first called. 0, 0
 * when there is none. */
static void linkage_table(const struct link_map *module, struct stretch_walk *walk)
{
    const ElfW(Dyn) *entry = module ? module->l_ld : NULL;
    size_t relocations = 0;

    for (; entry && entry->d_tag != DT_NULL; entry++) {
        if (entry->d_tag == DT_PLTGOT) walk->table_from = entry->d_un.d_ptr;
        if (entry->d_tag == DT_PLTRELSZ) relocations = entry->d_un.d_val / sizeof(ElfW(Rela));
    }
    if (walk->table_from) walk->table_to = walk->table_from + (relocations + 3) * sizeof(void *);
}

static void segment_visit(void *context, uintptr_t object_base, uintptr_t from, uintptr_t to)
{
    const struct stretch_walk *walk = context;

    if (from <= walk->table_to && walk->table_from < to) {
        if (from < walk->table_from)
            walk->visit(walk->context, object_base, from, walk->table_from);
        from = walk->table_to;
    }
    if (from < to) walk->visit(walk->context, object_base, from, to);
}

void smt_run_static_data_each(const struct smt_parser *parser, smt_roots_visit *visit,
                              void *context)
{
    struct stretch_walk walk = {.visit = visit, .context = context};

    linkage_table(parser_module(parser), &walk);
    smt_roots_data_of((uintptr_t)parser->anchor, segment_visit, &walk);
}

bool smt_run_static_data_is_ours(const struct smt_parser *parser)
{
    const struct link_map *module = parser_module(parser);

    return !module || !module->l_prev; /* the program comes first */
}
