/* heap/symbol: what addresses are called, in stripped code above all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <cmocka.h>
#include <osipparser2/osip_parser.h>

#include "heap/module.h"
#include "heap/symbol.h"
#include "heap/symbol_table.h"
#include "stripped_library.h"

static uintptr_t visits[8];
static unsigned visit_count;

static void visit(void)
{
    visits[visit_count++] = (uintptr_t)__builtin_return_address(0);
}

static struct smt_frame frame_of_return(uintptr_t address)
{
    struct smt_frame frame;

    smt_symbol_frame(address, false, &frame);
    return frame;
}

static void function_without_symbol_is_counted_from_the_exported_one(void **state)
{
    (void)state;
    visit_count = 0;

    stripped_alpha(visit);

    assert_int_equal(visit_count, 3);
    assert_string_equal(frame_of_return(visits[0]).function, "stripped_alpha");
    assert_string_equal(frame_of_return(visits[1]).function, "stripped_alpha~1");
    assert_string_equal(frame_of_return(visits[2]).function, "stripped_alpha~2");
    assert_string_equal(frame_of_return(visits[2]).identity, "stripped_alpha~2");
    assert_null(frame_of_return(visits[2]).file);
    assert_string_equal(frame_of_return(visits[2]).module, "libstripped_library.so");
}

static void global_name_wins_over_its_weak_alias(void **state)
{
    (void)state;
    visit_count = 0;

    stripped_alias(visit);

    assert_string_equal(frame_of_return(visits[0]).function, "stripped_omega");
}

static void static_function_of_the_program_has_name_file_and_line(void **state)
{
    struct smt_frame frame;

    (void)state;

    smt_symbol_frame((uintptr_t)visit, true, &frame);

    assert_string_equal(frame.function, "visit");
    assert_string_equal(frame.identity, "visit");
    assert_string_equal(frame.module, "test_symbol");
    assert_non_null(frame.file);
    assert_non_null(strstr(frame.file, "test_symbol.c"));
    assert_in_range(frame.line, 20, 40);
}

static void return_address_belongs_to_the_call_before_it(void **state)
{
    struct smt_frame exact, returned;

    (void)state;

    smt_symbol_frame((uintptr_t)visit, true, &exact);
    smt_symbol_frame((uintptr_t)visit, false, &returned);

    assert_string_equal(exact.function, "visit");
    assert_string_not_equal(returned.function, "visit");
    assert_int_equal(returned.offset, exact.offset);
}

static void address_outside_all_modules_has_no_name(void **state)
{
    struct smt_frame frame;
    const char *file = "untouched";

    (void)state;

    smt_symbol_frame(0x10, true, &frame);

    assert_string_equal(frame.module, "?");
    assert_null(frame.function);
    assert_null(frame.identity);
    assert_int_equal(frame.offset, 0x10);
    assert_false(smt_symbol_module(0x10, &file, NULL));
    assert_string_equal(file, "untouched");
}

static int by_text(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static void every_function_of_the_parser_has_a_name_of_its_own(void **state)
{
    const struct smt_module *module;
    const char **names;
    size_t count;

    (void)state;
    smt_module_refresh();
    module = smt_module_find((uintptr_t)osip_message_parse);
    assert_non_null(module);
    count = smt_module_functions_upto(module, module->end);
    assert_true(count > 100);
    names = calloc(count, sizeof *names);
    assert_non_null(names);

    for (size_t i = 0; i < count; i++) {
        struct smt_frame frame;

        smt_symbol_frame(smt_module_function(module, i), true, &frame);
        assert_non_null(frame.identity);
        names[i] = frame.identity;
    }

    qsort(names, count, sizeof *names, by_text);
    for (size_t i = 1; i < count; i++) assert_string_not_equal(names[i - 1], names[i]);
    free(names);
}

static void names_are_the_same_after_the_cache_was_cleared(void **state)
{
    struct smt_frame first, again;
    char name[64];

    (void)state;
    smt_symbol_frame((uintptr_t)osip_message_parse, true, &first);
    assert_string_equal(first.function, "osip_message_parse");
    strncpy(name, first.function, sizeof name - 1);
    name[sizeof name - 1] = '\0';

    smt_symbol_clear();
    smt_symbol_frame((uintptr_t)osip_message_parse, true, &again);

    assert_string_equal(again.function, name);
    assert_int_equal(again.offset, first.offset);
}

static void module_has_file_path_and_build_id(void **state)
{
    const char *file, *path;
    char text[SMT_BUILD_ID_TEXT];
    uintptr_t address = (uintptr_t)osip_message_parse;

    (void)state;

    assert_true(smt_symbol_module(address, &file, &path));
    assert_int_equal(strncmp(file, "libosipparser2.so", 17), 0);
    assert_string_equal(smt_module_find(address)->name, "libosipparser2.so");
    assert_int_equal(path[0], '/');
    if (smt_module_find(address)->build_id_bytes) {
        assert_true(smt_symbol_build_id(address, text, sizeof text));
        assert_true(strlen(text) >= 16);
        assert_int_equal(strspn(text, "0123456789abcdef"), strlen(text));
        assert_false(smt_symbol_build_id(address, text, 8));
    }
}

static void function_of_the_vdso_is_named(void **state)
{
    uintptr_t start = getauxval(AT_SYSINFO_EHDR);
    const struct smt_module *module;
    struct smt_frame frame;

    (void)state;
    smt_module_refresh();
    module = smt_module_find(start);
    if (!start || !module || !smt_module_function(module, 0)) skip();

    smt_symbol_frame(smt_module_function(module, 0), true, &frame);

    assert_int_equal(strncmp(frame.module, "linux-", 6), 0);
    assert_non_null(frame.function);
}

static void table_row(struct smt_symbol_table *table, uintptr_t address, uint64_t size,
                      unsigned binding, const char *name)
{
    GElf_Sym symbol = {.st_size = size, .st_shndx = 1};

    symbol.st_info = GELF_ST_INFO(binding, STT_FUNC);
    smt_symbol_table_add(table, &symbol, address, name);
}

static void innermost_symbol_that_reaches_the_address_wins(void **state)
{
    struct smt_symbol_table table = {0};

    (void)state;
    table_row(&table, 150, 10, STB_GLOBAL, "nested");
    table_row(&table, 100, 100, STB_GLOBAL, "wide");
    table_row(&table, 300, 0, STB_GLOBAL, "sizeless");
    table_row(&table, 400, 8, STB_GLOBAL, "longer");
    table_row(&table, 400, 8, STB_GLOBAL, "short");
    table_row(&table, 400, 8, STB_WEAK, "w");
    smt_symbol_table_sort(&table);

    assert_string_equal(smt_symbol_table_find(&table, 155)->name, "nested");
    assert_string_equal(smt_symbol_table_find(&table, 160)->name, "wide");
    assert_string_equal(smt_symbol_table_find(&table, 199)->name, "wide");
    assert_null(smt_symbol_table_find(&table, 200));
    assert_null(smt_symbol_table_find(&table, 300));
    assert_null(smt_symbol_table_find(&table, 99));
    assert_string_equal(smt_symbol_table_find(&table, 407)->name, "short");
    assert_string_equal(smt_symbol_table_below(&table, 500)->name, "short");
    assert_null(smt_symbol_table_below(&table, 99));
    smt_symbol_table_clear(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(function_without_symbol_is_counted_from_the_exported_one),
        cmocka_unit_test(global_name_wins_over_its_weak_alias),
        cmocka_unit_test(static_function_of_the_program_has_name_file_and_line),
        cmocka_unit_test(return_address_belongs_to_the_call_before_it),
        cmocka_unit_test(address_outside_all_modules_has_no_name),
        cmocka_unit_test(every_function_of_the_parser_has_a_name_of_its_own),
        cmocka_unit_test(names_are_the_same_after_the_cache_was_cleared),
        cmocka_unit_test(module_has_file_path_and_build_id),
        cmocka_unit_test(function_of_the_vdso_is_named),
        cmocka_unit_test(innermost_symbol_that_reaches_the_address_wins),
    };
    int failed = cmocka_run_group_tests_name("symbol", tests, NULL, NULL);

    smt_symbol_clear();
    return failed;
}
