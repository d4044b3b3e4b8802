/* cli/cli_completion.c - the shell completion, from the tables. A program is one
 * function of the script; a subcommand with a table has its own, which the
 * program's calls. */
#include <string.h>

#include "cli/cli.h"

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

static void bash_name(const struct smt_cli_program *program, FILE *out)
{
    fputc('_', out);
    for (const char *letter = program->name; *letter; letter++)
        fputc(*letter == ' ' ? '_' : *letter, out);
}

static void bash_subcommand_calls(const struct smt_cli_program *program, FILE *out)
{
    for (const struct smt_cli_subcommand *row = program->subcommands; row && row->name; row++) {
        if (!row->program) continue;
        fprintf(out, "    if [[ $COMP_CWORD -gt 1 && ${COMP_WORDS[1]} == %s ]]; then\n        ",
                row->name);
        bash_name(row->program, out);
        fputs("\n        return\n    fi\n", out);
    }
}

static void bash_command_case(void *context, const char *name, const char *words)
{
    fprintf(context, "            %s) behind=1 words='%s' ;;\n", name, words);
}

static void bash_command_name(void *context, const char *name, const char *words)
{
    (void)words;
    fprintf(context, "%s ", name);
}

/* What completes a word that belongs to no option. */
static void bash_arguments(const struct smt_cli_program *program, FILE *out)
{
    const char *words = program->argument_words;

    if (words && strcmp(words, "FILE") == 0)
        fputs("        action=-f\n", out);
    else if (words)
        fputs("        action='-c -f'\n", out);
    if (program->add_commands) {
        fputs("        for ((i = 1; i < COMP_CWORD; i++)); do\n"
              "            [[ $behind ]] && break\n"
              "            case ${COMP_WORDS[i]} in\n",
              out);
        program->add_commands(bash_command_case, out);
        fputs("            esac\n        done\n        [[ $behind ]] || words='", out);
        program->add_commands(bash_command_name, out);
        fputs("'\n", out);
    }
    if (program->subcommands && program->subcommands->name) {
        fputs("        [[ $COMP_CWORD == 1 ]] && words+='", out);
        for (const struct smt_cli_subcommand *row = program->subcommands; row->name; row++)
            fprintf(out, "%s ", row->name);
        fputs("'\n", out);
    }
}

static void bash_function(const struct smt_cli_program *program, FILE *out)
{
    bash_name(program, out);
    fputs("()\n{\n"
          "    local word=${COMP_WORDS[COMP_CWORD]} option=${COMP_WORDS[COMP_CWORD - 1]}\n"
          "    local equals= taken=1 words= action= before= behind= i\n\n",
          out);
    bash_subcommand_calls(program, out);
    fputs("    # bash takes an equals sign for a word of its own\n"
          "    if [[ $word == = ]]; then\n"
          "        equals=1 word=\n"
          "    elif [[ $option == = ]]; then\n"
          "        equals=1 option=${COMP_WORDS[COMP_CWORD - 2]}\n"
          "    fi\n"
          "    case $option in\n",
          out);
    for (const struct smt_cli_option *row = program->options; row->name || row->text; row++)
        bash_case(out, row);
    fputs("    *) taken= ;;\n    esac\n    if [[ ! $taken ]]; then\n        before=\n", out);
    bash_arguments(program, out);
    fputs("        [[ $word == -* && ! $behind ]] && action= words='", out);
    bash_options(program, out);
    fputs("'\n    fi\n"
          "    [[ $action ]] && compopt -o filenames\n"
          "    mapfile -t COMPREPLY < <(compgen $action -W \"$words\" -P \"$before\" -- "
          "\"${word#\"$before\"}\")\n"
          "    [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace\n"
          "    return 0\n}\n",
          out);
}

static void bash_write(const struct smt_cli_program *program, FILE *out)
{
    const struct smt_cli_subcommand *row = program->subcommands;

    fprintf(out, "# bash completion for %s; made from its option table.\n", program->name);
    for (; row && row->name; row++)
        if (row->program) bash_function(row->program, out);
    bash_function(program, out);
    fprintf(out, "complete -F _%s %s\n", program->name, program->name);
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
