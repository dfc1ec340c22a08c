/*-------------------------------------------------------------------------
 *
 * attempt.c
 *	  Events whose step failed: attempts, back-off, giving up.
 *
 * Runs in executors, between batches, each record in a transaction of its
 * own.  An event is never lost: until it succeeds it is a timer or a row of
 * workflow.failure that is given up, which resume() makes a timer again.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/guc.h"
#include "chart/chart.h"
#include "definition/definition.h"
#include "definition/retry.h"
#include "process/child.h"
#include "process/policy.h"
#include "process/process.h"
#include "process/restore.h"
#include "process/step_trace.h"
#include "process/step_write.h"
#include "process/stepper.h"
#include "shmem/slot.h"
#include "shmem/wakeup.h"
#include "store/change_sets.h"
#include "store/changes.h"
#include "store/changes_write.h"
#include "store/failure.h"
#include "store/process_row.h"
#include "store/status.h"
#include "store/timer.h"
#include "work/attempt.h"
#include "work/report.h"
#include "work/tell.h"

/* Crashes of the server that one event may cause. */
#define MAX_CRASHES 2

/* Pauses of an event that meets a shortage (s): it grows with what has passed. */
#define SHORTAGE_PAUSE_MIN	1
#define SHORTAGE_PAUSE_MAX	30

/*
 * To tell a process of its failure runs a guard of its author, and one that meets
 * conflicts or shortages takes the record back with it.  After so many times the
 * failure is recorded untold.
 */
#define MAX_TELLINGS	5

/* The event whose failure could not be recorded last, and how often in a row. */
static struct
{
	int64		seq;
	int			failures;
}			unrecorded;

/* Error or terminated? */
static WfStatus
stopped(const WfRow *row, WfProcess *process, const WfPolicy *policy)
{
	/* Without states it would be taken for over if it were terminated. */
	if (!wf_restore_is_sound(process))
		return WF_ERROR;
	if (row->status == WF_INITIALIZED ||
		(policy != NULL && policy->then == WF_THEN_TERMINATE))
		return WF_TERMINATED;
	if (policy != NULL && policy->then == WF_THEN_ERROR)
		return WF_ERROR;
	return wf_process_has_exit(process) ? WF_ERROR : WF_TERMINATED;
}

/*
 * Unless it wants to be told, the process stops here: in error while something
 * else leads out of where it is, else terminated, its timers parked until
 * somebody resumes it.  Returns whether it is told.
 */
static bool
give_up(int32 owner, const WfRow *row, const WfTimerRow *timer, const WfFailure *failure)
{
	WfStepper  *stepper = wf_stepper_new(owner);
	WfProcess  *process = wf_stepper_add(stepper, row);
	const WfPolicy *policy = wf_policy_of(process, timer);
	WfStatus	status;
	bool		told = false;

	if (wf_tell_is_told(timer))
		wf_changes_reopen(wf_stepper_changes(stepper), timer);
	else if (unrecorded.seq != timer->seq || unrecorded.failures < MAX_TELLINGS)
		told = wf_tell(owner, row, process, policy, timer, failure);
	if (told)
	{
		wf_stepper_end(stepper);
		return true;
	}
	status = stopped(row, process, policy);
	wf_process_set(process, status, row->suspended);
	wf_step_trace_failed(process, timer->trace);
	wf_child_tell(process, WF_ERROR_INVOKE,
				  wf_child_event_error(failure->sqlstate, failure->message));
	wf_step_write(stepper);
	wf_stepper_end(stepper);
	if (status == WF_TERMINATED)
		wf_timer_park(&row->id);
	return false;
}

/* The `on_error` that counts for an event of this process. */
static const WfPolicy *
policy_of(int32 owner, const WfRow *row, const WfTimerRow *timer)
{
	WfStepper  *stepper = wf_stepper_new(owner);
	const WfPolicy *policy = wf_policy_of(wf_stepper_add(stepper, row), timer);

	wf_stepper_end(stepper);
	return policy;
}

/*
 * Nobody can step a process whose definition is not there, nor say what is to
 * become of it: it rests, and its owner's other work goes on.
 */
static bool
is_orphaned(const WfRow *row)
{
	if (likely(wf_definition_exists(row->definition)))
		return false;
	wf_process_row_stop(&row->id);
	wf_timer_park(&row->id);
	return true;
}

/* Put a timer back at another due time. */
static void
rearm(int32 owner, const WfRow *row, WfTimerRow *timer, TimestampTz due)
{
	WfChanges  *out = wf_changes_new(0);

	timer->due = due;
	timer->attempts = Min(timer->attempts, WF_MOST_ATTEMPTS);
	wf_changes_arm(out, timer, owner, row->suspended, false);
	wf_changes_write(out);
}

/* Is the server short of something, whoever meets that first? */
bool
wf_attempt_is_shortage(int code)
{
	return ERRCODE_TO_CATEGORY(code) == ERRCODE_INSUFFICIENT_RESOURCES ||
		ERRCODE_TO_CATEGORY(code) == ERRCODE_SYSTEM_ERROR;
}

/*
 * The step met a shortage of the server.  Without an attempt it comes again, the
 * longer the shortage lasts the later, until workflow.shortage_limit is over:
 * returns false then.
 */
static bool
outlast(int32 owner, const WfRow *row, WfTimerRow *timer, int errors,
		const WfFailure *failure)
{
	TimestampTz now = wf_clock_now();
	TimestampTz since;
	int64		pause;

	if (!wf_failure_keep_shortage(timer, errors, failure, &since))
		return false;
	if (now - since >= wf_shortage_limit * USECS_PER_SEC)
		return false;
	pause = (now - since) / 2;
	pause = Max(pause, SHORTAGE_PAUSE_MIN * USECS_PER_SEC);
	pause = Min(pause, SHORTAGE_PAUSE_MAX * USECS_PER_SEC);
	timer->attempts = Max(timer->attempts, 1);	/* see wf_failure_errors() */
	rearm(owner, row, timer, now + pause);
	wf_report_note(row, timer, errors, false, failure);
	return true;
}

/* The step failed: another attempt, or none. */
static void
fail(int32 owner, const WfRow *row, WfTimerRow *timer, const WfFailure *failure)
{
	TimestampTz due;
	bool		orphaned = is_orphaned(row);
	bool		given_up;

	given_up = orphaned ||
		!wf_retry_plan(policy_of(owner, row, timer), failure->sqlstate, timer->attempts,
					   &due);

	wf_failure_keep(timer, timer->attempts, given_up, failure);
	if (!given_up)
		rearm(owner, row, timer, due);
	else if (!orphaned)
		given_up = !give_up(owner, row, timer, failure);
	wf_report_note(row, timer, timer->attempts, given_up, failure);
}

/*
 * Somebody has posted another event under the id of this one while it was under
 * way, and did not wait: it is replaced, now that it comes to nothing.
 */
static bool
is_replaced(const WfTimerRow *timer)
{
	WfChanges  *out;

	if (wf_tell_is_told(timer) ||
		!wf_timer_is_replaced(timer))
		return false;
	out = wf_changes_new(0);
	wf_changes_settled(out, timer);
	wf_changes_write(out);
	return true;
}

/* What has failed; error NULL: no attempt, just a later due time. */
typedef struct Failed
{
	int32		owner;
	WfTimerRow	timer;
	const ErrorData *error;
	TimestampTz due;
} Failed;

/* Whoever has the process locked may be a client that goes home over it: never waited for. */
static bool
record(void *arg)
{
	Failed	   *failed = arg;
	WfTimerRow *timer = &failed->timer;
	const ErrorData *error = failed->error;
	int32		owner = failed->owner;
	WfRow		row;
	WfFailure	failure;
	int			errors;

	if (!wf_process_row_lock_if_free(&timer->process, &row) ||
		wf_process_row_is_over(&row) || !wf_timer_take(timer))
		return false;
	if (is_replaced(timer))
		return true;

	/* The definition may have another owner by now. */
	if (wf_definition_exists(row.definition))
		owner = wf_definition(row.definition)->owner;
	if (error == NULL)
	{
		rearm(owner, &row, timer, failed->due);
		return true;
	}

	failure = (WfFailure) {
		.sqlstate = pstrdup(unpack_sql_state(error->sqlerrcode)),
		.message = error->message,.detail = error->detail,.hint = error->hint,
		.context = error->context
	};
	errors = wf_failure_errors(timer);
	if (!wf_attempt_is_shortage(error->sqlerrcode) ||
		!outlast(owner, &row, timer, errors, &failure))
	{
		timer->attempts = errors + 1;
		fail(owner, &row, timer, &failure);
	}
	wf_wakeup_stepped();
	return true;
}

/* Record it, and remember an event of which that is not possible. */
static WfRecord
record_failed(Oid extension, Failed *failed)
{
	int64		seq = failed->timer.seq;
	WfRecord	recorded = wf_record(extension, record, failed);

	if (recorded == WF_RECORD_FAILED)
	{
		unrecorded.failures = unrecorded.seq == seq ? unrecorded.failures + 1 : 1;
		unrecorded.seq = seq;
	}
	else
		unrecorded.failures = 0;
	return recorded;
}

/*
 * Note that stepping this timer, alone, failed with `error`; in a transaction
 * of its own.  The timer gets an attempt and a later due time, or its process
 * goes to error or terminated; a shortage of the server is no attempt for as
 * long as workflow.shortage_limit.  Nothing happens when the process is locked by
 * somebody else or the timer is gone.  Throws nothing: what goes wrong here is
 * logged.
 */
WfRecord
wf_attempt_failed(int32 owner, Oid extension, const WfTimerRow *timer,
				  const ErrorData *error)
{
	Failed		failed = {.owner = owner,.timer = *timer,.error = error};

	return record_failed(extension, &failed);
}

/* The same without an attempt: only the due time moves. */
WfRecord
wf_attempt_postpone(int32 owner, Oid extension, const WfTimerRow *timer,
					TimestampTz due)
{
	Failed		failed = {.owner = owner,.timer = *timer,.due = due};

	return record_failed(extension, &failed);
}

/*
 * Before a suspect is stepped, in the present transaction: count an attempt
 * that its success or wf_failure_acquit() will take back.  The timer was claimed.  Returns
 * false when it is not to be stepped: it crashed the server too often, and
 * its process is in error now; or it may have crashed it before and others
 * have their trial, see wf_slot_trial_begin().
 */
bool
wf_attempt_suspect(int32 owner, const WfRow *row, WfTimerRow *timer)
{
	int			crashes = wf_failure_crashes(timer);
	WfChanges  *out;

	if (crashes >= MAX_CRASHES)
	{
		WfFailure	failure = {.sqlstate = "57P02",
			.message = "the server or the executor ended each time while this step was under way",
		.hint = "The server log tells more."};

		timer->attempts = crashes + 1;
		wf_failure_keep(timer, timer->attempts, true, &failure);
		(void) give_up(owner, row, timer, &failure);
		wf_report_note(row, timer, timer->attempts, true, &failure);
		return false;
	}

	out = wf_changes_new(owner);
	if (crashes > 0 && !wf_slot_trial_begin())
	{
		wf_changes_arm(out, timer, owner, false, false);
		wf_changes_write(out);
		return false;
	}

	wf_failure_keep(timer, crashes + 1, false, &(WfFailure) {
		.sqlstate = "57P02",
		.message = "the server or the executor ended while this step was under way"
	});
	timer->attempts = Max(timer->attempts, 1);
	wf_changes_arm(out, timer, owner, false, false);
	wf_changes_write(out);
	return true;
}

