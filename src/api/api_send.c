/*-------------------------------------------------------------------------
 *
 * api_send.c
 *	  workflow.send(), send_by_key() and send_many(): commands.
 *
 * Runs in client backends.  A command takes its transition here, in the caller's
 * transaction, under the lock on the process row.
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
#include "api/api_start.h"
#include "api/arg.h"
#include "api/state_arg.h"
#include "base/errcodes.h"
#include "base/quote.h"
#include "base/uuid.h"
#include "definition/definition.h"
#include "definition/event_data.h"
#include "definition/pause.h"
#include "definition/privilege.h"
#include "definition/sensitive.h"
#include "process/deferred.h"
#include "process/known.h"
#include "process/process.h"
#include "process/process_timer.h"
#include "process/send.h"
#include "process/step.h"
#include "process/step_write.h"
#include "process/stepper.h"
#include "store/changes.h"
#include "store/key.h"
#include "store/process_row.h"
#include "store/receipt.h"
#include "store/status.h"
#include "store/tenant.h"
#include "store/timer.h"

PG_FUNCTION_INFO_V1(workflow_send);
PG_FUNCTION_INFO_V1(workflow_send_by_key);
PG_FUNCTION_INFO_V1(workflow_send_many);

/* --- verdicts ---------------------------------------------------------- */

#define N_VERDICT 5

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

/* Make the columns of a verdict. */
static void
fill(const WfReceipt *verdict, Datum *values)
{
	values[0] = BoolGetDatum(verdict->taken);
	values[1] = ObjectIdGetDatum(verdict->status);
	values[2] = verdict->states;
	values[3] = verdict->context;
	values[4] = BoolGetDatum(verdict->deferred);
}

/* --- send -------------------------------------------------------------- */

/* The arguments of a command. */
typedef struct Command
{
	const pg_uuid_t *process;
	const char *event;
	Jsonb	   *data;
	const char *id;
	const char *actor;
	bool		claimed;		/* the actor was given */
	bool		has_step;
	int32		step;			/* has_step: only if the process is at this one */
	List	   *states;			/* only if these are active: of strings */
	bool		reported;		/* a refusal is a row of the result */
} Command;

static bool
is_conditional(const Command *cmd)
{
	return cmd->has_step || cmd->states != NIL;
}

/*
 * Error WF014 if the process is not where the caller has seen it; 22023 for a
 * state that does not exist.
 */
static void
refuse_moved_on(const WfRow *row, const WfDefinition *definition, const Command *cmd)
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
lock_again(WfStepper *stepper, WfRow *row, const Command *cmd)
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
admit(WfStepper *stepper, WfRow *row, const Command *cmd)
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
check_data(WfDefinition *definition, const Command *cmd)
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

/*
 * Deliver a command to the process of a locked row, or to the process in memory
 * that an earlier command of this call has made of the row.  The receipt is
 * looked up under the lock, so that a command that comes twice is taken once; it
 * is stored at once, because the second one may come in this call.  *asking is
 * true while nothing but refusals can be thrown.
 */
static void
command(WfStepper *stepper, WfRow *row, const Command *cmd, WfReceipt *verdict,
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
	what = wf_step_send(stepper, process, cmd->event, data, cmd->actor);
	verdict_of(verdict, what, process);
	if (cmd->id != NULL)
		wf_receipt_keep(cmd->process, cmd->id, verdict);
	verdict->context = wf_sensitive_show(wf_process_definition(process), verdict->context,
										 verdict->context);
}

/* The whole of send() after its arguments have been read. */
static Datum
send_one(FunctionCallInfo fcinfo, const Command *cmd, bool nowait)
{
	TupleDesc	desc;
	WfStepper  *stepper;
	WfRow		row;
	WfReceipt	verdict;
	Datum		values[N_VERDICT];
	bool		nulls[N_VERDICT] = {0};
	Datum		result;
	volatile bool asking;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	desc = BlessTupleDesc(desc);

	stepper = wf_stepper_new(0);
	wf_api_lock_to_send(cmd->process, nowait, &row);
	command(stepper, &row, cmd, &verdict, &asking);
	wf_step_write(stepper);
	wf_stepper_end(stepper);

	fill(&verdict, values);
	result = PointerGetDatum(SPI_returntuple(heap_form_tuple(desc, values, nulls), desc));
	SPI_finish();
	return result;
}

/*
 * Read the arguments if_step and if_states, the first of which has this number:
 * the SQL of versions before 0.3.0 has neither.  Error 22004 for a null element.
 */
static void
read_conditions(FunctionCallInfo fcinfo, int arg, Command *cmd)
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
	Command		cmd = {
		.process = wf_arg_uuid(fcinfo, 0, "process"),
		.event = wf_arg_event(fcinfo, 1),
		.data = wf_arg_jsonb_or_null(fcinfo, 2),
		.id = wf_arg_id_or_null(fcinfo, 3),
		.actor = wf_arg_actor(fcinfo, 4),
		.claimed = !PG_ARGISNULL(4)
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
	Command		cmd = {
		.process = &process,
		.event = wf_arg_event(fcinfo, 2),
		.data = wf_arg_jsonb_or_null(fcinfo, 3),
		.id = wf_arg_id_or_null(fcinfo, 4),
		.actor = wf_arg_actor(fcinfo, 5),
		.claimed = !PG_ARGISNULL(5)
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

		wf_api_start_keyed(name, key, input, cmd.actor, cmd.claimed, &process);
		wf_tenant_work_on(level);
	}
	return send_one(fcinfo, &cmd, wf_arg_bool(fcinfo, 6, "nowait"));
}

/* --- send_many --------------------------------------------------------- */

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
	Command    *items;
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

	commands->items = palloc0(sizeof(Command) * (commands->n + 1));
	for (int i = 0; i < commands->n; i++)
	{
		Command    *cmd = &commands->items[i];
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
deliver(WfStepper *stepper, Rows *rows, const Command *cmd, WfReceipt *verdict,
		volatile bool *asking)
{
	WfRow		key = {.id = *cmd->process};
	WfRow	   *row = bsearch(&key, rows->rows, rows->n, sizeof(WfRow), compare_rows);

	if (row == NULL)
		row = lock_late(cmd->process, &rows->late);
	command(stepper, row, cmd, verdict, asking);
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
deliver_or_report(WfStepper *stepper, Rows *rows, const Command *cmd, Outcome *outcome)
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
put_outcome(ReturnSetInfo *result, const Command *cmd, const Outcome *outcome)
{
	Datum		values[N_VERDICT + 3] = {UUIDPGetDatum(cmd->process)};
	bool		nulls[N_VERDICT + 3];
	bool		refused = outcome->sqlstate != NULL;

	memset(nulls, refused, sizeof(nulls));
	nulls[0] = false;
	nulls[N_VERDICT + 1] = nulls[N_VERDICT + 2] = !refused;
	if (refused)
	{
		values[N_VERDICT + 1] = CStringGetTextDatum(outcome->sqlstate);
		values[N_VERDICT + 2] = CStringGetTextDatum(outcome->message);
	}
	else
		fill(&outcome->verdict, values + 1);
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
