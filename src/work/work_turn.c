/*-------------------------------------------------------------------------
 *
 * work_turn.c
 *	  What a runtime does in its turn: what executors of its role would do.
 *
 * Runs in the session of an application, in a procedure that commits: each batch is a
 * transaction of its own, see wf_transaction_procedure_begin().  Claims skip what others
 * have locked, executors among them, and what fails is dealt with as they do (bisect.c).
 *
 * What differs is that the session is the client's: nothing is cleaned in it, runs that are
 * tracked are left for executors, a request to cancel is the client's and ends the turn, and
 * nothing is known after a crash of what was under way in it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/guc.h"
#include "definition/pause.h"
#include "eval/step_timeout.h"
#include "run/run_inside.h"
#include "run/run_serve.h"
#include "shmem/lane.h"
#include "shmem/owner.h"
#include "shmem/wakeup.h"
#include "store/transaction.h"
#include "work/bisect.h"
#include "work/report.h"
#include "work/work_state.h"
#include "work/work_turn.h"

/* The work of one kind in a turn. */
typedef struct Share
{
	WfWork	   *work;
	bool		over;			/* nothing is to be had, or not now */
	bool		more;			/* the last batch has left something that is due */
} Share;

/* Claim, do, commit.  False: the extension is gone. */
static bool
do_batch(WfWork *work, int limit, TimestampTz *next, int *done)
{
	WfBatch    *batch = &work->batch;

	if (!wf_transaction_begin("workflow turn", work->extension))
		return false;
	/* whoever skips what we have claimed hears when it is free */
	wf_wakeup_released_of(batch->owner, batch->kind);
	(void) work->kind->batch(batch, WF_POSITION(DT_NOBEGIN), wf_clock_due_limit(), 0,
							 Min(limit, Min(work->size, wf_batch_size)), next, done);
	wf_transaction_commit();
	return true;
}

/* A batch was undone by an error that was copied.  What is nobody's failure ends the turn. */
static WfWorkResult
failed(WfWork *work, ErrorData *error, TimestampTz *next)
{
	wf_report_forget();
	wf_run_serve_forget();
	if (work->batch.claimed == 0 || wf_step_timeout_is_request(error))
	{
		wf_run_inside_forget();
		ReThrowError(error);
	}
	return wf_bisect_failed(work, error, next);
}

/* A batch of at most `limit`; *done becomes how many were done. */
static WfWorkResult
take_batch(Share *share, int limit, int *done)
{
	WfWork	   *work = share->work;
	WfBatch    *batch = &work->batch;
	MemoryContext outer = CurrentMemoryContext;
	ErrorData  *volatile error = NULL;
	volatile bool gone = false;
	TimestampTz next = DT_NOEND;
	WfWorkResult result;

	*done = 0;
	batch->claimed = 0;
	PG_TRY();
	{
		gone = !do_batch(work, limit, &next, done);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(work->context);
		error = CopyErrorData();
		wf_transaction_abort(outer);
	}
	PG_END_TRY();
	if (gone)
		return WF_WORK_GONE;
	if (error != NULL)
	{
		*done = 0;
		result = failed(work, error, &next);
	}
	else if (batch->claimed > 0)
	{
		/* what it has put back, or its steps have made, is not in `next` */
		wf_bisect_grow(work);
		result = WF_WORK_MORE;
	}
	else
		result = WF_WORK_WAIT;
	share->more = *done < batch->claimed || next <= wf_clock_now();
	wf_run_inside_forget();
	MemoryContextSwitchTo(outer);
	MemoryContextReset(work->context);
	return result;
}

/* Others hear from it whether there is more to do than one can. */
static void
tell_backlog(int32 owner, WfLaneKind kind, bool backlog)
{
	WfOwner    *entry = wf_owner_entry(MyDatabaseId, owner, backlog);

	if (entry != NULL)
		wf_lane_backlog(&entry->lanes[kind], backlog);
}

/* A batch of one kind.  False: the extension is gone. */
static bool
take_share(Share *share, int limit, int *done)
{
	WfWork	   *work = share->work;
	bool		after_pause = work->batch.pause_over;

	if (after_pause && wf_work_bring_back(work) > 0)
		return true;
	switch (take_batch(share, limit, done))
	{
		case WF_WORK_GONE:
			return false;
		case WF_WORK_MORE:
			break;
		case WF_WORK_WAIT:
		case WF_WORK_PAUSE:
			share->over = after_pause || !work->batch.pause_over;
			break;
	}
	return true;
}

/*
 * Do what is due of an owner, who is the current user: steps, runs that are not tracked, what
 * schedules make, and slices of bulk operations, in turn; up to `max` of them.  goes_on() is
 * asked before each batch, with no transaction of ours open, and throws if it does not.
 * Returns how many were done.  Throws a request to cancel, and errors of the server; what
 * user code throws is recorded.  In a procedure, see wf_transaction_procedure_begin().
 */
int
wf_work_turn(int32 owner, int max, void (*goes_on) (void *arg), void *arg)
{
	Share		shares[WF_LANE_KINDS] = {0};
	Oid			extension = wf_transaction_extension_oid();
	int			total = 0;
	int			open = WF_LANE_KINDS;

	for (int kind = 0; kind < WF_LANE_KINDS; kind++)
		shares[kind].work = wf_work_by_hand(owner, kind, extension);
	while (open > 0 && total < max)
	{
		open = 0;
		for (int kind = 0; kind < WF_LANE_KINDS && total < max; kind++)
		{
			int			done = 0;

			if (shares[kind].over)
				continue;
			CHECK_FOR_INTERRUPTS();
			goes_on(arg);
			if (!take_share(&shares[kind], max - total, &done))
				return total;
			total += done;
			open += !shares[kind].over;
		}
	}
	for (int kind = 0; kind < WF_LANE_KINDS; kind++)
		tell_backlog(owner, kind, !shares[kind].over && shares[kind].more);
	return total;
}
