/* cli/cli_manual.c - the man page and the shell completion, from the tables. */
#include <ctype.h>
#include <string.h>

#include "cli/cli.h"

/* --- man page ------------------------------------------------------------------------- */

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

void smt_cli_write_man(const struct smt_cli_program *program, FILE *out)
{
    roff_heading(out, program);
    roff_line(out, ".SH DESCRIPTION\n", program->description, "\n");
    fputs(".SH OPTIONS\n", out);
    roff_options(out, program->options);
    if (program->subcommands && program->subcommands->name) fputs(".SH SUBCOMMANDS\n", out);
    for (const struct smt_cli_subcommand *row = program->subcommands; row && row->name; row++)
        roff_row(out, row->name, row->summary);
    for (const struct smt_cli_section *section = program->sections; section && section->title;
         section++) {
        roff_line(out, ".SH ", section->title, "\n");
        section->add_rows(roff_row, out);
    }
    fputs(".SH EXAMPLES\n", out);
    for (const struct smt_cli_example *row = program->examples; row->command; row++)
        roff_row(out, row->command, row->text);
    roff_line(out, ".SH SEE ALSO\n", program->see_also, "\n");
}

/* --- completion for bash ---------------------------------------------------------------- */

/* One case of the script: how this option's argument is completed. */
static void bash_case(FILE *out, const struct smt_cli_option *row)
{
    struct smt_buffer words;

    if (!row->name || !row->arg || row->flags & SMT_CLI_HIDDEN) return;
    smt_buffer_init(&words);
    smt_cli_add_words(row, &words);
    fprintf(out, "    --%s", row->name);
    if (row->letter) fprintf(out, " | -%c", row->letter);
    fputs(")\n", out);
    /* an optional argument is only behind an equals sign */
    if (row->flags & SMT_CLI_OPTIONAL) fputs("        [[ $equals ]] || taken=\n", out);
    if (words.data && strcmp(words.data, "FILE") == 0)
        fputs("        action=-f\n", out);
    else if (words.data && strcmp(words.data, "DIR") == 0)
        fputs("        action=-d\n", out);
    else
        fprintf(out, "        words='%s'\n", words.data ? words.data : "");
    if (row->flags & SMT_CLI_LIST) fputs("        [[ $word == *,* ]] && before=${word%,*},\n", out);
    fputs("        ;;\n", out);
    smt_buffer_clear(&words);
}

static void bash_options(const struct smt_cli_program *program, FILE *out)
{
    for (const struct smt_cli_option *row = program->options; row->name || row->text; row++) {
        if (!row->name || row->flags & SMT_CLI_HIDDEN) continue;
        if (row->letter) fprintf(out, "-%c ", row->letter);
        fprintf(out, "--%s%s ", row->name, row->arg && !(row->flags & SMT_CLI_OPTIONAL) ? "=" : "");
    }
}

static void bash_write(const struct smt_cli_program *program, FILE *out)
{
    const char *name = program->name;

    fprintf(out, "# bash completion for %s; made from its option table.\n_%s()\n{\n", name, name);
    fputs("    local word=${COMP_WORDS[COMP_CWORD]} option=${COMP_WORDS[COMP_CWORD - 1]}\n"
          "    local equals= taken=1 words= action= before=\n\n"
          "    # bash takes an equals sign for a word of its own\n"
          "    if [[ $word == = ]]; then\n"
          "        equals=1 word=\n"
          "    elif [[ $option == = ]]; then\n"
          "        equals=1 option=${COMP_WORDS[COMP_CWORD - 2]}\n"
          "    fi\n"
          "    case $option in\n",
          out);
    for (const struct smt_cli_option *row = program->options; row->name || row->text; row++)
        bash_case(out, row);
    fputs("    *) taken= ;;\n    esac\n    if [[ ! $taken ]]; then\n        before= action=-f\n",
          out);
    if (program->subcommands && program->subcommands->name) {
        fputs("        [[ $COMP_CWORD == 1 ]] && words='", out);
        for (const struct smt_cli_subcommand *row = program->subcommands; row->name; row++)
            fprintf(out, "%s ", row->name);
        fputs("'\n", out);
    }
    fputs("        [[ $word == -* ]] && action= words='", out);
    bash_options(program, out);
    fputs("'\n    fi\n"
          "    [[ $action ]] && compopt -o filenames\n"
          "    mapfile -t COMPREPLY < <(compgen $action -W \"$words\" -P \"$before\" -- "
          "\"${word#\"$before\"}\")\n"
          "    [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace\n"
          "    return 0\n}\n",
          out);
    fprintf(out, "complete -F _%s %s\n", name, name);
}

enum smt_status smt_cli_write_completion(const struct smt_cli_program *program, const char *shell,
                                         FILE *out)
{
    static const struct {
        const char *name;
        void (*write)(const struct smt_cli_program *program, FILE *out);
    } shells[] = {{"bash", bash_write}};

    for (size_t i = 0; i < sizeof shells / sizeof *shells; i++)
        if (strcmp(shells[i].name, shell) == 0) {
            shells[i].write(program, out);
            return SMT_OK;
        }
    return smt_fail(SMT_EUSAGE, "--print-completion: no shell '%s'; known: bash", shell);
}
