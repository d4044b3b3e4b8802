#include "stress/budget.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define SLICE_MAX_BYTES ((uint64_t)1 << 20)

void smt_budget_init(struct smt_budget *budget, uint64_t limit_bytes)
{
    budget->limit_bytes = limit_bytes;
    budget->slice_bytes = limit_bytes / 256 < SLICE_MAX_BYTES ? limit_bytes / 256 : SLICE_MAX_BYTES;
    atomic_init(&budget->drawn_bytes, 0);
}

/* glibc's least chunk is 32 bytes with an 8-byte header, in steps of 16; a
 * record is 16 bytes in an array up to half empty. */
uint64_t smt_budget_cost(uint64_t size_bytes)
{
    uint64_t taken = (size_bytes + 8 + 15) & ~(uint64_t)15;

    return (taken < 32 ? 32 : taken) + 32;
}

static bool pool_draw(struct smt_budget *budget, uint64_t size_bytes)
{
    uint64_t drawn = atomic_load_explicit(&budget->drawn_bytes, memory_order_relaxed);

    do {
        if (size_bytes > budget->limit_bytes || drawn > budget->limit_bytes - size_bytes)
            return false;
    } while (!atomic_compare_exchange_weak(&budget->drawn_bytes, &drawn, drawn + size_bytes));
    return true;
}

bool smt_budget_charge(struct smt_budget *budget, struct smt_credit *credit, uint64_t size_bytes)
{
    int64_t size = (int64_t)size_bytes;

    if (atomic_fetch_sub_explicit(&credit->left_bytes, size, memory_order_relaxed) >= size)
        return true;
    atomic_fetch_add_explicit(&credit->left_bytes, size, memory_order_relaxed);
    if (pool_draw(budget, size_bytes + budget->slice_bytes)) {
        atomic_fetch_add_explicit(&credit->left_bytes, (int64_t)budget->slice_bytes,
                                  memory_order_relaxed);
        return true;
    }
    return pool_draw(budget, size_bytes);
}

void smt_budget_return(struct smt_budget *budget, struct smt_credit *credit, uint64_t size_bytes)
{
    int64_t slice = (int64_t)budget->slice_bytes, size = (int64_t)size_bytes;
    int64_t left =
        atomic_fetch_add_explicit(&credit->left_bytes, size, memory_order_relaxed) + size;

    if (left > 2 * slice && atomic_compare_exchange_strong(&credit->left_bytes, &left, slice))
        atomic_fetch_sub(&budget->drawn_bytes, (uint64_t)(left - slice));
}

void smt_credit_clear(struct smt_budget *budget, struct smt_credit *credit)
{
    int64_t left = atomic_exchange(&credit->left_bytes, 0);

    atomic_fetch_sub(&budget->drawn_bytes, (uint64_t)left);
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* The number in a one-line file; UINT64_MAX when there is none ("max"). */
static uint64_t number_read(const char *path)
{
    uint64_t number = UINT64_MAX;
    FILE *file = fopen(path, "re");

    if (!file) return UINT64_MAX;
    if (fscanf(file, "%" SCNu64, &number) != 1) number = UINT64_MAX;
    fclose(file);
    return number;
}

/* Least limit of a cgroup and its ancestors; `path` is cut on the way. In a
 * container the path may be the host's and not exist here: the mount's own
 * root is then what holds, and the walk ends there. */
static uint64_t cgroup_limit(const char *mount, char *path, const char *file)
{
    uint64_t limit = UINT64_MAX;

    for (;;) {
        char name[4352], *slash = strrchr(path, '/');

        snprintf(name, sizeof name, "%s%s/%s", mount, strcmp(path, "/") == 0 ? "" : path, file);
        limit = smaller(limit, number_read(name));
        if (!slash || !*path) return limit;
        *slash = '\0';
    }
}

static uint64_t cgroups_limit(void)
{
    uint64_t limit = UINT64_MAX;
    char line[4096];
    FILE *file = fopen("/proc/self/cgroup", "re");

    if (!file) return limit;
    while (fgets(line, sizeof line, file)) {
        char *controllers = strchr(line, ':'), *path;

        line[strcspn(line, "\n")] = '\0';
        if (!controllers || !(path = strchr(controllers + 1, ':'))) continue;
        *path++ = '\0';
        if (controllers[1] == '\0')
            limit = smaller(limit, cgroup_limit("/sys/fs/cgroup", path, "memory.max"));
        else if (strcmp(controllers + 1, "memory") == 0)
            limit = smaller(limit,
                            cgroup_limit("/sys/fs/cgroup/memory", path, "memory.limit_in_bytes"));
    }
    fclose(file);
    return limit;
}

uint64_t smt_budget_allowed(void)
{
    uint64_t allowed = cgroups_limit();
    struct rlimit limit;

    if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
        allowed = smaller(allowed, limit.rlim_cur);
    if (getrlimit(RLIMIT_DATA, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
        allowed = smaller(allowed, limit.rlim_cur);
    return smaller(allowed, (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE));
}
