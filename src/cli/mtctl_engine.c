#include "cli/mtctl_engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/mtctl_message.h"

#define DAMAGE_SHOWN 20

enum { KEY_BACKEND = 256, KEY_LIMIT, KEY_PARSER, KEY_SEED, KEY_LIVE };

static const struct argp_option engine_options[] = {
    {"backend", KEY_BACKEND, "NAME", 0, "Whose memory: libc (this process's malloc) or heap", 10},
    {"live", KEY_LIVE, NULL, 0,
     "Watch this process too: memscope, kmemleak and live answer about its own blocks", 10},
    {"memory-limit", KEY_LIMIT, "SIZE", 0,
     "Refuse beyond SIZE, as 512m; default 80 % of what is allowed", 10},
    {"param", 'p', "NAME=VALUE", 0, "Set a misctest parameter; repeatable", 10},
    {"parser", KEY_PARSER, "NAME", 0, "Whose parser the message test runs; default osip", 10},
    {"quiet", 'q', NULL, 0, "No warning that this is a debugging tool", 10},
    {"seed", KEY_SEED, "N", 0, "Draw the same random sizes each time", 10},
    {0},
};

static error_t engine_parse(int key, char *text, struct argp_state *state)
{
    struct smt_mtctl_engine *engine = state->input;

    switch (key) {
    case KEY_BACKEND:
        engine->options.backend = text;
        return 0;
    case KEY_LIMIT:
        if (!smt_number_parse_size(text, &engine->options.limit_bytes) ||
            !engine->options.limit_bytes)
            argp_error(state, "--memory-limit: %s: expected a size, as 512m", text);
        return 0;
    case KEY_LIVE:
        engine->live = true;
        return 0;
    case KEY_PARSER:
        if (smt_parser_find(text, &engine->parser) != SMT_OK)
            argp_error(state, "--parser: %s", smt_fail_text());
        return 0;
    case KEY_SEED:
        if (!smt_number_parse(text, &engine->options.seed))
            argp_error(state, "--seed: %s: expected a number", text);
        return 0;
    case 'p':
        if (engine->parameter_count == SMT_MTCTL_PARAMETERS_MAX || !strchr(text, '='))
            argp_error(state, "--param: %s: expected NAME=VALUE", text);
        engine->parameters[engine->parameter_count++] = text;
        return 0;
    case 'q':
        engine->quiet = true;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

const struct argp smt_mtctl_engine_argp = {.options = engine_options, .parser = engine_parse};

int smt_mtctl_fail(enum smt_status status)
{
    fprintf(stderr, "mtctl: %s\n", smt_fail_text());
    return smt_status_exit(status);
}

static void damage_tell(void *context, const struct smt_stress_damage *damage)
{
    static atomic_uint told;
    unsigned number = atomic_fetch_add(&told, 1) + 1;

    (void)context;
    if (number <= DAMAGE_SHOWN)
        fprintf(stderr,
                "mtctl: chunk %p of %llu bytes was written to: byte %llu is 0x%02x, not 0x%02x\n",
                damage->address, (unsigned long long)damage->size_bytes,
                (unsigned long long)damage->offset, damage->found, damage->expected);
    else if (number == DAMAGE_SHOWN + 1)
        fprintf(stderr, "mtctl: more chunks were written to, not shown\n");
}

bool smt_mtctl_engine_is_changed(const struct smt_mtctl_engine *engine)
{
    return engine->options.backend || engine->options.limit_bytes || engine->options.seed ||
           engine->parser || engine->parameter_count || engine->live;
}

/* NAME=VALUE through the command table, so that all ways in agree. */
static int parameter_apply(struct smt_control *control, const char *text)
{
    struct smt_wire_request request = {0};
    struct smt_wire_reply reply = {0};
    size_t name_size = strcspn(text, "=");
    char *name = strndup(text, name_size);
    const struct smt_parameter *parameter = name ? smt_parameter_find(name) : NULL;
    int failed;

    smt_buffer_add_text(&request.method, parameter && parameter->is_text ? "cfg.sets" : "cfg.seti");
    smt_wire_add_string(&request.arguments, "misctest");
    smt_wire_add_string(&request.arguments, name ? name : "");
    smt_wire_add_string(&request.arguments, text + name_size + 1);
    smt_command_execute(control, &request, &reply);
    failed = reply.code != 0;
    if (failed)
        fprintf(stderr, "mtctl: --param %s: %s\n", text, reply.fault);
    else if (reply.results.count)
        printf("%s\n", smt_wire_text(&reply.results, reply.results.items));
    smt_wire_request_clear(&request);
    smt_wire_reply_clear(&reply);
    free(name);
    return failed ? 2 : 0;
}

int smt_mtctl_engine_start(const struct smt_mtctl_engine *engine, struct smt_control *ret_control)
{
    const struct smt_control_hooks hooks = {.context = (void *)(uintptr_t)engine->parser,
                                            .message_test = smt_mtctl_message_test};
    struct smt_stress_options options = engine->options;
    enum smt_status status;

    options.on_damage = damage_tell;
    status = smt_control_init(ret_control, &options, &hooks);
    if (status != SMT_OK) return smt_mtctl_fail(status);
    if (!engine->quiet)
        fprintf(stderr, "mtctl: warning: a debugging tool that stresses the allocator and forces "
                        "leaks; not for production\n");
    for (size_t i = 0; i < engine->parameter_count; i++)
        if (parameter_apply(ret_control, engine->parameters[i]) != 0) {
            smt_control_clear(ret_control);
            return 2;
        }
    return 0;
}

int smt_mtctl_engine_stop(struct smt_control *control, int status)
{
    bool found;

    /* Freeing is the last check of contents. */
    smt_stress_tests_destroy_all(control->tests);
    (void)smt_stress_free(control->stress.set, UINT64_MAX);
    found = smt_control_found(control);
    smt_control_clear(control);
    return status ? status : found;
}
