/*-------------------------------------------------------------------------
 *
 * tell.c
 *	  A process is told that one of its events was given up (`on_error`).
 *
 * Runs in executors, in the transaction that records the failure (attempt.c);
 * the process is locked.  The process is told only if it would take the event
 * that tells it: then the failure is its own matter, and no longer one that
 * waits for an operator.
 *
 * What is done about a failure may fail in its turn.  If that were told to the
 * same handler, they would go round for ever, and with them whatever the handler
 * does: so a handler is told once, until the process has got on by something
 * else.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/clock.h"
#include "base/jsonb.h"
#include "base/uuid.h"
#include "chart/chart.h"
#include "definition/definition.h"
#include "process/hearing.h"
#include "process/process.h"
#include "process/restore.h"
#include "store/change_sets.h"
#include "store/changes.h"
#include "store/changes_write.h"
#include "store/failure.h"
#include "store/process_row.h"
#include "work/tell.h"

/*
 * Does the failure of this event come of what the handler did about an earlier
 * one?  An event that somebody else has sent does not.
 */
static bool
is_in_vain(WfProcess *process, const WfTimerRow *timer, const char *handler,
		   const char *told)
{
	TimestampTz at;

	/* What a process sends to itself for later has the actor of its step, or none. */
	if (timer->state == NULL && !timer->from_child &&
		!(wf_process_definition(process)->sends_later && timer->actor == NULL))
		return false;
	if (!wf_failure_handled_before(timer, handler, told, &at))
		return false;
	return !timer->from_child || wf_uuid_time(&timer->child) + 1000 > at;	/* it has milliseconds */
}

/*
 * Tell the process of the event `timer`, which has failed with this and is given
 * up, as `then` of the policy (or NULL) says.  Returns false, and nothing happens, where
 * nobody would listen, and where the failure comes of what was done about another
 * one.  The caller has recorded the failure as given up; told of, it is handled.
 */
bool
wf_tell(int32 owner, const WfRow *row, WfProcess *process, const WfPolicy *policy,
		const WfTimerRow *timer, const WfFailure *failure)
{
	static const char *keys[] = {"event", "data", "attempts", "sqlstate", "message", "detail", "hint"};
	WfTimerRow	told = {.process = row->id,.due = wf_clock_now(),.name = WF_TOLD_ID,
	.trace = timer->trace};
	Jsonb	   *values[lengthof(keys)];
	const char *handler;
	WfChanges  *out;

	if (policy == NULL || policy->then != WF_THEN_EVENT || row->step == 0 ||
		!wf_restore_is_sound(process))
		return false;

	values[0] = wf_jsonb_string(timer->event);
	values[1] = timer->data;
	values[2] = wf_jsonb_parse(psprintf("%d", timer->attempts));
	values[3] = wf_jsonb_string(failure->sqlstate);
	values[4] = wf_jsonb_string_or_null(failure->message);
	values[5] = wf_jsonb_string_or_null(failure->detail);
	values[6] = wf_jsonb_string_or_null(failure->hint);
	told.event = policy->event;
	told.actor = timer->actor;
	told.data = wf_jsonb_object(lengthof(keys), keys, values);
	handler = wf_hearing_handler(process, &told);
	if (handler == NULL || is_in_vain(process, timer, handler, told.event))
		return false;
	told.seq = wf_failure_handle(timer, handler, row->step, told.due);
	out = wf_changes_new(0);
	wf_changes_arm(out, &told, owner, row->suspended, false);
	wf_changes_write(out);
	return true;
}

/* Is this an event that tells a process of a failure? */
bool
wf_tell_is_told(const WfTimerRow *timer)
{
	return timer->name != NULL && strcmp(timer->name, WF_TOLD_ID) == 0;
}
