/* monitor/monitor.h - front door of monitor/: the memory of other processes,
 * round after round, and whether it keeps rising.
 *
 *     options -> watch -> result -> text, json, html, plot
 *                  |
 *     source (here, or a shell elsewhere) -> sample -> trend -> decide
 *
 * Knows nothing of heaps and parsers: exact figures come through engine.h. */
#ifndef SMT_MONITOR_MONITOR_H
#define SMT_MONITOR_MONITOR_H

#include "monitor/decide.h"
#include "monitor/engine.h"
#include "monitor/maps.h"
#include "monitor/output.h"
#include "monitor/sample.h"
#include "monitor/source.h"
#include "monitor/trend.h"
#include "monitor/watch.h"

#endif
