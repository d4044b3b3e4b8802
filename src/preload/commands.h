/* preload/commands.h - what can be asked of the engine in a program. */
#ifndef SMT_PRELOAD_COMMANDS_H
#define SMT_PRELOAD_COMMANDS_H

#include "preload/out.h"

#define MT_REQUEST_MAX 1024 /* bytes of a line, with what ends it */

/* Answers one line: command words between blanks. Codes as control/'s faults:
 * 400 wrong, 500 unknown; 0 done. On the control thread only. */
void mt_command(const char *line, struct mt_out *out);

/* The scan that comes by itself; how many milliseconds until the next, -1 never. */
int mt_scan_due(void);

#endif
