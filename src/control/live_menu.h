/* control/live_menu.h - the telnet menu its users know: `o` at the prompt, then
 * one key a line. The keys are rows of a table. */
#ifndef SMT_CONTROL_LIVE_MENU_H
#define SMT_CONTROL_LIVE_MENU_H

#include "control/server.h"

extern const struct smt_server_menu smt_live_menus[]; /* ended by a row without key */

#endif
