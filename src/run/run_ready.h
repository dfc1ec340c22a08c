/*
 * run_ready.h
 *	  Places with runs that are due: which there are.
 */
#ifndef WF_RUN_READY_H
#define WF_RUN_READY_H

#include "shmem/member.h"
#include "store/run_scan.h"

/* Runs of a job, of these versions. */
typedef struct WfRunReadyJob
{
	int32		root;
	int			from;
	int			to;
} WfRunReadyJob;

/* What is looked for. */
typedef struct WfRunReadyAsk
{
	int32		executor;		/* 0: outside workers */
	const WfMemberRow *member;	/* a member that asks; NULL: this server, or a worker that
								 * is no runtime */
	int32		queue;			/* in this one only; 0: in all */
	int			njobs;			/* of these jobs only; 0: of any */
	const WfRunReadyJob *jobs;
	Datum		tenant;			/* for this one only, a text; 0: for any, or none */
	TimestampTz until;			/* what is due by then */
	int			wanted;			/* runs; so many places are enough for a while */
} WfRunReadyAsk;

/* A place with runs that are due. */
typedef struct WfRunLane
{
	WfRunPlace	place;
	int32		job;			/* of its first run, */
	WfPosition	head;			/* which stands there */
	int64		ageing;			/* of its queue, as the next three */
	bool		ordered;
	bool		fair;
	double		weight;			/* of its partition */
	bool		asked;			/* and runs may be taken; see run_serve.c */
	bool		done;			/* nothing else is to be had there */
} WfRunLane;

/* A look at all places, as far as it has got. */
typedef struct WfRunReady
{
	const WfRunReadyAsk *ask;
	WfRunScan  *by_place;
	WfRunScan  *by_due;
	WfRunLane  *lanes;			/* what was found this time */
	int			n;
	int			nread;			/* of them were read in order of due, the first ones */
	int			enough;			/* so many of them */
	bool		more;			/* there are places that were not looked at */
	TimestampTz next;			/* when what is not due is, but for those */

	/* queues and levels with more runs than are read one by one, */
	WfRunPlace *large;
	int			nlarge;
	WfRunPlace	start;			/* and where the walk through their places began, */
	WfRunPlace	at;				/* and is */
	bool		wrapped;
} WfRunReady;

/* Priorities that there are, the most urgent first. */
#define WF_RUN_FIRST_LEVEL	(-2)
#define WF_RUN_LAST_LEVEL	2

extern WfRunReady *wf_run_ready_begin(const WfRunReadyAsk *ask);
extern bool wf_run_ready_find(WfRunReady *ready);
extern void wf_run_ready_end(WfRunReady *ready);
extern bool wf_run_ready_is_wanted(const WfRunReadyAsk *ask, const WfRunRow *row);
extern int	wf_run_ready_level(const WfRunLane *lane, TimestampTz now);

#endif							/* WF_RUN_READY_H */
