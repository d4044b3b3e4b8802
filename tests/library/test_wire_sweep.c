/* wire/ and control/ under libmemtest: whichever allocation of a decoder, an
 * encoder or a command is refused, it says so, and nothing leaks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "control/control.h"
#include "memtest.h"

/* Longer than what a buffer or a list begins with, so that both must grow. */
#define LONG_WORD                                                                                  \
    "a-word-of-more-than-sixty-four-bytes-for-which-the-first-buffer-is-certainly-too-small"

#define NO_MEMORY (-1)
#define REFUSED   1 /* a fault or a status that does not speak of memory */

/* What a call made. */
struct made {
    struct smt_wire_request request;
    struct smt_wire_reply reply;
    struct smt_buffer text;
};

/* What it is made of; prepared before anything is refused. */
struct given {
    const char *line;
    struct smt_wire_request before, request;
    struct smt_wire_reply reply;
    struct smt_buffer bytes;
};

static void made_free(void *result)
{
    struct made *made = result;

    smt_wire_request_clear(&made->request);
    smt_wire_reply_clear(&made->reply);
    smt_buffer_clear(&made->text);
    free(made);
}

static void items_show(const struct smt_wire_items *items, struct smt_show *show)
{
    for (size_t i = 0; i < items->count; i++) {
        const struct smt_wire_item *item = &items->items[i];

        smt_show_enter(show, "item", (int)i);
        smt_show_number(show, "type", item->type);
        smt_show_number(show, "integer", item->integer);
        smt_show_number(show, "thousandths", (int64_t)(item->number * 1000));
        if (item->type == SMT_WIRE_STRING || item->type == SMT_WIRE_NAME)
            smt_show_bytes(show, "text", smt_wire_text(items, item), item->text_size);
        smt_show_leave(show);
    }
}

static void made_show(const void *result, struct smt_show *show)
{
    const struct made *made = result;

    smt_show_bytes(show, "method", made->request.method.data, made->request.method.size);
    items_show(&made->request.arguments, show);
    smt_show_number(show, "code", made->reply.code);
    smt_show_text(show, "fault", made->reply.fault);
    items_show(&made->reply.results, show);
    smt_show_bytes(show, "text", made->text.data, made->text.size);
}

/* Who builds lists and text looks once, in the end. */
static int made_code(const struct made *made, bool done)
{
    if (made->request.method.failed || made->request.arguments.failed ||
        made->reply.results.failed || made->text.failed)
        return NO_MEMORY;
    return done ? 0 : REFUSED;
}

static struct made *made_new(void **ret_result)
{
    struct made *made = calloc(1, sizeof *made);

    *ret_result = made;
    return made;
}

/* --- what is swept --- */

static int binrpc_request_decode(void *context, void **ret_result)
{
    const struct given *given = context;
    struct made *made = made_new(ret_result);
    struct smt_binrpc_header header;

    if (!made) return NO_MEMORY;
    if (smt_binrpc_header(given->bytes.data, given->bytes.size, &header) != SMT_WIRE_DONE)
        return REFUSED;
    return made_code(made, smt_binrpc_decode_request(given->bytes.data + header.header_bytes,
                                                     header.payload_bytes, &made->request));
}

static int binrpc_reply_decode(void *context, void **ret_result)
{
    const struct given *given = context;
    struct made *made = made_new(ret_result);
    struct smt_binrpc_header header;

    if (!made) return NO_MEMORY;
    if (smt_binrpc_header(given->bytes.data, given->bytes.size, &header) != SMT_WIRE_DONE)
        return REFUSED;
    return made_code(made, smt_binrpc_decode_reply(&header, given->bytes.data + header.header_bytes,
                                                   &made->reply));
}

static int binrpc_encode(void *context, void **ret_result)
{
    const struct given *given = context;
    struct made *made = made_new(ret_result);

    if (!made) return NO_MEMORY;
    smt_binrpc_encode_request(&made->text, 1, &given->request);
    smt_binrpc_encode_reply(&made->text, 1, &given->reply);
    return made_code(made, true);
}

/* A whole message, as the server works one off. What could not be parsed for
 * want of memory is answered with an internal error. */
static int json_message_answer(void *context, void **ret_result)
{
    const struct given *given = context;
    struct made *made = made_new(ret_result);
    struct smt_json_message message;
    enum smt_json_step step;

    if (!made) return NO_MEMORY;
    smt_json_open(&message, given->bytes.data, given->bytes.size, &made->text);
    while ((step = smt_json_next(&message, &made->request, &made->text)) != SMT_JSON_END)
        if (step == SMT_JSON_REQUEST) smt_json_answer(&message, &given->reply, &made->text);
    smt_json_finish(&message, &made->text);
    smt_json_clear(&message);
    if (made->text.data && strstr(made->text.data, "-32603")) return NO_MEMORY;
    return made_code(made, !made->text.data || !strstr(made->text.data, "error"));
}

static int json_encode(void *context, void **ret_result)
{
    const struct given *given = context;
    struct made *made = made_new(ret_result);

    if (!made) return NO_MEMORY;
    smt_json_encode_request(&made->text, 1, &given->request);
    smt_json_add_reply(&made->text, &given->reply);
    return made_code(made, true);
}

static int json_reply_decode(void *context, void **ret_result)
{
    const struct given *given = context;
    struct made *made = made_new(ret_result);
    enum smt_status status;

    if (!made) return NO_MEMORY;
    status = smt_json_decode_reply(given->bytes.data, given->bytes.size, &made->reply);
    return status == SMT_ENOMEM ? NO_MEMORY : made_code(made, status == SMT_OK);
}

static int text_decode(void *context, void **ret_result)
{
    const struct given *given = context;
    struct made *made = made_new(ret_result);
    enum smt_status status;

    if (!made) return NO_MEMORY;
    status = smt_text_decode_request(given->line, strlen(given->line), &made->request);
    return made_code(made, status == SMT_OK);
}

static int text_encode(void *context, void **ret_result)
{
    const struct given *given = context;
    struct made *made = made_new(ret_result);

    if (!made) return NO_MEMORY;
    smt_text_encode_reply(&made->text, &given->reply, "\r\n");
    return made_code(made, true);
}

static enum smt_status script_call(void *context, const struct smt_wire_request *request,
                                   struct smt_wire_reply *reply)
{
    struct made *made = context;

    smt_wire_reply_empty(reply);
    smt_json_encode_request(&made->text, 1, request);
    return SMT_OK;
}

static void script_show(void *context, const struct smt_wire_reply *reply)
{
    struct made *made = context;

    smt_text_encode_reply(&made->text, reply, "\n");
}

static int script_run(void *context, void **ret_result)
{
    const struct given *given = context;
    struct made *made = made_new(ret_result);
    struct smt_script_target target = {.context = made, .call = script_call, .show = script_show};
    enum smt_status status;
    unsigned line;

    if (!made) return NO_MEMORY;
    status = smt_script_run("script", given->line, strlen(given->line), &target, &line);
    return status == SMT_ENOMEM ? NO_MEMORY : made_code(made, status == SMT_OK);
}

/* One command in an engine of its own that holds a chunk. */
static int command_execute(void *context, void **ret_result)
{
    const struct given *given = context;
    const struct smt_stress_options options = {
        .backend = "libc", .limit_bytes = (uint64_t)16 << 30, .seed = 3};
    const struct smt_control_hooks hooks = {0};
    struct made *made = made_new(ret_result);
    struct smt_control control;
    enum smt_status status;

    if (!made) return NO_MEMORY;
    status = smt_control_init(&control, &options, &hooks);
    if (status != SMT_OK) return status == SMT_ENOMEM ? NO_MEMORY : REFUSED;
    smt_command_execute(&control, &given->before, &made->reply);
    if (!made->reply.code) smt_command_execute(&control, &given->request, &made->reply);
    smt_control_clear(&control);
    if (made->reply.code && strstr(made->reply.fault, "memory")) return NO_MEMORY;
    return made_code(made, made->reply.code == 0);
}

/* --- sweeping --- */

static void assert_swept(const char *name, int (*call)(void *, void **), struct given *given)
{
    const struct smt_sweep_subject subject = {.name = name,
                                              .call = call,
                                              .context = given,
                                              .release = made_free,
                                              .show = made_show,
                                              .out_of_memory = NO_MEMORY};
    const struct smt_sweep_options options = {.repeat = 3};
    struct smt_sweep_result result = {0};

    assert_int_equal(smt_sweep(&subject, &options, &result), 0);
    assert_true(result.refusals > 1); /* more than the result's own block */
}

static void line_read(const char *line, struct smt_wire_request *ret_request)
{
    assert_int_equal(smt_text_decode_request(line, strlen(line), ret_request), SMT_OK);
}

/* A reply with everything in it that an item can be. */
static void reply_fill(struct smt_wire_reply *reply)
{
    smt_wire_add_integer(&reply->results, INT64_MAX);
    smt_wire_add_mark(&reply->results, SMT_WIRE_STRUCT);
    smt_wire_add_name(&reply->results, "run time (s)");
    smt_wire_add_double(&reply->results, 1.5);
    smt_wire_add_name(&reply->results, LONG_WORD);
    smt_wire_add_mark(&reply->results, SMT_WIRE_ARRAY);
    for (int i = 0; i < 20; i++) smt_wire_add_string(&reply->results, LONG_WORD "\n\xC3\xA9");
    smt_wire_add_string(&reply->results, "no UTF-8: \xFF");
    smt_wire_add_mark(&reply->results, SMT_WIRE_ARRAY_END);
    smt_wire_add_mark(&reply->results, SMT_WIRE_STRUCT_END);
}

static struct given *given_new(const char *line)
{
    struct given *given = calloc(1, sizeof *given);

    assert_non_null(given);
    given->line = line;
    line_read("mt.mem_alloc 1 k", &given->before);
    line_read(line, &given->request);
    reply_fill(&given->reply);
    return given;
}

static void given_free(struct given *given)
{
    smt_wire_request_clear(&given->before);
    smt_wire_request_clear(&given->request);
    smt_wire_reply_clear(&given->reply);
    smt_buffer_clear(&given->bytes);
    free(given);
}

#define TYPED                                                                                      \
    "cfg.sets misctest 1 -2 99999999999 \"" LONG_WORD "\\r\\n\" " LONG_WORD                        \
    " 1 2 3 4 5 6 7 8 9 10 11 12 13"

static void binrpc_survives_every_refusal(void **state)
{
    struct given *given = given_new(TYPED);

    (void)state;
    smt_binrpc_encode_request(&given->bytes, 1, &given->request);
    assert_swept("binrpc request", binrpc_request_decode, given);
    smt_buffer_empty(&given->bytes);
    smt_binrpc_encode_reply(&given->bytes, 1, &given->reply);
    assert_swept("binrpc reply", binrpc_reply_decode, given);
    assert_swept("binrpc encode", binrpc_encode, given);
    given_free(given);
}

static void json_survives_every_refusal(void **state)
{
    struct given *given = given_new(TYPED);

    (void)state;
    smt_buffer_add_text(&given->bytes, "[{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"id\":\"a\\u00e9\","
                                       "\"params\":{\"size\":1.5,\"text\":\"" LONG_WORD "\"}},");
    smt_json_encode_request(&given->bytes, 1, &given->request);
    smt_buffer_add_text(&given->bytes, "]");
    assert_swept("json message", json_message_answer, given);
    smt_buffer_empty(&given->bytes);
    smt_json_add_reply(&given->bytes, &given->reply);
    assert_swept("json reply", json_reply_decode, given);
    assert_swept("json encode", json_encode, given);
    given_free(given);
}

static void text_survives_every_refusal(void **state)
{
    struct given *given = given_new(TYPED);

    (void)state;
    assert_swept("text request", text_decode, given);
    assert_swept("text reply", text_encode, given);
    given_free(given);
}

static void script_survives_every_refusal(void **state)
{
    struct given given = {.line = "# excerpt\n"
                                  "modparam(\"misctest\", \"message_data\", \"" LONG_WORD "\")\n"
                                  "modparam(\"misctest\", \"memory\", 1)\n"
                                  "mem_alloc(1048576); /* 1 MB */ mem_free();\n"
                                  "mt.mem_rnd_alloc 1 64 10240 k\n"};

    (void)state;
    assert_swept("script", script_run, &given);
}

/* Not those that answer a time, or leave work to another thread. */
static void commands_survive_every_refusal(void **state)
{
    static const char *const lines[] = {
        "mt.mem_alloc 10 k",
        "mt.mem_rnd_alloc 100 200 1000",
        "mt.mem_free",
        "mt.mem_used k",
        "mt.mem_realloc 10",
        "mt.mem_test_list",
        "mt.mem_test_destroy_all",
        "cfg.get misctest memory",
        "cfg.seti misctest mem_realloc_p 10",
        ("cfg.sets misctest message_data " LONG_WORD),
        "cfg.list",
        "cfg.help misctest memory",
        "core.version",
        "system.listMethods",
        "help",
        "help mt.mem_alloc",
    };

    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct given *given = given_new(lines[i]);

        assert_swept(lines[i], command_execute, given);
        given_free(given);
    }
}

/* By name, arguments are put into order first. */
static void named_arguments_survive_every_refusal(void **state)
{
    struct given *given = given_new("mt.mem_alloc unit k size 10");

    (void)state;
    given->request.named = true;
    for (size_t i = 0; i < given->request.arguments.count; i += 2)
        given->request.arguments.items[i].type = SMT_WIRE_NAME;
    assert_swept("by name", command_execute, given);
    given_free(given);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(binrpc_survives_every_refusal),
        cmocka_unit_test(json_survives_every_refusal),
        cmocka_unit_test(text_survives_every_refusal),
        cmocka_unit_test(script_survives_every_refusal),
        cmocka_unit_test(commands_survive_every_refusal),
        cmocka_unit_test(named_arguments_survive_every_refusal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
