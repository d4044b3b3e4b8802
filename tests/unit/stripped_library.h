/* What stripped_library.c exports. */
#ifndef STRIPPED_LIBRARY_H
#define STRIPPED_LIBRARY_H

int stripped_alpha(void (*visit)(void));
int stripped_omega(void (*visit)(void));
int stripped_alias(void (*visit)(void)); /* weak, the same code as stripped_omega */

#endif
