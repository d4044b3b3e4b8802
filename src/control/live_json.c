/* Answers of the engine in another process for programs. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/live_reply.h"
#include "heap/heap.h"

static json_t *hex_json(uint64_t value)
{
    char text[24];

    snprintf(text, sizeof text, "0x%" PRIx64, value);
    return json_string(text);
}

/* The shape of a FRAME in the other outputs of this project. */
static json_t *frame_json(const struct smt_live_reply *reply, uintptr_t address)
{
    struct smt_symbol_place place;
    json_t *frame = json_object();
    const char *slash;

    smt_symbol_files_place(reply->files, address, &place);
    slash = place.module ? strrchr(place.module, '/') : NULL;
    json_object_set_new(frame, "module",
                        json_string(slash          ? slash + 1
                                    : place.module ? place.module
                                                   : "?"));
    json_object_set_new(frame, "offset", hex_json(place.offset));
    if (place.function) json_object_set_new(frame, "function", json_string(place.function));
    if (place.file) {
        json_object_set_new(frame, "file", json_string(place.file));
        json_object_set_new(frame, "line", json_integer(place.line));
    }
    return frame;
}

json_t *smt_live_reply_stack_json(const struct smt_live_reply *reply, uint32_t number)
{
    const struct smt_live_reply_stack *stack = smt_live_reply_stack(reply, number);
    json_t *frames = json_array();

    for (unsigned i = 0; stack && i < stack->depth; i++)
        json_array_append_new(frames, frame_json(reply, stack->frames[i]));
    return frames;
}

static void block_json(struct smt_live_reply *reply, const struct smt_live_item *item,
                       json_t *object)
{
    if (item->kind != SMT_LIVE_ATTEMPT)
        json_object_set_new(object, "address", hex_json(item->address));
    if (item->kind != SMT_LIVE_BAD_FREE)
        json_object_set_new(object, "number", json_integer((json_int_t)item->number));
    else
        json_object_set_new(object, "what", json_string(item->what));
    if (item->kind == SMT_LIVE_ENTRY || item->kind == SMT_LIVE_LEAK)
        json_object_set_new(object, "size", json_integer((json_int_t)item->size_bytes));
    if (item->kind != SMT_LIVE_ATTEMPT)
        json_object_set_new(object, "age", json_real((double)item->age_cs / 100));
    if (item->kind == SMT_LIVE_LEAK) {
        json_object_set_new(object, "direct", json_boolean(!item->via));
        if (item->via) json_object_set_new(object, "via", hex_json(item->via));
        json_object_set_new(object, "hex", json_string(item->hex));
    }
    if (item->kind == SMT_LIVE_BAD_FREE && item->via)
        json_object_set_new(object, "freed_at", frame_json(reply, item->via));
}

static void held_json(const struct smt_live_item *item, json_t *object)
{
    json_object_set_new(object, "blocks", json_integer((json_int_t)item->number));
    json_object_set_new(object, "bytes", json_integer((json_int_t)item->size_bytes));
    json_object_set_new(object, "oldest", json_real((double)item->age_cs / 100));
}

static json_t *item_json(struct smt_live_reply *reply, const struct smt_live_item *item)
{
    const struct smt_live_reply_stack *stack = smt_live_reply_stack(reply, item->stack);
    json_t *object = json_object();

    if (item->kind == SMT_LIVE_HELD)
        held_json(item, object);
    else
        block_json(reply, item, object);
    if (stack) json_object_set_new(object, "cookie", hex_json(stack->cookie));
    json_object_set_new(object, "stack", smt_live_reply_stack_json(reply, item->stack));
    return object;
}

/* A number where it is one. */
static json_t *value_json(const char *text)
{
    char *end;
    unsigned long long number = strtoull(text, &end, 10);

    return *text && !*end ? json_integer((json_int_t)number) : json_string(text);
}

void smt_live_reply_json(struct smt_live_reply *reply, struct smt_buffer *text)
{
    json_t *object = json_object(), *says = json_array(), *items = json_array();
    json_t *stats = json_object();
    char *line;

    json_object_set_new(object, "schema", json_integer(1));
    json_object_set_new(object, "type", json_string(*reply->list ? reply->list : "answer"));
    json_object_set_new(object, "pid", json_integer(reply->process));
    json_object_set_new(object, "comm", json_string(reply->comm));
    for (size_t i = 0; i < reply->say_count; i++)
        json_array_append_new(says, json_string(reply->says[i].value));
    for (size_t i = 0; i < reply->stat_count; i++)
        json_object_set_new(stats, reply->stats[i].name, value_json(reply->stats[i].value));
    for (size_t i = 0; i < reply->item_count; i++)
        json_array_append_new(items, item_json(reply, &reply->items[i]));
    json_object_set_new(object, "says", says);
    json_object_set_new(object, "stats", stats);
    json_object_set_new(object, "items", items);
    line = json_dumps(object, JSON_COMPACT | JSON_PRESERVE_ORDER);
    if (line) {
        smt_buffer_add_text(text, line);
        smt_buffer_add_text(text, "\n");
    } else {
        text->failed = true;
    }
    free(line);
    json_decref(object);
}
