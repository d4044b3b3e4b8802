/* preload/out.h - an answer under construction: lines of fields between tabs, in
 * pages of our own.
 *
 *   process PID COMM             first
 *   say     TEXT                 for people
 *   stat    NAME VALUE
 *   entry   NUMBER ADDRESS SIZE AGE_CS STACK
 *   leak    NUMBER ADDRESS SIZE AGE_CS STACK VIA HEX     VIA 0: direct
 *   badfree KIND ADDRESS AGE_CS STACK FREED_PC
 *   attempt NUMBER STACK
 *   held    BLOCKS BYTES OLDEST_AGE_CS STACK
 *   stack   NUMBER COOKIE FREES ADDRESS,ADDRESS,...
 *   module  FROM TO BIAS GONE PATH
 *   end     CODE TEXT            last; CODE 0, or why not
 *
 * Numbers are decimal, addresses hexadecimal without 0x. */
#ifndef SMT_PRELOAD_OUT_H
#define SMT_PRELOAD_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mt_out {
    char *text;
    size_t size, capacity;
    bool failed;
    uint8_t *stacks; /* bits: which stacks the lines spoke of */
    size_t stack_bytes;
};

void mt_out_clear(struct mt_out *out);
__attribute__((format(printf, 2, 3))) void mt_out_add(struct mt_out *out, const char *format, ...);

/* Remembers that this stack is to be told. */
void mt_out_stack(struct mt_out *out, uint32_t stack);

/* The stacks remembered, the modules, and the end. */
void mt_out_finish(struct mt_out *out, int code, const char *text);

#endif
