/* libosip2 as a library: allocators, silence, version, names of its codes. */
#include "parser/osip_adapter.h"

#include <dlfcn.h>
#include <stdio.h>

/* Up to 4.x and from 5.x on the texts are char * and const char *. */
static void trace_ignore_4(char *file, int line, osip_trace_level_t level, char *format,
                           va_list arguments)
{
    (void)file, (void)line, (void)level, (void)format, (void)arguments;
}

static void trace_ignore(const char *file, int line, osip_trace_level_t level, const char *format,
                         va_list arguments)
{
    (void)file, (void)line, (void)level, (void)format, (void)arguments;
}

int smt_parser_osip_init(const struct smt_parser_hooks *hooks)
{
    osip_set_allocators(hooks->malloc, hooks->realloc, hooks->free);
    /* Disabling levels would not last: the first trace call that finds no
     * destination sets itself up to write to standard output. */
    osip_trace_initialize_func(TRACE_LEVEL0,
                               _Generic((osip_trace_func_t *)NULL,
                                        __typeof__(trace_ignore_4) *: trace_ignore_4,
                                        default: trace_ignore));
    return parser_init();
}

bool smt_parser_osip_is_out_of_memory(int code)
{
    return code == OSIP_NOMEM;
}

static const struct {
    int code;
    const char *name;
} code_names[] = {
    {OSIP_SUCCESS, "OSIP_SUCCESS"},
    {OSIP_UNDEFINED_ERROR, "OSIP_UNDEFINED_ERROR"},
    {OSIP_BADPARAMETER, "OSIP_BADPARAMETER"},
    {OSIP_WRONG_STATE, "OSIP_WRONG_STATE"},
    {OSIP_NOMEM, "OSIP_NOMEM"},
    {OSIP_SYNTAXERROR, "OSIP_SYNTAXERROR"},
    {OSIP_NOTFOUND, "OSIP_NOTFOUND"},
    {OSIP_API_NOT_INITIALIZED, "OSIP_API_NOT_INITIALIZED"},
    {OSIP_NO_NETWORK, "OSIP_NO_NETWORK"},
    {OSIP_PORT_BUSY, "OSIP_PORT_BUSY"},
    {OSIP_UNKNOWN_HOST, "OSIP_UNKNOWN_HOST"},
    {OSIP_DISK_FULL, "OSIP_DISK_FULL"},
    {OSIP_NO_RIGHTS, "OSIP_NO_RIGHTS"},
    {OSIP_FILE_NOT_EXIST, "OSIP_FILE_NOT_EXIST"},
    {OSIP_TIMEOUT, "OSIP_TIMEOUT"},
    {OSIP_TOOMUCHCALL, "OSIP_TOOMUCHCALL"},
    {OSIP_WRONG_FORMAT, "OSIP_WRONG_FORMAT"},
#ifdef OSIP_NOCOMMONCODEC
    {OSIP_NOCOMMONCODEC, "OSIP_NOCOMMONCODEC"},
#endif
#ifdef OSIP_RETRY_LIMIT
    {OSIP_RETRY_LIMIT, "OSIP_RETRY_LIMIT"},
#endif
};

const char *smt_parser_osip_code_name(int code)
{
    for (size_t i = 0; i < sizeof(code_names) / sizeof(code_names[0]); i++)
        if (code_names[i].code == code) return code_names[i].name;
    return NULL;
}

/* The release as libosip2.pc next to the library states it. */
static bool release_load(const char *folder, char *ret_release, size_t size_bytes)
{
    char path[4096], line[256];
    bool found = false;
    FILE *file;

    if (snprintf(path, sizeof(path), "%s/pkgconfig/libosip2.pc", folder) >= (int)sizeof(path))
        return false;
    file = fopen(path, "re");
    if (!file) return false;
    while (!found && fgets(line, sizeof(line), file)) {
        if (strncmp(line, "Version:", 8) != 0) continue;
        line[strcspn(line, "\r\n")] = '\0';
        snprintf(ret_release, size_bytes, "%s", line + 8 + strspn(line + 8, " \t"));
        found = ret_release[0] != '\0';
    }
    fclose(file);
    return found;
}

#ifndef SMT_OSIP_RELEASE
#define SMT_OSIP_RELEASE "unknown" /* of an archive, told when this is built: cmake/osip.cmake */
#endif

/* The library cannot be asked. Its file name says which interface it has, and
 * the pkg-config file installed beside it, if any, which release that is. */
const char *smt_parser_osip_version(void)
{
    static char version[160];
    char release[64], *slash, *path;
    Dl_info info;

    if (version[0]) return version;
    if (!dladdr(smt_parser_osip.anchor, &info) || !info.dli_fname) return SMT_OSIP_RELEASE;
    path = realpath(info.dli_fname, NULL);
    slash = path ? strrchr(path, '/') : NULL;
    if (!slash || !strstr(slash, "osipparser")) { /* linked statically */
        free(path);
        return SMT_OSIP_RELEASE;
    }
    *slash = '\0';
    if (release_load(path, release, sizeof(release)))
        snprintf(version, sizeof(version), "%.63s (%.90s)", release, slash + 1);
    else
        snprintf(version, sizeof(version), "%.150s", slash + 1);
    free(path);
    return version;
}
