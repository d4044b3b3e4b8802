/* control/command_rows.h - inside control/: the functions of the rows. */
#ifndef SMT_CONTROL_COMMAND_ROWS_H
#define SMT_CONTROL_COMMAND_ROWS_H

#include "control/control.h"

#define COMMAND_ROW(name)                                                                          \
    void smt_command_##name(struct smt_control *control, struct smt_arguments *arguments,          \
                            struct smt_wire_reply *reply)

COMMAND_ROW(mem_alloc);
COMMAND_ROW(mem_free);
COMMAND_ROW(mem_used);
COMMAND_ROW(mem_realloc);
COMMAND_ROW(mem_rnd_alloc);
COMMAND_ROW(mem_test_start);
COMMAND_ROW(mem_test_stop);
COMMAND_ROW(mem_test_destroy);
COMMAND_ROW(mem_test_destroy_all);
COMMAND_ROW(mem_test_list);
COMMAND_ROW(lock_test);
COMMAND_ROW(cfg_get);
COMMAND_ROW(cfg_seti);
COMMAND_ROW(cfg_sets);
COMMAND_ROW(cfg_list);
COMMAND_ROW(cfg_help);
COMMAND_ROW(core_version);
COMMAND_ROW(list_methods);
COMMAND_ROW(help);
COMMAND_ROW(memscope);
COMMAND_ROW(kmemleak);
COMMAND_ROW(badfrees);
COMMAND_ROW(live);

#endif
