/* message/view.h - what is inside a value or a body, on demand.
 *
 * Views are slices of the text given; nothing is copied, allocated or changed.
 * Walks keep their place in `at`, an offset that starts at 0, and answer false
 * at the end; each byte is looked at a bounded number of times. Tolerant: any
 * bytes are a value, only the views differ. Quoted strings (RFC 3261 25.1) hide
 * their contents; an open one reaches to the end. */
#ifndef SMT_MESSAGE_VIEW_H
#define SMT_MESSAGE_VIEW_H

#include "message/model.h"

/* Next item of a comma list, blanks and all; an empty text has one empty item.
 * Commas inside quotes and <> separate nothing. */
bool smt_view_item(struct smt_slice text, size_t *at, struct smt_slice *ret_item);

/* ";name=value" */
struct smt_view_parameter {
    struct smt_slice whole; /* from the semicolon to the end of the value */
    struct smt_slice name;
    struct smt_slice value; /* behind "=", quotes and all; empty when there is none */
    bool has_value;
};

/* Next parameter, a URI's too. Ends at ; , > ? or the end of the text. */
bool smt_view_parameter(struct smt_slice text, size_t *at, struct smt_view_parameter *ret_view);

/* scheme ":" user ":" password "@" host ":" port ";..." "?..." An absent piece
 * is empty and lies where it would be, so it can be spliced in. */
struct smt_view_uri {
    struct smt_slice whole;
    struct smt_slice scheme;
    struct smt_slice user;
    struct smt_slice password;
    struct smt_slice host; /* brackets of an IPv6 address included */
    struct smt_slice port;
    struct smt_slice parameters; /* with the first ";" */
    struct smt_slice headers;    /* with the "?" */
    bool has_user, has_password, has_port;
};

/* The first URI in a value or start line: what is in <>, else the first word
 * with a scheme. False when there is none. */
bool smt_view_uri(struct smt_slice text, struct smt_view_uri *ret_uri);

/* The text between blanks, tabs and line ends. */
struct smt_slice smt_view_trim(struct smt_slice text);

/* Same bytes but for the case of ASCII letters? */
bool smt_view_is(struct smt_slice text, const char *word);

/* The other spelling of a header name, "v" for "Via" and back; empty when there
 * is none. (RFC 3261 20, 3515, 3841, 3892, 4028, 4474, 6665.) */
struct smt_slice smt_view_other_name(struct smt_slice name);

/* Is this the header `long_name`, in either spelling? */
bool smt_view_is_name(struct smt_slice name, const char *long_name);

/* The boundary parameter of the message's Content-Type, without quotes. False
 * when it is not multipart. */
bool smt_view_boundary(const struct smt_model *model, struct smt_slice *ret_boundary);

/* One part of a multipart body (RFC 2046 5.1.1). */
struct smt_view_part {
    struct smt_slice whole;     /* delimiter line and part, up to the next delimiter */
    struct smt_slice delimiter; /* "--boundary" and its line end */
    struct smt_slice headers;   /* lines up to the blank one */
    struct smt_slice content;   /* behind the blank line, with the line end in front of the
                                   next delimiter; empty when there is no blank line */
    bool is_close;              /* "--boundary--" and what follows it */
};

bool smt_view_part(struct smt_slice body, struct smt_slice boundary, size_t *at,
                   struct smt_view_part *ret_part);

/* One line of a body: "o=- 1 1 IN IP4 h" "\r\n". */
struct smt_view_line {
    struct smt_slice whole;
    struct smt_slice text;
    struct smt_slice end;
};

bool smt_view_line(struct smt_slice body, size_t *at, struct smt_view_line *ret_line);

#endif
