/*-------------------------------------------------------------------------
 *
 * command.c
 *	  A command to a process, whose row is locked, and the verdict on it.
 *
 * Runs in client backends, for all functions that send commands.  Callers write what the
 * stepper has come to.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "api/api.h"
#include "api/command.h"
#include "api/state_arg.h"
#include "base/errcodes.h"
#include "base/quote.h"
#include "base/uuid.h"
#include "definition/definition.h"
#include "definition/event_data.h"
#include "definition/pause.h"
#include "definition/privilege.h"
#include "definition/sensitive.h"
#include "process/process.h"
#include "process/send.h"
#include "process/step.h"
#include "process/stepper.h"
#include "store/process_row.h"
#include "store/receipt.h"
#include "store/status.h"

static bool
is_conditional(const WfCommand *cmd)
{
	return cmd->has_step || cmd->states != NIL;
}

/*
 * Error WF014 if the process is not where the caller has seen it; 22023 for a
 * state that does not exist.
 */
static void
refuse_moved_on(const WfRow *row, const WfDefinition *definition, const WfCommand *cmd)
{
	ListCell   *cell;

	if (cmd->has_step && row->step != cmd->step)
		ereport(ERROR,
				(errcode(WF_ERR_MOVED_ON),
				 errmsg("process %s has moved on", wf_uuid_text(&row->id)),
				 errdetail("It is at step %d, not %d.", row->step, cmd->step)));
	foreach(cell, cmd->states)
		if (!wf_state_arg_holds(row, definition, lfirst(cell)))
			ereport(ERROR,
					(errcode(WF_ERR_MOVED_ON),
					 errmsg("process %s has moved on", wf_uuid_text(&row->id)),
					 errdetail("State \"%s\" is not active.", wf_quote((char *) lfirst(cell)))));
}

/*
 * An action of a command before this one may have changed the row by a call of
 * ours: then it is read again.  Error WF001 if it is gone.
 */
static void
lock_again(WfStepper *stepper, WfRow *row, const WfCommand *cmd)
{
	if (row->process == NULL && wf_stepper_is_late(stepper) &&
		!wf_process_row_lock(cmd->process, false, NULL, row))
		wf_process_refuse_missing(cmd->process);
}

/*
 * The process of a locked row, or that which an earlier command of this call has
 * made of it, if it may be commanded so; else the error of the refusal.
 */
static WfProcess *
admit(WfStepper *stepper, WfRow *row, const WfCommand *cmd)
{
	if (row->process == NULL)
	{
		lock_again(stepper, row, cmd);
		if (unlikely(is_conditional(cmd)))
		{
			wf_privilege_require(wf_definition(row->definition), "send");
			refuse_moved_on(row, wf_definition(row->definition), cmd);
		}
		row->process = wf_api_hold_row(stepper, row);
	}
	else if (unlikely(is_conditional(cmd)))
		refuse_moved_on(wf_process_as_row(row->process), wf_process_definition(row->process), cmd);
	if (cmd->claimed)
		wf_privilege_require_actor(wf_process_definition(row->process), cmd->actor);
	wf_process_refuse_command(wf_process_as_row(row->process));
	wf_pause_refuse(wf_process_definition(row->process));
	return row->process;
}

/*
 * The data of a command, as the definition declares them.  Error WF013 if they do not fit.
 * Where refusals are reported it is thrown when nothing of the author's code is under way
 * any more.
 */
static Jsonb *
check_data(WfDefinition *definition, const WfCommand *cmd)
{
	ErrorData  *error;
	Jsonb	   *data;

	if (!cmd->reported)
		return wf_event_data_check(definition, cmd->event, cmd->data);
	data = wf_event_data_try(definition, cmd->event, cmd->data, &error);
	if (error != NULL)
		ReThrowError(error);
	return data;
}

/* The verdict after a step. */
static void
verdict_of(WfReceipt *verdict, WfVerdict what, const WfProcess *process)
{
	const WfRow *row = wf_process_as_row(process);

	verdict->taken = what == WF_TAKEN;
	verdict->deferred = what == WF_DEFERRED;
	verdict->status = wf_status_oid(row->status);
	verdict->states = row->states;
	verdict->context = row->context;
}

/*
 * Deliver a command to the process of a locked row, or to the process in memory
 * that an earlier command of this call has made of the row.  The receipt is
 * looked up under the lock, so that a command that comes twice is taken once; it
 * is stored at once, because the second one may come in this call.  *asking is
 * true while nothing but refusals can be thrown.
 */
void
wf_command_deliver(WfStepper *stepper, WfRow *row, const WfCommand *cmd, WfReceipt *verdict,
				   volatile bool *asking)
{
	WfProcess  *process;
	Jsonb	   *data;
	WfVerdict	what;

	*asking = true;
	if (cmd->id != NULL && wf_receipt_find(cmd->process, cmd->id, verdict))
	{
		wf_privilege_require(wf_definition(row->definition), "send");
		lock_again(stepper, row, cmd);
		verdict->context = row->process != NULL ?
			wf_process_as_row(row->process)->context : row->context;
		verdict->context = wf_sensitive_show(wf_definition(row->definition), verdict->context,
											 verdict->context);
		return;
	}
	process = admit(stepper, row, cmd);
	data = check_data(wf_process_definition(process), cmd);
	*asking = false;
	what = wf_step_send(stepper, process, cmd->event, data, cmd->actor, cmd->trace);
	verdict_of(verdict, what, process);
	if (cmd->id != NULL)
		wf_receipt_keep(cmd->process, cmd->id, verdict);
	verdict->context = wf_sensitive_show(wf_process_definition(process), verdict->context,
										 verdict->context);
}

/* Make the columns of a verdict. */
void
wf_command_verdict(const WfReceipt *verdict, Datum *values)
{
	values[0] = BoolGetDatum(verdict->taken);
	values[1] = ObjectIdGetDatum(verdict->status);
	values[2] = verdict->states;
	values[3] = verdict->context;
	values[4] = BoolGetDatum(verdict->deferred);
}
