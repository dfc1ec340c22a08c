/*-------------------------------------------------------------------------
 *
 * run_refresh.c
 *	  Runs that renew what is kept of a job.
 *
 * Runs in the sessions that call jobs.  The first one who gets a result that is to be
 * renewed makes a run, in its transaction.  It has the result, and need not care
 * whether that was possible: the run is made in a subtransaction, and where its queue
 * is full, or is the owner's no more, there is none.
 *
 * Locks the row of the result, if it is free.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"

#include "base/clock.h"
#include "base/errcodes.h"
#include "base/try.h"
#include "run/run_make.h"
#include "run/run_refresh.h"

/* What is to be renewed. */
typedef struct Renewal
{
	const WfJob *job;
	Jsonb	   *params;
	const WfJobCacheFound *found;
} Renewal;

static void
make(void *arg)
{
	const Renewal *renewal = arg;
	WfRunRequest request = {
		.job = renewal->job,.priority = renewal->job->priority,.at = wf_clock_now()
	};
	WfRunWanted wanted = {.params = renewal->params};
	pg_uuid_t	id;

	if (!wf_job_cache_claim(renewal->found))
		return;
	request.queue = wf_run_make_queue(renewal->job, NULL, GetUserId());
	wf_run_make(&request, 1, &wanted, &id);
}

/* Does an error say that there is no place for the run? */
static bool
is_refusal(int code)
{
	return code == WF_ERR_FULL || code == WF_ERR_NOT_ALLOWED || code == WF_ERR_NO_JOB;
}

/*
 * Make a run of a job, which renews what was found for these parameters, unless
 * somebody else is at it.  SPI must be connected.
 */
void
wf_run_refresh(const WfJob *job, Jsonb *params, const WfJobCacheFound *found)
{
	Renewal		renewal = {job, params, found};
	ErrorData  *error;

	/* it could fail at what others do with the result */
	if (IsolationUsesXactSnapshot())
		return;
	error = wf_try(make, &renewal);
	if (error != NULL && !is_refusal(error->sqlerrcode))
		ReThrowError(error);
}
