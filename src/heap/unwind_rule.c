#include "heap/unwind_rule.h"

#include <dlfcn.h>
#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* DWARF 5, 6.4.2 and 7.24; Linux Standard Base 5.0, 10.5 and 10.6. */

enum { REGISTER_BP = 6, REGISTER_SP = 7, REGISTER_RA = 16 };

#define REMEMBER_MAX 8

/* A reader of one byte string; reading past the end sets `bad`. */
struct bytes {
    const uint8_t *at, *end;
    bool bad;
};

static uint64_t bytes_fixed(struct bytes *bytes, size_t size)
{
    uint64_t value = 0;

    if ((size_t)(bytes->end - bytes->at) < size) {
        bytes->bad = true;
        bytes->at = bytes->end;
        return 0;
    }
    memcpy(&value, bytes->at, size); /* x86-64: lowest byte first */
    bytes->at += size;
    return value;
}

static uint64_t bytes_uleb(struct bytes *bytes)
{
    uint64_t value = 0;
    uint8_t byte;

    for (unsigned shift = 0;; shift += 7) {
        byte = (uint8_t)bytes_fixed(bytes, 1);
        if (shift < 64) value |= (uint64_t)(byte & 0x7F) << shift;
        if (!(byte & 0x80) || bytes->bad) return value;
    }
}

static int64_t bytes_sleb(struct bytes *bytes)
{
    uint64_t value = 0;
    unsigned shift = 0;
    uint8_t byte;

    do {
        byte = (uint8_t)bytes_fixed(bytes, 1);
        if (shift < 64) value |= (uint64_t)(byte & 0x7F) << shift;
        shift += 7;
    } while (byte & 0x80 && !bytes->bad);
    if (byte & 0x40 && shift < 64) value |= UINT64_MAX << shift;
    return (int64_t)value;
}

static void bytes_skip(struct bytes *bytes, uint64_t size)
{
    if (size > (uint64_t)(bytes->end - bytes->at)) {
        bytes->bad = true;
        size = (uint64_t)(bytes->end - bytes->at);
    }
    bytes->at += size;
}

/* A pointer in one of the encodings compilers use for code. */
static uintptr_t bytes_pointer(struct bytes *bytes, uint8_t encoding)
{
    uintptr_t base = (encoding & 0x70) == 0x10 ? (uintptr_t)bytes->at : 0;

    if ((encoding & 0x70) > 0x10) bytes->bad = true;
    switch (encoding & 0x0F) {
    case 0x00:
    case 0x04:
    case 0x0C:
        return base + bytes_fixed(bytes, 8);
    case 0x03:
        return base + bytes_fixed(bytes, 4);
    case 0x0B:
        return base + (uintptr_t)(intptr_t)(int32_t)bytes_fixed(bytes, 4);
    default:
        bytes->bad = true;
        return 0;
    }
}

/* What the two descriptions, common and a function's own, say. */
struct description {
    uint64_t code_align;
    int64_t data_align;
    uint8_t encoding; /* of code addresses */
    bool augmented, signal_frame;
    struct bytes common, own; /* instructions */
    uintptr_t begin, size;    /* of the function */
};

static struct bytes entry_bytes(const uint8_t *entry, const uint8_t **ret_body)
{
    uint32_t length;

    memcpy(&length, entry, sizeof length);
    *ret_body = entry + sizeof length;
    if (length >= 0xFFFFFFF0) return (struct bytes){.bad = true}; /* 64-bit: nobody writes it */
    return (struct bytes){entry + sizeof length, entry + sizeof length + length, length == 0};
}

static bool common_read(const uint8_t *entry, struct description *description)
{
    const uint8_t *body;
    struct bytes bytes = entry_bytes(entry, &body);
    const char *augmentation;
    uint8_t version;

    if (bytes.bad || bytes_fixed(&bytes, 4) != 0) return false;
    version = (uint8_t)bytes_fixed(&bytes, 1);
    augmentation = (const char *)bytes.at;
    bytes_skip(&bytes, strnlen(augmentation, (size_t)(bytes.end - bytes.at)) + 1);
    if (bytes.bad) return false;
    description->code_align = bytes_uleb(&bytes);
    description->data_align = bytes_sleb(&bytes);
    if (version == 1)
        bytes_fixed(&bytes, 1);
    else
        bytes_uleb(&bytes);
    description->augmented = *augmentation == 'z';
    if (description->augmented) {
        uint64_t size = bytes_uleb(&bytes);
        struct bytes data = bytes; /* size is looked at by bytes_skip() */

        for (const char *letter = augmentation + 1; *letter; letter++) {
            if (*letter == 'R') description->encoding = (uint8_t)bytes_fixed(&data, 1);
            if (*letter == 'L') bytes_fixed(&data, 1);
            if (*letter == 'P') bytes_pointer(&data, (uint8_t)bytes_fixed(&data, 1) & 0x0F);
            if (*letter == 'S') description->signal_frame = true;
        }
        bytes_skip(&bytes, size);
    }
    description->common = bytes;
    return !bytes.bad;
}

static bool own_read(const uint8_t *entry, struct description *description)
{
    const uint8_t *body;
    struct bytes bytes = entry_bytes(entry, &body);
    uint32_t back = (uint32_t)bytes_fixed(&bytes, 4);

    if (bytes.bad || back == 0 || !common_read(body - back, description)) return false;
    description->begin = bytes_pointer(&bytes, description->encoding);
    description->size = bytes_pointer(&bytes, description->encoding & 0x0F);
    if (description->augmented) bytes_skip(&bytes, bytes_uleb(&bytes));
    description->own = bytes;
    return !bytes.bad;
}

/* --- the instructions --- */

struct row {
    enum { CFA_OFFSET, CFA_BP_AT, CFA_OTHER } cfa;
    uint64_t cfa_register;
    int64_t cfa_offset;
    enum { BP_KEPT, BP_IN_CFA, BP_IN_BP, BP_OTHER } bp;
    int64_t bp_offset;
    bool no_caller;
};

struct machine {
    const struct description *description;
    uintptr_t pc, target;
    struct row row, initial, remembered[REMEMBER_MAX];
    unsigned depth;
    bool bad;
};

static void register_saved(struct machine *machine, uint64_t number, int64_t offset)
{
    if (number == REGISTER_BP) {
        machine->row.bp = BP_IN_CFA;
        machine->row.bp_offset = offset * machine->description->data_align;
    } else if (number == REGISTER_RA && offset * machine->description->data_align != -8) {
        machine->bad = true;
    }
}

static void register_restored(struct machine *machine, uint64_t number)
{
    if (number != REGISTER_BP) return;
    machine->row.bp = machine->initial.bp;
    machine->row.bp_offset = machine->initial.bp_offset;
}

/* Of expressions, two forms are understood: breg6 N, and breg6 N deref. */
static void expression_read(struct machine *machine, struct bytes *bytes, bool of_cfa,
                            uint64_t number)
{
    uint64_t size = bytes_uleb(bytes);
    struct bytes code = {bytes->at, bytes->at + size, size > (uint64_t)(bytes->end - bytes->at)};
    uint8_t first = (uint8_t)bytes_fixed(&code, 1);
    int64_t offset = bytes_sleb(&code);
    bool dereferenced = code.at < code.end && *code.at == 0x06 && code.at + 1 == code.end;
    bool plain = !code.bad && first == 0x76 && (dereferenced || code.at == code.end);

    bytes_skip(bytes, size);
    if (of_cfa) {
        machine->row.cfa = plain && dereferenced ? CFA_BP_AT : CFA_OTHER;
        machine->row.cfa_offset = offset;
    } else if (number == REGISTER_BP) {
        machine->row.bp = plain && !dereferenced ? BP_IN_BP : BP_OTHER;
        machine->row.bp_offset = offset;
    }
}

static void cfa_set(struct machine *machine, uint64_t number, int64_t offset)
{
    machine->row.cfa = CFA_OFFSET;
    machine->row.cfa_register = number;
    machine->row.cfa_offset = offset;
}

static void advance(struct machine *machine, uint64_t delta)
{
    machine->pc += delta * machine->description->code_align;
}

/* The instructions that use all eight bits of their first byte. */
static void extended_run(struct machine *machine, struct bytes *bytes, uint8_t code)
{
    int64_t align = machine->description->data_align;
    uint64_t number = 0;

    if ((code >= 0x05 && code <= 0x09) || code == 0x0C || code == 0x0D || code == 0x10 ||
        code == 0x11 || code == 0x12 || (code >= 0x14 && code <= 0x16) || code == 0x2F)
        number = bytes_uleb(bytes);
    switch (code) {
    case 0x00: /* nop */
        break;
    case 0x01: /* set_loc */
        machine->pc = bytes_pointer(bytes, machine->description->encoding);
        break;
    case 0x02: /* advance_loc1, 2, 4 */
    case 0x03:
    case 0x04:
        advance(machine, bytes_fixed(bytes, (size_t)1 << (code - 2)));
        break;
    case 0x05: /* offset_extended */
        register_saved(machine, number, (int64_t)bytes_uleb(bytes));
        break;
    case 0x06: /* restore_extended */
        register_restored(machine, number);
        break;
    case 0x07: /* undefined */
        if (number == REGISTER_RA) machine->row.no_caller = true;
        if (number == REGISTER_BP) machine->row.bp = BP_KEPT;
        break;
    case 0x08: /* same_value */
        if (number == REGISTER_BP) machine->row.bp = BP_KEPT;
        break;
    case 0x09: /* register */
        bytes_uleb(bytes);
        if (number == REGISTER_BP) machine->row.bp = BP_OTHER;
        break;
    case 0x0A: /* remember_state */
        if (machine->depth < REMEMBER_MAX)
            machine->remembered[machine->depth++] = machine->row;
        else
            machine->bad = true;
        break;
    case 0x0B: /* restore_state */
        if (machine->depth)
            machine->row = machine->remembered[--machine->depth];
        else
            machine->bad = true;
        break;
    case 0x0C: /* def_cfa */
        cfa_set(machine, number, (int64_t)bytes_uleb(bytes));
        break;
    case 0x0D: /* def_cfa_register */
        cfa_set(machine, number, machine->row.cfa_offset);
        break;
    case 0x0E: /* def_cfa_offset */
        machine->row.cfa_offset = (int64_t)bytes_uleb(bytes);
        break;
    case 0x0F: /* def_cfa_expression */
        expression_read(machine, bytes, true, 0);
        break;
    case 0x10: /* expression */
        expression_read(machine, bytes, false, number);
        break;
    case 0x11: /* offset_extended_sf */
        register_saved(machine, number, bytes_sleb(bytes));
        break;
    case 0x12: /* def_cfa_sf */
        cfa_set(machine, number, bytes_sleb(bytes) * align);
        break;
    case 0x13: /* def_cfa_offset_sf */
        machine->row.cfa_offset = bytes_sleb(bytes) * align;
        break;
    case 0x14: /* val_offset, val_offset_sf, val_expression */
    case 0x15:
        bytes_uleb(bytes);
        if (number == REGISTER_BP) machine->row.bp = BP_OTHER;
        break;
    case 0x16:
        bytes_skip(bytes, bytes_uleb(bytes));
        if (number == REGISTER_BP) machine->row.bp = BP_OTHER;
        break;
    case 0x2E: /* GNU_args_size */
        bytes_uleb(bytes);
        break;
    case 0x2F: /* GNU_negative_offset_extended */
        register_saved(machine, number, -(int64_t)bytes_uleb(bytes));
        break;
    default:
        machine->bad = true;
    }
}

/* Runs until the row for the target is complete. */
static void instructions_run(struct machine *machine, struct bytes bytes)
{
    while (bytes.at < bytes.end && !bytes.bad && !machine->bad && machine->pc <= machine->target) {
        uint8_t code = (uint8_t)bytes_fixed(&bytes, 1), low = code & 0x3F;

        if (code >> 6 == 1)
            advance(machine, low);
        else if (code >> 6 == 2)
            register_saved(machine, low, (int64_t)bytes_uleb(&bytes));
        else if (code >> 6 == 3)
            register_restored(machine, low);
        else
            extended_run(machine, &bytes, code);
    }
    if (bytes.bad) machine->bad = true;
}

static struct smt_unwind_rule row_rule(const struct row *row)
{
    static const uint8_t bps[] = {SMT_UNWIND_BP_KEPT, SMT_UNWIND_BP_IN_CFA, SMT_UNWIND_BP_IN_BP,
                                  SMT_UNWIND_BP_KEPT};
    struct smt_unwind_rule rule = {.bp = bps[row->bp],
                                   .cfa_offset = (int32_t)row->cfa_offset,
                                   .bp_offset = (int32_t)row->bp_offset};

    if (row->no_caller || row->bp == BP_OTHER) return (struct smt_unwind_rule){0};
    if (row->cfa == CFA_BP_AT)
        rule.cfa = SMT_UNWIND_BP_AT;
    else if (row->cfa == CFA_OFFSET && row->cfa_register == REGISTER_SP)
        rule.cfa = SMT_UNWIND_SP;
    else if (row->cfa == CFA_OFFSET && row->cfa_register == REGISTER_BP)
        rule.cfa = SMT_UNWIND_BP;
    return rule;
}

/* --- finding the description --- */

struct search {
    uintptr_t address;
    const uint8_t *table; /* .eh_frame_hdr */
};

static int object_search(struct dl_phdr_info *info, size_t size, void *context)
{
    struct search *search = context;
    const uint8_t *table = NULL;
    bool inside = false;

    (void)size;
    for (unsigned i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        uintptr_t from = info->dlpi_addr + segment->p_vaddr;

        if (segment->p_type == PT_GNU_EH_FRAME) table = (const uint8_t *)from;
        if (segment->p_type == PT_LOAD && search->address - from < segment->p_memsz) inside = true;
    }
    if (inside) search->table = table;
    return inside;
}

#pragma weak _dl_find_object

static const uint8_t *table_find(uintptr_t address)
{
    struct search search = {address, NULL};
    struct dl_find_object object;

    if (_dl_find_object) {
        if (_dl_find_object((void *)address, &object) != 0) return NULL;
        return object.dlfo_eh_frame;
    }
    dl_iterate_phdr(object_search, &search);
    return search.table;
}

/* Every linker writes the sorted table as pairs of 4 bytes relative to its start:
 *     01 1b 03 3b | eh_frame:4 | count:4 | {function:4 description:4} ... */
static const uint8_t *description_find(const uint8_t *table, uintptr_t address)
{
    static const uint8_t usual[] = {0x01, 0x1B, 0x03, 0x3B};
    const struct {
        int32_t function, description;
    } *pairs = (const void *)(table + 12);
    uint32_t low = 0, high;

    if (memcmp(table, usual, sizeof usual) != 0) return NULL;
    memcpy(&high, table + 8, sizeof high);
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if ((uintptr_t)table + (uintptr_t)(intptr_t)pairs[middle].function <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low ? table + pairs[low - 1].description : NULL;
}

struct smt_unwind_rule smt_unwind_rule_read(uintptr_t address)
{
    const struct smt_unwind_rule none = {0};
    const uint8_t *table = table_find(address);
    const uint8_t *entry = table ? description_find(table, address) : NULL;
    struct description description = {0};
    struct machine machine = {.description = &description, .target = address};

    if (!entry || !own_read(entry, &description)) return none;
    if (address - description.begin >= description.size) return none;
    if (description.signal_frame) return (struct smt_unwind_rule){.cfa = SMT_UNWIND_SIGNAL};
    instructions_run(&machine, description.common);
    machine.initial = machine.row;
    machine.pc = description.begin;
    if (!machine.bad) instructions_run(&machine, description.own);
    return machine.bad ? none : row_rule(&machine.row);
}
