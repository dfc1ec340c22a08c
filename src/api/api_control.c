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

#include "executor/spi.h"
#include "fmgr.h"

#include "api/api.h"
#include "api/arg.h"
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

/*
 * SQL function workflow.suspend(process) of sql/parts/control.sql.  Locks the
 * process row, then parks its timers.
 */
Datum
workflow_suspend(PG_FUNCTION_ARGS)
{
	WfStepper  *stepper;
	WfProcess  *process;
	bool		was;

	wf_api_connect_to_write(fcinfo);
	stepper = wf_stepper_new(0);
	process = wf_api_hold(stepper, PG_GETARG_UUID_P(0), false);
	was = wf_process_as_row(process)->suspended;
	if (!was)
	{
		wf_process_set(process, wf_process_as_row(process)->status, true);
		wf_step_write(stepper);
		wf_timer_park(PG_GETARG_UUID_P(0));
	}
	wf_stepper_end(stepper);
	SPI_finish();
	PG_RETURN_BOOL(!was);
}

/*
 * SQL function workflow.resume(process) of sql/parts/control.sql.  Locks the
 * process row, then unparks its timers and makes timers of its failures.
 */
Datum
workflow_resume(PG_FUNCTION_ARGS)
{
	WfStepper  *stepper;
	WfProcess  *process;
	const WfRow *row;
	ArrayType  *active;
	WfStatus	status;
	int32		owner;
	bool		failed;
	bool		was;

	wf_api_connect_to_write(fcinfo);
	stepper = wf_stepper_new(0);
	process = wf_api_hold(stepper, PG_GETARG_UUID_P(0), false);
	owner = wf_process_definition(process)->owner;
	active = wf_process_active(process);
	row = wf_process_as_row(process);
	failed = row->status == WF_ERROR || row->status == WF_TERMINATED;
	was = failed || row->suspended;
	status = !failed ? row->status :
		row->step == 0 ? WF_INITIALIZED : WF_IDLED;
	if (was)
	{
		wf_process_set(process, status, false);
		wf_step_write(stepper);
		wf_timer_unpark(PG_GETARG_UUID_P(0), owner);
	}

	/*
	 * There may be failures although the process has not failed: a command may
	 * have led it out of its error.
	 */
	was = wf_failure_redeliver(PG_GETARG_UUID_P(0), owner, active) || was;
	wf_stepper_end(stepper);
	SPI_finish();
	PG_RETURN_BOOL(was);
}

/*
 * SQL function workflow.cancel(process, actor) of sql/parts/control.sql.  Locks
 * the process row; its children are cancelled by events.
 */
Datum
workflow_cancel(PG_FUNCTION_ARGS)
{
	pg_uuid_t  *id = wf_arg_uuid(fcinfo, 0, "process");
	char	   *actor = wf_arg_actor(fcinfo, 1);
	WfStepper  *stepper;
	WfProcess  *process;

	wf_api_connect_to_write(fcinfo);
	stepper = wf_stepper_new(0);
	process = wf_api_hold(stepper, id, false);
	wf_arg_check_actor(fcinfo, 1, wf_process_definition(process));
	wf_pause_refuse(wf_process_definition(process));
	wf_step_cancel(stepper, process, actor);
	wf_step_write(stepper);
	wf_stepper_end(stepper);
	SPI_finish();
	PG_RETURN_VOID();
}

/* As wf_process_set_timer(), for arguments 0 (process) and 1 (name). */
static TimestampTz
move_timer(FunctionCallInfo fcinfo, TimestampTz due)
{
	WfStepper  *stepper;

	wf_api_connect_to_write(fcinfo);
	stepper = wf_stepper_new(0);
	due = wf_process_set_timer(stepper,
							   wf_api_hold(stepper, PG_GETARG_UUID_P(0), false),
							   wf_arg_string(fcinfo, 1, "name"), due);
	wf_step_write(stepper);
	wf_stepper_end(stepper);
	SPI_finish();
	return due;
}

/*
 * SQL function workflow.set_timer(process, name, due) of sql/parts/timer.sql.
 * Locks the process row.
 */
Datum
workflow_set_timer(PG_FUNCTION_ARGS)
{
	TimestampTz due = PG_GETARG_TIMESTAMPTZ(2);

	if (TIMESTAMP_NOT_FINITE(due))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("a timer's due time must be finite")));
	move_timer(fcinfo, due);
	PG_RETURN_VOID();
}

/*
 * SQL function workflow.reset_timer(process, name) of sql/parts/timer.sql.
 * Locks the process row.
 */
Datum
workflow_reset_timer(PG_FUNCTION_ARGS)
{
	TimestampTz due = move_timer(fcinfo, DT_NOBEGIN);

	if (due == DT_NOEND)
		PG_RETURN_NULL();
	PG_RETURN_TIMESTAMPTZ(due);
}
