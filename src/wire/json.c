#include "wire/json.h"

#include <inttypes.h>
#include <string.h>

#include "wire/json_parse.h"
#include "wire/json_text.h"

/* One member of the answer; opens the array of a batch before the first. */
static void answer_add(struct smt_json_message *message, const char *id,
                       const struct smt_wire_reply *reply, struct smt_buffer *buffer)
{
    if (message->batch) smt_buffer_add_text(buffer, message->answered ? "," : "[");
    message->answered = true;
    smt_buffer_add_text(buffer, "{\"jsonrpc\":\"2.0\",");
    smt_json_add_body(buffer, reply);
    smt_buffer_addf(buffer, ",\"id\":%s}", id);
}

/* With the id, as far as the request has one. */
static void error_add(struct smt_json_message *message, int code, struct smt_buffer *buffer)
{
    const struct smt_buffer *id = &message->id;
    const char *text = code == SMT_JSON_PARSE_ERROR       ? "Parse error"
                       : code == SMT_JSON_INVALID_REQUEST ? "Invalid Request"
                                                          : "out of memory";
    struct smt_wire_reply reply = {0};

    smt_wire_fault(&reply, code, "%s", text);
    answer_add(message, id->size && !id->failed ? id->data : "null", &reply, buffer);
    smt_wire_reply_clear(&reply);
}

void smt_json_open(struct smt_json_message *message, const void *text, size_t size_bytes,
                   struct smt_buffer *buffer)
{
    bool refused;

    *message = (struct smt_json_message){0};
    message->root =
        smt_json_parse(text, size_bytes, JSON_REJECT_DUPLICATES, &message->memory, &refused);
    if (!message->root) {
        error_add(message, refused ? SMT_JSON_INTERNAL_ERROR : SMT_JSON_PARSE_ERROR, buffer);
        return;
    }
    message->batch = json_is_array(message->root);
    if (!message->batch || json_array_size(message->root) > 0) return;
    message->batch = false; /* an empty batch gets one answer, not an array */
    error_add(message, SMT_JSON_INVALID_REQUEST, buffer);
    message->root = NULL;
}

void smt_json_clear(struct smt_json_message *message)
{
    smt_json_memory_free(message->memory);
    smt_buffer_clear(&message->id);
    *message = (struct smt_json_message){0};
}

static bool value_take(struct smt_wire_items *items, json_t *value)
{
    if (json_is_integer(value))
        smt_wire_add_integer(items, json_integer_value(value));
    else if (json_is_real(value))
        smt_wire_add_double(items, json_real_value(value));
    else if (json_is_boolean(value))
        smt_wire_add_integer(items, json_is_true(value));
    else if (json_is_string(value))
        smt_wire_add_bytes(items, SMT_WIRE_STRING, json_string_value(value),
                           json_string_length(value));
    else
        return false;
    return true;
}

/* By position or by name; only plain values, commands take nothing else. */
static bool params_take(struct smt_wire_request *request, json_t *params)
{
    const char *name;
    json_t *value;
    size_t i;

    request->named = json_is_object(params);
    if (json_is_object(params)) json_object_foreach(params, name, value)
        {
            smt_wire_add_name(&request->arguments, name);
            if (!value_take(&request->arguments, value)) return false;
        }
    else if (json_is_array(params))
        json_array_foreach(params, i, value)
        {
            if (!value_take(&request->arguments, value)) return false;
        }
    return !params || json_is_object(params) || json_is_array(params);
}

/* As JSON; empty when there is none. False: it is no id. */
static bool id_take(struct smt_buffer *buffer, json_t *id)
{
    smt_buffer_empty(buffer);
    if (json_is_string(id))
        smt_json_add_string(buffer, json_string_value(id), json_string_length(id));
    else if (json_is_integer(id))
        smt_buffer_addf(buffer, "%" PRId64, (int64_t)json_integer_value(id));
    else if (json_is_real(id))
        smt_buffer_addf(buffer, "%.17g", json_real_value(id));
    else if (json_is_null(id))
        smt_buffer_add_text(buffer, "null");
    else
        return !id;
    return true;
}

/* 0, or the error's code. */
static int request_take(struct smt_json_message *message, json_t *root,
                        struct smt_wire_request *request)
{
    const struct smt_wire_items *arguments = &request->arguments;
    json_t *method = json_object_get(root, "method");
    const char *version = json_string_value(json_object_get(root, "jsonrpc"));

    smt_wire_request_empty(request);
    if (!id_take(&message->id, json_object_get(root, "id"))) return SMT_JSON_INVALID_REQUEST;
    if (!version || strcmp(version, "2.0") != 0 || !json_is_string(method))
        return SMT_JSON_INVALID_REQUEST;
    smt_buffer_add(&request->method, json_string_value(method), json_string_length(method));
    if (!params_take(request, json_object_get(root, "params"))) return SMT_JSON_INVALID_REQUEST;
    if (message->id.failed || request->method.failed || arguments->failed)
        return SMT_JSON_INTERNAL_ERROR;
    return 0;
}

enum smt_json_step smt_json_next(struct smt_json_message *message, struct smt_wire_request *request,
                                 struct smt_buffer *buffer)
{
    size_t count = message->batch ? json_array_size(message->root) : message->root != NULL;
    json_t *root;
    int error;

    if (message->next >= count) return SMT_JSON_END;
    root = message->batch ? json_array_get(message->root, message->next) : message->root;
    message->next++;
    error = request_take(message, root, request);
    if (!error) return SMT_JSON_REQUEST;
    error_add(message, error, buffer);
    return SMT_JSON_ANSWERED;
}

void smt_json_answer(struct smt_json_message *message, const struct smt_wire_reply *reply,
                     struct smt_buffer *buffer)
{
    if (message->id.size) answer_add(message, message->id.data, reply, buffer);
}

void smt_json_finish(struct smt_json_message *message, struct smt_buffer *buffer)
{
    if (message->batch && message->answered) smt_buffer_add_text(buffer, "]");
}

/* --- client --- */

static bool result_take(struct smt_wire_items *items, json_t *value, unsigned depth)
{
    const char *name;
    json_t *member;
    size_t i;

    if (depth > SMT_WIRE_DEPTH_MAX) return false;
    if (json_is_object(value)) {
        smt_wire_add_mark(items, SMT_WIRE_STRUCT);
        json_object_foreach(value, name, member)
        {
            smt_wire_add_name(items, name);
            if (!result_take(items, member, depth + 1)) return false;
        }
        smt_wire_add_mark(items, SMT_WIRE_STRUCT_END);
        return true;
    }
    if (!json_is_array(value)) return value_take(items, value);
    if (depth) smt_wire_add_mark(items, SMT_WIRE_ARRAY);
    json_array_foreach(value, i, member)
    {
        if (!result_take(items, member, depth + 1)) return false;
    }
    if (depth) smt_wire_add_mark(items, SMT_WIRE_ARRAY_END);
    return true;
}

static bool reply_take(json_t *root, struct smt_wire_reply *reply)
{
    json_t *error = json_object_get(root, "error"), *result = json_object_get(root, "result");
    const char *text = json_string_value(json_object_get(error, "message"));

    if (error) {
        int code = (int)json_integer_value(json_object_get(error, "code"));

        if (!text || !code) return false;
        smt_wire_fault(reply, code, "%s", text);
        return true;
    }
    if (!result) return false;
    reply->list = json_is_array(result);
    return json_is_null(result) || result_take(&reply->results, result, 0);
}

enum smt_status smt_json_decode_reply(const void *text, size_t size_bytes,
                                      struct smt_wire_reply *reply)
{
    struct smt_json_memory *memory = NULL;
    bool refused, taken;
    json_t *root = smt_json_parse(text, size_bytes, 0, &memory, &refused);

    smt_wire_reply_empty(reply);
    taken = reply_take(root, reply);
    smt_json_memory_free(memory);
    if (refused || reply->results.failed)
        return smt_fail(SMT_ENOMEM, "out of memory for the answer");
    return taken ? SMT_OK : smt_fail(SMT_EIO, "the server's answer is no JSON-RPC 2.0");
}
