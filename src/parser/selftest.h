/* parser/selftest.h - the parser with planted bugs, seen from inside.
 *
 * A small line-based SIP parser of ours, correct in every corner: whichever
 * allocation is refused, it reports SMT_SELFTEST_NOMEM and leaves nothing
 * behind. A message asks for bugs by header:
 *
 *     X-Bug: overflow-1        plants that row of smt_selftest_bugs
 *
 * It counts only among the headers of the message itself, not of a part. An
 * unknown X-Bug is a syntax error. The parser has a second row, selftest-deep:
 * to it X-Bug is a header like any other, and every row of
 * smt_selftest_deep_bugs is planted, but waits for a structure that a fuzzer has
 * to build. Each bug is one function, so that stacks name it, called when its
 * operation has otherwise succeeded; but for its bug it is as careful as the
 * rest. Its own allocation refused is NOMEM, unless that is the bug.
 *
 * selftest.c           the rows: operations, show, release
 * selftest_text.c      lines, copies, text that grows
 * selftest_message.c   message -> structures -> copy, text
 * selftest_sdp.c       the same for SDP bodies
 * selftest_bugs.c      bugs that show in a run with no fault, and the table
 * selftest_refusal.c   bugs that wait for a refused allocation
 * selftest_deep.c      bugs that wait for a certain structure
 *
 * Adapters are single-threaded; this one is too. */
#ifndef SMT_PARSER_SELFTEST_H
#define SMT_PARSER_SELFTEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "parser/smt_parser.h"

/* What operations return. */
enum smt_selftest_code { SMT_SELFTEST_OK = 0, SMT_SELFTEST_NOMEM = -1, SMT_SELFTEST_SYNTAX = -2 };

/* What it takes to see a bug. */
enum smt_selftest_shows {
    SMT_SELFTEST_CLEAN_RUN = 1u << 0,     /* in a run with no fault */
    SMT_SELFTEST_UNDER_REFUSAL = 1u << 1, /* only once an allocation is refused */
    SMT_SELFTEST_PAGES_END = 1u << 2,     /* needs blocks that end at a guard page */
    SMT_SELFTEST_PAGES_FRONT = 1u << 3,   /* needs blocks that begin after a guard page */
    SMT_SELFTEST_PAGES_FREED = 1u << 4,   /* needs freed blocks to be inaccessible */
    SMT_SELFTEST_INPUT_PAGE = 1u << 5,    /* needs the message in read-only pages, ending at one */
    SMT_SELFTEST_FILL = 1u << 6,          /* needs two fills that differ in the lowest bit */
    SMT_SELFTEST_MANIFEST = 1u << 7,      /* needs the manifest to say "reject" */
    SMT_SELFTEST_ROUNDTRIP = 1u << 8,     /* needs --ops ...,roundtrip */
    SMT_SELFTEST_LATER = 1u << 9,         /* shows in a later run of the same process */
    SMT_SELFTEST_TRANSIENT = 1u << 10,    /* modes in which a refusal shows it */
    SMT_SELFTEST_PERSISTENT = 1u << 11,
    SMT_SELFTEST_DOUBLE = 1u << 12,
    SMT_SELFTEST_DECOYS = 1u << 13, /* needs decoys between blocks */
};

struct smt_selftest_text {
    char *data; /* exactly size_bytes, no zero byte; NULL when empty */
    size_t size_bytes;
};

struct smt_selftest_header {
    struct smt_selftest_header *next;
    struct smt_selftest_text name;
    struct smt_selftest_text value; /* unfolded: lines joined by one blank */
    bool folded;                    /* it was on more than one line */
};

struct smt_selftest_headers {
    struct smt_selftest_header *first, *last;
};

struct smt_selftest_part {
    struct smt_selftest_part *next;
    struct smt_selftest_headers headers;
    struct smt_selftest_text body;
};

struct smt_selftest_message {
    struct smt_selftest_text start[3]; /* method, URI, version; or version, status, reason */
    struct smt_selftest_headers headers;
    struct smt_selftest_text body;     /* empty when multipart */
    struct smt_selftest_text boundary; /* of a multipart body, else empty */
    struct smt_selftest_part *parts, *last_part;
    uint64_t bugs[2];      /* bit n: row n of smt_selftest_bugs */
    bool deep;             /* the bugs are smt_selftest_deep_bugs instead, all of them */
    bool boundary_quoted;  /* as the Content-Type had it */
    bool length_exact;     /* one Content-Length, and the message ends with its body */
    unsigned length_bytes; /* of the first Content-Length's value: its digits; 0: none */
};

struct smt_selftest_sdp_line {
    struct smt_selftest_sdp_line *next;
    struct smt_selftest_text value;
    char type;
};

struct smt_selftest_sdp {
    struct smt_selftest_sdp *next;
    struct smt_selftest_sdp_line *first, *last;
};

/* What one run holds. */
struct smt_selftest_state {
    struct smt_selftest_message *message, *clone, *reparsed;
    struct smt_selftest_sdp *sdp, *sdp_clone;                   /* one for every SDP body */
    struct smt_selftest_text sdp_text, sdp_clone_text;          /* of all of them */
    struct smt_selftest_text message_text, clone_text, re_text; /* re_text: of reparsed */
    uint64_t sum;                                               /* of every byte accessed */
};

/* One planted bug. */
struct smt_selftest_bug {
    const char *name;    /* as X-Bug names it; a deep one begins "deep-" */
    const char *verdict; /* that it must give: "leak", "corrupt", ... */
    unsigned shows;      /* enum smt_selftest_shows */
    const char *why;     /* one line */
    enum smt_op moment;  /* the operation that has it */
    /* An operation's code; NULL when the bug sits in the parser itself. */
    int (*plant)(struct smt_selftest_state *state, const struct smt_parser_input *input);
};

/* Every bug to be asked for by name, ended by a row without name. */
extern const struct smt_selftest_bug smt_selftest_bugs[];

/* A bug that is planted always and waits for a structure. */
struct smt_selftest_deep_bug {
    struct smt_selftest_bug bug;
    /* Is the structure there? Looks only at what bug.moment has left in `state`. */
    bool (*is_due)(const struct smt_selftest_state *state);
};

/* Ended by a row whose bug has no name. */
extern const struct smt_selftest_deep_bug smt_selftest_deep_bugs[];

/* For whoever has to tell the deep bugs apart within one run, or to go on after one. */
struct smt_selftest_watch {
    uint64_t due;    /* bit n: row n was due since the owner cleared this */
    bool only_watch; /* note it, and leave the deed out */
};
extern struct smt_selftest_watch smt_selftest_watch;

/* The allocator in use. */
extern struct smt_parser_hooks smt_selftest_hooks;

/* selftest_message.c: each returns an smt_selftest_code. The out-parameter is
 * untouched on failure, and what was built until then released. `deep`: for the
 * row selftest-deep. */
int smt_selftest_message_parse(const char *data, size_t size_bytes, bool deep,
                               struct smt_selftest_message **ret_message);
int smt_selftest_message_clone(const struct smt_selftest_message *message,
                               struct smt_selftest_message **ret_clone);
int smt_selftest_message_render(const struct smt_selftest_message *message,
                                struct smt_selftest_text *ret_text);
void smt_selftest_message_free(struct smt_selftest_message *message);
/* Releases a part and all behind it. */
void smt_selftest_parts_free(struct smt_selftest_part *part);

/* Appends a header; on failure the list is as before. */
int smt_selftest_header_add(struct smt_selftest_headers *headers, const char *name,
                            size_t name_size_bytes, const char *value, size_t value_size_bytes);
/* Takes the first header off and releases it. */
void smt_selftest_header_drop_first(struct smt_selftest_headers *headers);
/* First header of that name (letters in either case) or of its compact form, or NULL. */
const struct smt_selftest_header *
smt_selftest_header_find(const struct smt_selftest_headers *headers, const char *name,
                         const char *compact);

/* selftest_sdp.c: all SDP bodies of a message; a list as long as there are. */
/* Do the headers, of a message or a part, say that the body is SDP? */
bool smt_selftest_sdp_is(const struct smt_selftest_headers *headers);
int smt_selftest_sdp_parse(const struct smt_selftest_message *message,
                           struct smt_selftest_sdp **ret_sdp);
int smt_selftest_sdp_clone(const struct smt_selftest_sdp *sdp, struct smt_selftest_sdp **ret_clone);
int smt_selftest_sdp_render(const struct smt_selftest_sdp *sdp, struct smt_selftest_text *ret_text);
void smt_selftest_sdp_free(struct smt_selftest_sdp *sdp);

/* selftest_text.c: lines, copies, text that grows. */
struct smt_selftest_span {
    const char *at, *end;
};
struct smt_selftest_builder {
    struct smt_selftest_text text;
    size_t capacity;
    bool counting; /* sum the sizes up, keep nothing */
    int code;      /* the first failure sticks */
};
int smt_selftest_text_copy(struct smt_selftest_text *ret_text, const char *bytes,
                           size_t size_bytes);
void smt_selftest_text_clear(struct smt_selftest_text *text);
bool smt_selftest_text_equal(const struct smt_selftest_text *a, const struct smt_selftest_text *b);
/* Next line without its CRLF or LF; what follows the last one is a line too. */
bool smt_selftest_line(struct smt_selftest_span *rest, struct smt_selftest_span *ret_line);
/* Without blanks and tabs at either end. */
struct smt_selftest_span smt_selftest_trim(struct smt_selftest_span span);
/* Does it begin with `word`, letters in either case? */
bool smt_selftest_begins(struct smt_selftest_span span, const char *word);
/* All of a text. */
struct smt_selftest_span smt_selftest_span_of(const struct smt_selftest_text *text);
/* Are they the same but for the case of letters? */
bool smt_selftest_text_is(const struct smt_selftest_text *text, const char *word);
/* selftest_message.c: the boundary in a Content-Type value without its quotes,
 * and whether it had some. False: there is none, or none that we read. */
bool smt_selftest_boundary(struct smt_selftest_span type, struct smt_selftest_span *ret_boundary,
                           bool *ret_quoted);
void smt_selftest_build(struct smt_selftest_builder *builder, const void *bytes, size_t size_bytes);
/* The text, in a block of its exact size. The builder is empty afterwards. */
int smt_selftest_built(struct smt_selftest_builder *builder, struct smt_selftest_text *ret_text);

/* selftest_bugs.c */
/* Notes an X-Bug header in `message`: 0 or SMT_SELFTEST_SYNTAX. */
int smt_selftest_bug_request(struct smt_selftest_message *message,
                             const struct smt_selftest_header *header);
/* Was the bug called `name` asked for? */
bool smt_selftest_bug_asked(const struct smt_selftest_message *message, const char *name);
/* Runs the bugs that belong to an operation: the first code that is not 0. */
int smt_selftest_plant(struct smt_selftest_state *state, const struct smt_parser_input *input,
                       enum smt_op moment);
/* selftest_deep.c: the same, for a message that is deep. */
int smt_selftest_deep_plant(struct smt_selftest_state *state, const struct smt_parser_input *input,
                            enum smt_op moment);
/* selftest_bugs.c */
/* Forgets what bugs keep in static variables. */
void smt_selftest_bugs_init(void);
void smt_selftest_refusal_init(void);

/* A bug keeps its frame and its name whatever the compiler would like, and is left
 * to our checks, not to the sanitizers of a build, unless these are all there is. */
#ifdef SMT_SELFTEST_SANITIZED
#define SMT_SELFTEST_KEEP __attribute__((noinline))
#elif defined(__clang__)
#define SMT_SELFTEST_KEEP __attribute__((noinline, no_sanitize("address", "undefined")))
#else
#define SMT_SELFTEST_KEEP __attribute__((noipa, no_sanitize("address", "undefined")))
#endif

/* A write that compilers keep, though they may prove it pointless or undefined. */
#define SMT_SELFTEST_POKE(pointer) (*(volatile char *)(pointer) = 'X')

/* X(name, function, verdict, moment, shows, why) lists bugs that sit in another
 * file than the table. */
#define SMT_SELFTEST_REFUSAL(X)                                                                    \
    X("swallowed-header", swallowed_header, "swallowed", PARSE, TRANSIENT | PERSISTENT,            \
      "a header that cannot be stored is dropped, success returned")                               \
    X("swallowed-body", swallowed_body, "swallowed", PARSE, TRANSIENT | PERSISTENT,                \
      "a body that cannot be copied is dropped, success returned")                                 \
    X("swallowed-text", swallowed_text, "swallowed", RENDER, TRANSIENT | PERSISTENT,               \
      "rendering stops half way, success returned")                                                \
    X("wrong-code", wrong_code, "wrong-code", PARSE, TRANSIENT | PERSISTENT,                       \
      "a refusal is reported as a syntax error")                                                   \
    X("crash-unchecked", crash_unchecked, "crash", PARSE, TRANSIENT | PERSISTENT,                  \
      "NULL from a refused allocation is written through")                                         \
    X("leak-on-error", leak_on_error, "leak", PARSE, TRANSIENT | PERSISTENT,                       \
      "the error path forgets a block")                                                            \
    X("double-free-on-error", double_free_on_error, "bad-free", PARSE, TRANSIENT | PERSISTENT,     \
      "the error path frees a block twice")                                                        \
    X("hang-on-error", hang_on_error, "hang", PARSE, PERSISTENT,                                   \
      "a refused allocation is tried again for ever")                                              \
    X("poison", poison, "poisoned", PARSE, LATER | TRANSIENT | PERSISTENT,                         \
      "a refusal sets a static flag for good; later runs lose a header")                           \
    X("benign", benign, "benign", PARSE, TRANSIENT | PERSISTENT,                                   \
      "an optional block is refused and nobody misses it: no defect")                              \
    X("use-after-free-on-error", use_after_free_on_error, "use-after-free", PARSE,                 \
      TRANSIENT | PERSISTENT, "the error path writes to a block it has freed")                     \
    X("uninitialized-on-error", uninitialized_on_error, "uninitialized", PARSE, FILL | TRANSIENT,  \
      "a refusal leaves a value unwritten; with one fill it is swallowed")                         \
    X("corrupt-on-error", corrupt_on_error, "corrupt", PARSE, TRANSIENT | PERSISTENT,              \
      "the error path writes a byte past its block")                                               \
    X("second-fault", second_fault, "crash", PARSE, DOUBLE,                                        \
      "the error path checks its first allocation, not its second")                                \
    X("persistent-only", persistent_only, "crash", PARSE, PERSISTENT,                              \
      "three attempts, the last unchecked")

#define SMT_SELFTEST_DECLARE(name, function, verdict, moment, shows, why)                          \
    int smt_selftest_bug_##function(struct smt_selftest_state *state,                              \
                                    const struct smt_parser_input *input);
SMT_SELFTEST_REFUSAL(SMT_SELFTEST_DECLARE)

#endif
