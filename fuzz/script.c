/* Scripts and excerpts of a Kamailio configuration, as `mtctl -f` reads them.
 * Nothing is carried out; what would be is kept, and must be the same with a
 * newline at the end. */
#include <inttypes.h>

#include "control/script.h"
#include "wire_feed.h"

struct script_log {
    struct smt_buffer calls;
    size_t faults, shown;
};

static enum smt_status on_call(void *context, const struct smt_wire_request *request,
                               struct smt_wire_reply *reply)
{
    const struct smt_wire_items *arguments = &request->arguments;
    struct script_log *log = context;

    must_hold(request->method.size != 0, "a request has a method");
    smt_buffer_add(&log->calls, request->method.data, request->method.size);
    for (size_t i = 0; i < arguments->count; i++) {
        const struct smt_wire_item *item = &arguments->items[i];

        if (item->type == SMT_WIRE_INTEGER)
            smt_buffer_addf(&log->calls, " %" PRId64, item->integer);
        else
            smt_buffer_addf(&log->calls, " %zu:%s", item->text_size,
                            smt_wire_text(arguments, item));
    }
    smt_buffer_add_text(&log->calls, "\n");
    smt_wire_reply_empty(reply);
    if (request->method.data[0] != 'f') return SMT_OK;
    smt_wire_fault(reply, 400, "fault");
    log->faults++;
    return SMT_OK;
}

static void on_show(void *context, const struct smt_wire_reply *reply)
{
    struct script_log *log = context;

    (void)reply;
    log->shown++;
}

static enum smt_status script_run(const char *text, size_t size_bytes, struct script_log *log,
                                  unsigned *ret_line)
{
    struct smt_script_target target = {.context = log, .call = on_call, .show = on_show};

    return smt_script_run("script", text, size_bytes, &target, ret_line);
}

static unsigned lines_count(const char *text, size_t size_bytes)
{
    unsigned lines = 1;

    for (size_t i = 0; i < size_bytes; i++) lines += text[i] == '\n';
    return lines;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes)
{
    struct script_log log = {0}, again = {0};
    unsigned line = 0, again_line = 0;
    char *text = exact_copy(bytes, size_bytes);
    enum smt_status status = script_run(text, size_bytes, &log, &line);

    must_hold(status == SMT_OK || status == SMT_EINPUT, "a script runs or cannot be read");
    must_hold(log.faults <= 1 && (log.faults == 1) == (line != 0), "the first fault ends a script");
    must_hold(line <= lines_count(text, size_bytes), "a fault's line is one of the script's");
    text = realloc(text, size_bytes + 1);
    must_hold(text != NULL, "there is memory for a copy");
    text[size_bytes] = '\n';
    must_hold(
        script_run(text, size_bytes + 1, &again, &again_line) == status && again_line == line &&
            again.shown == log.shown && again.calls.size == log.calls.size &&
            (!log.calls.size || memcmp(again.calls.data, log.calls.data, log.calls.size) == 0),
        "a newline at a script's end changes nothing");
    free(text);
    smt_buffer_clear(&log.calls);
    smt_buffer_clear(&again.calls);
    return 0;
}
