/*
 * job.h
 *	  A session's cache of jobs.
 */
#ifndef WF_JOB_H
#define WF_JOB_H

#include "datatype/timestamp.h"
#include "utils/jsonb.h"

#include "base/mask.h"
#include "chart/chart.h"
#include "eval/evaluator.h"

/* How a run is done; values of job.mode. */
typedef enum WfJobMode
{
	WF_JOB_ATOMIC,				/* claim, code and completion are one transaction */
	WF_JOB_TRACKED,				/* the claim is committed first */
	WF_JOB_OUTSIDE				/* no command: workers claim it */
} WfJobMode;

/* What becomes of a run whose executor or worker is lost. */
typedef enum WfJobLost
{
	WF_JOB_LOST_RETRY,
	WF_JOB_LOST_FAIL
} WfJobLost;

/* A version of a job, which never changes but for its owner. */
typedef struct WfJob
{
	int32		id;
	int32		version;
	int32		root;			/* the id of the first version of this name */
	int32		owner;			/* workflow.owner.id; change_owner() may change it */
	const char *name;
	WfJobMode	mode;
	int32		queue;			/* its number; -root: the job's own */
	WfAuthor	author;			/* as whom, and with which settings, its code runs */
	const char *command;		/* as it was given; NULL: OUTSIDE */
	const WfPolicy *retry;		/* for wf_retry_plan(); NULL: the settings */
	const Interval *timeout;	/* of all of a run; NULL: none */
	const Interval *start_within;	/* from due; NULL: for ever */
	int			priority;		/* -2 .. 2 */
	const char *partition;		/* of runs that name none; NULL: none */
	struct WfParameterExpr *partition_by; /* the same, computed; NULL: it is not */
	const Jsonb *limits;		/* {"name": units}; NULL: none */
	WfJobLost	on_lost;
	struct WfJobCachedRule *cache;	/* see job_cached.c; NULL: results are not kept for others */
	const char *result;			/* a type, or "none"; NULL: to_jsonb() */
	bool		keeps_result;
	bool		takes_many;		/* a function of jsonb[]: wf_job_call_many() */
	bool		takes_run;		/* a function of (jsonb, jsonb) */
	bool		is_procedure;
	bool		dropped;
	struct WfParameters *parameters; /* see parameters.h; NULL: any */
	struct WfJobCall *call;		/* see job_call.c; NULL: OUTSIDE */
	int			nsensitive;
	const char **sensitive;		/* JSON pointers to parameters that only its owner sees */
	MemoryContext context;
} WfJob;

extern const WfJob *wf_job(int32 id);
extern const WfJob *wf_job_newest(const char *name);
extern int32 wf_job_executor(const WfJob *job);
extern WfMask *wf_job_mask(const WfJob *job, Datum params);
extern void wf_job_keep(const WfJob *job);
extern void wf_job_lock_for_drop(const WfJob *job);
extern void wf_job_changing(void);
extern bool wf_job_may(const WfJob *job, const char *privilege);
extern void wf_job_require(const WfJob *job, const char *privilege);
extern void wf_job_require_of(Oid role, const WfJob *job, const char *privilege);

#endif							/* WF_JOB_H */
