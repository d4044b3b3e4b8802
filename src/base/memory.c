#include "base/memory.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

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

uint64_t smt_memory_allowed(void)
{
    uint64_t allowed = cgroups_limit();
    struct rlimit limit;

    if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
        allowed = smaller(allowed, limit.rlim_cur);
    if (getrlimit(RLIMIT_DATA, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
        allowed = smaller(allowed, limit.rlim_cur);
    return smaller(allowed, (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE));
}

uint64_t smt_memory_resident(void)
{
    unsigned long long pages = 0;
    char text[128];
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof text - 1);

    if (fd >= 0) close(fd);
    if (got <= 0) return 0;
    text[got] = '\0';
    if (sscanf(text, "%*u %llu", &pages) != 1) return 0;
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}
