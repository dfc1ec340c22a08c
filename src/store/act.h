/*
 * act.h
 *	  The table workflow.act: what operators have done.
 */
#ifndef WF_ACT_H
#define WF_ACT_H

#include "datatype/timestamp.h"
#include "utils/jsonb.h"
#include "utils/uuid.h"

/* Something that the current user has done, in this transaction. */
typedef struct WfAct
{
	const char *act;			/* the function, without its schema */
	const char *kind;			/* of what: process, job, run, queue, ... */
	const char *object;			/* its name or id; NULL: many */
	int32		owner;			/* whose it is, owner.id; 0: administrators' */
	const char *actor;			/* on whose behalf, or NULL */
	const char *note;			/* or NULL */
	Jsonb	   *detail;			/* or NULL */
} WfAct;

extern void wf_act(const WfAct *act);
extern bool wf_act_of_many(bool many);
extern void wf_act_forget(const pg_uuid_t *process);
extern bool wf_act_expire(TimestampTz before);
extern void wf_act_truncate(int slot);

#endif							/* WF_ACT_H */
