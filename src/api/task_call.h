/*
 * task_call.h
 *	  A call that does something with a task: who may, and by which name.
 */
#ifndef WF_TASK_CALL_H
#define WF_TASK_CALL_H

#include "fmgr.h"
#include "nodes/pg_list.h"
#include "utils/uuid.h"

#include "definition/definition.h"
#include "store/process_row.h"
#include "store/task_row.h"

/* The arguments that all of these calls have, and what was found for them. */
typedef struct WfTaskCall
{
	pg_uuid_t  *id;
	const char *actor;
	bool		claimed;		/* the actor was given */
	bool		has_groups;		/* those of the actor were given: */
	List	   *groups;			/* of char * */

	WfTaskRow	task;
	WfRow		process;		/* its row, which is locked */
	WfDefinition *definition;
	List	   *names;			/* by which a task may be for the actor */
} WfTaskCall;

extern void wf_task_call_read(FunctionCallInfo fcinfo, int actor, int groups, WfTaskCall *call);
extern bool wf_task_call_lock(WfTaskCall *call);
extern void wf_task_call_begin(WfTaskCall *call);
extern const char *wf_task_call_name(const WfTaskCall *call);
extern void wf_task_call_require(const WfTaskCall *call);
extern char *wf_task_call_person(FunctionCallInfo fcinfo, int n, const char *name);
pg_noreturn extern void wf_task_call_missing(const pg_uuid_t *id);

#endif							/* WF_TASK_CALL_H */
