/* Recorded BINRPC packets, and packets written in hexadecimal. */
#ifndef WIRE_FIXTURE_H
#define WIRE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "wire/wire.h"

/* What Debian's kamcmd 5.6.3 sent and Kamailio answered. */
static const struct {
    const char *request, *answer;
    const char *line; /* the request as typed */
} recorded[] = {
    {"a103147a2d97d6910d6d742e6d656d5f616c6c6f6300100a216b00", "a113007a2d97d6",
     "mt.mem_alloc 10 k"},
    {"a1030e4d54d8dd910c6d742e6d656d5f7573656400", "a113054d54d8dd1001202800", "mt.mem_used"},
    {"a1032717b5e74c91126d742e6d656d5f746573745f737461727400100f10402061a810802005dc3036ee80216b00",
     "a1130217b5e74c1001", "mt.mem_test_start 15 64 25000 128 1500 3600000 k"},
    {"a103156314540d91116d742e6d656d5f746573745f73746f70001063",
     "a133176314540d200190911274657374203939206e6f7420666f756e6400", "mt.mem_test_stop 99"},
    {"a10314359c8da0910d6d742e6d656d5f616c6c6f63001005217100",
     "a1331b359c8da02001f4911662616420706172616d2075736520627c6b7c6d7c6700", "mt.mem_alloc 5 q"},
    {"a1032c1b8f614091096366672e736574690091096d697363746573740091126d656d5f636865636b5f636f6e7465"
     "6e74001001",
     "a113001b8f6140", "cfg.seti misctest mem_check_content 1"},
    {"a10310662cc448910e6e6f737563682e6d6574686f6400",
     "a13325662cc4482001f49120636f6d6d616e64206e6f737563682e6d6574686f64206e6f7420666f756e6400",
     "nosuch.method"},
};
#define RECORDED (sizeof recorded / sizeof *recorded)

static inline size_t unhex(const char *hex, uint8_t *ret_bytes)
{
    size_t size = strlen(hex) / 2;

    for (size_t i = 0; i < size; i++) {
        unsigned byte;

        sscanf(hex + 2 * i, "%2x", &byte);
        ret_bytes[i] = (uint8_t)byte;
    }
    return size;
}

#endif
