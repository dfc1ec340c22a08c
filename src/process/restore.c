/*-------------------------------------------------------------------------
 *
 * restore.c
 *	  From the row of a process to a machine, and back.
 *
 * Runs in any backend.  The states, history and children of a row may have been
 * written by hand, or damaged; the interpreter trusts its machine, so they are
 * checked here.  Functions that check return NULL, or a sentence for the detail
 * of an error.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"

#include "base/guc.h"
#include "base/jsonb.h"
#include "base/uuid.h"
#include "chart/chart.h"
#include "interpreter/machine.h"
#include "process/child_list.h"
#include "process/host.h"
#include "process/observer.h"
#include "process/process.h"
#include "process/restore.h"
#include "process/stepper.h"
#include "store/status.h"

/* The machine of a definition, lent to one process of a stepper after the other. */
struct WfLentMachine
{
	WfDefinition *definition;
	WfMachine  *machine;
	struct WfLentMachine *next;
};

/*
 * Activate the states of the row.  A single leaf of a chart without parallel
 * states is legal if it exists, so most processes need no further check.
 */
static const char *
restore_states(WfProcess *process, WfMachine *machine)
{
	const WfChart *chart = process->definition->chart;
	ArrayType  *array = DatumGetArrayTypeP(process->row.states);
	Datum	   *names;
	int			n;

	if (ARR_HASNULL(array))
		return "One of its states is null.";
	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &names, NULL, &n);
	for (int i = 0; i < n; i++)
	{
		text	   *name = DatumGetTextPP(names[i]);
		WfStateId	state = wf_chart_find(chart, VARDATA_ANY(name),
										  VARSIZE_ANY_EXHDR(name));

		if (state == WF_NO_STATE || !wf_machine_activate(machine, state))
			return psprintf("Definition \"%s\" version %d has no state \"%s\" that a process can be in.",
							process->definition->name, process->definition->version,
							text_to_cstring(name));
	}
	if (likely(n == 1 && !chart->has_parallel))
		return NULL;

	/* A process without states was cancelled, or its start has failed. */
	if (n == 0 && (process->row.status == WF_TERMINATED || process->row.step == 0))
		return NULL;
	if (!wf_machine_legal(machine))
		return psprintf("No process of definition \"%s\" version %d can be in %s.",
						process->definition->name, process->definition->version,
						OidOutputFunctionCall(F_ARRAY_OUT, process->row.states));
	return NULL;
}

/*
 * Fill one entry of the history from a list of names, which must be states
 * within the parent of the history state.  Names of states that do not exist
 * any more are skipped.
 */
static const char *
restore_entry(const WfChart *chart, WfHistoryValue *entry, JsonbContainer *names)
{
	WfStateId	parent = chart->states[entry->history].parent;
	JsonbIterator *it;
	JsonbIteratorToken token;
	JsonbValue	value;
	WfStateId	a;
	WfStateId	b;

	if (!JsonContainerIsArray(names) || JsonContainerIsScalar(names))
		return "What a history state remembers must be a list.";
	entry->states = palloc(sizeof(WfStateId) * (JsonContainerSize(names) + 1));
	it = JsonbIteratorInit(names);
	while ((token = JsonbIteratorNext(&it, &value, true)) != WJB_DONE)
	{
		WfStateId	state;

		if (token != WJB_ELEM)
			continue;
		if (value.type != jbvString)
			return "What a history state remembers must be names of states.";
		state = wf_chart_find(chart, value.val.string.val, value.val.string.len);
		if (state == WF_NO_STATE)
			continue;
		if (!wf_is_descendant(chart, state, parent) ||
			chart->states[state].kind == WF_STATE_HISTORY)
			return "What a history state remembers must be states within its parent.";
		entry->states[entry->n++] = state;
	}
	return wf_chart_settle(chart, entry->states, &entry->n, &a, &b) ? NULL :
		"What a history state remembers must be states that can be active together.";
}

/* Read {"history state": ["state", ...], ...} into the machine. */
static const char *
restore_history(WfProcess *process, WfMachine *machine)
{
	const WfChart *chart = process->definition->chart;
	Jsonb	   *history = DatumGetJsonbP(process->row.history);
	JsonbIterator *it = JsonbIteratorInit(&history->root);
	JsonbIteratorToken token;
	JsonbValue	value;
	WfStateId	state = WF_NO_STATE;
	const char *wrong = NULL;

	if (!JB_ROOT_IS_OBJECT(history))
		return "Its history must be an object.";
	machine->history = palloc(sizeof(WfHistoryValue) * (JB_ROOT_COUNT(history) + 1));
	machine->nhistory = 0;
	while ((token = JsonbIteratorNext(&it, &value, true)) != WJB_DONE && wrong == NULL)
	{
		if (token == WJB_KEY)
			state = wf_chart_find(chart, value.val.string.val, value.val.string.len);
		else if (token == WJB_VALUE && state != WF_NO_STATE)
		{
			WfHistoryValue *entry = &machine->history[machine->nhistory++];

			*entry = (WfHistoryValue) {state, 0, NULL};
			if (chart->states[state].kind != WF_STATE_HISTORY)
				wrong = "The keys of its history must be history states.";
			else if (value.type != jbvBinary)
				wrong = "What a history state remembers must be a list.";
			else
				wrong = restore_entry(chart, entry, value.val.binary.data);
		}
	}
	if (wrong != NULL)
		machine->nhistory = 0;
	return wrong;
}

/* Check {"invoke id": "process", ...}; child_list.c reads it when it is needed. */
static const char *
check_children(const WfProcess *process)
{
	Jsonb	   *children = DatumGetJsonbP(process->row.children);
	JsonbIterator *it = JsonbIteratorInit(&children->root);
	JsonbIteratorToken token;
	JsonbValue	value;

	if (!JB_ROOT_IS_OBJECT(children))
		return "Its children must be an object.";
	while ((token = JsonbIteratorNext(&it, &value, true)) != WJB_DONE)
		if (token == WJB_VALUE && !wf_child_list_may_hold(&value))
			return "Its children must be ids of processes, or runs, or maps.";
	return NULL;
}

/*
 * The history of a machine as it is stored in the row of a process:
 * {"history state": ["state", ...], ...}, in the current memory context.
 */
Jsonb *
wf_restore_history_jsonb(const WfMachine *machine)
{
	const char **keys = palloc(sizeof(char *) * (machine->nhistory + 1));
	Jsonb	  **values = palloc(sizeof(Jsonb *) * (machine->nhistory + 1));

	for (int i = 0; i < machine->nhistory; i++)
	{
		const WfHistoryValue *value = &machine->history[i];
		Jsonb	  **names = palloc(sizeof(Jsonb *) * (value->n + 1));

		for (int j = 0; j < value->n; j++)
			names[j] = wf_jsonb_string(machine->chart->states[value->states[j]].name);
		keys[i] = machine->chart->states[value->history].name;
		values[i] = wf_jsonb_array(value->n, names);
	}
	return wf_jsonb_object(machine->nhistory, keys, values);
}

/* Set process->machine up as the row says; see the head of this file. */
static const char *
restore(WfProcess *process)
{
	WfStepper  *stepper = process->stepper;
	struct WfLentMachine *entry;
	const char *wrong = NULL;

	for (entry = stepper->machines; entry != NULL; entry = entry->next)
		if (entry->definition == process->definition)
			break;
	if (entry == NULL)
	{
		entry = palloc(sizeof(struct WfLentMachine));
		entry->definition = process->definition;
		entry->machine = wf_machine_new(process->definition->chart,
										stepper->observer == NULL ?
										&wf_process_host :
										stepper->observer->host, process,
										wf_max_microsteps);
		entry->next = stepper->machines;
		stepper->machines = entry;
	}
	wf_machine_reset(entry->machine, process);
	process->machine = entry->machine;
	process->own_context = NULL;	/* a verdict may point to it */
	if (process->row.status != WF_INITIALIZED)
		wrong = restore_states(process, entry->machine);
	if (wrong == NULL && process->row.history != (Datum) 0)
		wrong = restore_history(process, entry->machine);
	if (wrong == NULL && unlikely(process->row.children != (Datum) 0))
		wrong = check_children(process);
	return wrong;
}

/*
 * Set process->machine, the machine of its definition, to the states and the
 * history of its row.  Error XX001 if the engine cannot have stored that row.
 */
void
wf_restore(WfProcess *process)
{
	const char *wrong = restore(process);

	if (unlikely(wrong != NULL))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("process %s is not as the engine left it",
						wf_uuid_text(&process->row.id)),
				 errdetail("%s", wrong),
				 errhint("workflow.check() finds what else is wrong.")));
}

/* As wf_restore(), but return false where that throws. */
bool
wf_restore_is_sound(WfProcess *process)
{
	return restore(process) == NULL;
}
