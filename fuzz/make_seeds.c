/* fuzz/make_seeds.c - from messages to seeds: OUT/TARGET/HASH for every target.
 *
 *     make_seeds OUT FILE|DIR...
 *
 * message gets the messages, and selftest those that its bugs do not wait for; oom gets them with
 * tails that refuse one request, all later ones, a few, or fill the heap; uri, headers and sdp get
 * what they read of them. Named by content, so that nothing is there twice. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "header_rows.h"
#include "message/message.h"
#include "oracle.h"
#include "parser/selftest.h"

#define OOM_TAILS 4 /* one for each mode */

static const char *const targets[] = {"message", "selftest", "oom", "uri", "headers", "sdp"};

/* Headers of which each row's parser reads the value too. */
static const struct {
    const char *name, *row;
} likenesses[] = {
    {"To", "From"},
    {"Route", "From"},
    {"Record-Route", "From"},
    {"Refer-To", "Contact"},
    {"P-Asserted-Identity", "Contact"},
    {"Accept", "Content-Type"},
    {"Accept-Language", "Accept-Encoding"},
    {"Alert-Info", "Call-Info"},
    {"Error-Info", "Call-Info"},
    {"Proxy-Authenticate", "WWW-Authenticate"},
    {"Proxy-Authorization", "Authorization"},
    {"Proxy-Authentication-Info", "Authentication-Info"},
};

static const char *const rows[] = {
#define NAME(name, prefix) name,
    FUZZ_HEADER_LIST(NAME)
#undef NAME
};

struct maker {
    const char *out;
    bool failed;
};

static void complain(void *context, const char *sentence)
{
    ((struct maker *)context)->failed = true;
    fprintf(stderr, "make_seeds: %s\n", sentence);
}

static bool folder_make(const char *path)
{
    return mkdir(path, 0777) == 0 || errno == EEXIST;
}

static void seed_put(struct maker *maker, const char *target, const struct smt_buffer *seed)
{
    struct smt_buffer path;
    FILE *file;
    bool good = false;

    if (maker->failed || !seed->size) return;
    smt_buffer_init(&path);
    smt_buffer_addf(&path, "%s/%s/%016llx", maker->out, target,
                    (unsigned long long)XXH3_64bits(seed->data, seed->size));
    file = path.failed || seed->failed ? NULL : fopen(path.data, "we");
    if (file) {
        good = fwrite(seed->data, 1, seed->size, file) == seed->size;
        good = fclose(file) == 0 && good;
    }
    if (!good) {
        fprintf(stderr, "make_seeds: %s: cannot write: %s\n", path.data, strerror(errno));
        maker->failed = true;
    }
    smt_buffer_clear(&path);
}

/* `first`: a byte in front; below 0 none. */
static void slice_put(struct maker *maker, const char *target, int first, struct smt_slice text)
{
    struct smt_buffer seed;
    char front = (char)first;

    smt_buffer_init(&seed);
    if (first >= 0) smt_buffer_add(&seed, &front, 1);
    smt_buffer_add(&seed, text.data, text.size);
    seed_put(maker, target, &seed);
    smt_buffer_clear(&seed);
}

static void oom_put(struct maker *maker, const struct smt_message *message)
{
    uint64_t bits = XXH3_64bits(message->data, message->size_bytes);

    for (unsigned mode = 0; mode < OOM_TAILS; mode++) {
        uint8_t tail[SMT_FUZZ_TAIL_BYTES];
        struct smt_buffer seed;

        bits = XXH3_64bits_withSeed(&bits, sizeof bits, mode);
        memcpy(tail, &bits, sizeof tail);
        tail[0] = (uint8_t)mode; /* one place */
        smt_buffer_init(&seed);
        smt_buffer_add(&seed, message->data, message->size_bytes);
        smt_buffer_add(&seed, (const char *)tail, sizeof tail);
        seed_put(maker, "oom", &seed);
        smt_buffer_clear(&seed);
    }
}

static int row_find(struct smt_slice name)
{
    const char *likeness = NULL;

    for (size_t i = 0; i < sizeof likenesses / sizeof likenesses[0]; i++)
        if (smt_view_is_name(name, likenesses[i].name)) likeness = likenesses[i].row;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (likeness ? strcmp(likeness, rows[i]) == 0 : smt_view_is_name(name, rows[i]))
            return (int)i;
    return -1;
}

static void headers_put(struct maker *maker, const struct smt_model *model)
{
    for (size_t i = 0; i < model->header_count; i++) {
        int row = row_find(smt_model_name(&model->headers[i]));

        if (row >= 0)
            slice_put(maker, "headers", FUZZ_HEADER_FIRST + row,
                      smt_model_value(&model->headers[i]));
    }
}

static void uri_put(struct maker *maker, struct smt_slice text)
{
    struct smt_view_uri uri;

    if (smt_view_uri(text, &uri)) slice_put(maker, "uri", -1, uri.whole);
}

/* Every URI: the start line's, and those of each item of each header's list. */
static void uris_put(struct maker *maker, const struct smt_model *model)
{
    uri_put(maker, model->start);
    for (size_t i = 0; i < model->header_count; i++) {
        struct smt_slice item;
        size_t at = 0;

        while (smt_view_item(smt_model_value(&model->headers[i]), &at, &item)) uri_put(maker, item);
    }
}

/* From each line "v=0" that begins the body or follows an empty line. */
static void sdp_put(struct maker *maker, struct smt_slice body)
{
    struct smt_view_line line;
    size_t at = 0, from = 0;
    bool is_start = true;

    while (from = at, smt_view_line(body, &at, &line)) {
        if (is_start && line.text.size >= 2 && memcmp(line.text.data, "v=", 2) == 0)
            slice_put(maker, "sdp", -1, smt_slice(body.data + from, body.size - from));
        is_start = !line.text.size;
    }
}

/* A seed with a bug in it would leave nothing to find. */
static void selftest_put(struct maker *maker, const struct smt_message *message)
{
    static const struct smt_parser_hooks hooks = {malloc, calloc, realloc, free};
    const struct smt_parser *parser = &smt_parser_selftest_deep;
    struct smt_parser_input input = {message->data, message->size_bytes};
    struct smt_selftest_state state = {0};

    if (parser->init(&hooks)) complain(maker, "the selftest cannot be initialised");
    smt_selftest_watch = (struct smt_selftest_watch){.only_watch = true};
    for (int op = 0; op < SMT_OP_COUNT; op++)
        if (parser->ops[op].run(&state, &input)) break;
    parser->release(&state);
    if (smt_selftest_watch.due) return;
    slice_put(maker, "selftest", -1, smt_slice(message->data, message->size_bytes));
}

static void message_split(struct maker *maker, struct smt_model *model,
                          const struct smt_message *message)
{
    struct smt_slice whole = smt_slice(message->data, message->size_bytes);

    slice_put(maker, "message", -1, whole);
    selftest_put(maker, message);
    oom_put(maker, message);
    if (smt_model_parse(model, message->data, message->size_bytes) != SMT_OK) {
        complain(maker, smt_fail_text());
        return;
    }
    headers_put(maker, model);
    uris_put(maker, model);
    sdp_put(maker, model->body);
}

static void folders_make(struct maker *maker)
{
    if (!folder_make(maker->out)) complain(maker, maker->out);
    for (size_t i = 0; i < sizeof targets / sizeof targets[0] && !maker->failed; i++) {
        struct smt_buffer path;

        smt_buffer_init(&path);
        smt_buffer_addf(&path, "%s/%s", maker->out, targets[i]);
        if (path.failed || !folder_make(path.data)) complain(maker, "cannot make its folders");
        smt_buffer_clear(&path);
    }
}

int main(int argc, char **argv)
{
    struct maker maker = {.out = argc > 1 ? argv[1] : NULL};
    struct smt_message_list list;
    struct smt_model model;

    if (argc < 3) {
        fprintf(stderr, "usage: make_seeds OUT FILE|DIR...\n");
        return 2;
    }
    smt_message_list_init(&list);
    smt_model_init(&model);
    for (int i = 2; i < argc; i++)
        if (smt_message_add_path(&list, argv[i], complain, &maker) != SMT_OK)
            complain(&maker, smt_fail_text());
    folders_make(&maker);
    for (size_t i = 0; i < list.count && !maker.failed; i++)
        message_split(&maker, &model, &list.items[i]);
    smt_model_clear(&model);
    smt_message_list_clear(&list);
    return maker.failed ? 3 : 0;
}
