/* cli/cli_manual.c - the man page, from the tables. */
#include <ctype.h>
#include <string.h>

#include "cli/cli.h"

/* Text as man(7) takes it: a hyphen is a minus sign, so that what is copied
 * from the page works; a line must not start with a control character. */
static void roff_add(FILE *out, const char *text)
{
    if (*text == '.' || *text == '\'') fputs("\\&", out);
    for (; *text; text++) {
        if (*text == '\\')
            fputs("\\e", out);
        else if (*text == '-')
            fputs("\\-", out);
        else if (*text == '\'')
            fputs("\\(aq", out);
        else if (*text == '`')
            fputs("\\(ga", out);
        else if (*text == '^')
            fputs("\\(ha", out);
        else if (*text == '~')
            fputs("\\(ti", out);
        else if (*text == '\n')
            fputs("\n.PP\n", out);
        else
            fputc(*text, out);
    }
}

static void roff_line(FILE *out, const char *before, const char *text, const char *after)
{
    fputs(before, out);
    roff_add(out, text);
    fputs(after, out);
}

static void roff_option(FILE *out, const struct smt_cli_option *row)
{
    fputs(".TP\n", out);
    if (row->letter) fprintf(out, "\\fB\\-%c\\fR, ", row->letter);
    roff_line(out, "\\fB\\-\\-", row->name, "\\fR");
    if (row->arg) {
        fputs(row->flags & SMT_CLI_OPTIONAL ? "[=" : "=", out);
        roff_line(out, "\\fI", row->arg, "\\fR");
        if (row->flags & SMT_CLI_OPTIONAL) fputs("]", out);
    }
    fputc('\n', out);
    roff_line(out, "", row->text, ".\n");
}

static void roff_options(FILE *out, const struct smt_cli_option *row)
{
    for (; row->name || row->text; row++) {
        if (row->flags & SMT_CLI_HIDDEN) continue;
        if (row->name) {
            roff_option(out, row);
        } else {
            size_t length = strlen(row->text);
            char heading[128];

            if (length && row->text[length - 1] == ':') length--;
            snprintf(heading, sizeof heading, "%.*s", (int)length, row->text);
            roff_line(out, ".SS ", heading, "\n");
        }
    }
}

static void roff_row(void *context, const char *term, const char *text)
{
    roff_line(context, ".TP\n\\fB", term, "\\fR\n");
    roff_line(context, "", text, "\n");
}

static void roff_heading(FILE *out, const struct smt_cli_program *program)
{
    fputs(".TH ", out);
    for (const char *letter = program->name; *letter; letter++)
        fputc(toupper((unsigned char)*letter), out);
    fprintf(out, " 1 \"\" \"%s " SMT_VERSION "\" \"User Commands\"\n", program->name);
    fputs(".nh\n.ad l\n", out); /* options are not to be torn apart */
    fprintf(out, ".SH NAME\n%s \\- ", program->name);
    roff_line(out, "", program->summary, "\n");
    fprintf(out, ".SH SYNOPSIS\n\\fB%s\\fR ", program->name);
    roff_line(out, "", program->usage, "\n");
    for (const struct smt_cli_subcommand *row = program->subcommands; row && row->name; row++) {
        fprintf(out, ".br\n\\fB%s ", program->name);
        roff_line(out, "", row->name, "\\fR ...\n");
    }
}

static void roff_sections(FILE *out, const struct smt_cli_section *section)
{
    for (; section && section->title; section++) {
        roff_line(out, ".SH ", section->title, "\n");
        section->add_rows(roff_row, out);
    }
}

static void roff_examples(FILE *out, const char *heading, const struct smt_cli_example *row)
{
    if (row && row->command) fputs(heading, out);
    for (; row && row->command; row++) roff_row(out, row->command, row->text);
}

/* A subcommand has a section of its own on the page of its program. */
static void roff_subcommand(FILE *out, const struct smt_cli_program *program)
{
    fputs(".SH ", out);
    for (const char *letter = program->name; *letter; letter++)
        fputc(toupper((unsigned char)*letter), out);
    fprintf(out, "\n\\fB%s\\fR ", program->name);
    roff_line(out, "", program->usage, "\n.PP\n");
    roff_line(out, "", program->description, "\n");
    roff_options(out, program->options);
    roff_examples(out, ".SS Examples\n", program->examples);
}

void smt_cli_write_man(const struct smt_cli_program *program, FILE *out)
{
    const struct smt_cli_subcommand *subcommands = program->subcommands;

    roff_heading(out, program);
    roff_line(out, ".SH DESCRIPTION\n", program->description, "\n");
    fputs(".SH OPTIONS\n", out);
    roff_options(out, program->options);
    if (subcommands && subcommands->name) fputs(".SH SUBCOMMANDS\n", out);
    for (const struct smt_cli_subcommand *row = subcommands; row && row->name; row++)
        roff_row(out, row->name, row->summary);
    for (const struct smt_cli_subcommand *row = subcommands; row && row->name; row++)
        if (row->program) roff_subcommand(out, row->program);
    roff_sections(out, program->sections);
    roff_examples(out, ".SH EXAMPLES\n", program->examples);
    roff_line(out, ".SH SEE ALSO\n", program->see_also, "\n");
}
