/* stress/reserve.h - memory kept back for the program's own needs.
 *
 * The program answers with the same malloc it stresses. When a request fails
 * for real, the reserve is given back so that the refusal can still be told to
 * somebody; until it can be taken again, requests are refused at once. */
#ifndef SMT_STRESS_RESERVE_H
#define SMT_STRESS_RESERVE_H

#include <stdbool.h>

struct smt_stress_reserve;

struct smt_stress_reserve *smt_stress_reserve_new(void);
void smt_stress_reserve_free(struct smt_stress_reserve *reserve);

/* False: spent, and cannot be taken again now. Cheap while it is there. */
bool smt_stress_reserve_ready(struct smt_stress_reserve *reserve);
void smt_stress_reserve_spend(struct smt_stress_reserve *reserve);

#endif
