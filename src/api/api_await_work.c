/*-------------------------------------------------------------------------
 *
 * api_await_work.c
 *	  CALL workflow.await_work(): wait until a worker may claim something.
 *
 * Runs in the sessions of workers, and locks nothing; see waiting.c.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/memutils.h"

#include "api/arg.h"
#include "api/waiting.h"
#include "api/worker_arg.h"
#include "base/compat.h"
#include "cluster/member_load.h"
#include "queue/queue.h"
#include "queue/queue_right.h"
#include "run/run_claim.h"

PG_FUNCTION_INFO_V1(workflow_await_work);

/* What is waited for; in memory that stays. */
typedef struct Wanted
{
	char	   *queue;
	char	   *worker;			/* NULL: one that is no runtime */
	List	   *jobs;			/* as they were named; NIL: any */
} Wanted;

/* Is there anything to claim of that?  Errors WF010, WF002, 22023. */
static bool
look(void *arg, TimestampTz *next)
{
	const Wanted *wanted = arg;
	WfRunClaim	claim = {.queue = wf_queue_number(wanted->queue),.worker = wanted->worker};
	WfMemberRow member;
	bool		any;

	wf_member_load_if_changed();
	if (wanted->worker != NULL && wf_member_find(wanted->worker, &member, &any) == WF_MEMBER_HEARD)
		claim.member = &member;
	wf_queue_right_require(claim.queue, WF_QUEUE_CLAIM);
	claim.njobs = wf_worker_arg_jobs(wanted->jobs, &claim.jobs);
	return wf_run_claim_is_ready(&claim, next);
}

/*
 * SQL procedure workflow.await_work(queue, timeout, ready, jobs, worker) of sql/parts/worker.sql.
 * Locks nothing, and needs to be called outside of a transaction block.
 */
Datum
workflow_await_work(PG_FUNCTION_ARGS)
{
	Wanted		wanted = {0};
	MemoryContext old;
	bool		ready;

	wf_waiting_require(fcinfo);
	old = MemoryContextSwitchTo(PortalContext);
	wanted.queue = wf_arg_string(fcinfo, 0, "queue");
	wanted.jobs = wf_worker_arg_names(fcinfo, 3);
	wanted.worker = PG_ARGISNULL(4) ? NULL : wf_worker_arg_name(fcinfo, 4, "worker");
	MemoryContextSwitchTo(old);
	ready = wf_waiting(look, &wanted, wf_waiting_until(fcinfo, 1), WaitEventExtensionNew("WorkflowAwaitWork"));
	PG_RETURN_DATUM(wf_waiting_row(fcinfo, ready));
}
