/*-------------------------------------------------------------------------
 *
 * bulk_state.c
 *	  Bulk operations that begin, rest, go on and end.
 *
 * Runs in any backend that has locked the row of the operation, which it writes afterwards.
 *
 * waiting -> running, with the first slice.  Both -> paused, by hand, or stopped, when it
 * cannot go on; those go on by hand.  All of these -> cancelled; running -> finished.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "base/clock.h"
#include "bulk/bulk_state.h"

/* A slice begins; the next one is due behind those of others that are due now. */
void
wf_bulk_state_go(WfBulk *bulk)
{
	TimestampTz now = wf_clock_now();

	if (bulk->begun_at == DT_NOBEGIN)
		bulk->begun_at = now;
	bulk->state = WF_BULK_RUNNING;
	bulk->due = now;
}

static void
rest(WfBulk *bulk, WfBulkState state, const char *reason)
{
	bulk->state = state;
	bulk->reason = reason;
	bulk->due = DT_NOEND;
}

/* Let it rest; false: it does not work. */
bool
wf_bulk_state_pause(WfBulk *bulk, const char *note)
{
	if (bulk->state != WF_BULK_WAITING && bulk->state != WF_BULK_RUNNING)
		return false;
	rest(bulk, WF_BULK_PAUSED, note);
	return true;
}

/* Let it go on where it was; false: it does not rest. */
bool
wf_bulk_state_resume(WfBulk *bulk)
{
	if (bulk->state != WF_BULK_PAUSED && bulk->state != WF_BULK_STOPPED)
		return false;
	bulk->state = bulk->begun_at == DT_NOBEGIN ? WF_BULK_WAITING : WF_BULK_RUNNING;
	bulk->reason = NULL;
	bulk->attempts = bulk->losses = 0;
	bulk->due = wf_clock_now();
	bulk->paced_at = DT_NOBEGIN;
	return true;
}

static void
end(WfBulk *bulk, WfBulkState state, const char *reason)
{
	rest(bulk, state, reason);
	bulk->ended_at = wf_clock_now();
}

/* End it where it is: what was done stays.  False: it has ended. */
bool
wf_bulk_state_cancel(WfBulk *bulk, const char *note)
{
	if (wf_bulk_row_is_over(bulk))
		return false;
	end(bulk, WF_BULK_CANCELLED, note);
	return true;
}

/* It cannot go on until somebody lets it. */
void
wf_bulk_state_stop(WfBulk *bulk, const char *reason)
{
	rest(bulk, WF_BULK_STOPPED, reason);
	ereport(LOG,
			(errmsg("a bulk operation was stopped: %s", reason),
			 errhint("workflow.resume_bulk() lets it go on.")));
}

/* All of its items are done. */
void
wf_bulk_state_finish(WfBulk *bulk)
{
	end(bulk, WF_BULK_FINISHED, NULL);
}
