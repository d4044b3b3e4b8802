/* monitor/sample and monitor/maps: what /proc says, as it was recorded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <unistd.h>

#include "monitor/monitor.h"

static const char rollup[] =
    "55c0c4a00000-7ffd1d3f2000 ---p 00000000 00:00 0                          [rollup]\n"
    "Rss:                9364 kB\nPss:                4911 kB\nPss_Dirty:          3940 kB\n"
    "Pss_Anon:           3940 kB\nPss_File:            971 kB\nPss_Shmem:             0 kB\n"
    "Shared_Clean:       5176 kB\nShared_Dirty:          0 kB\nPrivate_Clean:       248 kB\n"
    "Private_Dirty:      3940 kB\nReferenced:         9364 kB\nAnonymous:          3940 kB\n"
    "KSM:                   0 kB\nLazyFree:              0 kB\nAnonHugePages:         0 kB\n"
    "ShmemPmdMapped:        0 kB\nFilePmdMapped:         0 kB\nShared_Hugetlb:        0 kB\n"
    "Private_Hugetlb:       0 kB\nSwap:                 12 kB\nSwapPss:              12 kB\n"
    "Locked:                0 kB\n";

static const char status_text[] =
    "Name:\tntpd\nUmask:\t0022\nState:\tS "
    "(sleeping)\nPid:\t812\nPPid:\t1\nUid:\t108\t108\t108\t108\n"
    "VmPeak:\t   74740 kB\nVmSize:\t   74736 kB\nVmHWM:\t    9364 kB\nVmRSS:\t    9360 kB\n"
    "RssAnon:\t    3936 kB\nRssFile:\t    5424 kB\nRssShmem:\t       0 kB\nVmSwap:\t      12 kB\n";

static const char smaps_before[] =
    "55c0c4a00000-55c0c4a21000 rw-p 00000000 00:00 0                          [heap]\n"
    "Size:                132 kB\nRss:                  64 kB\nPss:                  64 kB\n"
    "Private_Clean:         0 kB\nPrivate_Dirty:        64 kB\nAnonymous:            64 kB\n"
    "VmFlags: rd wr mr mw me ac sd\n"
    "7f0000000000-7f0000001000 rw-p 00000000 00:00 0 \n"
    "Size:                  4 kB\nRss:                   4 kB\nPrivate_Dirty:         4 kB\n"
    "7f0000100000-7f0000120000 r-xp 00001000 08:01 131 /usr/lib/lib name.so\n"
    "Size:                128 kB\nRss:                 100 kB\nPrivate_Clean:       100 kB\n";

static const char smaps_after[] =
    "55c0c4a00000-55c0c4a61000 rw-p 00000000 00:00 0                          [heap]\n"
    "Size:                388 kB\nRss:                 320 kB\nPrivate_Dirty:       320 kB\n"
    "7effff000000-7effff001000 rw-p 00000000 00:00 0 \n"
    "Size:                  4 kB\nRss:                   4 kB\n"
    "7effff002000-7effff003000 rw-p 00000000 00:00 0 \n"
    "Size:                  4 kB\nRss:                   4 kB\n"
    "7f0000000000-7f0000001000 rw-p 00000000 00:00 0 \n"
    "Size:                  4 kB\nRss:                   4 kB\n";

static void rollup_gives_resident_private_swap(void **state)
{
    struct smt_monitor_sample sample = {0};

    (void)state;

    assert_true(smt_monitor_sample_rollup(&sample, rollup));

    assert_int_equal(sample.value[SMT_MONITOR_RSS], 9364 * 1024);
    assert_int_equal(sample.value[SMT_MONITOR_PSS], 4911 * 1024);
    assert_int_equal(sample.value[SMT_MONITOR_PRIVATE_CLEAN], 248 * 1024);
    assert_int_equal(sample.value[SMT_MONITOR_PRIVATE], (248 + 3940) * 1024);
    assert_int_equal(sample.value[SMT_MONITOR_ANONYMOUS], 3940 * 1024);
    assert_int_equal(sample.value[SMT_MONITOR_SWAP], 12 * 1024);
    assert_false(smt_monitor_sample_has(&sample, SMT_MONITOR_HEAP));
}

static void text_that_is_no_rollup_gives_nothing(void **state)
{
    struct smt_monitor_sample sample = {0};

    (void)state;

    assert_false(smt_monitor_sample_rollup(&sample, "cat: No such process\n"));
    assert_false(smt_monitor_sample_rollup(&sample, ""));
    assert_int_equal(sample.has, 0);
}

static void status_stands_in_for_an_unreadable_rollup(void **state)
{
    struct smt_monitor_sample sample = {0};

    (void)state;

    smt_monitor_sample_fallback(&sample, status_text);
    smt_monitor_sample_status(&sample, status_text);

    assert_int_equal(sample.value[SMT_MONITOR_RSS], 9360 * 1024);
    assert_int_equal(sample.value[SMT_MONITOR_PRIVATE], 3936 * 1024);
    assert_int_equal(sample.value[SMT_MONITOR_SWAP], 12 * 1024);
    assert_int_equal(sample.value[SMT_MONITOR_VM_SIZE], 74736 * 1024);
}

static void smaps_adds_up_where_there_is_no_rollup(void **state)
{
    struct smt_monitor_sample sample = {0};

    (void)state;

    assert_true(smt_monitor_sample_smaps(&sample, smaps_before));

    assert_int_equal(sample.value[SMT_MONITOR_RSS], 168 * 1024);
    assert_int_equal(sample.value[SMT_MONITOR_PRIVATE], 168 * 1024);
    assert_int_equal(sample.value[SMT_MONITOR_HEAP], 64 * 1024);
}

static void smaps_leaves_the_rollup_s_figures_alone(void **state)
{
    struct smt_monitor_sample sample = {0};

    (void)state;
    smt_monitor_sample_rollup(&sample, rollup);

    smt_monitor_sample_smaps(&sample, smaps_before);

    assert_int_equal(sample.value[SMT_MONITOR_RSS], 9364 * 1024);
    assert_int_equal(sample.value[SMT_MONITOR_HEAP], 64 * 1024);
}

static void process_name_may_hold_parentheses(void **state)
{
    static const char line[] =
        "4242 (a) b (c) S 17 4242 4242 0 -1 4194560 900 0 0 0 21 4 0 0 20 0 3 0 998877 76529664 "
        "2340 18446744073709551615 1 1 0 0 0 0 0 0 0 0 0 0 17 1 0 0 0 0 0\n";
    struct smt_monitor_stat stat;

    (void)state;

    assert_true(smt_monitor_stat_parse(line, &stat));

    assert_string_equal(stat.name, "a) b (c");
    assert_int_equal(stat.pid, 4242);
    assert_int_equal(stat.parent, 17);
    assert_int_equal(stat.state, 'S');
    assert_int_equal(stat.threads, 3);
    assert_int_equal(stat.start, 998877);
    assert_int_equal(stat.cpu_ticks, 25);
    assert_int_equal(stat.rss_pages, 2340);
    assert_false(smt_monitor_stat_parse("4242 (cut off", &stat));
}

static void process_name_may_be_no_text(void **state)
{
    static const char lines[] =
        "4243 (new\n\033[31m\xFF) S 17 4242 4242 0 -1 4194560 900 0 0 0 21 4 0 0 20 0 3 0 998877 "
        "76529664 2340 18446744073709551615 1 1 0\n"
        "1 (init) S 0 1 1 0 -1 4194560 900 0 0 0 21 4 0 0 20 0 3 0 1 76529664 2340 5 1 1 0\n";
    struct smt_monitor_stat stat;

    (void)state;

    assert_true(smt_monitor_stat_parse(lines, &stat));

    assert_int_equal(stat.pid, 4243);
    assert_int_equal(stat.start, 998877);
    assert_string_equal(stat.name, "new\\n\\x1B[31m\\xFF");
}

static struct smt_monitor_changes compare(const char *from, const char *to)
{
    struct smt_monitor_maps before, after;
    struct smt_monitor_changes changes;

    assert_int_equal(smt_monitor_maps_parse(from, &before), SMT_OK);
    assert_int_equal(smt_monitor_maps_parse(to, &after), SMT_OK);
    assert_int_equal(smt_monitor_maps_compare(&before, &after, &changes), SMT_OK);
    smt_monitor_maps_clear(&before);
    smt_monitor_maps_clear(&after);
    return changes;
}

static void change_is(const struct smt_monitor_change *change, const char *expected)
{
    struct smt_buffer text;

    smt_buffer_init(&text);
    smt_monitor_change_text(change, &text);
    assert_string_equal(text.data, expected);
    smt_buffer_clear(&text);
}

static void new_mappings_alike_are_counted_together(void **state)
{
    struct smt_monitor_changes changes = compare(smaps_before, smaps_after);

    (void)state;

    assert_int_equal(changes.count, 3);
    change_is(&changes.list[0], "   132K -> 388K rw-p [heap] (resident +256K)");
    change_is(&changes.list[1], "+2 x 4K rw-p [anon] (resident +8K)");
    change_is(&changes.list[2], "-1 x 128K r-xp /usr/lib/lib name.so (resident -100K)");
    smt_monitor_changes_clear(&changes);
}

static void equal_mappings_give_no_change(void **state)
{
    struct smt_monitor_changes changes = compare(smaps_before, smaps_before);

    (void)state;

    assert_int_equal(changes.count, 0);
    smt_monitor_changes_clear(&changes);
}

static void mapping_that_grew_downwards_is_the_same_one(void **state)
{
    struct smt_monitor_changes changes =
        compare("7f0000002000-7f0000003000 rw-p 00000000 00:00 0 \nRss: 4 kB\n",
                "7f0000000000-7f0000003000 rw-p 00000000 00:00 0 \nRss: 12 kB\n");

    (void)state;

    assert_int_equal(changes.count, 1);
    change_is(&changes.list[0], "   4K -> 12K rw-p [anon] (resident +8K)");
    smt_monitor_changes_clear(&changes);
}

static void statm_tells_the_two_sizes_in_pages(void **state)
{
    struct smt_monitor_sample sample = {0};
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

    (void)state;

    assert_true(smt_monitor_sample_statm(&sample, "18684 2341 1356 200 0 900 0\n"));

    assert_int_equal(sample.value[SMT_MONITOR_VM_SIZE], 18684 * page);
    assert_int_equal(sample.value[SMT_MONITOR_VM_RSS], 2341 * page);
    assert_false(smt_monitor_sample_has(&sample, SMT_MONITOR_RSS));
}

static void process_without_memory_has_no_statm(void **state)
{
    struct smt_monitor_sample sample = {0};

    (void)state;

    assert_false(smt_monitor_sample_statm(&sample, "0 0 0 0 0 0 0\n"));
    assert_false(smt_monitor_sample_statm(&sample, ""));
    assert_int_equal(sample.has, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(statm_tells_the_two_sizes_in_pages),
        cmocka_unit_test(process_without_memory_has_no_statm),
        cmocka_unit_test(rollup_gives_resident_private_swap),
        cmocka_unit_test(text_that_is_no_rollup_gives_nothing),
        cmocka_unit_test(status_stands_in_for_an_unreadable_rollup),
        cmocka_unit_test(smaps_adds_up_where_there_is_no_rollup),
        cmocka_unit_test(smaps_leaves_the_rollup_s_figures_alone),
        cmocka_unit_test(process_name_may_hold_parentheses),
        cmocka_unit_test(process_name_may_be_no_text),
        cmocka_unit_test(new_mappings_alike_are_counted_together),
        cmocka_unit_test(equal_mappings_give_no_change),
        cmocka_unit_test(mapping_that_grew_downwards_is_the_same_one),
    };

    return cmocka_run_group_tests_name("monitor sample", tests, NULL, NULL);
}
