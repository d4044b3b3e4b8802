#include "report/cases.h"

#include <stdlib.h>
#include <string.h>

static void case_clear(struct report_case *item)
{
    free(item->message);
    free(item->mode);
    smt_buffer_clear(&item->note);
    smt_buffer_clear(&item->headline);
    smt_buffer_clear(&item->failures);
    smt_buffer_clear(&item->known);
}

void smt_report_cases_clear(struct case_list *list)
{
    for (size_t i = 0; i < list->count; i++) case_clear(&list->items[i]);
    free(list->items);
    *list = (struct case_list){0};
}

static bool list_reserve(struct case_list *list)
{
    size_t capacity = list->capacity ? 2 * list->capacity : 64;
    struct report_case *items;

    if (list->count < list->capacity) return true;
    items = realloc(list->items, capacity * sizeof *items);
    if (!items) return false;
    list->items = items;
    list->capacity = capacity;
    return true;
}

/* Adds a case behind those of its message; takes the printable name. NULL when
 * out of memory. */
static struct report_case *case_add(struct case_list *list, size_t index, char *message,
                                    const char *mode)
{
    struct report_case item = {
        .index = index, .message = message, .mode = mode ? strdup(mode) : NULL};
    size_t at = list->count;

    if (!list_reserve(list) || !item.message || (mode && !item.mode)) {
        case_clear(&item);
        list->out_of_memory = true;
        return NULL;
    }
    while (at && list->items[at - 1].index > index) at--;
    memmove(&list->items[at + 1], &list->items[at], (list->count - at) * sizeof item);
    list->items[at] = item;
    list->count++;
    return &list->items[at];
}

/* Owned by the caller; NULL when out of memory. */
static char *printable_name(const char *name)
{
    struct smt_buffer text;

    smt_buffer_init(&text);
    smt_report_show_bytes(name, &text);
    return smt_buffer_take(&text);
}

static struct report_case *case_find(struct case_list *list, size_t index, const char *mode)
{
    for (size_t i = list->count; i-- > 0;) {
        struct report_case *item = &list->items[i];

        if (item->index == index && !item->mode == !mode &&
            (!mode || strcmp(item->mode, mode) == 0))
            return item;
    }
    return NULL;
}

void smt_report_case_name(const struct report_case *item, struct smt_buffer *text)
{
    if (item->mode) smt_buffer_add_text(text, "OOM ");
    smt_buffer_add_text(text, item->mode ? item->mode : "clean runs");
}

void smt_report_cases_message(struct case_list *list, const struct smt_message_report *message)
{
    struct report_case *item = case_add(list, message->index, printable_name(message->name), NULL);

    if (!item) return;
    smt_report_show_count(message->runs, "run", &item->note);
    if (message->repeat_cut) smt_buffer_add_text(&item->note, " (stopped for time)");
    if (message->baseline) {
        smt_buffer_add_text(&item->note, ", ");
        smt_report_show_count(message->baseline->heap.attempts, "allocation", &item->note);
    }
    smt_buffer_add_text(&item->note, message->accepted ? ", accepted" : ", not accepted");
    if (smt_verdict_defects(message->verdicts)) {
        smt_buffer_add_text(&item->note, ", ");
        smt_report_show_verdicts(message->verdicts, &item->note);
    }
}

void smt_report_cases_mode(struct case_list *list, const struct smt_mode_report *mode)
{
    const struct report_case *clean = case_find(list, mode->index, NULL);
    struct report_case *item =
        case_add(list, mode->index, strdup(clean ? clean->message : ""), smt_mode_name(mode->mode));

    if (!item) return;
    item->is_skipped = !mode->injections;
    smt_report_show_count(mode->injections, "injection", &item->note);
    if (mode->injections) {
        smt_buffer_add_text(&item->note, ": ");
        smt_report_show_counts(mode->counts, &item->note);
    }
    if (mode->skipped)
        smt_buffer_addf(&item->note, "; %llu left out", (unsigned long long)mode->skipped);
}

static void finding_add(struct report_case *item, const struct smt_finding *finding)
{
    if (finding->is_known || !smt_verdicts[finding->verdict].is_defect) {
        smt_buffer_add_text(&item->known, finding->is_known ? "known: " : "no defect: ");
        smt_report_show_headline(finding, &item->known);
        smt_buffer_addf(&item->known, " (%s)\n", finding->signature);
        return;
    }
    if (!item->new_findings++) {
        item->worst = finding->verdict;
        smt_report_show_headline(finding, &item->headline);
    } else {
        smt_buffer_add_text(&item->failures, "\n");
    }
    smt_report_show_headline(finding, &item->failures);
    smt_buffer_add_text(&item->failures, "\n   seen ");
    smt_report_show_times(finding->occurrences, &item->failures);
    smt_buffer_add_text(&item->failures, " in this run\n");
    smt_report_show_finding(finding, &item->failures);
}

void smt_report_cases_finding(struct case_list *list, const struct smt_finding *finding)
{
    struct report_case *item = case_find(list, finding->message_index, finding->mode);

    if (!item)
        item =
            case_add(list, finding->message_index, printable_name(finding->message), finding->mode);
    if (!item) return;
    item->is_skipped = false;
    finding_add(item, finding);
}
