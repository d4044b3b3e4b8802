/* parser/osip_adapter.h - inside of the libosip2 adapter, shared by osip*.c only.
 *
 * osip.c          the row: operations, release
 * osip_library.c  the library itself: allocators, silence, version, code names
 * osip_walk.c     shows a message (or its clone) field by field
 * osip_sdp.c      SDP bodies: operation and show
 * osip_access.c   getters and strings, each byte read
 *
 * Structures may be half filled: an allocation may have been refused and the
 * failure swallowed. So every pointer is checked, lists are followed by their
 * nodes and never past their count, and what a failed call left in its output
 * pointer is not touched, as no caller of the library would. */
#ifndef SMT_PARSER_OSIP_ADAPTER_H
#define SMT_PARSER_OSIP_ADAPTER_H

#include "parser/parser.h"

#include <osipparser2/osip_parser.h>
#include <osipparser2/sdp_message.h>
#include <stdlib.h> /* osip_free() calls free() */
#include <string.h>

#define OSIP_SDP_KEPT 32 /* SDP bodies kept until release; later ones are released at once */

/* One SDP body. */
struct osip_sdp {
    int body; /* position among the message's bodies, from 0 */
    sdp_message_t *message, *clone;
    char *text, *clone_text; /* rendered; zero-terminated */
};

/* A run. Zeroed before it; may be thrown away in the middle of any call. */
struct osip_state {
    bool is_parsed; /* parse succeeded; without, the other operations have nothing to do */
    osip_message_t *message, *clone;
    char *text, *clone_text; /* rendered */
    size_t text_size_bytes, clone_text_size_bytes;
    struct osip_sdp sdp[OSIP_SDP_KEPT];
    int sdp_count;
    struct osip_sdp sdp_passing;   /* the one at work once sdp[] is full */
    bool sdp_passing_differs;      /* a released one contradicted itself */
    unsigned long sdp_passing_sum; /* of all bytes of the released ones; 0 when there was none */
    osip_message_t *again;         /* roundtrip */
    char *again_text;
    bool again_differs;
    volatile unsigned long sink; /* where what access read goes, lest it be optimised away */
};

/* A string member of a structure. */
struct osip_text {
    const char *name; /* NULL ends a list */
    size_t offset;
};

#define OSIP_TEXT(type, member, name)                                                              \
    {                                                                                              \
        (name), offsetof(type, member)                                                             \
    }
#define OSIP_TEXT_END                                                                              \
    {                                                                                              \
        NULL, 0                                                                                    \
    }

/* osip_walk.c */
void smt_parser_osip_show_message(const osip_message_t *message, struct smt_walk *walk);
void smt_parser_osip_show_texts(const void *structure, const struct osip_text *texts,
                                struct smt_walk *walk);
/* One field called prefix + name; no value is an empty one. Long names are cut
 * and told apart by a hash. */
void smt_parser_osip_show_named(const char *prefix, const char *name, const char *value,
                                struct smt_walk *walk);
/* A rendering, line by line; a line's name ends at `separator`. */
void smt_parser_osip_show_text(const char *text, size_t size_bytes, char separator,
                               struct smt_walk *walk);

/* osip_sdp.c */
int smt_parser_osip_sdp(void *state, const struct smt_parser_input *input);
void smt_parser_osip_sdp_show(const void *state, struct smt_walk *walk);
const char *smt_parser_osip_sdp_contradiction(const void *state);
void smt_parser_osip_sdp_show_message(const sdp_message_t *sdp, struct smt_walk *walk);
void smt_parser_osip_sdp_release(struct osip_sdp *sdp);

/* osip_access.c */
int smt_parser_osip_access(void *state, const struct smt_parser_input *input);
/* Reads every byte of an SDP structure as access does; what it read, summed up. */
unsigned long smt_parser_osip_sdp_read(sdp_message_t *sdp);

/* osip_library.c */
const char *smt_parser_osip_version(void);
int smt_parser_osip_init(const struct smt_parser_hooks *hooks);
bool smt_parser_osip_is_out_of_memory(int code);
const char *smt_parser_osip_code_name(int code);

/* The nodes of a list, never more than it claims to have:
 *     int i = 0;
 *     for (node = osip_node_first(list); node; node = osip_node_next(list, node, i++)) */
static inline const __node_t *osip_node_first(const osip_list_t *list)
{
    return list && list->nb_elt > 0 ? list->node : NULL;
}

static inline const __node_t *osip_node_next(const osip_list_t *list, const __node_t *node,
                                             int position)
{
    return position + 1 < list->nb_elt ? node->next : NULL;
}

/* Frees a text the library rendered and forgets it first: an abandoned run
 * must not find it again. */
static inline void osip_text_release(char **text)
{
    char *old = *text;

    *text = NULL;
    osip_free(old);
}

#endif
