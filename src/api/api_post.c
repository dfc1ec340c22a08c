/*-------------------------------------------------------------------------
 *
 * api_post.c
 *	  workflow.post(), post_by_key() and cancel_event(): events that an executor
 *	  delivers.
 *
 * Runs in client backends.  post() only inserts; with an id, which may stand for
 * an event that it replaces, the process row is locked first.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"
#include "api/api.h"
#include "api/arg.h"
#include "api/state_arg.h"
#include "base/clock.h"
#include "definition/definition.h"
#include "definition/event_data.h"
#include "definition/pause.h"
#include "definition/privilege.h"
#include "process/deferred.h"
#include "process/known.h"
#include "process/process.h"
#include "process/process_timer.h"
#include "process/send.h"
#include "process/step.h"
#include "process/step_write.h"
#include "process/stepper.h"
#include "shmem/wakeup.h"
#include "store/change_sets.h"
#include "store/changes.h"
#include "store/changes_write.h"
#include "store/deferred_row.h"
#include "store/early.h"
#include "store/failure.h"
#include "store/key.h"
#include "store/process_row.h"
#include "store/receipt.h"
#include "store/timer.h"

PG_FUNCTION_INFO_V1(workflow_post);
PG_FUNCTION_INFO_V1(workflow_post_by_key);
PG_FUNCTION_INFO_V1(workflow_cancel_event);

/*
 * Delete the events that were posted with an id and not delivered, those that
 * were given up with them; the process is
 * locked.  args: process and id.  Returns their number.
 */
static uint64
forget_post(const WfDefinition *definition, const pg_uuid_t *process, const char *id)
{
	uint64		n = wf_timer_forget_posted(process, id, false) +
		wf_failure_forget_posted(process, id);

	if (definition->chart->has_defer)
		n += wf_deferred_row_forget(process, id);
	return n;
}

/* The argument once behind those of post(); SQL before 0.3.0 does not have it. */
static char *
read_once(FunctionCallInfo fcinfo, int arg)
{
	return PG_NARGS() > arg ? wf_arg_id_or_null(fcinfo, arg) : NULL;
}

/* Read the arguments of an event that is posted, from number arg on. */
static void
read_post(FunctionCallInfo fcinfo, int arg, WfTimerRow *timer)
{
	memset(timer, 0, sizeof(WfTimerRow));
	timer->event = wf_arg_event(fcinfo, arg);
	timer->data = wf_arg_jsonb_or_null(fcinfo, arg + 1);
	timer->due = PG_ARGISNULL(arg + 2) ? wf_clock_now() : PG_GETARG_TIMESTAMPTZ(arg + 2);
	timer->name = wf_arg_id_or_null(fcinfo, arg + 3);
	timer->actor = wf_arg_actor(fcinfo, arg + 4);
	timer->once = read_once(fcinfo, arg + 5);
	if (TIMESTAMP_NOT_FINITE(timer->due))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("an event's due time must be finite")));
}

/*
 * An event with an id is about to be posted: an earlier one with that id is
 * deleted, with the lock on the process if it is free, or this session is stepping
 * it.  Returns the definition as it is under the lock; error WF004 if the process
 * is over by then.
 *
 * If it is not free, a step of the process may be under way, for which nobody waits
 * here: an event that is being delivered was there before, and one that this step
 * defers goes when the new one arrives (step.c).
 */
static WfDefinition *
replace_posted(WfDefinition *definition, const WfTimerRow *timer)
{
	WfProcess  *stepped = wf_stepper_process_of(&timer->process);
	WfRow		row;

	if (stepped != NULL)
	{
		definition = wf_process_definition(stepped);
		wf_process_timer_replace(stepped, timer->name);
		wf_deferred_replace(stepped, timer->name);
	}
	else if (wf_process_row_lock_if_free(&timer->process, &row))
	{
		definition = wf_definition(row.definition);
		wf_wakeup_released(definition->owner);
		if (wf_process_row_is_over(&row))
			wf_process_refuse_over(&timer->process);
	}
	else
	{
		(void) wf_timer_forget_posted(&timer->process, timer->name, true);
		return definition;
	}
	forget_post(definition, &timer->process, timer->name);
	return definition;
}

/*
 * Post an event.  fcinfo and arg are those of its actor.  One that is to come once,
 * and has come, is nothing any more; whether it has is decided when it is
 * delivered, under the lock on the process, so that there is none to wait for here.
 */
static void
post(FunctionCallInfo fcinfo, int arg, WfTimerRow *timer)
{
	WfChanges  *changes = wf_changes_new(0);
	WfDefinition *definition;
	WfReceipt	receipt;
	Datum		tenant;
	bool		over;

	definition = wf_send_definition_of(&timer->process, &over, &tenant);
	if (definition == NULL)
		wf_process_refuse_missing(&timer->process);
	wf_api_require_tenant(&timer->process, tenant);
	wf_privilege_require(definition, "send");
	wf_arg_check_actor(fcinfo, arg, definition);
	if (timer->once != NULL && wf_receipt_find(&timer->process, timer->once, &receipt))
		return;
	if (over)
		wf_process_refuse_over(&timer->process);
	if (!wf_known_to(definition, timer->event))
		wf_known_tell(definition->name, timer->event, true);
	timer->data = wf_event_data_check(definition, timer->event, timer->data);
	if (timer->name != NULL)
		definition = replace_posted(definition, timer);
	wf_changes_arm(changes, timer, definition->owner, false, false);
	wf_changes_write(changes);
}

/*
 * SQL function workflow.post(...) of sql/parts/timer.sql.  Inserts a timer
 * without lock; only with an id the process row is locked first, if it is free.
 */
Datum
workflow_post(PG_FUNCTION_ARGS)
{
	WfTimerRow	timer;

	read_post(fcinfo, 1, &timer);
	timer.trace = wf_arg_trace(fcinfo, 7);
	timer.process = *wf_arg_uuid(fcinfo, 0, "process");
	wf_api_connect_to_write(fcinfo);
	post(fcinfo, 5, &timer);
	SPI_finish();
	PG_RETURN_VOID();
}

/* The number of the argument early of post_by_key(). */
#define EARLY 8

/* Until when an event is kept.  Error 22023 unless that is later than now. */
static TimestampTz
read_until(FunctionCallInfo fcinfo)
{
	TimestampTz now = wf_clock_now();
	TimestampTz until = DatumGetTimestampTz(DirectFunctionCall2(timestamptz_pl_interval,
																TimestampTzGetDatum(now),
																PG_GETARG_DATUM(EARLY)));

	if (until <= now || TIMESTAMP_NOT_FINITE(until))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"early\" must be positive and finite")));
	return until;
}

/*
 * Keep an event for the process that will be started with this key.  The key is
 * held: whoever starts it waits for us, and sees the event then.
 */
static void
keep_early(FunctionCallInfo fcinfo, const char *name, const char *key, const WfTimerRow *timer)
{
	TimestampTz until = read_until(fcinfo);
	WfEarly		early = {.key = key,.timer = *timer};

	wf_early_keep(name, &early, until);
	wf_key_let_go(name, key);
}

/*
 * Find the process that an event is for, or hold its key for the event; false
 * then.  Others may start a process with the key, roll back, or erase it, while
 * this looks, and are waited for.
 */
static bool
find_or_hold(const char *name, const char *key, pg_uuid_t *process)
{
	bool		over;

	for (;;)
	{
		if (wf_key_find(name, key, process))
		{
			bool		there = wf_send_definition_of(process, &over, NULL) != NULL;

			/*
			 * The key of one that is over may be about to be given to another; one
			 * that has gone since was erased, and nobody may have its key.
			 */
			if ((there && !over) || wf_key_settle(name, key, process))
				return true;
		}
		if (wf_key_hold(name, key))
			return false;
		CHECK_FOR_INTERRUPTS();
	}
}

/* Post an event by key, or keep it for a process that has still to come. */
static void
post_or_keep(FunctionCallInfo fcinfo, const char *name, const char *key, WfTimerRow *timer)
{
	WfDefinition *definition = wf_definition_by_name(name, 0);

	wf_privilege_require(definition, "send");
	wf_arg_check_actor(fcinfo, 6, definition);
	(void) read_until(fcinfo);
	wf_arg_check_key(strlen(key), false);
	if (find_or_hold(name, key, &timer->process))
	{
		post(fcinfo, 6, timer);
		return;
	}
	if (!wf_known_to(definition, timer->event))
		wf_known_tell(name, timer->event, true);
	timer->data = wf_event_data_check(definition, timer->event, timer->data);
	wf_definition_keep(definition);
	keep_early(fcinfo, name, key, timer);
}

/*
 * SQL function workflow.post_by_key(...) of sql/parts/timer.sql.  Locks as
 * post(); with `early`, takes the key if no process has it.
 */
Datum
workflow_post_by_key(PG_FUNCTION_ARGS)
{
	char	   *name = wf_arg_string(fcinfo, 0, "definition");
	char	   *key = wf_arg_string(fcinfo, 1, "key");
	WfTimerRow	timer;

	read_post(fcinfo, 2, &timer);
	timer.trace = wf_arg_trace(fcinfo, EARLY + 1);
	wf_api_connect_to_write(fcinfo);
	if (PG_NARGS() > EARLY && !PG_ARGISNULL(EARLY))
		post_or_keep(fcinfo, name, key, &timer);
	else
	{
		wf_api_find(name, key, &timer.process);
		post(fcinfo, 6, &timer);
	}
	SPI_finish();
	PG_RETURN_VOID();
}

/*
 * SQL function workflow.cancel_event(process, id) of sql/parts/timer.sql.
 * Locks the process row, then deletes timers and deferred events.
 */
Datum
workflow_cancel_event(PG_FUNCTION_ARGS)
{
	pg_uuid_t  *process = PG_GETARG_UUID_P(0);
	char	   *id = text_to_cstring(PG_GETARG_TEXT_PP(1));
	WfStepper  *stepper;
	WfProcess  *held;
	uint64		n;

	wf_api_connect_to_write(fcinfo);
	stepper = wf_stepper_new(0);
	held = wf_api_hold(stepper, process, false);
	n = forget_post(wf_process_definition(held), process, id);
	wf_stepper_end(stepper);
	SPI_finish();
	PG_RETURN_BOOL(n > 0);
}
