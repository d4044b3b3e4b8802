/* fuzz/wire_feed.h - what the targets of wire/ share: a stream cut into pieces,
 * and the question whether two lists of items are the same.
 *
 * Framing is the only part that sees pieces, so messages are decoded once and
 * compared as bytes for every other cut. Under AddressSanitizer nothing can be
 * read that was not yet received. */
#ifndef SMT_FUZZ_WIRE_FEED_H
#define SMT_FUZZ_WIRE_FEED_H

#include <math.h>
#include <sanitizer/asan_interface.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes);

/* The failure oracle of these targets: says what does not hold, and aborts. */
static inline void must_hold(bool holds, const char *fact)
{
    if (holds) return;
    fprintf(stderr, "does not hold: %s\n", fact);
    abort();
}

/* A copy that ends where the bytes end, so that reading on is seen. */
static inline char *exact_copy(const void *bytes, size_t size_bytes)
{
    char *copy = malloc(size_bytes + !size_bytes);

    must_hold(copy != NULL, "there is memory for a copy");
    if (size_bytes) memcpy(copy, bytes, size_bytes);
    return copy;
}

typedef void wire_feed_take(const char *message, size_t size_bytes);

struct wire_feed {
    struct smt_frame_finder finder;
    wire_feed_take *take;    /* called with every message; may be NULL */
    struct smt_buffer found; /* each message's size and bytes */
    size_t consumed;
    bool bad;
};

/* One message off the `received` bytes; false when there is none. */
static inline bool wire_feed_step(struct wire_feed *feed, const char *bytes, size_t received)
{
    size_t left = received - feed->consumed;
    const char *here = bytes + feed->consumed;
    struct smt_wire_frame frame;
    enum smt_wire_progress progress = smt_frame_find(&feed->finder, here, left, &frame);

    if (progress == SMT_WIRE_DONE) {
        must_hold(frame.end > 0 && frame.end <= left, "a message lies in what was received");
        must_hold(frame.begin + frame.size <= frame.end, "a message ends in its frame");
        must_hold(frame.size <= SMT_FRAME_MAX, "a message is no longer than the limit");
        smt_buffer_addf(&feed->found, "%zu:", frame.size);
        smt_buffer_add(&feed->found, here + frame.begin, frame.size);
        if (feed->take) {
            char *message = exact_copy(here + frame.begin, frame.size);

            feed->take(message, frame.size);
            free(message);
        }
    }
    feed->consumed += progress == SMT_WIRE_DONE ? frame.end : frame.skip;
    feed->bad = progress == SMT_WIRE_BAD;
    return progress == SMT_WIRE_DONE;
}

/* Feeds all bytes in pieces; `piece` 0 makes them of random sizes. At the end a
 * last line may lack its newline, as in the server. `bytes` has room for it. */
static inline void wire_feed_run(struct wire_feed *feed, const char *bytes, size_t size_bytes,
                                 size_t piece)
{
    struct smt_random random;
    size_t received = 0;
    bool lines;

    smt_random_init(&random, size_bytes);
    ASAN_POISON_MEMORY_REGION(bytes, size_bytes + 1);
    while (received < size_bytes && !feed->bad) {
        size_t more = piece ? piece : smt_random_between(&random, 1, 64);

        received += more < size_bytes - received ? more : size_bytes - received;
        ASAN_UNPOISON_MEMORY_REGION(bytes, received);
        while (feed->consumed < received && wire_feed_step(feed, bytes, received)) {
        }
    }
    ASAN_UNPOISON_MEMORY_REGION(bytes, size_bytes + 1);
    lines =
        feed->finder.protocol == SMT_PROTOCOL_TEXT || feed->finder.protocol == SMT_PROTOCOL_JSON;
    if (!feed->bad && lines && feed->consumed < size_bytes)
        while (feed->consumed <= size_bytes && wire_feed_step(feed, bytes, size_bytes + 1)) {
        }
    smt_buffer_addf(&feed->found, "%s", feed->bad ? "bad" : "");
}

/* Decodes every message of the stream by `take`, then finds them again in other
 * pieces. */
static inline void wire_feed_all(const uint8_t *bytes, size_t size_bytes,
                                 enum smt_protocol protocol, wire_feed_take *take)
{
    const size_t pieces[] = {0, 1};
    struct wire_feed whole = {.finder.protocol = protocol, .take = take};
    char *copy = realloc(exact_copy(bytes, size_bytes), size_bytes + 1);

    must_hold(copy != NULL, "there is memory for a copy");
    copy[size_bytes] = '\n';
    if (size_bytes) wire_feed_run(&whole, copy, size_bytes, size_bytes);
    for (size_t i = 0; size_bytes && i < sizeof pieces / sizeof *pieces; i++) {
        struct wire_feed cut = {.finder.protocol = protocol};

        wire_feed_run(&cut, copy, size_bytes, pieces[i]);
        must_hold(cut.found.size == whole.found.size &&
                      memcmp(cut.found.data, whole.found.data, cut.found.size) == 0,
                  "the same messages are found however the bytes are cut");
        smt_buffer_clear(&cut.found);
    }
    smt_buffer_clear(&whole.found);
    free(copy);
}

static inline bool item_is_number(const struct smt_wire_item *item)
{
    return item->type == SMT_WIRE_INTEGER || item->type == SMT_WIRE_DOUBLE;
}

/* JSON writes 1.0 as 1, BINRPC has thousandths only: a number may change its
 * type and lose what does not fit. */
static inline bool number_same(const struct smt_wire_item *a, const struct smt_wire_item *b)
{
    double x = a->type == SMT_WIRE_INTEGER ? (double)a->integer : a->number;
    double y = b->type == SMT_WIRE_INTEGER ? (double)b->integer : b->number;

    if (a->type == SMT_WIRE_INTEGER && b->type == SMT_WIRE_INTEGER) return a->integer == b->integer;
    return fabs(x - y) <= 0.001 + fabs(x) * 1e-12;
}

static inline bool items_same(const struct smt_wire_items *a, const struct smt_wire_items *b)
{
    if (a->count != b->count) return false;
    for (size_t i = 0; i < a->count; i++) {
        const struct smt_wire_item *x = &a->items[i], *y = &b->items[i];

        if (item_is_number(x) && item_is_number(y)) {
            if (!number_same(x, y)) return false;
            continue;
        }
        if (x->type != y->type || x->text_size != y->text_size) return false;
        if (x->text_size && memcmp(smt_wire_text(a, x), smt_wire_text(b, y), x->text_size) != 0)
            return false;
    }
    return true;
}

static inline bool request_same(const struct smt_wire_request *a, const struct smt_wire_request *b)
{
    return a->method.size == b->method.size && a->named == b->named &&
           memcmp(a->method.data, b->method.data, a->method.size) == 0 &&
           items_same(&a->arguments, &b->arguments);
}

#endif
