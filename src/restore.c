/*-------------------------------------------------------------------------
 *
 * restore.c
 *	  From a process's row to a machine, and back.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "guc.h"
#include "process.h"

static void
restore_states(WfProcess *process, WfMachine *machine)
{
	const WfChart *chart = process->definition->chart;
	Datum	   *names;
	int			n;

	deconstruct_array(DatumGetArrayTypeP(process->row.states), TEXTOID, -1,
					  false, TYPALIGN_INT, &names, NULL, &n);
	for (int i = 0; i < n; i++)
	{
		text	   *name = DatumGetTextPP(names[i]);
		WfStateId	state = wf_chart_find(chart, VARDATA_ANY(name),
										  VARSIZE_ANY_EXHDR(name));

		if (state == WF_NO_STATE || !wf_machine_activate(machine, state))
			ereport(ERROR,
					(errcode(ERRCODE_DATA_CORRUPTED),
					 errmsg("definition \"%s\" version %d has no state \"%s\"",
							process->definition->name, process->definition->version,
							text_to_cstring(name))));
	}
}

/* {"history state": ["state", ...], ...} */
static void
restore_history(WfProcess *process, WfMachine *machine)
{
	Jsonb	   *history = DatumGetJsonbP(process->row.history);
	JsonbIterator *it = JsonbIteratorInit(&history->root);
	JsonbIteratorToken token;
	JsonbValue	value;
	WfHistoryValue *current = NULL;

	machine->history = palloc(sizeof(WfHistoryValue) *
							  JB_ROOT_COUNT(history));
	machine->nhistory = 0;
	while ((token = JsonbIteratorNext(&it, &value, false)) != WJB_DONE)
	{
		WfStateId	state = WF_NO_STATE;

		if (token == WJB_KEY || token == WJB_ELEM)
			state = wf_chart_find(process->definition->chart,
								  value.val.string.val, value.val.string.len);
		if (token == WJB_KEY)
		{
			/* of a history state that is no more, nothing is taken over */
			current = state == WF_NO_STATE ? NULL :
				&machine->history[machine->nhistory++];
			if (current != NULL)
				*current = (WfHistoryValue) {state, 0, NULL};
		}
		else if (token == WJB_BEGIN_ARRAY && current != NULL)
			current->states = palloc(sizeof(WfStateId) *
									 value.val.array.nElems);
		else if (token == WJB_ELEM && current != NULL && state != WF_NO_STATE)
			current->states[current->n++] = state;
	}
}

Jsonb *
wf_history_jsonb(const WfMachine *machine)
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

void
wf_process_load(WfProcess *process)
{
	WfStepper  *stepper = process->stepper;
	WfMachineOf  *entry;

	for (entry = stepper->machines; entry != NULL; entry = entry->next)
		if (entry->definition == process->definition)
			break;
	if (entry == NULL)
	{
		entry = palloc(sizeof(WfMachineOf));
		entry->definition = process->definition;
		entry->machine = wf_machine_new(process->definition->chart,
										stepper->onlooker == NULL ?
										&wf_process_host :
										stepper->onlooker->host, process,
										wf_max_microsteps);
		entry->next = stepper->machines;
		stepper->machines = entry;
	}
	wf_machine_reset(entry->machine, process);
	process->machine = entry->machine;
	process->own_context = NULL;	/* a verdict may show it */
	if (process->row.status != WF_INITIALIZED)
		restore_states(process, entry->machine);
	if (process->row.history != (Datum) 0)
		restore_history(process, entry->machine);
}
