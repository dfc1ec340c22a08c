/*-------------------------------------------------------------------------
 *
 * api_control.c
 *	  Suspend, resume, cancel; timers set and reset by hand.
 *
 * Runs in client backends.  All of these lock the process row first; with it
 * they own its timers and failures.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "utils/json.h"

#include "api/api.h"
#include "api/arg.h"
#include "api/note.h"
#include "base/jsonb.h"
#include "definition/pause.h"
#include "process/process.h"
#include "process/step.h"
#include "process/step_write.h"
#include "process/stepper.h"
#include "store/failure.h"
#include "store/process_row.h"
#include "store/status.h"
#include "store/timer.h"

PG_FUNCTION_INFO_V1(workflow_suspend);
PG_FUNCTION_INFO_V1(workflow_resume);
PG_FUNCTION_INFO_V1(workflow_cancel);
PG_FUNCTION_INFO_V1(workflow_set_timer);
PG_FUNCTION_INFO_V1(workflow_reset_timer);

/* Who wants a change, and why; for the history. */
typedef struct Order
{
	bool		noted;			/* false: the SQL is of a version that does not */
	const char *actor;
	const char *note;			/* or NULL */
} Order;

/*
 * The arguments "actor" and "note", which the functions of earlier versions do not
 * have; first: the number of "actor".  Error WF002 if the current user may not act
 * for the actor in this process.
 */
static Order
read_order(FunctionCallInfo fcinfo, int first, const WfProcess *process)
{
	Order		order = {.noted = PG_NARGS() > first + 1};

	if (!order.noted)
		return order;
	order.actor = wf_arg_actor(fcinfo, first);
	order.note = wf_arg_string_or_null(fcinfo, first + 1);
	wf_arg_check_actor(fcinfo, first, wf_process_definition(process));
	return order;
}

static void
note(WfProcess *process, const char *event, Jsonb *data, const Order *order)
{
	if (order->noted)
		wf_step_note(process, event, data, order->actor, order->note);
	/* without "workflow." */
	wf_note_process(strchr(event, '.') + 1, process, order->actor, order->note, data);
}

/*
 * SQL function workflow.suspend(process, actor, note) of sql/parts/control.sql.
 * Locks the process row, then parks its timers.
 */
Datum
workflow_suspend(PG_FUNCTION_ARGS)
{
	WfStepper  *stepper;
	WfProcess  *process;
	Order		order;
	bool		was;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	wf_api_connect_to_write(fcinfo);
	stepper = wf_stepper_new(0);
	process = wf_api_hold(stepper, PG_GETARG_UUID_P(0), false);
	order = read_order(fcinfo, 1, process);
	was = wf_process_as_row(process)->suspended;
	if (!was)
	{
		wf_process_set(process, wf_process_as_row(process)->status, true);
		note(process, "workflow.suspend", NULL, &order);
		wf_step_write(stepper);
		wf_timer_park(PG_GETARG_UUID_P(0));
	}
	wf_stepper_end(stepper);
	SPI_finish();
	PG_RETURN_BOOL(!was);
}

/*
 * SQL function workflow.resume(process, actor, note) of sql/parts/control.sql.
 * Locks the process row, then makes timers of its failures and unparks its timers.
 */
Datum
workflow_resume(PG_FUNCTION_ARGS)
{
	WfStepper  *stepper;
	WfProcess  *process;
	const WfRow *row;
	Order		order;
	int32		owner;
	bool		failed;
	bool		stopped;
	bool		again;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	wf_api_connect_to_write(fcinfo);
	stepper = wf_stepper_new(0);
	process = wf_api_hold(stepper, PG_GETARG_UUID_P(0), false);
	order = read_order(fcinfo, 1, process);
	owner = wf_process_definition(process)->owner;
	row = wf_process_as_row(process);
	failed = row->status == WF_ERROR || row->status == WF_TERMINATED;
	stopped = failed || row->suspended;

	/*
	 * There may be failures although the process has not failed: a command may
	 * have led it out of its error.
	 */
	again = wf_failure_redeliver(PG_GETARG_UUID_P(0), owner, wf_process_active(process));
	if (stopped || again)
	{
		wf_process_set(process, !failed ? row->status :
					   row->step == 0 ? WF_INITIALIZED : WF_IDLED, false);
		note(process, "workflow.resume", NULL, &order);
		wf_step_write(stepper);
	}
	if (stopped)
		wf_timer_unpark(PG_GETARG_UUID_P(0), owner);
	wf_stepper_end(stepper);
	SPI_finish();
	PG_RETURN_BOOL(stopped || again);
}

/*
 * SQL function workflow.cancel(process, actor, note) of sql/parts/control.sql.
 * Locks the process row; its children are cancelled by events.
 */
Datum
workflow_cancel(PG_FUNCTION_ARGS)
{
	pg_uuid_t  *id = wf_arg_uuid(fcinfo, 0, "process");
	char	   *actor = wf_arg_actor(fcinfo, 1);
	char	   *note = PG_NARGS() > 2 ? wf_arg_string_or_null(fcinfo, 2) : NULL;
	WfStepper  *stepper;
	WfProcess  *process;

	wf_api_connect_to_write(fcinfo);
	stepper = wf_stepper_new(0);
	process = wf_api_hold(stepper, id, false);
	wf_arg_check_actor(fcinfo, 1, wf_process_definition(process));
	wf_pause_refuse(wf_process_definition(process));
	process->remark = note;
	wf_step_cancel(stepper, process, actor);
	wf_step_write(stepper);
	wf_note_process("cancel", process, actor, note, NULL);
	wf_stepper_end(stepper);
	SPI_finish();
	PG_RETURN_VOID();
}

/* The data of the row in the history: {"name", "due"}. */
static Jsonb *
timer_jsonb(const char *name, TimestampTz due)
{
	static const char *keys[] = {"name", "due"};
	Jsonb	   *values[] = {wf_jsonb_string(name), NULL};

	if (due != DT_NOEND)
		values[1] = wf_jsonb_string(JsonEncodeDateTime(NULL, TimestampTzGetDatum(due),
													   TIMESTAMPTZOID, NULL));
	return wf_jsonb_object(2, keys, values);
}

/*
 * As wf_process_set_timer(), for arguments 0 (process) and 1 (name); event is that
 * of the history, first the number of the argument "actor".
 */
static TimestampTz
move_timer(FunctionCallInfo fcinfo, TimestampTz due, const char *event, int first)
{
	char	   *name = wf_arg_string(fcinfo, 1, "name");
	WfStepper  *stepper;
	WfProcess  *process;
	Order		order;

	wf_api_connect_to_write(fcinfo);
	stepper = wf_stepper_new(0);
	process = wf_api_hold(stepper, PG_GETARG_UUID_P(0), false);
	order = read_order(fcinfo, first, process);
	due = wf_process_set_timer(stepper, process, name, due);
	note(process, event, timer_jsonb(name, due), &order);
	wf_step_write(stepper);
	wf_stepper_end(stepper);
	SPI_finish();
	return due;
}

/*
 * SQL function workflow.set_timer(process, name, due, actor, note) of
 * sql/parts/timer.sql.  Locks the process row.
 */
Datum
workflow_set_timer(PG_FUNCTION_ARGS)
{
	TimestampTz due;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_NULL();
	/* Not "never", which a null delay is: whoever asks for it means something else. */
	wf_arg_require(fcinfo, 2, "due");
	due = PG_GETARG_TIMESTAMPTZ(2);
	if (TIMESTAMP_NOT_FINITE(due))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("a timer's due time must be finite")));
	move_timer(fcinfo, due, "workflow.set_timer", 3);
	PG_RETURN_VOID();
}

/*
 * SQL function workflow.reset_timer(process, name, actor, note) of
 * sql/parts/timer.sql.  Locks the process row.
 */
Datum
workflow_reset_timer(PG_FUNCTION_ARGS)
{
	TimestampTz due;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_NULL();
	due = move_timer(fcinfo, DT_NOBEGIN, WF_RESET_TIMER_EVENT, 2);
	if (due == DT_NOEND)
		PG_RETURN_NULL();
	PG_RETURN_TIMESTAMPTZ(due);
}
