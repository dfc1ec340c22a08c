/*
 * child_list.h
 *	  The children of a process: in memory, and in its row.
 */
#ifndef WF_CHILD_LIST_H
#define WF_CHILD_LIST_H

#include "utils/jsonb.h"
#include "utils/uuid.h"

#include "definition/definition.h"
#include "process/process.h"
#include "store/run_row.h"
#include "store/timer.h"

/* A process, or a run of a job, that a state of this process invokes. */
typedef struct WfChild
{
	const char *invoke;			/* its invoke id in the parent */
	pg_uuid_t	id;
	bool		started;		/* false: it has an id and a mailbox, but no row */
	bool		is_run;
	bool		is_map;			/* many, one for each element; id is not set, is_run says
								 * what they are */

	/* Of a map: how many elements there are, which has not begun, how many are
	 * under way and have failed; and what the chart said of them. */
	int			of;
	int			next;
	int			running;
	int			failed;
	int			concurrency;
	int			tolerate;

	/* Of a child that this step made; else NULL. */
	WfDefinition *definition;	/* of a process, or of those of a map */
	WfRunRow   *run;			/* of a run */
	Jsonb	   *array;			/* of a map */
	Jsonb	   *common;			/* of a map: what all elements have */
	Jsonb	   *input;			/* or NULL */
	const char *actor;			/* or NULL */

	/* Events that were sent to it before it had a row. */
	WfTimerRow *mailbox;
	int			nmailbox;
	int			mailbox_size;
} WfChild;

extern WfChild *wf_child_list_add(WfProcess *process, const char *invoke, const pg_uuid_t *id);
extern void wf_child_list_forget(WfProcess *process, WfChild *child);
extern WfChild *wf_child_list_find(WfProcess *process, const char *invoke);
extern bool wf_child_list_may_hold(const JsonbValue *value);
extern bool wf_child_list_has_map(WfProcess *process);
extern bool wf_child_list_counts(WfProcess *process, const WfTimerRow *timer);
extern void wf_child_list_write(WfProcess *process);

#endif							/* WF_CHILD_LIST_H */
