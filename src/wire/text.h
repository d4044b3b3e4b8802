/* wire/text.h - lines as people type them, answers as kamcmd prints them.
 *
 *   mt.mem_rnd_alloc 1 64 10240 k
 *   cfg.sets misctest message_data "OPTIONS sip:a@b SIP/2.0\r\n"
 *
 * Words are separated by blanks; in "..." the escapes \n \r \t \\ \" \xHH are
 * decoded, and `s:123` is the text 123 rather than the number, as with kamcmd.
 * One result a line; a struct in braces, one member a line behind a tab. */
#ifndef SMT_WIRE_TEXT_H
#define SMT_WIRE_TEXT_H

#include "wire/items.h"

/* SMT_EINPUT: a quote that does not end. An empty line has an empty method. */
SMT_MUST_USE enum smt_status smt_text_decode_request(const char *line, size_t size_bytes,
                                                     struct smt_wire_request *request);

/* Words already split (a command line's): words[0] is the method. */
void smt_text_take_words(char *const *words, size_t count, struct smt_wire_request *request);

/* `end` ends each line: "\n", or "\r\n" for telnet. A fault reads
 * `error: CODE - TEXT`. */
void smt_text_encode_reply(struct smt_buffer *buffer, const struct smt_wire_reply *reply,
                           const char *end);

#endif
