/* heap/heap.h - front door of heap/: the instrumented heap of parser runs,
 * which allocations are refused, what is still reachable, call stacks and the
 * names of what is on them; and what preload/ brings into other programs: live
 * blocks, their ages, what nothing points to. Knows base/ only. */
#ifndef SMT_HEAP_HEAP_H
#define SMT_HEAP_HEAP_H

#include "heap/ages.h"
#include "heap/arena.h"
#include "heap/fault.h"
#include "heap/image.h"
#include "heap/live.h"
#include "heap/live_memory.h"
#include "heap/live_stack.h"
#include "heap/pattern.h"
#include "heap/reach.h"
#include "heap/roots.h"
#include "heap/scan.h"
#include "heap/shared.h"
#include "heap/stack.h"
#include "heap/symbol.h"
#include "heap/symbol_file.h"
#include "heap/unwind.h"

#endif
