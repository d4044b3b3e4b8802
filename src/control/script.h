/* control/script.h - `mtctl -f`: commands, and excerpts of a Kamailio
 * configuration as they stand.
 *
 *   # comment        // comment        slash-star comments, over several lines
 *   loadmodule "misctest.so"                          accepted, does nothing
 *   modparam("misctest", "mem_check_content", 1)      cfg.seti or cfg.sets
 *   mem_alloc(1048576);  mt_mem_alloc(4096);          mt.mem_alloc
 *   mem_free();  mt_mem_free();                       mt.mem_free
 *   mt.mem_rnd_alloc 1 64 10240 k                     a command, to the line's end
 *   request_route {   route[NAME] {   }   ...         ignored
 *
 * Each statement becomes a request, so a script runs in this process or in a
 * server alike. Blocks run where they stand, once, whatever their conditions.
 * What else a configuration has is left out, and told in the end. The first
 * fault ends the script. */
#ifndef SMT_CONTROL_SCRIPT_H
#define SMT_CONTROL_SCRIPT_H

#include "wire/wire.h"

struct smt_script_target {
    void *context;
    /* Carries a request out. */
    enum smt_status (*call)(void *context, const struct smt_wire_request *request,
                            struct smt_wire_reply *reply);
    /* Shows what a command answered; functions and modparam are not shown,
     * unless they answered a message test's report or a fault. */
    void (*show)(void *context, const struct smt_wire_reply *reply);
    /* Is told at the end, in one line, what was left out; may be NULL. */
    void (*left_out)(void *context, const char *line);
};

/* SMT_EINPUT: a statement cannot be read; `name` and the line are in the
 * sentence. *ret_fault_line: where a command answered a fault (with SMT_OK); 0
 * when none did. */
SMT_MUST_USE enum smt_status smt_script_run(const char *name, const char *text, size_t size_bytes,
                                            const struct smt_script_target *target,
                                            unsigned *ret_fault_line);

#endif
