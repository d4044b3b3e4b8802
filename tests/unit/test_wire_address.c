/* wire/: addresses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "wire/wire.h"

static void only_loopback_addresses_are_taken(void **state)
{
    static const char *const good[] = {"unix:/tmp/x",     "/tmp/x",
                                       "tcp:127.0.0.1:0", "tcp:127.9.9.9:65535",
                                       "tcp:[::1]:80",    "telnet:localhost:23"};
    static const char *const bad[] = {"",
                                      "x",
                                      "unix:",
                                      "tcp:0.0.0.0:80",
                                      "tcp:10.0.0.1:80",
                                      "tcp:[::]:80",
                                      "tcp:127.0.0.1",
                                      "tcp:127.0.0.1:65536",
                                      "tcp:[fe80::1]:1",
                                      "tcp:[::ffff:10.0.0.1]:1",
                                      "telnet:8.8.8.8:23",
                                      "tcp:127.0.0.1:x"};
    struct smt_address address;
    char text[160];

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_int_equal(smt_address_parse(good[i], &address), SMT_OK);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (smt_address_parse(bad[i], &address) != SMT_EUSAGE) fail_msg("accepted: %s", bad[i]);
    assert_int_equal(smt_address_parse("tcp:[::1]:80", &address), SMT_OK);
    smt_address_format(&address, text, sizeof text);
    assert_string_equal(text, "tcp:[::1]:80");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_loopback_addresses_are_taken),
    };

    return cmocka_run_group_tests_name("wire/address", tests, NULL, NULL);
}
