/* heap/heap.h - front door of heap/: the instrumented heap of parser runs,
 * which allocations are refused, what is still reachable, call stacks and the
 * names of what is on them. Knows base/ only. */
#ifndef SMT_HEAP_HEAP_H
#define SMT_HEAP_HEAP_H

#include "heap/arena.h"
#include "heap/fault.h"
#include "heap/image.h"
#include "heap/reach.h"
#include "heap/shared.h"
#include "heap/stack.h"
#include "heap/symbol.h"

#endif
