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

#include "base/errcodes.h"
#include "base/quote.h"
#include "base/uuid.h"
#include "chart/chart.h"
#include "definition/definition.h"
#include "eval/user_context.h"
#include "interpreter/machine.h"
#include "interpreter/select.h"
#include "process/process.h"
#include "process/process_timer.h"
#include "process/restore.h"
#include "store/process_row.h"
#include "store/status.h"
#include "store/timer.h"

WfDefinition *
wf_process_definition(const WfProcess *process)
{
	return process->definition;
}

const WfRow *
wf_process_as_row(const WfProcess *process)
{
	return &process->row;
}

/* Suspend, resume, change the status: what is written of the row. */
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
		wf_restore(process);
	return wf_machine_is_active(process->machine, state);
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

/* text[] of all active states, those that contain others included. */
ArrayType *
wf_process_active(WfProcess *process)
{
	const WfChart *chart = process->definition->chart;
	WfStateId  *active = palloc(sizeof(WfStateId) * chart->nstates);
	int			n = 0;

	wf_restore(process);
	for (int i = 0; i < chart->nstates; i++)
		if (wf_machine_is_active(process->machine, i))
			active[n++] = i;
	return wf_definition_states_array(process->definition, active, n);
}

/* Has an active state a transition for this event, whatever its guard says? */
bool
wf_process_handles(WfProcess *process, const char *event)
{
	wf_restore(process);
	return wf_machine_handles(process->machine, event);
}

/* Does an active state have a way out by a command or a timer? */
bool
wf_process_has_exit(WfProcess *process)
{
	const WfChart *chart = process->definition->chart;

	wf_restore(process);
	for (int i = 0; i < chart->nstates; i++)
	{
		if (!wf_machine_is_active(process->machine, i))
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
	result = wf_select_would_take(process->machine, event);
	process->asking = false;
	wf_user_context_leave(&process->bracket);
	WF_POP_STEP();
	return result;
}

/*
 * Would the process take this now?  Its machine is set up.  Guards
 * are tried; nothing is taken or raised.
 */
bool
wf_process_would_take(WfProcess *process, const WfTimerRow *timer)
{
	WfPayload	payload = {.data = timer->data,.actor = timer->actor};
	WfEvent		event = {timer->event, &payload};

	return would_take_event(process, &event);
}

/* For each handler of an active state, in document order. */
void
wf_process_events(WfStepper *stepper, WfProcess *process, const char *actor,
				  void (*found) (void *arg, const char *event, bool enabled),
				  void *arg)
{
	const WfChart *chart = process->definition->chart;
	WfPayload	payload = {.actor = actor};
	List	   *seen = NIL;

	wf_restore(process);
	for (int i = 0; i < chart->nstates; i++)
	{
		if (!wf_machine_is_active(process->machine, i))
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

/*
 * Start the timer `name` of an active state anew: at `due`, or (due
 * DT_NOBEGIN) as on entry.  Returns the due time, DT_NOEND for never.
 * Error WF008 when no active state has one of this name.
 */
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
				return wf_process_timer_reset(process, state, &state->timers[i], due);
	}
	ereport(ERROR,
			(errcode(WF_ERR_NO_TIMER),
			 errmsg("no active state has a timer \"%s\"", wf_quote(name)),
			 errhint("A timer is named by its key under \"after\".")));
	return DT_NOEND;			/* keep compiler quiet */
}

/* --- its errors -------------------------------------------------------- */

void
wf_process_error_context(void *arg)
{
	WfStepContext *context = arg;

	if (geterrcode() == ERRCODE_INSUFFICIENT_PRIVILEGE &&
		InSecurityRestrictedOperation())
		errhint("A command runs its actions in the client's session with restrictions. Send the event with workflow.post(), then an executor runs them as their owner.");
	errcontext("event \"%s\" of workflow \"%s\", process %s", context->event,
			   context->process->definition->name,
			   wf_uuid_text(&context->process->row.id));
}

/* Errors of a refusal that several functions give. */
void
wf_process_refuse_missing(const pg_uuid_t *id)
{
	ereport(ERROR,
			(errcode(WF_ERR_NO_PROCESS),
			 errmsg("process %s does not exist", wf_uuid_text(id))));
}

void
wf_process_refuse_over(const pg_uuid_t *id)
{
	ereport(ERROR,
			(errcode(WF_ERR_OVER),
			 errmsg("process %s is over", wf_uuid_text(id))));
}

/* Error WF003 or WF004 when a process that stands so takes no commands. */
void
wf_process_refuse_command(const WfRow *row)
{
	if (wf_process_row_is_over(row))
		wf_process_refuse_over(&row->id);
	if (row->suspended)
		ereport(ERROR,
				(errcode(WF_ERR_SUSPENDED),
				 errmsg("process %s is suspended", wf_uuid_text(&row->id)),
				 errhint("workflow.resume() lets it go on.")));
	if (row->step == 0)
		ereport(ERROR,
				(errcode(WF_ERR_SUSPENDED),
				 errmsg("process %s has not started yet", wf_uuid_text(&row->id))));
	if (row->status == WF_TERMINATED)
		ereport(ERROR,
				(errcode(WF_ERR_SUSPENDED),
				 errmsg("process %s failed and waits for workflow.resume()",
						wf_uuid_text(&row->id))));
}
