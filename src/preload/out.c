#include "preload/out.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "heap/heap.h"
#include "preload/preload.h"

#define FIRST_BYTES ((size_t)64 << 10)
#define LINE_BYTES  4096 /* of one call */

void mt_out_clear(struct mt_out *out)
{
    smt_pages_free(out->text, out->capacity);
    smt_pages_free(out->stacks, out->stack_bytes);
    memset(out, 0, sizeof *out);
}

static bool out_grow(struct mt_out *out)
{
    size_t capacity = out->capacity ? out->capacity * 2 : FIRST_BYTES;
    char *text = smt_pages_new(capacity, 0);

    if (!text) {
        out->failed = true;
        return false;
    }
    if (out->size) memcpy(text, out->text, out->size);
    smt_pages_free(out->text, out->capacity);
    out->text = text;
    out->capacity = capacity;
    return true;
}

void mt_out_add(struct mt_out *out, const char *format, ...)
{
    va_list arguments;
    int size;

    if (out->failed || (out->capacity - out->size < LINE_BYTES && !out_grow(out))) return;
    va_start(arguments, format);
    size = vsnprintf(out->text + out->size, LINE_BYTES, format, arguments);
    va_end(arguments);
    if (size > 0) out->size += size < LINE_BYTES ? (size_t)size : LINE_BYTES - 1;
}

void mt_out_stack(struct mt_out *out, uint32_t stack)
{
    if (!out->stacks) {
        out->stack_bytes = smt_live_stack_count() / 8 + 4096; /* and some that come meanwhile */
        out->stacks = smt_pages_new(out->stack_bytes, 0);
    }
    if (out->stacks && stack / 8 < out->stack_bytes)
        out->stacks[stack / 8] |= (uint8_t)(1u << stack % 8);
}

static void stack_add(struct mt_out *out, uint32_t number)
{
    const struct smt_live_stack *stack = smt_live_stack_at(number);

    if (!stack) return;
    mt_out_add(out, "stack\t%u\t%08x\t%u\t", number, stack->cookie, stack->frees);
    for (unsigned i = 0; i < stack->depth; i++)
        mt_out_add(out, "%s%lx", i ? "," : "", (unsigned long)stack->frames[i]);
    mt_out_add(out, "\n");
}

static void module_add(struct mt_out *out, const struct mt_module *module)
{
    mt_out_add(out, "module\t%lx\t%lx\t%lx\t%d\t%s\n", (unsigned long)module->from,
               (unsigned long)module->to, (unsigned long)module->bias, module->gone, module->path);
}

void mt_out_finish(struct mt_out *out, int code, const char *text)
{
    for (size_t number = 1; out->stacks && number < out->stack_bytes * 8; number++)
        if (out->stacks[number / 8] & 1u << number % 8) stack_add(out, (uint32_t)number);
    if (out->stacks) mt_modules_note();
    /* Those that are gone come last: their addresses may have been used again. */
    for (size_t i = 0; out->stacks && i < 2 * mt_module_count(); i++) {
        const struct mt_module *module = mt_module_at(i % mt_module_count());

        if (module->gone == (i >= mt_module_count())) module_add(out, module);
    }
    if (out->failed) { /* rather a short answer than half of one */
        out->failed = false;
        out->size = 0;
        code = 3;
        text = "no memory for the answer";
    }
    mt_out_add(out, "end\t%d\t%s\n", code, text);
}
