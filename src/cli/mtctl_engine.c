#include "cli/mtctl_engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/mtctl_message.h"

#define DAMAGE_SHOWN 20

static struct smt_mtctl_engine *engine_of(void *options)
{
    return options;
}

void smt_mtctl_add_backends(struct smt_buffer *words)
{
    for (const struct smt_stress_backend *row = smt_stress_backends; row->name; row++)
        smt_buffer_addf(words, "%s ", row->name);
}

void smt_mtctl_add_parameters(struct smt_buffer *words)
{
    for (const struct smt_parameter *row = smt_parameters; row->name; row++)
        smt_buffer_addf(words, "%s= ", row->name);
}

void smt_mtctl_add_parsers(struct smt_buffer *words)
{
    for (size_t i = 0; smt_parsers[i]; i++) smt_buffer_addf(words, "%s ", smt_parsers[i]->name);
}

SMT_CLI_SETTER(smt_mtctl_set_backend)
{
    const struct smt_stress_backend *backend;
    enum smt_status status = smt_stress_backend_find(arg, &backend);

    if (status != SMT_OK) return smt_fail(SMT_EUSAGE, "--%s: %s", row->name, smt_fail_text());
    engine_of(options)->options.backend = backend->name;
    return SMT_OK;
}

SMT_CLI_SETTER(smt_mtctl_set_limit)
{
    uint64_t *limit_bytes = &engine_of(options)->options.limit_bytes;

    if (!smt_number_parse_size(arg, limit_bytes) || !*limit_bytes)
        return smt_fail(SMT_EUSAGE, "--%s: '%s' is no size above 0, as 512m", row->name, arg);
    return SMT_OK;
}

SMT_CLI_SETTER(smt_mtctl_set_parser)
{
    (void)row; /* smt_parser_find() names the option */
    return smt_parser_find(arg, &engine_of(options)->parser) == SMT_OK ? SMT_OK : SMT_EUSAGE;
}

static enum smt_status parameter_unknown(const char *option, const char *arg)
{
    struct smt_buffer known;
    enum smt_status status;

    smt_buffer_init(&known);
    for (const struct smt_parameter *row = smt_parameters; row->name; row++)
        smt_buffer_addf(&known, " %s", row->name);
    status = smt_fail(SMT_EUSAGE, "--%s: %s: no such parameter; known:%s", option, arg,
                      known.data ? known.data : "");
    smt_buffer_clear(&known);
    return status;
}

SMT_CLI_SETTER(smt_mtctl_set_parameter)
{
    char name[32];

    if (!strchr(arg, '='))
        return smt_fail(SMT_EUSAGE, "--%s: '%s' is not NAME=VALUE", row->name, arg);
    snprintf(name, sizeof name, "%.*s", (int)strcspn(arg, "="), arg);
    if (!smt_parameter_find(name)) return parameter_unknown(row->name, arg);
    return smt_cli_set_texts(
        options, &(struct smt_cli_option){.at = offsetof(struct smt_mtctl_engine, parameters)},
        arg);
}

int smt_mtctl_fail(enum smt_status status)
{
    fprintf(stderr, "mtctl: %s\n", smt_fail_text());
    return smt_status_exit(status);
}

bool smt_mtctl_show(const struct smt_wire_reply *reply, bool json)
{
    FILE *out = reply->code && !json ? stderr : stdout;
    struct smt_buffer text;
    bool shown;

    smt_buffer_init(&text);
    if (json) {
        smt_json_add_reply(&text, reply);
        smt_buffer_add_text(&text, "\n");
    } else {
        smt_text_encode_reply(&text, reply, "\n");
    }
    if (text.size) fwrite(text.data, 1, text.size, out);
    shown = !text.failed && fflush(out) == 0;
    smt_buffer_clear(&text);
    return shown;
}

static void damage_tell(void *context, const struct smt_stress_damage *damage)
{
    static atomic_uint told;
    unsigned number = atomic_fetch_add(&told, 1) + 1;

    (void)context;
    if (number <= DAMAGE_SHOWN)
        fprintf(stderr,
                "mtctl: chunk %p of %llu byte%s was written to: byte %llu is 0x%02x, not 0x%02x\n",
                damage->address, (unsigned long long)damage->size_bytes,
                smt_number_ending(damage->size_bytes), (unsigned long long)damage->offset,
                damage->found, damage->expected);
    else if (number == DAMAGE_SHOWN + 1)
        fprintf(stderr, "mtctl: more chunks were written to, not shown\n");
}

bool smt_mtctl_engine_is_changed(const struct smt_mtctl_engine *engine)
{
    return engine->options.backend || engine->options.limit_bytes || engine->options.seed ||
           engine->parser || engine->parameters.count || engine->live;
}

/* NAME=VALUE through the command table, so that all ways in agree. */
static int parameter_apply(struct smt_control *control, const char *text, bool json)
{
    struct smt_wire_request request = {0};
    struct smt_wire_reply reply = {0};
    size_t name_size = strcspn(text, "=");
    char *name = strndup(text, name_size);
    const struct smt_parameter *parameter = name ? smt_parameter_find(name) : NULL;
    int failed = 0;

    smt_buffer_add_text(&request.method, parameter && parameter->is_text ? "cfg.sets" : "cfg.seti");
    smt_wire_add_string(&request.arguments, "misctest");
    smt_wire_add_string(&request.arguments, name ? name : "");
    smt_wire_add_string(&request.arguments, text + name_size + 1);
    smt_command_execute(control, &request, &reply);
    if (reply.code) {
        fprintf(stderr, "mtctl: --param %s: %s\n", text, reply.fault);
        failed = 2;
    } else if (reply.results.count && !smt_mtctl_show(&reply, json)) {
        fprintf(stderr, "mtctl: cannot write the answer\n");
        failed = 3;
    }
    smt_wire_request_clear(&request);
    smt_wire_reply_clear(&reply);
    free(name);
    return failed;
}

int smt_mtctl_engine_start(const struct smt_mtctl_engine *engine, struct smt_control *ret_control)
{
    const struct smt_control_hooks hooks = {.context = (void *)(uintptr_t)engine->parser,
                                            .message_test = smt_mtctl_message_test,
                                            .message_cancel = smt_mtctl_message_cancel};
    struct smt_stress_options options = engine->options;
    enum smt_status status;
    int failed = 0;

    options.on_damage = damage_tell;
    status = smt_control_init(ret_control, &options, &hooks);
    if (status != SMT_OK) return smt_mtctl_fail(status);
    if (!engine->quiet)
        fprintf(stderr, "mtctl: warning: a debugging tool that stresses the allocator and forces "
                        "leaks; not for production\n");
    for (size_t i = 0; i < engine->parameters.count && !failed; i++)
        failed = parameter_apply(ret_control, engine->parameters.items[i], engine->json);
    if (failed) smt_control_clear(ret_control);
    return failed;
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
