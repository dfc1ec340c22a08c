/*
 * run_serve.h
 *	  In which order runs that are due are served.
 */
#ifndef WF_RUN_SERVE_H
#define WF_RUN_SERVE_H

#include "run/run_ready.h"

/* What became of a run that was offered. */
typedef enum WfRunServed
{
	WF_RUN_TAKEN,
	WF_RUN_LEFT,				/* somebody has it: the next one */
	WF_RUN_GONE,				/* it has ended: the next one */
	WF_RUN_KEPT,				/* it is not for this server now, which will be told: the
								 * next one */
	WF_RUN_NO_MORE				/* nothing else of this place */
} WfRunServed;

/*
 * Who takes runs.  may: are runs of this place to be had, the first of which is one of
 * this version of a job?  Asked once a place before the first is offered; take() is told
 * for which version it was.  one_each: in ordered queues it takes one run of a partition.
 */
typedef struct WfRunServe
{
	bool		(*may) (void *taker, const WfRunPlace *place, int32 job);
	WfRunServed (*take) (void *taker, int32 job, WfRunRow *row);
	bool		(*is_full) (void *taker);
	void	   *taker;
	bool		one_each;
} WfRunServe;

extern int	wf_run_serve(const WfRunReadyAsk *ask, const WfRunServe *serve, TimestampTz *next);
extern bool wf_run_serve_any(const WfRunReadyAsk *ask, const WfRunServe *serve, TimestampTz *next);
extern void wf_run_serve_forget(void);

#endif							/* WF_RUN_SERVE_H */
