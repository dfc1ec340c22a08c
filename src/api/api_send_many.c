/*-------------------------------------------------------------------------
 *
 * api_send_many.c
 *	  workflow.send_many(): many commands in one call.
 *
 * Runs in client backends.  Rows are locked in the order of their ids, and processes
 * written together.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "api/api.h"
#include "api/arg.h"
#include "api/command.h"
#include "base/quote.h"
#include "base/uuid.h"
#include "definition/definition.h"
#include "definition/privilege.h"
#include "process/step.h"
#include "process/step_write.h"
#include "process/stepper.h"
#include "store/process_row.h"
#include "store/receipt.h"

PG_FUNCTION_INFO_V1(workflow_send_many);

/* The argument refusals of send_many(), and those behind it; not before 0.3.0. */
#define REFUSALS	6

/* What became of a command of send_many(). */
typedef struct Outcome
{
	WfReceipt	verdict;		/* unless it was refused: */
	const char *sqlstate;		/* or NULL */
	const char *message;
} Outcome;

/* An array argument that has one element for each process, or perhaps for all. */
typedef struct Column
{
	Datum	   *values;
	bool	   *nulls;
	int			n;				/* 0: the argument is null */
} Column;

/* The element for the process at this position; false: there is none, or it is null. */
static bool
element(const Column *column, int i, Datum *value)
{
	int			at = column->n == 1 ? 0 : i;

	if (column->n == 0 || column->nulls[at])
		return false;
	*value = column->values[at];
	return true;
}

/*
 * Read an array argument that must have n elements, or one for all if `one`.
 * Error 2202E if it has another number of them.
 */
static Column
read_column(FunctionCallInfo fcinfo, int arg, const char *name, Oid type, int n, bool one)
{
	Column		column = {0};
	bool		by_value = type == INT4OID;

	if (PG_NARGS() <= arg || PG_ARGISNULL(arg))
		return column;
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(arg), type, by_value ? (int) sizeof(int32) : -1, by_value,
					  TYPALIGN_INT, &column.values, &column.nulls, &column.n);
	if (column.n != n && !(one && column.n == 1))
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 one ?
				 errmsg("argument \"%s\" must have one element, or as many as \"processes\"", name) :
				 errmsg("arguments \"processes\" and \"%s\" must have the same number of elements", name),
				 one ?
				 errdetail("It has %d, and \"processes\" has %d.", column.n, n) :
				 errdetail("They have %d and %d.", n, column.n)));
	return column;
}

/* The arguments of send_many(). */
typedef struct Commands
{
	int			n;
	WfCommand    *items;
	bool		report;			/* refusals are rows of the result */
} Commands;

/* Read the argument refusals.  Error 22023 if it has no meaning, 22004 for null. */
static bool
read_refusals(FunctionCallInfo fcinfo)
{
	char	   *refusals;

	if (PG_NARGS() <= REFUSALS)
		return false;
	refusals = wf_arg_string(fcinfo, REFUSALS, "refusals");
	if (strcmp(refusals, "report") != 0 && strcmp(refusals, "fail") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown value \"%s\" of argument \"refusals\"", wf_quote(refusals)),
				 errhint("A refusal can \"fail\" the call, or the call can \"report\" it.")));
	return strcmp(refusals, "report") == 0;
}

/* Read the arguments of send_many(). */
static void
read_commands(FunctionCallInfo fcinfo, Commands *commands)
{
	Datum	   *processes;
	bool	   *nulls;
	Column		events,
				data,
				ids,
				steps;
	char	   *actor = wf_arg_actor(fcinfo, 4);
	const char *trace = wf_arg_trace(fcinfo, REFUSALS + 3);
	List	   *states;

	commands->report = read_refusals(fcinfo);
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("arguments \"processes\" and \"events\" must not be null")));
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(0), UUIDOID, UUID_LEN, false, TYPALIGN_CHAR,
					  &processes, &nulls, &commands->n);
	events = read_column(fcinfo, 1, "events", TEXTOID, commands->n, true);
	data = read_column(fcinfo, 2, "data", JSONBOID, commands->n, true);
	ids = read_column(fcinfo, 3, "ids", TEXTOID, commands->n, false);
	steps = read_column(fcinfo, REFUSALS + 1, "if_steps", INT4OID, commands->n, true);
	states = PG_NARGS() > REFUSALS + 2 ? wf_arg_strings(fcinfo, REFUSALS + 2, "if_states") : NIL;

	commands->items = palloc0(sizeof(WfCommand) * (commands->n + 1));
	for (int i = 0; i < commands->n; i++)
	{
		WfCommand    *cmd = &commands->items[i];
		Datum		value;

		if (nulls[i] || !element(&events, i, &value))
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("element %d of \"processes\" or \"events\" is null", i + 1)));
		cmd->process = DatumGetUUIDP(processes[i]);
		cmd->event = TextDatumGetCString(value);
		wf_arg_check_event(cmd->event);
		cmd->data = element(&data, i, &value) ? DatumGetJsonbP(value) : NULL;
		cmd->id = element(&ids, i, &value) ? TextDatumGetCString(value) : NULL;
		if (cmd->id != NULL)
			wf_arg_check_id(cmd->id);
		cmd->actor = actor;
		cmd->trace = trace;
		cmd->reported = commands->report;
		cmd->claimed = !PG_ARGISNULL(4);
		cmd->has_step = element(&steps, i, &value);
		cmd->step = cmd->has_step ? DatumGetInt32(value) : 0;
		cmd->states = states;
	}
}

static int
compare_rows(const void *a, const void *b)
{
	return memcmp(&((const WfRow *) a)->id, &((const WfRow *) b)->id, UUID_LEN);
}

/*
 * Lock those of the processes to which the user may send, in the order of ids, as
 * wf_process_row_lock_many().
 */
static int
lock_allowed(ArrayType *processes, bool nowait, WfRow **rows)
{
	int32	   *definitions;
	int			n = wf_process_row_definitions(processes, &definitions);
	Datum	   *allowed = palloc(sizeof(Datum) * (n + 1));
	int			nallowed = 0;

	for (int i = 0; i < n; i++)
		if (wf_privilege_may(wf_definition(definitions[i]), "send"))
			allowed[nallowed++] = Int32GetDatum(definitions[i]);
	n = wf_process_row_lock_many(processes,
								 construct_array(allowed, nallowed, INT4OID, sizeof(int32),
												 true, TYPALIGN_INT),
								 nowait, rows);
	for (int i = 0; i < n; i++)
		wf_api_locked(&(*rows)[i]);
	return n;
}

/*
 * Lock a process that was not locked with the others.  Another session had it: it
 * may be free by now.  That is not in the order of ids, so it does not wait: error
 * WF005.  Or the user may not send to it: error WF002.  Rows are kept in *late,
 * since several commands may be for one.
 */
static WfRow *
lock_late(const pg_uuid_t *process, List **late)
{
	WfRow	   *row;
	ListCell   *cell;

	foreach(cell, *late)
	{
		row = lfirst(cell);
		if (memcmp(&row->id, process, UUID_LEN) == 0)
			return row;
	}
	row = palloc0(sizeof(WfRow));
	wf_api_lock_to_send(process, true, row);
	*late = lappend(*late, row);
	return row;
}

/* The rows that send_many() has locked. */
typedef struct Rows
{
	WfRow	   *rows;			/* in the order of ids */
	int			n;
	List	   *late;			/* locked when their turn came */
} Rows;

static void
deliver(WfStepper *stepper, Rows *rows, const WfCommand *cmd, WfReceipt *verdict,
		volatile bool *asking)
{
	WfRow		key = {.id = *cmd->process};
	WfRow	   *row = bsearch(&key, rows->rows, rows->n, sizeof(WfRow), compare_rows);

	if (row == NULL)
		row = lock_late(cmd->process, &rows->late);
	wf_command_deliver(stepper, row, cmd, verdict, asking);
}

/* Is this the SQLSTATE of a refusal? */
static bool
is_refusal(int sqlstate)
{
	return ERRCODE_TO_CATEGORY(sqlstate) == MAKE_SQLSTATE('W', 'F', '0', '0', '0');
}

/*
 * Deliver a command, or tell in *outcome why it was refused.
 *
 * A refusal is caught without a subtransaction: it is thrown by our own code
 * between statements, before anything of the process has changed.  What an action
 * throws is none, though the action may have been refused something by a call of
 * ours: it has come further than that.
 */
static void
deliver_or_report(WfStepper *stepper, Rows *rows, const WfCommand *cmd, Outcome *outcome)
{
	MemoryContext context = CurrentMemoryContext;
	volatile bool asking = true;

	PG_TRY();
	{
		deliver(stepper, rows, cmd, &outcome->verdict, &asking);
	}
	PG_CATCH();
	{
		ErrorData  *error;

		if (!is_refusal(geterrcode()) || !(asking || wf_stepper_refuses(stepper)))
			PG_RE_THROW();
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		outcome->sqlstate = pstrdup(unpack_sql_state(error->sqlerrcode));
		outcome->message = error->message;
	}
	PG_END_TRY();
}

/*
 * Deliver all commands and write all processes together.  Several commands for
 * one process are delivered in their order, to the process in memory.
 */
static void
send_all(const Commands *commands, Rows *rows, Outcome *outcomes)
{
	WfStepper  *stepper = wf_stepper_new(0);
	volatile bool asking;

	for (int i = 0; i < commands->n; i++)
	{
		if (commands->report)
			deliver_or_report(stepper, rows, &commands->items[i], &outcomes[i]);
		else
			deliver(stepper, rows, &commands->items[i], &outcomes[i].verdict, &asking);
	}
	wf_step_write(stepper);
	wf_stepper_end(stepper);
}

/* A row of send_many(), which has no columns for refusals before 0.3.0. */
static void
put_outcome(ReturnSetInfo *result, const WfCommand *cmd, const Outcome *outcome)
{
	Datum		values[WF_COMMAND_NVERDICT + 3] = {UUIDPGetDatum(cmd->process)};
	bool		nulls[WF_COMMAND_NVERDICT + 3];
	bool		refused = outcome->sqlstate != NULL;

	memset(nulls, refused, sizeof(nulls));
	nulls[0] = false;
	nulls[WF_COMMAND_NVERDICT + 1] = nulls[WF_COMMAND_NVERDICT + 2] = !refused;
	if (refused)
	{
		values[WF_COMMAND_NVERDICT + 1] = CStringGetTextDatum(outcome->sqlstate);
		values[WF_COMMAND_NVERDICT + 2] = CStringGetTextDatum(outcome->message);
	}
	else
		wf_command_verdict(&outcome->verdict, values + 1);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/*
 * SQL function workflow.send_many(...) of sql/parts/command.sql.  Locks the
 * process rows in the order of their ids.
 */
Datum
workflow_send_many(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Commands	commands;
	Outcome    *outcomes;
	Rows		rows = {0};
	bool		nowait = wf_arg_bool(fcinfo, 5, "nowait");

	InitMaterializedSRF(fcinfo, 0);
	read_commands(fcinfo, &commands);
	wf_api_connect_to_write(fcinfo);
	rows.n = lock_allowed(PG_GETARG_ARRAYTYPE_P(0), nowait, &rows.rows);
	qsort(rows.rows, rows.n, sizeof(WfRow), compare_rows);
	outcomes = palloc0(sizeof(Outcome) * (commands.n + 1));
	send_all(&commands, &rows, outcomes);
	for (int i = 0; i < commands.n; i++)
		put_outcome(result, &commands.items[i], &outcomes[i]);
	SPI_finish();
	return (Datum) 0;
}
