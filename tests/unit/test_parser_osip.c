/* parser/osip: every operation on a rich message, what it shows, what it
 * leaves behind, and that a refused allocation never makes us crash. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <dlfcn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "parser_osip_fixture.h"

/* ---- a walk that writes down what it is shown ---- */

struct recorder {
    struct smt_walk walk;
    struct smt_buffer text;
    size_t depth_at[16]; /* length of `path` before each enter */
    int depth;
    char path[512];
};

static void recorder_enter(struct smt_walk *walk, const char *name, int index)
{
    struct recorder *recorder = (struct recorder *)walk;
    size_t length = strlen(recorder->path);

    assert_in_range(recorder->depth, 0, 15);
    recorder->depth_at[recorder->depth++] = length;
    if (index < 0)
        snprintf(recorder->path + length, sizeof(recorder->path) - length, "%s ", name);
    else
        snprintf(recorder->path + length, sizeof(recorder->path) - length, "%s[%d] ", name, index);
}

static void recorder_leave(struct smt_walk *walk)
{
    struct recorder *recorder = (struct recorder *)walk;

    assert_int_not_equal(recorder->depth, 0);
    recorder->path[recorder->depth_at[--recorder->depth]] = '\0';
}

static void recorder_field(struct smt_walk *walk, const char *name, const void *bytes, size_t size)
{
    struct recorder *recorder = (struct recorder *)walk;

    smt_buffer_addf(&recorder->text, "%s%s=", recorder->path, name);
    smt_buffer_add_escaped(&recorder->text, bytes, size);
    smt_buffer_add_text(&recorder->text, "\n");
}

static void recorder_init(struct recorder *recorder)
{
    *recorder = (struct recorder){.walk = {recorder_enter, recorder_leave, recorder_field}};
    smt_buffer_init(&recorder->text);
}

/* ---- a run ---- */

static void *state;
static volatile sig_atomic_t is_showing;

/* Runs the operations in order up to the first error; shows what each made. */
static int run_all(const char *message, size_t size, struct recorder *recorder,
                   const char **ret_contradiction)
{
    struct smt_parser_input input = {message, size};
    int code = 0;

    memset(state, 0, smt_parser_osip.state_size_bytes);
    *ret_contradiction = NULL;
    for (int op = 0; op < SMT_OP_COUNT && !code; op++) {
        const struct smt_parser_op *row = &smt_parser_osip.ops[op];

        code = row->run(state, &input);
        if (code) break;
        is_showing = 1;
        if (row->show) row->show(state, &recorder->walk);
        if (row->contradiction && !*ret_contradiction)
            *ret_contradiction = row->contradiction(state);
        is_showing = 0;
    }
    return code;
}

static char *shown(const char *message, size_t size, int *ret_code, const char **ret_contradiction)
{
    struct recorder recorder;

    recorder_init(&recorder);
    *ret_code = run_all(message, size, &recorder, ret_contradiction);
    assert_int_equal(recorder.depth, 0);
    smt_parser_osip.release(state);
    return smt_buffer_take(&recorder.text);
}

static int group_setup(void **group)
{
    (void)group;
    messages_build();
    state = calloc(1, smt_parser_osip.state_size_bytes);
    return rich.failed || single.failed || !state || smt_parser_osip.init(&hooks);
}

static int group_teardown(void **group)
{
    (void)group;
    free(state);
    smt_buffer_clear(&rich);
    smt_buffer_clear(&single);
    return 0;
}

static int counters_reset(void **test)
{
    (void)test;
    live_blocks = requests = refuse_at = 0;
    return 0;
}

static void healthy_message_passes_every_operation_and_leaves_nothing(void **test)
{
    const char *contradiction;
    char *text;
    int code;

    (void)test;

    text = shown(rich.data, rich.size, &code, &contradiction);

    assert_int_equal(code, 0);
    assert_null(contradiction);
    assert_int_equal(live_blocks, 0);
    assert_in_range(requests, 500, 5000);
    free(text);
}

static void same_message_is_shown_the_same_twice(void **test)
{
    const char *contradiction;
    char *first, *second;
    int code;

    (void)test;

    first = shown(rich.data, rich.size, &code, &contradiction);
    second = shown(rich.data, rich.size, &code, &contradiction);

    assert_string_equal(first, second);
    free(first);
    free(second);
}

static void fields_have_the_names_of_sip(void **test)
{
    static const char *const expected[] = {
        "\nRequest-URI user=bob\n",
        "\nRequest-URI password=pw\n",
        "\nRequest-URI ;transport=tcp\n",
        "\nRequest-URI ;lr=\n",
        "\nRequest-URI ?priority=urgent\n",
        "\nVia[0] ;branch=z9hG4bK776asdhds\n",
        "\nVia[1] host=192.0.2.9\n",
        "\nFrom URI user=alice\n",
        "\nFrom ;tag=1928301774\n",
        "\nCall-ID host=pc33.atlanta.example\n",
        "\nCSeq number=314159\n",
        "\nAuthorization[0] cnonce=\"0a4f113b\"\n",
        "\nWWW-Authenticate[0] realm=\"a\"\n",
        "\nAccept[0] ;level=1\n",
        "\nsubject[0] value=one\n",
        "\nx-same[1] value=b\n",
        "\nContent-Type ;boundary=b1\n",
        "\nbody[2] Content-Type subtype=plain\n",
        "\nbody[2] content=hello",
        "\nSDP[1] o= username=alice\n",
        "\nSDP[0] c= connection-address=224.2.1.1\n",
        "\nSDP[0] m=[0] fmt=97\n",
        "\nSDP[0] m=[1] a=rtpmap=31 H261/90000\n",
        "\nSDP[0] text a==recvonly\n",
        "\nclone Via[0] host=pc33.atlanta.example\n",
        "\ntext CSeq:= 314159 INVITE\n",
        "\nclone text CSeq:= 314159 INVITE\n",
    };
    const char *contradiction;
    char *text;
    int code;

    (void)test;

    text = shown(rich.data, rich.size, &code, &contradiction);

    assert_memory_equal(text, "method=INVITE\nversion=SIP/2.0\n", 30);
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
        if (!strcasestr(text, expected[i])) fail_msg("missing '%s' in\n%s", expected[i], text);
    free(text);
}

static void response_shows_status_and_reason(void **test)
{
    static const char message[] =
        "SIP/2.0 404 Not Found\r\nVia: SIP/2.0/UDP a\r\nTo: <sip:b@c>;tag=1\r\n"
        "From: <sip:b@d>;tag=2\r\nCall-ID: 1@d\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n";
    const char *contradiction;
    char *text;
    int code;

    (void)test;

    text = shown(message, sizeof(message) - 1, &code, &contradiction);

    assert_int_equal(code, 0);
    assert_non_null(strstr(text, "status code=404\n"));
    assert_non_null(strstr(text, "reason phrase=Not Found\n"));
    free(text);
}

static void single_body_is_sdp_by_the_message_content_type(void **test)
{
    const char *contradiction;
    char *text;
    int code;

    (void)test;

    text = shown(single.data, single.size, &code, &contradiction);

    assert_int_equal(code, 0);
    assert_non_null(strstr(text, "\nSDP[0] s==Call\n"));
    assert_int_equal(live_blocks, 0);
    free(text);
}

/* A message with `count` SDP bodies, the last one's session called `name`. */
static void many_build(struct smt_buffer *message, int count, const char *name)
{
    smt_buffer_init(message);
    smt_buffer_add_text(message, HEAD "MIME-Version: 1.0\r\nContent-Length: 9\r\n"
                                      "Content-Type: multipart/mixed;boundary=b1\r\n\r\n");
    for (int i = 1; i < count; i++) smt_buffer_add_text(message, PART(SDP) "\r\n");
    smt_buffer_addf(message, PART("%s"), name);
    smt_buffer_add_text(message, "\r\n--b1--\r\n");
    assert_false(message->failed);
}

static void sdp_bodies_past_the_kept_ones_still_count(void **test)
{
    struct smt_buffer message, other;
    const char *contradiction;
    char *text, *other_text, *sum, *other_sum;
    int code;

    (void)test;
    many_build(&message, 40, "v=0\r\no=a 1 2 IN IP4 h\r\ns=one\r\nt=0 0\r\n");
    many_build(&other, 40, "v=0\r\no=a 1 2 IN IP4 h\r\ns=two\r\nt=0 0\r\n");

    text = shown(message.data, message.size, &code, &contradiction);
    other_text = shown(other.data, other.size, &code, &contradiction);

    assert_int_equal(code, 0);
    assert_null(contradiction);
    assert_int_equal(live_blocks, 0);
    assert_non_null(strstr(text, "\nSDP[31] s==Call\n"));
    assert_null(strstr(text, "\nSDP[32] s==\n"));
    sum = strstr(text, "\nsum of later SDP bodies=");
    other_sum = strstr(other_text, "\nsum of later SDP bodies=");
    assert_true(sum && other_sum);
    assert_memory_not_equal(sum, other_sum, 41);
    free(text);
    free(other_text);
    smt_buffer_clear(&message);
    smt_buffer_clear(&other);
}

static void broken_sdp_body_gives_its_code_and_stops_no_other(void **test)
{
    struct smt_parser_input input;
    struct smt_buffer message;
    struct recorder recorder;
    int code;

    (void)test;
    many_build(&message, 3, "nonsense\r\n--b1\r\nContent-Type: application/sdp\r\n\r\n" SDP);
    input = (struct smt_parser_input){message.data, message.size};
    recorder_init(&recorder);
    memset(state, 0, smt_parser_osip.state_size_bytes);
    assert_int_equal(smt_parser_osip.ops[SMT_OP_PARSE].run(state, &input), 0);

    code = smt_parser_osip.ops[SMT_OP_SDP].run(state, &input);
    smt_parser_osip.ops[SMT_OP_SDP].show(state, &recorder.walk);

    assert_string_equal(smt_parser_osip.code_name(code), "OSIP_UNDEFINED_ERROR");
    assert_non_null(strstr(recorder.text.data, "\nSDP[3] text s==Call\n"));
    smt_parser_osip.release(state);
    assert_int_equal(live_blocks, 0);
    smt_buffer_clear(&recorder.text);
    smt_buffer_clear(&message);
}

static void long_parameter_names_stay_apart(void **test)
{
    enum { LONG = 1 << 20 };
    static char name[LONG + 1];
    struct smt_buffer message;
    const char *contradiction;
    char *text, *first, *second;
    int code;

    (void)test;
    memset(name, 'n', LONG);
    smt_buffer_init(&message);
    smt_buffer_addf(&message,
                    "OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/UDP a;%sX=1;%sY=2\r\nTo: <sip:b@c>\r\n"
                    "From: <sip:b@d>;tag=2\r\nCall-ID: 1@d\r\nCSeq: 1 OPTIONS\r\n\r\n",
                    name, name);

    text = shown(message.data, message.size, &code, &contradiction);

    assert_int_equal(code, 0);
    first = strstr(text, "Via[0] ;nn");
    assert_non_null(first);
    second = strstr(first + 1, "Via[0] ;nn");
    assert_non_null(second);
    assert_in_range(strchr(first, '=') - first, 100, 140);
    assert_memory_not_equal(first, second, (size_t)(strchr(first, '=') - first));
    free(text);
    smt_buffer_clear(&message);
}

static void rejected_message_has_a_named_code_and_leaves_nothing(void **test)
{
    struct smt_parser_input input = {"INVITE sip:", 11};
    int code;

    (void)test;
    memset(state, 0, smt_parser_osip.state_size_bytes);

    code = smt_parser_osip.ops[SMT_OP_PARSE].run(state, &input);

    assert_string_equal(smt_parser_osip.code_name(code), "OSIP_SYNTAXERROR");
    for (int op = SMT_OP_SDP; op < SMT_OP_COUNT; op++)
        assert_int_equal(smt_parser_osip.ops[op].run(state, &input), 0);
    smt_parser_osip.release(state);
    smt_parser_osip.release(state); /* forgets what it released */
    assert_int_equal(live_blocks, 0);
}

static void access_allocates_nothing(void **test)
{
    struct smt_parser_input input = {rich.data, rich.size};
    long before;

    (void)test;
    memset(state, 0, smt_parser_osip.state_size_bytes);
    for (int op = 0; op < SMT_OP_ACCESS; op++)
        assert_int_equal(smt_parser_osip.ops[op].run(state, &input), 0);
    before = requests;

    assert_int_equal(smt_parser_osip.ops[SMT_OP_ACCESS].run(state, &input), 0);

    assert_int_equal(requests, before);
    smt_parser_osip.release(state);
}

static void library_stays_silent_on_bad_messages(void **test)
{
    static const char *const bad[] = {"", "\r\n\r\n", "INVITE sip:a SIP/3.0\r\n\r\n",
                                      "INVITE sip:a SIP/2.0\r\nVia: \r\nCSeq: x\r\n\r\n"};
    int saved = dup(STDOUT_FILENO), file = memfd_create("stdout", MFD_CLOEXEC);
    const char *contradiction;
    off_t written;
    int code;

    (void)test;
    fflush(stdout);
    dup2(file, STDOUT_FILENO);

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        free(shown(bad[i], strlen(bad[i]), &code, &contradiction));
    fflush(stdout);
    written = lseek(file, 0, SEEK_END);
    dup2(saved, STDOUT_FILENO);
    close(saved);
    close(file);

    assert_int_equal(written, 0);
}

static void anchor_and_version_name_the_library(void **test)
{
    Dl_info info;

    (void)test;

    assert_int_not_equal(dladdr(smt_parser_osip.anchor, &info), 0);
    assert_non_null(strstr(info.dli_fname, "libosipparser2"));
    assert_non_null(strstr(smt_parser_osip.version(), "libosipparser2.so."));
}

/* ---- refusals ---- */

enum { CHILD_DONE = 0, CHILD_NOMEM = 1, CHILD_OTHER_CODE = 2, CHILD_OUR_CRASH = 77 };

static void crash_handle(int number)
{
    if (is_showing) _exit(CHILD_OUR_CRASH);
    signal(number, SIG_DFL);
    raise(number);
}

/* In a child, since the library may crash: run with one request refused, or
 * with that and all later ones. */
static int refusal_outcome(long number, bool persistent)
{
    const char *contradiction;
    struct recorder recorder;
    pid_t child;
    int status;

    fflush(stdout);
    child = fork();
    assert_int_not_equal(child, -1);
    if (child == 0) {
        int code;

        signal(SIGSEGV, crash_handle);
        signal(SIGABRT, crash_handle);
        recorder_init(&recorder);
        requests = 0;
        refuse_at = number;
        refuse_later = persistent;
        code = run_all(rich.data, rich.size, &recorder, &contradiction);
        smt_parser_osip.release(state);
        _exit(code == 0                                ? CHILD_DONE
              : smt_parser_osip.is_out_of_memory(code) ? CHILD_NOMEM
                                                       : CHILD_OTHER_CODE);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void refused_allocations_never_crash_show(void **test)
{
    const char *contradiction;
    long total, seen[3] = {0}, crashes = 0;
    int code;

    (void)test;
    free(shown(rich.data, rich.size, &code, &contradiction));
    total = requests;

    for (long n = 1; n <= 2 * total; n++) {
        int outcome = refusal_outcome((n + 1) / 2, n % 2 == 0);

        if (outcome == CHILD_OUR_CRASH) fail_msg("allocation %ld: show crashed", (n + 1) / 2);
        if (outcome < 0)
            crashes++;
        else
            seen[outcome % 3]++;
    }

    print_message("%ld refusals: %ld out of memory, %ld success, %ld other codes, %ld crashes\n",
                  2 * total, seen[CHILD_NOMEM], seen[CHILD_DONE], seen[CHILD_OTHER_CODE], crashes);
    assert_true(seen[CHILD_NOMEM] > 0 && crashes < total / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(healthy_message_passes_every_operation_and_leaves_nothing,
                               counters_reset),
        cmocka_unit_test_setup(same_message_is_shown_the_same_twice, counters_reset),
        cmocka_unit_test_setup(fields_have_the_names_of_sip, counters_reset),
        cmocka_unit_test_setup(response_shows_status_and_reason, counters_reset),
        cmocka_unit_test_setup(single_body_is_sdp_by_the_message_content_type, counters_reset),
        cmocka_unit_test_setup(sdp_bodies_past_the_kept_ones_still_count, counters_reset),
        cmocka_unit_test_setup(broken_sdp_body_gives_its_code_and_stops_no_other, counters_reset),
        cmocka_unit_test_setup(long_parameter_names_stay_apart, counters_reset),
        cmocka_unit_test_setup(rejected_message_has_a_named_code_and_leaves_nothing,
                               counters_reset),
        cmocka_unit_test_setup(access_allocates_nothing, counters_reset),
        cmocka_unit_test_setup(library_stays_silent_on_bad_messages, counters_reset),
        cmocka_unit_test_setup(anchor_and_version_name_the_library, counters_reset),
        cmocka_unit_test_setup(refused_allocations_never_crash_show, counters_reset),
    };

    return cmocka_run_group_tests_name("parser_osip", tests, group_setup, group_teardown);
}
