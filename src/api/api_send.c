/*-------------------------------------------------------------------------
 *
 * api_send.c
 *	  workflow.send() and send_by_key(): commands.
 *
 * Runs in client backends.  A command takes its transition here, in the caller's
 * transaction, under the lock on the process row.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"

#include "api/api.h"
#include "api/api_start.h"
#include "api/arg.h"
#include "api/command.h"
#include "api/result.h"
#include "process/step_write.h"
#include "process/stepper.h"
#include "store/key.h"
#include "store/process_row.h"
#include "store/tenant.h"

PG_FUNCTION_INFO_V1(workflow_send);
PG_FUNCTION_INFO_V1(workflow_send_by_key);

/* The whole of send() after its arguments have been read. */
static Datum
send_one(FunctionCallInfo fcinfo, const WfCommand *cmd, bool nowait)
{
	TupleDesc	desc;
	WfStepper  *stepper;
	WfRow		row;
	WfReceipt	verdict;
	Datum		values[WF_COMMAND_NVERDICT];
	bool		nulls[WF_COMMAND_NVERDICT] = {0};
	Datum		result;
	volatile bool asking;

	desc = wf_result_type(fcinfo);

	stepper = wf_stepper_new(0);
	wf_api_lock_to_send(cmd->process, nowait, &row);
	wf_command_deliver(stepper, &row, cmd, &verdict, &asking);
	wf_step_write(stepper);
	wf_stepper_end(stepper);

	wf_command_verdict(&verdict, values);
	result = PointerGetDatum(SPI_returntuple(heap_form_tuple(desc, values, nulls), desc));
	SPI_finish();
	return result;
}

/*
 * Read the arguments if_step and if_states, the first of which has this number:
 * the SQL of versions before 0.3.0 has neither.  Error 22004 for a null element.
 */
static void
read_conditions(FunctionCallInfo fcinfo, int arg, WfCommand *cmd)
{
	if (PG_NARGS() <= arg)
		return;
	cmd->has_step = !PG_ARGISNULL(arg);
	if (cmd->has_step)
		cmd->step = PG_GETARG_INT32(arg);
	cmd->states = wf_arg_strings(fcinfo, arg + 1, "if_states");
}

/*
 * SQL function workflow.send(...) of sql/parts/command.sql.  Locks the process
 * row, under which the receipt is looked up.
 */
Datum
workflow_send(PG_FUNCTION_ARGS)
{
	WfCommand		cmd = {
		.process = wf_arg_uuid(fcinfo, 0, "process"),
		.event = wf_arg_event(fcinfo, 1),
		.data = wf_arg_jsonb_or_null(fcinfo, 2),
		.id = wf_arg_id_or_null(fcinfo, 3),
		.actor = wf_arg_actor(fcinfo, 4),
		.claimed = !PG_ARGISNULL(4),
		.trace = wf_arg_trace(fcinfo, 8)
	};

	read_conditions(fcinfo, 6, &cmd);
	wf_api_connect_to_write(fcinfo);
	return send_one(fcinfo, &cmd, wf_arg_bool(fcinfo, 5, "nowait"));
}

/* The number of the argument start, which versions before 0.3.0 do not have. */
#define START	9

/* With which input a process is to be started, if there is none; NULL: it is not. */
static Jsonb *
read_start(FunctionCallInfo fcinfo)
{
	Jsonb	   *input = PG_NARGS() > START ? wf_arg_jsonb_or_null(fcinfo, START) : NULL;

	if (input != NULL && !JB_ROOT_IS_OBJECT(input))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the input of a process must be a JSON object")));
	return input;
}

/*
 * SQL function workflow.send_by_key(...) of sql/parts/command.sql.  Looks the
 * key up without lock, then locks the process row as send() does.  Where there is none,
 * the key may be taken for a new one.
 */
Datum
workflow_send_by_key(PG_FUNCTION_ARGS)
{
	pg_uuid_t	process;
	WfCommand		cmd = {
		.process = &process,
		.event = wf_arg_event(fcinfo, 2),
		.data = wf_arg_jsonb_or_null(fcinfo, 3),
		.id = wf_arg_id_or_null(fcinfo, 4),
		.actor = wf_arg_actor(fcinfo, 5),
		.claimed = !PG_ARGISNULL(5),
		.trace = wf_arg_trace(fcinfo, START + 1)
	};
	char	   *name = wf_arg_string(fcinfo, 0, "definition");
	char	   *key = wf_arg_string(fcinfo, 1, "key");
	Jsonb	   *input = read_start(fcinfo);

	read_conditions(fcinfo, 7, &cmd);
	wf_api_connect_to_write(fcinfo);
	if (input == NULL)
		wf_api_find(name, key, &process);
	else if (!wf_key_find(name, key, &process))
	{
		int			level = wf_api_for_tenant(fcinfo, WF_API_NO_TENANT);

		wf_api_start_keyed(name, key, input, &cmd, &process);
		wf_tenant_work_on(level);
	}
	return send_one(fcinfo, &cmd, wf_arg_bool(fcinfo, 6, "nowait"));
}
