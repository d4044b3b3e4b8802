/* cli/cli_help.c - --help and the short usage, in table order. */
#include <ctype.h>
#include <string.h>

#include "cli/cli.h"

#define TEXT_COLUMN 28
#define LAST_COLUMN 96

void smt_cli_add_words(const struct smt_cli_option *row, struct smt_buffer *words)
{
    if (row->words) smt_buffer_add_text(words, row->words);
    if (row->add_words) row->add_words(words);
}

/* Writes text from `column` on, wrapped; the cursor is at `at`. */
static void text_wrap(FILE *out, size_t at, size_t column, const char *text)
{
    if (at && at >= column) {
        fputc('\n', out);
        at = 0;
    }
    fprintf(out, "%*s", (int)(column - at), "");
    at = column;
    while (*text) {
        size_t length = strcspn(text, " ");

        if (at > column && at + 1 + length > LAST_COLUMN) {
            fprintf(out, "\n%*s", (int)column, "");
            at = column;
        } else if (at > column) {
            fputc(' ', out);
            at++;
        }
        fwrite(text, 1, length, out);
        at += length;
        text += length;
        text += strspn(text, " ");
    }
    fputc('\n', out);
}

static void option_write(const struct smt_cli_option *row, FILE *out)
{
    int at = row->letter ? fprintf(out, "  -%c, --%s", row->letter, row->name)
                         : fprintf(out, "      --%s", row->name);

    if (row->arg) at += fprintf(out, row->flags & SMT_CLI_OPTIONAL ? "[=%s]" : "=%s", row->arg);
    text_wrap(out, at >= TEXT_COLUMN - 1 ? TEXT_COLUMN : (size_t)at, TEXT_COLUMN, row->text);
}

static void paragraphs_write(const char *text, FILE *out)
{
    while (*text) {
        size_t length = strcspn(text, "\n");
        char paragraph[2048];

        snprintf(paragraph, sizeof paragraph, "%.*s", (int)length, text);
        fputc('\n', out);
        text_wrap(out, 0, 0, paragraph);
        text += length;
        text += strspn(text, "\n");
    }
}

static void row_write(void *context, const char *term, const char *text)
{
    int at = fprintf(context, "  %s", term);

    text_wrap(context, at >= TEXT_COLUMN - 1 ? TEXT_COLUMN : (size_t)at, TEXT_COLUMN, text);
}

static void sections_write(const struct smt_cli_section *section, FILE *out)
{
    for (; section && section->title; section++) {
        if (!section->is_in_help) continue;
        fprintf(out, "\n%c", section->title[0]);
        for (const char *letter = section->title + 1; *letter; letter++)
            fputc(tolower((unsigned char)*letter), out);
        fputs(":\n", out);
        section->add_rows(row_write, out);
    }
}

static void examples_write(const struct smt_cli_example *row, FILE *out)
{
    if (row && row->command) fprintf(out, "\nExamples:\n");
    for (; row && row->command; row++) {
        fprintf(out, "  %s\n", row->command);
        text_wrap(out, 0, 6, row->text);
    }
}

void smt_cli_write_help(const struct smt_cli_program *program, FILE *out)
{
    fprintf(out, "Usage: %s %s\n", program->name, program->usage);
    for (const struct smt_cli_subcommand *row = program->subcommands; row && row->name; row++)
        fprintf(out, "  or:  %s %s ...\n", program->name, row->name);
    paragraphs_write(program->description, out);
    for (const struct smt_cli_option *row = program->options; row->name || row->text; row++) {
        if (row->flags & SMT_CLI_HIDDEN) continue;
        if (row->name)
            option_write(row, out);
        else
            fprintf(out, "\n%s\n", row->text);
    }
    if (program->subcommands && program->subcommands->name)
        fprintf(out, "\nSubcommands, when the first word (each has its own --help):\n");
    for (const struct smt_cli_subcommand *row = program->subcommands; row && row->name; row++)
        row_write(out, row->name, row->summary);
    sections_write(program->sections, out);
    examples_write(program->examples, out);
}

void smt_cli_write_usage(const struct smt_cli_program *program, FILE *out)
{
    fprintf(out, "Usage: %s %s\n", program->name, program->usage);
    fprintf(out, "Try `%s', or `%s --help' for everything.\n", program->examples->command,
            program->name);
}
