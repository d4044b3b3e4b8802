/* preload/commands_inside.h - what the files of commands share. */
#ifndef SMT_PRELOAD_COMMANDS_INSIDE_H
#define SMT_PRELOAD_COMMANDS_INSIDE_H

#include "preload/out.h"

struct mt_answer {
    struct mt_out *out;
    int code; /* 0: done */
    char text[128];
};

void mt_answer_refuse(struct mt_answer *answer, int code, const char *text);
void mt_answer_say(struct mt_answer *answer, const char *text);
void mt_answer_stat(struct mt_answer *answer, const char *name, uint64_t value);

/* commands_ages.c: words after the command's name */
void mt_ages_create(struct mt_answer *answer, char **words, size_t count);
void mt_ages_start(struct mt_answer *answer, char **words, size_t count);
void mt_ages_stop(struct mt_answer *answer, char **words, size_t count);
void mt_ages_destroy(struct mt_answer *answer, char **words, size_t count);
void mt_ages_print(struct mt_answer *answer, char **words, size_t count);
void mt_ages_stats(struct mt_answer *answer, char **words, size_t count);

/* commands_live.c */
void mt_live_list(struct mt_answer *answer, char **words, size_t count);
void mt_live_stacks(struct mt_answer *answer, char **words, size_t count);
void mt_live_sums(struct mt_answer *answer, char **words, size_t count);   /* all, no frames */
void mt_live_frames(struct mt_answer *answer, char **words, size_t count); /* of some stacks */

#endif
