/*-------------------------------------------------------------------------
 *
 * api_states.c
 *	  workflow.set_states(): an operator puts a process into other states.
 *
 * Runs in client backends.  Locks the process row first; with it it owns the
 * timers and failures.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "utils/builtins.h"

#include "api/api.h"
#include "api/arg.h"
#include "api/note.h"
#include "api/result.h"
#include "base/jsonb.h"
#include "base/quote.h"
#include "chart/chart.h"
#include "definition/definition.h"
#include "definition/pause.h"
#include "process/context.h"
#include "process/process.h"
#include "process/step.h"
#include "process/step_write.h"
#include "process/stepper.h"
#include "store/failure.h"
#include "store/process_row.h"
#include "store/timer.h"

PG_FUNCTION_INFO_V1(workflow_set_states);

/* The state of this name.  Error 22023 if there is none that can be active. */
static WfStateId
find_state(const WfDefinition *definition, const char *name)
{
	WfStateId	state = wf_chart_find(definition->chart, name, strlen(name));

	if (state == WF_NO_STATE)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("definition \"%s\" version %d has no state \"%s\"",
						definition->name, definition->version, wf_quote(name)),
				 errhint("States are named by their path, such as \"review.waiting\".")));
	if (definition->chart->states[state].kind == WF_STATE_HISTORY)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" is a history state", name),
				 errdetail("A process cannot be in it."),
				 errhint("Name the states that it stands for.")));
	return state;
}

/*
 * The states that an array names, in document order.  Error 22023 if there is
 * none, or if they cannot be active together; 22004 for a null element.
 */
static WfStateId *
read_states(ArrayType *array, const WfDefinition *definition, int *count)
{
	Datum	   *names;
	bool	   *nulls;
	WfStateId  *states;
	WfStateId	a = WF_NO_STATE;
	WfStateId	b = WF_NO_STATE;

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &names, &nulls, count);
	if (*count == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a process must be in at least one state"),
				 errhint("workflow.cancel() ends a process.")));
	states = palloc(sizeof(WfStateId) * *count);
	for (int i = 0; i < *count; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("element %d of \"states\" is null", i + 1)));
		states[i] = find_state(definition, TextDatumGetCString(names[i]));
	}
	if (!wf_chart_settle(definition->chart, states, count, &a, &b))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("states \"%s\" and \"%s\" cannot be active together",
						definition->chart->states[a].name,
						definition->chart->states[b].name),
				 errdetail("They exclude each other: only different regions of a parallel state are active together."),
				 errhint("Name one of them.")));
	return states;
}

/* The data of the step's row in the history; patch may be NULL. */
static Jsonb *
order_jsonb(ArrayType *array, bool execute, Jsonb *patch)
{
	static const char *keys[] = {"states", "execute", "patch"};
	Datum	   *names;
	int			n;
	Jsonb	  **items;
	Jsonb	   *values[3];

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &names, NULL, &n);
	items = palloc(sizeof(Jsonb *) * n);
	for (int i = 0; i < n; i++)
		items[i] = wf_jsonb_string(TextDatumGetCString(names[i]));
	values[0] = wf_jsonb_array(n, items);
	values[1] = wf_jsonb_scalar(BoolGetDatum(execute), BOOLOID);
	values[2] = patch;
	return wf_jsonb_object(3, keys, values);
}

/*
 * After the move, as resume() does: unpark timers, and deliver events again that
 * were given up.  Those of states that are not active any more are deleted.  If
 * the process is suspended, it stays so and keeps the others.
 */
static void
let_go_on(WfProcess *process, bool was_parked)
{
	const WfRow *row = wf_process_as_row(process);
	int32		owner = wf_process_definition(process)->owner;
	ArrayType  *active = wf_process_active(process);

	wf_failure_forget_left(&row->id, active);
	if (row->suspended)
		return;

	/* Also if it is over: then the timers are dropped when they are due. */
	if (was_parked)
		wf_timer_unpark(&row->id, owner);
	if (!wf_process_row_is_over(row))
		wf_failure_redeliver(&row->id, owner, active);
}

/*
 * SQL function workflow.set_states(...) of sql/parts/control.sql.  Locks the
 * process row.
 */
Datum
workflow_set_states(PG_FUNCTION_ARGS)
{
	pg_uuid_t  *id = wf_arg_uuid(fcinfo, 0, "process");
	bool		execute = wf_arg_bool(fcinfo, 2, "execute");
	char	   *actor = wf_arg_actor(fcinfo, 3);
	Jsonb	   *patch = PG_NARGS() > 4 ? wf_arg_jsonb_or_null(fcinfo, 4) : NULL;
	char	   *note = PG_NARGS() > 5 ? wf_arg_string_or_null(fcinfo, 5) : NULL;
	ArrayType  *array;
	WfStepper  *stepper;
	WfProcess  *process;
	const WfRow *row;
	WfStateId  *states;
	int			n;
	bool		was_parked;
	TupleDesc	desc;
	Datum		values[4];
	bool		nulls[4] = {0};
	Datum		result;

	wf_arg_require(fcinfo, 1, "states");
	desc = wf_result_type(fcinfo);
	array = PG_GETARG_ARRAYTYPE_P(1);

	wf_api_connect_to_write(fcinfo);
	stepper = wf_stepper_new(0);
	process = wf_api_hold_as_owner(stepper, id);
	row = wf_process_as_row(process);
	if (execute)
		wf_pause_refuse(wf_process_definition(process));
	was_parked = row->suspended || row->status == WF_TERMINATED;
	states = read_states(array, wf_process_definition(process), &n);
	if (patch != NULL)
		wf_context_patch(process, patch);
	process->remark = note;
	wf_step_move(stepper, process, states, n, execute,
				 order_jsonb(array, execute, patch), actor);
	if (wf_process_row_is_over(row))
		wf_process_set(process, row->status, false);
	wf_step_write(stepper);
	let_go_on(process, was_parked);
	wf_note_process("set_states", process, actor, note, order_jsonb(array, execute, NULL));

	values[0] = BoolGetDatum(true);
	wf_result_process(process, &values[1]);
	result = PointerGetDatum(SPI_returntuple(heap_form_tuple(desc, values, nulls), desc));
	wf_stepper_end(stepper);
	SPI_finish();
	return result;
}
