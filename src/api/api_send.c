/*-------------------------------------------------------------------------
 *
 * api_send.c
 *	  Commands (send, send_many) and events for later (post, cancel_event).
 *
 * Runs in client backends.  A command takes its transition here, in the caller's
 * transaction, under the lock on the process row.  A posted event becomes a
 * timer, which an executor delivers.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "api/api.h"
#include "api/arg.h"
#include "base/clock.h"
#include "definition/definition.h"
#include "definition/pause.h"
#include "definition/privilege.h"
#include "process/process.h"
#include "process/send.h"
#include "process/step.h"
#include "process/step_write.h"
#include "process/stepper.h"
#include "shmem/wakeup.h"
#include "store/change_sets.h"
#include "store/changes.h"
#include "store/changes_write.h"
#include "store/deferred_row.h"
#include "store/process_row.h"
#include "store/receipt.h"
#include "store/status.h"
#include "store/timer.h"

PG_FUNCTION_INFO_V1(workflow_send);
PG_FUNCTION_INFO_V1(workflow_send_by_key);
PG_FUNCTION_INFO_V1(workflow_send_many);
PG_FUNCTION_INFO_V1(workflow_post);
PG_FUNCTION_INFO_V1(workflow_post_by_key);
PG_FUNCTION_INFO_V1(workflow_cancel_event);

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
} Command;

/*
 * Deliver a command to the process of a locked row, or to the process in memory
 * that an earlier command of this call has made of the row.  The receipt is
 * looked up under the lock, so that a command that comes twice is taken once; it
 * is stored at once, because the second one may come in this call.
 */
static void
command(WfStepper *stepper, WfRow *row, const Command *cmd, WfReceipt *verdict)
{
	const WfRow *present;
	WfVerdict	what;

	if (cmd->id != NULL && wf_receipt_find(cmd->process, cmd->id, verdict))
	{
		wf_privilege_require(wf_definition(row->definition), "send");
		wf_wakeup_released(wf_definition(row->definition)->owner);
		return;
	}

	if (row->process == NULL)
	{
		/*
		 * An action of a command before this one may have changed the row by a
		 * call of ours, so it is read again.
		 */
		if (wf_stepper_is_late(stepper))
			(void) wf_process_row_lock(cmd->process, false, row);
		row->process = wf_api_hold_row(stepper, row);
	}
	present = wf_process_as_row(row->process);
	if (cmd->claimed)
		wf_privilege_require_actor(wf_process_definition(row->process), cmd->actor);
	wf_process_refuse_command(present);
	wf_pause_refuse(wf_process_definition(row->process));
	what = wf_step_send(stepper, row->process, cmd->event, cmd->data, cmd->actor);
	verdict_of(verdict, what, row->process);
	if (cmd->id != NULL)
		wf_receipt_keep(cmd->process, cmd->id, verdict);
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

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	desc = BlessTupleDesc(desc);

	wf_privilege_require(wf_api_definition_of(cmd->process), "send");
	stepper = wf_stepper_new(0);
	if (!wf_process_row_lock(cmd->process, nowait, &row))
		wf_process_refuse_missing(cmd->process);
	command(stepper, &row, cmd, &verdict);
	wf_step_write(stepper);
	wf_stepper_end(stepper);

	fill(&verdict, values);
	result = PointerGetDatum(SPI_returntuple(heap_form_tuple(desc, values, nulls), desc));
	SPI_finish();
	return result;
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

	wf_api_connect_to_write(fcinfo);
	return send_one(fcinfo, &cmd, wf_arg_bool(fcinfo, 5, "nowait"));
}

/*
 * SQL function workflow.send_by_key(...) of sql/parts/command.sql.  Looks the
 * key up without lock, then locks the process row as send() does.
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

	wf_api_connect_to_write(fcinfo);
	wf_api_find(wf_arg_string(fcinfo, 0, "definition"), wf_arg_string(fcinfo, 1, "key"), &process);
	return send_one(fcinfo, &cmd, wf_arg_bool(fcinfo, 6, "nowait"));
}

/* --- send_many --------------------------------------------------------- */

/*
 * Read an array argument that must have n elements.  Returns false if it is null.
 */
static bool
read_array(FunctionCallInfo fcinfo, int arg, const char *name, Oid type, int n,
		   Datum **values, bool **nulls)
{
	int			count;

	if (PG_ARGISNULL(arg))
		return false;
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(arg), type, -1, false, TYPALIGN_INT,
					  values, nulls, &count);
	if (count != n)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("arguments \"processes\" and \"%s\" must have the same number of elements", name),
				 errdetail("They have %d and %d.", n, count)));
	return true;
}

/* Read the arguments of send_many(). */
static Command *
read_commands(FunctionCallInfo fcinfo, int *count)
{
	Datum	   *processes,
			   *events,
			   *data,
			   *ids;
	bool	   *process_nulls,
			   *event_nulls,
			   *data_nulls,
			   *id_nulls;
	int			n,
				nevents;
	bool		with_data,
				with_ids;
	Command    *commands;
	char	   *actor = wf_arg_actor(fcinfo, 4);

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("arguments \"processes\" and \"events\" must not be null")));
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(0), UUIDOID, UUID_LEN, false, TYPALIGN_CHAR,
					  &processes, &process_nulls, &n);
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(1), TEXTOID, -1, false, TYPALIGN_INT,
					  &events, &event_nulls, &nevents);
	if (nevents != n && nevents != 1)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("argument \"events\" must have one element, or as many as \"processes\""),
				 errdetail("It has %d, and \"processes\" has %d.", nevents, n)));
	with_data = read_array(fcinfo, 2, "data", JSONBOID, n, &data, &data_nulls);
	with_ids = read_array(fcinfo, 3, "ids", TEXTOID, n, &ids, &id_nulls);

	commands = palloc0(sizeof(Command) * (n + 1));
	for (int i = 0; i < n; i++)
	{
		int			e = nevents == 1 ? 0 : i;

		if (process_nulls[i] || event_nulls[e])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("element %d of \"processes\" or \"events\" is null", i + 1)));
		commands[i].process = DatumGetUUIDP(processes[i]);
		commands[i].event = TextDatumGetCString(events[e]);
		wf_arg_check_event(commands[i].event);
		commands[i].data = with_data && !data_nulls[i] ? DatumGetJsonbP(data[i]) : NULL;
		commands[i].id = with_ids && !id_nulls[i] ? TextDatumGetCString(ids[i]) : NULL;
		if (commands[i].id != NULL)
			wf_arg_check_length("the id of an event is too long", strlen(commands[i].id));
		commands[i].actor = actor;
		commands[i].claimed = !PG_ARGISNULL(4);
	}
	*count = n;
	return commands;
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
	return wf_process_row_lock_many(processes,
									construct_array(allowed, nallowed, INT4OID, sizeof(int32),
													true, TYPALIGN_INT),
									nowait, rows);
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
	wf_privilege_require(wf_api_definition_of(process), "send");
	if (!wf_process_row_lock(process, true, row))
		wf_process_refuse_missing(process);
	*late = lappend(*late, row);
	return row;
}

/*
 * Deliver all commands and write all processes together.  Several commands for
 * one process are delivered in their order, to the process in memory.  rows:
 * locked, in the order of ids.
 */
static void
send_all(const Command *commands, int n, WfRow *rows, int nrows, WfReceipt *verdicts)
{
	WfStepper  *stepper = wf_stepper_new(0);
	List	   *late = NIL;

	for (int i = 0; i < n; i++)
	{
		WfRow		key = {.id = *commands[i].process};
		WfRow	   *row = bsearch(&key, rows, nrows, sizeof(WfRow), compare_rows);

		if (row == NULL)
			row = lock_late(commands[i].process, &late);
		command(stepper, row, &commands[i], &verdicts[i]);
	}
	wf_step_write(stepper);
	wf_stepper_end(stepper);
}

/*
 * SQL function workflow.send_many(...) of sql/parts/command.sql.  Locks the
 * process rows in the order of their ids.
 */
Datum
workflow_send_many(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Command    *commands;
	WfReceipt  *verdicts;
	WfRow	   *rows;
	int			n;
	int			nrows;
	bool		nowait = wf_arg_bool(fcinfo, 5, "nowait");

	InitMaterializedSRF(fcinfo, 0);
	commands = read_commands(fcinfo, &n);
	wf_api_connect_to_write(fcinfo);
	nrows = lock_allowed(PG_GETARG_ARRAYTYPE_P(0), nowait, &rows);
	qsort(rows, nrows, sizeof(WfRow), compare_rows);
	verdicts = palloc0(sizeof(WfReceipt) * (n + 1));
	send_all(commands, n, rows, nrows, verdicts);

	for (int i = 0; i < n; i++)
	{
		Datum		values[1 + N_VERDICT] = {UUIDPGetDatum(commands[i].process)};
		bool		nulls[1 + N_VERDICT] = {0};

		fill(&verdicts[i], values + 1);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	SPI_finish();
	return (Datum) 0;
}

/* --- post -------------------------------------------------------------- */

/*
 * Delete the events that were posted with an id and not delivered; the process is
 * locked.  args: process and id.  Returns their number.
 */
static uint64
forget_post(const WfDefinition *definition, const pg_uuid_t *process, const char *id)
{
	uint64		n = wf_timer_forget_posted(process, id);

	if (definition->chart->has_defer)
		n += wf_deferred_row_forget(process, id);
	return n;
}

/* Post an event, whose arguments begin with number arg. */
static void
post(FunctionCallInfo fcinfo, const pg_uuid_t *process, int arg)
{
	WfTimerRow	timer = {
		.process = *process,
		.event = wf_arg_event(fcinfo, arg),
		.data = wf_arg_jsonb_or_null(fcinfo, arg + 1),
		.due = PG_ARGISNULL(arg + 2) ? wf_clock_now() : PG_GETARG_TIMESTAMPTZ(arg + 2),
		.name = wf_arg_id_or_null(fcinfo, arg + 3),
		.actor = wf_arg_actor(fcinfo, arg + 4)
	};
	WfChanges  *changes = wf_changes_new(0);
	WfDefinition *definition;
	bool		over;

	if (TIMESTAMP_NOT_FINITE(timer.due))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("an event's due time must be finite")));
	definition = wf_send_definition_of(process, &over);
	if (definition == NULL)
		wf_process_refuse_missing(process);
	wf_privilege_require(definition, "send");
	wf_arg_check_actor(fcinfo, arg + 4, definition);
	if (over)
		wf_process_refuse_over(process);

	/* An earlier event with this id is deleted, which takes the lock. */
	if (timer.name != NULL)
	{
		WfRow		row;

		if (wf_stepper_definition_of(process) == NULL &&
			wf_process_row_lock(process, false, &row))
			wf_wakeup_released(definition->owner);
		forget_post(definition, process, timer.name);
	}
	wf_changes_arm(changes, &timer, definition->owner, false, false);
	wf_changes_write(changes);
}

/*
 * SQL function workflow.post(...) of sql/parts/timer.sql.  Inserts a timer
 * without lock; only with an id the process row is locked first.
 */
Datum
workflow_post(PG_FUNCTION_ARGS)
{
	pg_uuid_t  *process = wf_arg_uuid(fcinfo, 0, "process");

	wf_api_connect_to_write(fcinfo);
	post(fcinfo, process, 1);
	SPI_finish();
	PG_RETURN_VOID();
}

/*
 * SQL function workflow.post_by_key(...) of sql/parts/timer.sql.  Locks as
 * post().
 */
Datum
workflow_post_by_key(PG_FUNCTION_ARGS)
{
	pg_uuid_t	process;

	wf_api_connect_to_write(fcinfo);
	wf_api_find(wf_arg_string(fcinfo, 0, "definition"), wf_arg_string(fcinfo, 1, "key"), &process);
	post(fcinfo, &process, 2);
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
