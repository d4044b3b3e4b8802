/* fuzz/piece.h - a target for a part of a message that libosip2 parses by itself: a
 * URI, a header's value, an SDP body.
 *
 * A kind is five functions of the library under one signature. Its operations are
 * those of a message: parse, clone, render both, parse what was rendered. The text
 * ends at the first NUL, as the library has it. */
#ifndef SMT_FUZZ_PIECE_H
#define SMT_FUZZ_PIECE_H

#include "oracle.h"
#include "parser/osip_adapter.h"

struct fuzz_piece_kind {
    const char *name;
    int (*init)(void **ret_piece);
    int (*parse)(void *piece, const char *text);
    int (*clone)(const void *piece, void **ret_clone);
    int (*to_str)(const void *piece, char **ret_text);
    void (*free)(void *piece);
};

#define FUZZ_PIECE_OPS                                                                             \
    (1u << SMT_OP_PARSE | 1u << SMT_OP_CLONE | 1u << SMT_OP_RENDER | 1u << SMT_OP_ROUNDTRIP)

/* Defines PREFIX_init() and so on for the type PREFIX_t, and the row's initialiser. */
#define FUZZ_PIECE_FUNCTIONS(prefix)                                                               \
    static int piece_##prefix##_init(void **ret_piece)                                             \
    {                                                                                              \
        prefix##_t *piece = NULL;                                                                  \
        int code = prefix##_init(&piece);                                                          \
        *ret_piece = piece;                                                                        \
        return code;                                                                               \
    }                                                                                              \
    static int piece_##prefix##_parse(void *piece, const char *text)                               \
    {                                                                                              \
        return prefix##_parse(piece, text);                                                        \
    }                                                                                              \
    static int piece_##prefix##_clone(const void *piece, void **ret_clone)                         \
    {                                                                                              \
        prefix##_t *clone = NULL;                                                                  \
        int code = prefix##_clone((void *)(uintptr_t)piece, &clone);                               \
        *ret_clone = code ? NULL : clone;                                                          \
        return code;                                                                               \
    }                                                                                              \
    static int piece_##prefix##_to_str(const void *piece, char **ret_text)                         \
    {                                                                                              \
        return prefix##_to_str((void *)(uintptr_t)piece, ret_text);                                \
    }                                                                                              \
    static void piece_##prefix##_free(void *piece)                                                 \
    {                                                                                              \
        prefix##_free(piece);                                                                      \
    }

#define FUZZ_PIECE_ROW(row_name, prefix)                                                           \
    {                                                                                              \
        (row_name), piece_##prefix##_init, piece_##prefix##_parse, piece_##prefix##_clone,         \
            piece_##prefix##_to_str, piece_##prefix##_free                                         \
    }

/* The row for all of them; which kind is at work is decided before the run. */
extern const struct smt_parser fuzz_piece_row;
extern const struct fuzz_piece_kind *fuzz_piece_kind;

#endif
