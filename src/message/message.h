/* message/message.h - front door of message/: where the bytes under test come
 * from, and what is expected of them.
 *
 * A message is bytes with a name. NUL is a byte like any other, and nothing
 * here alters a byte unless asked to (smt_message_apply_crlf with FIX). Every
 * `data` is its own malloc'd block of exactly size_bytes and one zero byte that
 * is not counted, so that a sanitizer sees the first byte read too far.
 *
 * Order of use: add, then smt_message_split(), then smt_message_apply_crlf()
 * on each message: the line ends of a stream's second message are looked at
 * only once it is a message of its own.
 *
 * A failing function returns a status and leaves the sentence with smt_fail();
 * the list is then as it was, save for what smt_message_add_path() had already
 * read. What is wrong with one file among many is a complaint instead: the
 * callback gets the sentence, the others go on, and the caller decides what a
 * complaint means for the exit status. Not thread-safe: one list, one thread. */
#ifndef SMT_MESSAGE_MESSAGE_H
#define SMT_MESSAGE_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/base.h"
#include "message/model.h"
#include "message/view.h"

/* The largest input. SIP over UDP ends at 64 KiB and servers refuse TCP
 * messages of a few; 64 MiB leaves room for captures to be split and for size
 * attacks, is far below where lengths kept in an int overflow, and stops early
 * when a device or a disk image was named by mistake. */
#define SMT_MESSAGE_LIMIT_BYTES ((size_t)64 << 20)

/* The expectations file of a folder; see smt_message_add_path(). */
#define SMT_MESSAGE_MANIFEST "MANIFEST.tsv"

enum smt_expectation { SMT_EXPECT_EITHER, SMT_EXPECT_ACCEPT, SMT_EXPECT_REJECT };

struct smt_message {
    char *name; /* as typed; "-" is standard input, "data:2" the second --message-data */
    char *data; /* size_bytes bytes and a zero byte; owned */
    size_t size_bytes;
    /* Words of a shell's command line that give this message again; NULL: its name
     * is a path. A # in them begins what a person has to see to. Owned. */
    char *words;
    enum smt_expectation expectation; /* EITHER while has_expectation is false */
    bool has_expectation;             /* a manifest lists this message */
};

struct smt_message_list {
    struct smt_message *items;
    size_t count;
    size_t capacity;
    size_t data_count;                     /* unnamed messages of smt_message_add_data() so far */
    struct smt_message_manifest *manifest; /* of the folder last added from; ours to use */
};

/* One complaint: a whole sentence without a newline, valid during the call. */
typedef void smt_message_on_error(void *context, const char *sentence);

void smt_message_list_init(struct smt_message_list *list);
void smt_message_list_clear(struct smt_message_list *list);

/* Adds the words of a shell's command line that give this message again. */
void smt_message_add_words(const struct smt_message *message, struct smt_buffer *text);

/* Frees what the message owns. */
void smt_message_clear(struct smt_message *message);

/* Adds a copy of the bytes. SMT_EINPUT when there are none or too many. */
SMT_MUST_USE enum smt_status smt_message_add_bytes(struct smt_message_list *list, const char *name,
                                                   const void *bytes, size_t size_bytes);

/* Adds the text of a --message-data. Decodes \r \n \t \0 \xHH \\ and nothing
 * else: \0 is one NUL whatever follows, \x takes exactly two digits. `name` may
 * be NULL: "data:1", "data:2", ... SMT_EINPUT on any other escape names the
 * column, in bytes from 1. Reads back what smt_buffer_add_escaped() writes. */
SMT_MUST_USE enum smt_status smt_message_add_data(struct smt_message_list *list, const char *name,
                                                  const char *text);

/* Adds the whole file; `-` is standard input. Pipes and devices are read to
 * their end. The manifest in the file's own folder applies. SMT_EINPUT when the
 * file cannot be read, is empty, a directory or over the limit, and when that
 * manifest is broken. */
SMT_MUST_USE enum smt_status smt_message_add_file(struct smt_message_list *list, const char *path);

/* Adds a file as smt_message_add_file() does, or every message below a
 * directory, in byte order of the path relative to it ("a-b" before "a/x").
 *
 * In a directory, messages are regular files and symbolic links to them.
 * Hidden names, README*, *.md and MANIFEST.tsv are skipped, so are devices,
 * pipes and sockets. Symbolic links to directories are not followed, which
 * leaves no loop to fall into; the argument itself may be one. A file that
 * cannot be used is a complaint.
 *
 * MANIFEST.tsv, in the directory or any folder below it: FILE<TAB>WORD a line,
 * WORD being accept, reject or either; FILE is relative to the manifest's
 * folder. Blank lines and those starting with # say nothing, and a # comment
 * may follow WORD. Of several manifests listing a message the nearest counts.
 * A broken line is SMT_EINPUT with file and line number; a listed file that is
 * missing, or is no message by the rules above, is a complaint.
 *
 * SMT_EINPUT when the directory yields no message. `on_error` may be NULL:
 * complaints are then lost. */
SMT_MUST_USE enum smt_status smt_message_add_path(struct smt_message_list *list, const char *path,
                                                  smt_message_on_error *on_error, void *context);

/* Size of the header section: from the first byte to the end of the first empty
 * line after the start line, or all there is. CRLF, a bare LF and a bare CR (one
 * without LF behind) each end a line. Empty lines in front of the start line
 * belong to the section (RFC 3261 7.5 has them ignored). */
size_t smt_message_header_size(const char *data, size_t size_bytes);

enum smt_crlf { SMT_CRLF_KEEP, SMT_CRLF_FIX, SMT_CRLF_STRICT };

/* The mode --crlf names; SMT_EUSAGE lists the known ones. */
SMT_MUST_USE enum smt_status smt_message_crlf_parse(const char *text, enum smt_crlf *ret_mode);

/* KEEP does nothing. FIX makes every bare LF and bare CR of the header section
 * a CRLF; a last line without any end gets none. The body stays as it is, and
 * so does Content-Length, which counts only the body. STRICT alters nothing:
 * SMT_EINPUT names the first line of the header section, counted from 1, that
 * does not end in CRLF (the empty line included). */
SMT_MUST_USE enum smt_status smt_message_apply_crlf(struct smt_message *message,
                                                    enum smt_crlf mode);

/* Replaces every message of the list by the messages in it, framed as on a
 * stream (RFC 3261 18.3, 7.5): empty lines before a start line are dropped,
 * Content-Length (or `l`; any case, blanks before the colon and folding
 * accepted, the first one counts) says where the body ends, without one it runs
 * to the end of the input. Line ends are as in smt_message_header_size().
 * Names get #1, #2, ... even when there is only one; each inherits the
 * expectation. Complaints: a Content-Length that is no number or exceeds what
 * is left (either way the body is all that is left), and an input of empty
 * lines only, which disappears. Takes time linear in the bytes. */
SMT_MUST_USE enum smt_status smt_message_split(struct smt_message_list *list,
                                               smt_message_on_error *on_error, void *context);

#endif
