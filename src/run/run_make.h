/*
 * run_make.h
 *	  New runs of jobs.
 */
#ifndef WF_RUN_MAKE_H
#define WF_RUN_MAKE_H

#include "datatype/timestamp.h"
#include "utils/jsonb.h"
#include "utils/uuid.h"

#include "job/job.h"
#include "store/run_row.h"

/* Priorities are between these; the most urgent is the largest. */
#define WF_RUN_PRIORITY_LEAST	(-2)
#define WF_RUN_PRIORITY_MOST	2

/* What is to happen when a run of the job has the key. */
typedef enum WfRunOnConflict
{
	WF_RUN_EXISTING,			/* it is the answer, also when it has ended */
	WF_RUN_ACTIVE,				/* one that has ended does not count */
	WF_RUN_REFUSE,				/* WF016 */
	WF_RUN_REPLACE				/* one that waits gets the new parameters */
} WfRunOnConflict;

/* What is the same for all runs that are made at once. */
typedef struct WfRunRequest
{
	const WfJob *job;
	int32		queue;
	int			priority;
	TimestampTz at;
	const char *actor;			/* or NULL */
	WfRunOnConflict on_conflict;
	int			nafter;			/* runs that have to end before */
	const pg_uuid_t *after;
	WfRunAwaits after_failed;
	const Interval *debounce;	/* NULL: none; `at` is then behind it */
	const Interval *at_most;	/* so long after the first call; NULL: any time */
	const char *trace;			/* the trace context; NULL: that of the session, unless a
								 * process invokes it */
	Oid			starter;		/* or InvalidOid: the current user */
	bool	   *made;			/* becomes, for each: is it new?  NULL: nobody asks */
	int		   *current;		/* or NULL: the one that is being made, for messages */
} WfRunRequest;

/* And what is not. */
typedef struct WfRunWanted
{
	Jsonb	   *params;			/* NULL: none were given */
	const char *key;			/* or NULL */
	const char *partition;		/* or NULL */
	const pg_uuid_t *process;	/* that invokes it, or NULL; then also: */
	const char *invoke;			/* by this id */
	Jsonb	   *rules;			/* as wf_run_rules() makes them, or NULL */
} WfRunWanted;

extern int32 wf_run_make_queue(const WfJob *job, const char *name, Oid role);
extern WfRunRow *wf_run_make_row(const WfRunRequest *request, const WfRunWanted *wanted);
extern void wf_run_make(const WfRunRequest *request, int n, const WfRunWanted *wanted,
						pg_uuid_t *ids);

#endif							/* WF_RUN_MAKE_H */
