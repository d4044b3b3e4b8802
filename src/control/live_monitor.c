#include "control/live_monitor.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "control/live_client.h"
#include "control/live_growth.h"

#define ANSWER_S     5           /* how long an engine may take to answer */
#define SUMS_SHARE   50          /* reading sums takes at most one part of the time ... */
#define SUMS_LEAST   8           /* ... but so often in any case */
#define SUMS_REST_NS 1000000000u /* ... and once a second */
#define KEEP_LEAST   4           /* rounds before stacks are worth naming */
#define STACKS_SHOWN 5
#define SHARE_LEAST  0.01 /* of the growth, to be shown beside others */

/* One process and the engine in it. After exec it is another one, and the first
 * keeps what it knows. */
struct peer {
    int pid;
    struct smt_live_client client;
    uint64_t looks; /* tells when to try to connect */
    uint64_t next_sums_ns, round;
    struct smt_live_growth growth;
    struct smt_buffer frames; /* the last answer that named stacks */
};

struct smt_live_monitor {
    struct smt_monitor_engine engine;
    struct peer **peers;
    size_t count;
};

static struct peer *peer_add(struct smt_live_monitor *monitor, int pid)
{
    struct peer **grown = realloc(monitor->peers, (monitor->count + 1) * sizeof(struct peer *));
    struct peer *peer;

    if (!grown) return NULL;
    monitor->peers = grown;
    peer = calloc(1, sizeof *peer);
    if (!peer) return NULL;
    peer->pid = pid;
    peer->client.fd = -1;
    smt_buffer_init(&peer->frames);
    grown[monitor->count++] = peer;
    return peer;
}

/* The latest of this process id that was there in that round. */
static struct peer *peer_find(const struct smt_live_monitor *monitor, int pid, uint64_t round)
{
    for (size_t i = monitor->count; i-- > 0;) {
        struct peer *peer = monitor->peers[i];

        if (peer->pid == pid && (!peer->growth.count || peer->growth.rounds[0].round <= round))
            return peer;
    }
    return NULL;
}

/* False: no engine, or it is not time to look for one. */
static bool peer_connect(struct peer *peer)
{
    struct timeval most = {.tv_sec = ANSWER_S};
    uint64_t look = ++peer->looks;

    if (peer->client.fd >= 0) return true;
    if (look & (look - 1) || smt_live_client_open(&peer->client, peer->pid)) return false;
    setsockopt(peer->client.fd, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most);
    setsockopt(peer->client.fd, SOL_SOCKET, SO_SNDTIMEO, &most, sizeof most);
    return true;
}

/* Asks and takes apart; `raw` is the reply's text. */
static bool peer_ask(struct peer *peer, const char *line, struct smt_buffer *raw,
                     struct smt_live_reply *ret_reply)
{
    smt_buffer_empty(raw);
    if (smt_live_client_ask(&peer->client, line, raw)) return false;
    smt_live_reply_parse(ret_reply, raw->data, peer->pid);
    return true;
}

/* Why there was no answer; NULL: because the process ended, or became another. */
static const char *silence_explain(int pid, uint64_t took_ns)
{
    struct stat process;
    char path[32];

    if (took_ns >= (ANSWER_S - 1) * 1000000000ull) return "it does not answer";
    snprintf(path, sizeof path, "/proc/%d", pid);
    if (geteuid() != 0 && stat(path, &process) == 0 && process.st_uid != geteuid())
        return "it answers its own user and root only";
    return NULL;
}

static bool totals_take(const struct smt_live_reply *reply, struct smt_monitor_engine_live *ret)
{
    ret->bytes = smt_live_reply_stat(reply, "live bytes");
    ret->blocks = smt_live_reply_stat(reply, "live blocks");
    if (reply->code)
        ret->trouble = "its answer was not understood";
    else if (!smt_live_reply_stat(reply, "all blocks known"))
        ret->trouble = "it does not know all blocks (MT_IDLE was set, or kmemleak is off)";
    return !ret->trouble;
}

/* Adds "live frames" with the stacks that grow; false: none does. */
static bool frames_request(const struct smt_live_grower *growers, size_t count, char *line,
                           size_t size)
{
    size_t used = (size_t)snprintf(line, size, "live frames");

    for (size_t i = 0; i < count && used < size; i++)
        used += (size_t)snprintf(line + used, size - used, " %u", growers[i].stack);
    return count > 0 && used < size;
}

/* Fetches the frames of what grows since `from_round`. */
static void frames_keep(struct peer *peer, uint64_t from_round)
{
    struct smt_live_grower growers[STACKS_SHOWN];
    size_t count = smt_live_growth_find(&peer->growth, from_round, growers, STACKS_SHOWN);
    struct smt_buffer raw;
    char line[128];

    if (!frames_request(growers, count, line, sizeof line)) return;
    smt_buffer_init(&raw);
    if (smt_live_client_ask(&peer->client, line, &raw) == SMT_OK) {
        smt_buffer_clear(&peer->frames);
        peer->frames = raw;
        return;
    }
    smt_buffer_clear(&raw);
}

/* Early names are worth having at the 4th, 8th, 16th, 32nd, 64th round kept. */
static void growth_take(struct peer *peer, uint64_t round, const struct smt_live_reply *reply)
{
    size_t count;

    if (smt_live_growth_add(&peer->growth, round, reply->items, reply->item_count)) return;
    count = peer->growth.count;
    if (count >= KEEP_LEAST && !(count & (count - 1)))
        frames_keep(peer, peer->growth.rounds[count / 4].round);
}

/* One look at a connected engine. */
static bool peer_look(struct peer *peer, uint64_t round, struct smt_monitor_engine_live *ret_live)
{
    uint64_t began_ns = smt_clock_ns();
    bool sums = (began_ns >= peer->next_sums_ns || peer->growth.count < SUMS_LEAST) &&
                smt_live_growth_wants(&peer->growth, round);
    struct smt_live_reply reply;
    struct smt_buffer raw;
    bool told = false;

    smt_buffer_init(&raw);
    if (peer_ask(peer, sums ? "live sums" : "live", &raw, &reply)) {
        told = totals_take(&reply, ret_live);
        peer->round = round;
        if (sums && told) growth_take(peer, round, &reply);
        smt_live_reply_clear(&reply);
    } else {
        ret_live->trouble = silence_explain(peer->pid, smt_clock_ns() - began_ns);
    }
    if (sums) {
        uint64_t now_ns = smt_clock_ns(), rest_ns = (now_ns - began_ns) * SUMS_SHARE;

        peer->next_sums_ns = now_ns + (rest_ns < SUMS_REST_NS ? rest_ns : SUMS_REST_NS);
    }
    smt_buffer_clear(&raw);
    return told;
}

static bool monitor_live(void *context, int pid, uint64_t round,
                         struct smt_monitor_engine_live *ret_live)
{
    struct smt_live_monitor *monitor = context;
    struct peer *peer = peer_find(monitor, pid, round);
    bool was_open, told;

    if (!peer) peer = peer_add(monitor, pid);
    if (!peer) return false;
    was_open = peer->client.fd >= 0;
    if (!peer_connect(peer)) return false;
    told = peer_look(peer, round, ret_live);
    if (peer->client.fd >= 0 || ret_live->trouble || !was_open) return told;
    /* Another program may be there now, with an engine of its own. */
    peer = peer_add(monitor, pid);
    return peer && peer_connect(peer) && peer_look(peer, round, ret_live);
}

static void grower_text(struct smt_live_reply *reply, const struct smt_live_grower *grower,
                        double bytes_per_round, struct smt_buffer *text)
{
    double share = bytes_per_round > 0 ? 100 * grower->bytes_per_round / bytes_per_round : 0;

    smt_buffer_addf(text, "     %.*f bytes in %.*f block%s a round",
                    grower->bytes_per_round < 10 ? 2 : 0, grower->bytes_per_round,
                    grower->blocks_per_round < 10 && fmod(grower->blocks_per_round, 1) != 0 ? 2 : 0,
                    grower->blocks_per_round, grower->blocks_per_round == 1 ? "" : "s");
    if (share > 98 && share < 102)
        smt_buffer_add_text(text, ", the slope of the live bytes");
    else
        smt_buffer_addf(text, ", %.0f %% of the slope of the live bytes", share);
    smt_buffer_addf(text, "; now %llu byte%s in %llu block%s\n", (unsigned long long)grower->bytes,
                    smt_number_ending(grower->bytes), (unsigned long long)grower->blocks,
                    smt_number_ending(grower->blocks));
    if (smt_live_reply_stack(reply, grower->stack))
        smt_live_reply_frames(reply, grower->stack, "       ", text);
    else
        smt_buffer_add_text(text, grower->stack
                                      ? "       (the process ended before it was named)\n"
                                      : "       (allocated where no stack could be walked)\n");
}

static void monitor_stacks(void *context, int pid, uint64_t from_round, double bytes_per_round,
                           struct smt_buffer *text)
{
    struct smt_live_grower growers[STACKS_SHOWN];
    struct peer *peer = peer_find(context, pid, from_round);
    struct smt_monitor_engine_live live = {0};
    struct smt_live_reply reply;
    size_t count;

    if (!peer || !peer->growth.count) return;
    if (peer->client.fd >= 0 && peer->growth.rounds[peer->growth.count - 1].round < peer->round) {
        peer->next_sums_ns = 0;
        peer->growth.stride = 0;
        (void)peer_look(peer, peer->round, &live);
    }
    if (peer->client.fd >= 0) frames_keep(peer, from_round);
    count = smt_live_growth_find(&peer->growth, from_round, growers, STACKS_SHOWN);
    if (!peer->frames.size) return;
    smt_live_reply_parse(&reply, peer->frames.data, pid);
    for (size_t i = 0; i < count; i++)
        if (!i || growers[i].bytes_per_round >= SHARE_LEAST * bytes_per_round)
            grower_text(&reply, &growers[i], bytes_per_round, text);
    smt_live_reply_clear(&reply);
    smt_buffer_clear(&peer->frames); /* taken apart */
}

struct smt_live_monitor *smt_live_monitor_new(void)
{
    struct smt_live_monitor *monitor = calloc(1, sizeof *monitor);

    if (monitor)
        monitor->engine = (struct smt_monitor_engine){
            .context = monitor, .live = monitor_live, .stacks = monitor_stacks};
    return monitor;
}

const struct smt_monitor_engine *smt_live_monitor_engine(struct smt_live_monitor *monitor)
{
    return &monitor->engine;
}

void smt_live_monitor_free(struct smt_live_monitor *monitor)
{
    if (!monitor) return;
    for (size_t i = 0; i < monitor->count; i++) {
        struct peer *peer = monitor->peers[i];

        smt_live_client_close(&peer->client);
        smt_live_growth_clear(&peer->growth);
        smt_buffer_clear(&peer->frames);
        free(peer);
    }
    free(monitor->peers);
    free(monitor);
}
