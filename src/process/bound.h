/*
 * bound.h
 *	  Rows of users that carry the states of processes.
 */
#ifndef WF_BOUND_H
#define WF_BOUND_H

#include "executor/spi.h"

#include "process/stepper.h"

/* A definition whose processes have rows in a table of the user's. */
typedef struct WfBound
{
	const char *definition;
	Oid			relation;		/* InvalidOid: adopt() has not found it */
	const char *key_column;
	const char *state_column;
} WfBound;

extern void wf_bound_changing(void);
extern const WfBound *wf_bound_find(const char *definition);
extern void wf_bound_write(WfStepper *stepper);
extern bool wf_bound_is_writing(void);
extern SPIPlanPtr wf_bound_prepare(const WfBound *bound);

#endif							/* WF_BOUND_H */
