/*-------------------------------------------------------------------------
 *
 * process.c
 *	  What is asked of a process, or done to it, outside of its steps.
 *
 * Runs in any backend.  What is asked of its states has them restored first,
 * if another process was at the machine in between.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"

#include "process/process.h"
#include "base/quote.h"
#include "base/uuid.h"

bool
wf_row_parks(const WfRow *row, const WfTimerRow *timer)
{
	if (strcmp(timer->event, WF_CANCEL_EVENT) == 0)
		return false;
	return row->suspended || row->status == WF_TERMINATED ||
		(row->status == WF_INITIALIZED && strcmp(timer->event, WF_START_EVENT) != 0);
}

WfDefinition *
wf_process_definition(const WfProcess *process)
{
	return process->definition;
}

const WfRow *
wf_process_row(const WfProcess *process)
{
	return &process->row;
}

void
wf_process_set(WfProcess *process, WfStatus status, bool suspended)
{
	process->row.status = status;
	process->row.suspended = suspended;
	process->changed = true;
}

/* --- its states -------------------------------------------------------- */

static bool
in_state(WfProcess *process, WfStateId state)
{
	/* Processes of one definition share a machine: is it still set up for us? */
	if (process->machine == NULL || process->machine->host != process)
		wf_process_load(process);
	return wf_is_active(process->machine, state);
}

/* Is this descriptor something that a person or an application sends? */
static bool
is_command(const char *descriptor)
{
	static const char *const ours[] = {"after.", "done.state.", "done.invoke.",
	"error."};

	for (int i = 0; i < (int) lengthof(ours); i++)
		if (strncmp(descriptor, ours[i], strlen(ours[i])) == 0)
			return false;
	return true;
}

ArrayType *
wf_process_active(WfProcess *process)
{
	const WfChart *chart = process->definition->chart;
	WfStateId  *active = palloc(sizeof(WfStateId) * chart->nstates);
	int			n = 0;

	wf_process_load(process);
	for (int i = 0; i < chart->nstates; i++)
		if (wf_is_active(process->machine, i))
			active[n++] = i;
	return wf_states_array(process->definition, active, n);
}

bool
wf_process_handles(WfProcess *process, const char *event)
{
	wf_process_load(process);
	return wf_machine_handles(process->machine, event);
}

bool
wf_process_has_exit(WfProcess *process)
{
	const WfChart *chart = process->definition->chart;

	wf_process_load(process);
	for (int i = 0; i < chart->nstates; i++)
	{
		if (!wf_is_active(process->machine, i))
			continue;
		if (chart->states[i].ntimers > 0 || chart->states[i].ninvokes > 0)
			return true;
		for (int h = 0; h < chart->states[i].nhandlers; h++)
			if (is_command(chart->states[i].handlers[h].descriptor))
				return true;
	}
	return false;
}

static bool
would_take_event(WfProcess *process, const WfEvent *event)
{
	bool		result;

	WF_PUSH_STEP(process, event->name);
	process->asking = true;
	result = wf_would_take(process->machine, event);
	process->asking = false;
	wf_user_leave(&process->bracket);
	WF_POP_STEP();
	return result;
}

bool
wf_process_would_take(WfProcess *process, const WfTimerRow *timer)
{
	WfPayload	payload = {.data = timer->data,.actor = timer->actor};
	WfEvent		event = {timer->event, &payload};

	return would_take_event(process, &event);
}

void
wf_process_events(WfStepper *stepper, WfProcess *process, const char *actor,
				  void (*found) (void *arg, const char *event, bool enabled),
				  void *arg)
{
	const WfChart *chart = process->definition->chart;
	WfPayload	payload = {.actor = actor};
	List	   *seen = NIL;

	wf_process_load(process);
	for (int i = 0; i < chart->nstates; i++)
	{
		if (!wf_is_active(process->machine, i))
			continue;
		for (int h = 0; h < chart->states[i].nhandlers; h++)
		{
			const char *name = chart->states[i].handlers[h].descriptor;
			WfEvent		event = {name, &payload};
			ListCell   *cell;
			bool		again = false;

			foreach(cell, seen)
				again = again || strcmp(lfirst(cell), name) == 0;
			if (again || !is_command(name))
				continue;
			seen = lappend(seen, unconstify(char *, name));
			payload.built = NULL;
			found(arg, name, would_take_event(process, &event));
		}
	}
}

/* --- its timers -------------------------------------------------------- */

TimestampTz
wf_process_set_timer(WfStepper *stepper, WfProcess *process,
					 const char *name, TimestampTz due)
{
	const WfChart *chart = process->definition->chart;

	for (int s = 0; s < chart->nstates; s++)
	{
		const WfState *state = &chart->states[s];

		if (state->ntimers == 0 || !in_state(process, s))
			continue;
		for (int i = 0; i < state->ntimers; i++)
			if (strcmp(state->timers[i].name, name) == 0)
				return wf_timers_reset(process, state, &state->timers[i], due);
	}
	ereport(ERROR,
			(errcode(WF_ERR_NO_TIMER),
			 errmsg("no active state has a timer \"%s\"", wf_quoted(name)),
			 errhint("A timer is named by its key under \"after\".")));
	return DT_NOEND;			/* keep compiler quiet */
}

/* --- its errors -------------------------------------------------------- */

void
wf_step_context(void *arg)
{
	WfStepContext *context = arg;

	if (geterrcode() == ERRCODE_INSUFFICIENT_PRIVILEGE &&
		InSecurityRestrictedOperation())
		errhint("A command runs its actions in the client's session with restrictions. Send the event with workflow.post(), then an executor runs them as their owner.");
	errcontext("event \"%s\" of workflow \"%s\", process %s", context->event,
			   context->process->definition->name,
			   wf_uuid_text(&context->process->row.id));
}
