/* base/base.h - front door of base/: status codes, bytes that grow, clock,
 * random numbers, numbers as typed, memory, pages, descriptors, temporary files,
 * locks. Knows no other room. */
#ifndef SMT_BASE_BASE_H
#define SMT_BASE_BASE_H

#include "base/buffer.h"
#include "base/clock.h"
#include "base/descriptors.h"
#include "base/lock.h"
#include "base/memory.h"
#include "base/number.h"
#include "base/pages.h"
#include "base/random.h"
#include "base/status.h"
#include "base/temporary.h"

#endif
