/* Which objects are, or were, loaded where: what mtctl needs for names. */
#include "preload/preload.h"

#include <dlfcn.h>
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "base/base.h"
#include "heap/heap.h"

#define MODULES_MAX 1024

static struct mt_module modules[MODULES_MAX];
static size_t module_count;
static struct smt_lock modules_lock;

static void path_set(struct mt_module *module, const char *name)
{
    ssize_t size = -1;

    if (!*name && module == &modules[0])
        size = readlink("/proc/self/exe", module->path, sizeof module->path - 1);
    else if (*name != '/' && strchr(name, '/')) /* as in LD_PRELOAD=./x.so; others read it */
        size = readlink("/proc/self/cwd", module->path, sizeof module->path - 1);
    if (size > 0)
        snprintf(module->path + size, sizeof module->path - (size_t)size, "%s%s", *name ? "/" : "",
                 name);
    else
        snprintf(module->path, sizeof module->path, "%s", *name ? name : "[vdso]");
}

/* With the lock held. The program itself is the first there is. */
static void module_note(const struct mt_module *found, const char *name)
{
    struct mt_module *module;

    for (size_t i = module_count; i-- > 0;) {
        module = &modules[i];
        if (module->from == found->from && module->to == found->to && module->bias == found->bias) {
            module->gone = false;
            return;
        }
    }
    if (module_count == MODULES_MAX) return;
    module = &modules[module_count++];
    *module = *found;
    path_set(module, name);
}

static int module_visit(struct dl_phdr_info *info, size_t size, void *context)
{
    struct mt_module found = {.from = UINTPTR_MAX, .bias = info->dlpi_addr};

    (void)size;
    (void)context;
    for (unsigned i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        uintptr_t from = info->dlpi_addr + segment->p_vaddr, to = from + segment->p_memsz;

        if (segment->p_type != PT_LOAD) continue;
        if (from < found.from) found.from = from;
        if (to > found.to) found.to = to;
    }
    if (found.from >= found.to) return 0;
    if (found.bias && found.bias == getauxval(AT_BASE))
        smt_live_stack_set_linker(found.from, found.to);
    smt_lock_take(&modules_lock);
    module_note(&found, info->dlpi_name ? info->dlpi_name : "");
    smt_lock_give(&modules_lock);
    return 0;
}

void mt_modules_note(void)
{
    smt_lock_take(&modules_lock);
    for (size_t i = 0; i < module_count; i++) modules[i].gone = true;
    smt_lock_give(&modules_lock);
    dl_iterate_phdr(module_visit, NULL);
}

void mt_modules_lock(void)
{
    smt_lock_take(&modules_lock);
}

void mt_modules_unlock(void)
{
    smt_lock_give(&modules_lock);
}

size_t mt_module_count(void)
{
    return module_count;
}

const struct mt_module *mt_module_at(size_t i)
{
    return i < module_count ? &modules[i] : NULL;
}

static uintptr_t object_base(uintptr_t address)
{
    Dl_info info;

    return dladdr((void *)address, &info) ? (uintptr_t)info.dli_fbase : 0;
}

uintptr_t mt_own_base(void)
{
    return object_base((uintptr_t)mt_own_base);
}

uintptr_t mt_allocator_base(void)
{
    return object_base((uintptr_t)mt_next.malloc);
}

/* Names are needed after the object is gone; what is known of its code is wrong
 * from then on. */
__attribute__((visibility("default"))) int dlclose(void *handle)
{
    static int (*next)(void *handle);
    int status;

    if (!next) *(void **)&next = dlsym(RTLD_NEXT, "dlclose");
    mt_modules_note();
    status = next ? next(handle) : -1;
    smt_unwind_forget();
    return status;
}
