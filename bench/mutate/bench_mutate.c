/* bench/mutate: mutations a second of a 1 KB message, one thread.
 *
 *     bench_mutate [FILE [SECONDS]]
 *
 * Prints one line for the mutator as engines use it and, with -v as the first
 * argument, one for each operation alone. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mutate/mutate.h"

static const char head[] =
    "INVITE sip:bob@biloxi.example;transport=udp SIP/2.0\r\n"
    "Via: SIP/2.0/UDP pc33.atlanta.example:5060;branch=z9hG4bK776asdhds;rport\r\n"
    "Via: SIP/2.0/TCP proxy.atlanta.example;branch=z9hG4bK-1;received=192.0.2.4\r\n"
    "Max-Forwards: 70\r\n"
    "Record-Route: <sip:p1.example;lr>, <sip:p2.example;lr>\r\n"
    "To: \"Bob\" <sip:bob@biloxi.example>\r\n"
    "From: Alice <sip:alice@atlanta.example>;tag=1928301774\r\n"
    "Call-ID: a84b4c76e66710@pc33.atlanta.example\r\n"
    "CSeq: 314159 INVITE\r\n"
    "Contact: <sip:alice@pc33.atlanta.example:5060>;expires=3600\r\n"
    "Supported: replaces, timer, 100rel\r\n"
    "Allow: INVITE, ACK, CANCEL, OPTIONS, BYE, REFER\r\n"
    "User-Agent: bench/1.0\r\n"
    "Content-Type: application/sdp\r\n";
static const char body[] = "v=0\r\no=alice 2890844526 2890844526 IN IP4 host.atlanta.example\r\n"
                           "s=-\r\nc=IN IP4 host.atlanta.example\r\nt=0 0\r\n"
                           "m=audio 49170 RTP/AVP 0 8 97\r\na=rtpmap:0 PCMU/8000\r\n"
                           "a=rtpmap:8 PCMA/8000\r\na=rtpmap:97 iLBC/8000\r\n"
                           "m=video 51372 RTP/AVP 31 32\r\na=rtpmap:31 H261/90000\r\n";

struct bench {
    struct smt_mutator *mutator;
    const uint8_t *data;
    size_t size;
    uint8_t out[16384];
    uint64_t limit_ns;
};

/* CPU time, not the clock: the machine may be shared. */
static void measure(struct bench *bench, const struct smt_mutation *operation)
{
    uint64_t from = smt_clock_cpu_ns(), spent = 0, count = 0, bytes = 0, hits = 0;

    while (spent < bench->limit_ns) {
        for (int i = 0; i < 1000; i++, count++) {
            bytes += operation ? smt_mutate_with(bench->mutator, operation, bench->data,
                                                 bench->size, count, bench->out, sizeof bench->out)
                               : smt_mutate(bench->mutator, bench->data, bench->size, count,
                                            bench->out, sizeof bench->out);
            hits += operation && *smt_mutator_describe(bench->mutator);
        }
        spent = smt_clock_cpu_ns() - from;
    }
    printf("%-22s %10.0f mutations/s  %6.0f ns each  %7.0f bytes each",
           operation ? operation->name : "mutate", (double)count * 1e9 / (double)spent,
           (double)spent / (double)count, (double)bytes / (double)count);
    printf(operation ? "  %3.0f %% did something\n" : "\n", 100.0 * (double)hits / (double)count);
}

int main(int argc, char **argv)
{
    static struct bench bench;
    struct smt_buffer message;
    bool verbose = argc > 1 && strcmp(argv[1], "-v") == 0;

    argv += verbose, argc -= verbose;
    smt_buffer_init(&message);
    if (argc > 1) {
        if (smt_buffer_load(&message, argv[1], 16u << 20) != SMT_OK) {
            fprintf(stderr, "bench_mutate: %s\n", smt_fail_text());
            return 2;
        }
    } else {
        smt_buffer_addf(&message, "%sContent-Length: %zu\r\n\r\n%s", head, sizeof body - 1, body);
    }
    bench.mutator = smt_mutator_new();
    if (!bench.mutator || message.failed) return 3;
    bench.data = (const uint8_t *)message.data;
    bench.size = message.size;
    bench.limit_ns = (uint64_t)((argc > 2 ? atof(argv[2]) : 2.0) * 1e9);
    smt_mutator_set_other(bench.mutator, bench.data, bench.size);
    printf("message of %zu bytes\n", bench.size);
    measure(&bench, NULL);
    if (verbose)
        for (const struct smt_mutation *row = smt_mutations; row->name; row++) {
            bench.limit_ns = 50000000;
            measure(&bench, row);
        }
    smt_mutator_free(bench.mutator);
    smt_buffer_clear(&message);
    return 0;
}
