/* Allocations refused by plan, and the list of who made which. */
#include "preload/preload.h"

#include "base/base.h"
#include "heap/heap.h"

#define SURVEY_MAX ((size_t)16 << 20) /* attempts whose stacks are kept */

bool mt_fault_armed;
bool mt_survey;

static struct smt_fault_plan plan;
static struct smt_fault fault;
static struct smt_lock fault_lock; /* attempts are asked in order */
static uint64_t attempts, refused;
static uint32_t *survey;

void mt_fault_arm(const char *text)
{
    if (smt_fault_plan_parse(text, &plan) != SMT_OK) return;
    smt_fault_arm(&fault, &plan);
    mt_fault_armed = true;
}

bool mt_fault_refuses(void)
{
    bool refuses;

    smt_lock_take(&fault_lock);
    attempts++;
    refuses = plan.rule_count && smt_fault_refuses(&fault, attempts);
    refused += refuses;
    smt_lock_give(&fault_lock);
    return refuses;
}

/* From then on nobody asks for the lock, which a thread that is not here may hold. */
void mt_fault_forget(void)
{
    mt_fault_armed = false;
    mt_survey = false;
}

uint64_t mt_fault_attempts(void)
{
    return attempts;
}

uint64_t mt_fault_refused(void)
{
    return refused;
}

/* Attempts are counted with an empty plan too. */
void mt_survey_begin(void)
{
    survey = smt_pages_new(SURVEY_MAX * sizeof *survey, 0);
    mt_survey = survey != NULL;
    mt_fault_armed = true;
}

void mt_survey_note(uint32_t stack)
{
    if (attempts && attempts <= SURVEY_MAX) survey[attempts - 1] = stack;
}

uint32_t mt_survey_stack(uint64_t attempt)
{
    return survey && attempt && attempt <= SURVEY_MAX ? survey[attempt - 1] : 0;
}
