/*-------------------------------------------------------------------------
 *
 * process.c
 *	  Questions about a process, and changes of it, outside of its steps.
 *
 * Runs in any backend, under the lock on the process row; what only asks may
 * also run on a row that was read without lock.  The processes of a definition
 * share one machine, so functions that look at states restore it first.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "base/errcodes.h"
#include "base/quote.h"
#include "base/uuid.h"
#include "chart/chart.h"
#include "definition/definition.h"
#include "eval/user_context.h"
#include "interpreter/machine.h"
#include "interpreter/select.h"
#include "process/event_scope.h"
#include "process/policy.h"
#include "process/process.h"
#include "process/process_timer.h"
#include "process/restore.h"
#include "process/stepper.h"
#include "store/process_row.h"
#include "store/status.h"
#include "store/timer.h"

/* The definition, of the version that the process has. */
WfDefinition *
wf_process_definition(const WfProcess *process)
{
	return process->definition;
}

/*
 * The row as it will be written.  Steps change it in place, so the pointer
 * stays good for as long as the process.
 */
const WfRow *
wf_process_as_row(const WfProcess *process)
{
	return &process->row;
}

/* Set the status of a process and whether it is suspended, to be written. */
void
wf_process_set(WfProcess *process, WfStatus status, bool suspended)
{
	process->row.status = status;
	process->row.suspended = suspended;
	process->changed = true;
}

/* --- its states -------------------------------------------------------- */

/* Is this state active? */
static bool
in_state(WfProcess *process, WfStateId state)
{
	/* Another process of the definition may have used the machine since. */
	if (process->machine == NULL || process->machine->host != process)
		wf_restore(process);
	return wf_machine_is_active(process->machine, state);
}

/* Is this the descriptor of events that a person or an application sends? */
bool
wf_process_is_command(const char *descriptor)
{
	static const char *const ours[] = {"after.", "done.state.", "done.invoke.",
	"error."};

	for (int i = 0; i < (int) lengthof(ours); i++)
		if (strncmp(descriptor, ours[i], strlen(ours[i])) == 0)
			return false;
	return !wf_chart_is_of_task(descriptor);
}

/*
 * The names of all active states as text[], those that contain others
 * included, in document order.
 */
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

/* Does an active state have a transition for this event, whatever its guard? */
bool
wf_process_handles(WfProcess *process, const char *event)
{
	wf_restore(process);
	return wf_machine_handles(process->machine, event);
}

/*
 * Does an active state react to a command, a timer or a child?  Else nothing
 * can happen to the process any more, unless an operator moves it.
 */
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
			if (wf_process_is_command(chart->states[i].handlers[h].descriptor))
				return true;
	}
	return false;
}

/* The first transition that the process would take for an event, or NULL. */
const WfTransition *
wf_process_would_take_event(WfProcess *process, const WfEvent *event)
{
	const WfTransition *result;

	WF_PUSH_STEP(process, event->name);
	process->asking = true;
	result = wf_select_would_take(process->machine, event);
	process->asking = false;
	wf_user_context_leave(&process->user_context);
	WF_POP_STEP();
	return result;
}

/*
 * Would the process take this event in its present states?  Evaluates guards,
 * and throws what they throw; takes no transition.  The machine must have been
 * restored.
 */
bool
wf_process_would_take(WfProcess *process, const WfTimerRow *timer)
{
	WfPayload	payload = {.data = timer->data,.actor = timer->actor};
	WfEvent		event = {timer->event, &payload};

	return wf_process_would_take_event(process, &event) != NULL;
}

/*
 * As wf_process_would_take(), but the name of the state whose transition would be
 * taken, or NULL.
 */
const char *
wf_process_taker(WfProcess *process, const WfTimerRow *timer)
{
	WfPayload	payload = {.data = timer->data,.actor = timer->actor};
	WfEvent		event = {timer->event, &payload};
	const WfTransition *taken = wf_process_would_take_event(process, &event);

	return taken == NULL ? NULL : process->definition->chart->states[taken->source].name;
}

/* --- its timers -------------------------------------------------------- */

/*
 * Start the timer `name` of an active state anew, due at `due`, or, if that is
 * DT_NOBEGIN, as on entry of its state.  Returns the due time, DT_NOEND if it
 * is never due.  Error WF008 if no active state has a timer of this name.
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

/*
 * Is the present error one that the server throws because the session is restricted?
 * A right that the owner lacks has the same SQLSTATE, and an executor would miss it,
 * too: only the text of the message, before it is translated, tells them apart.
 */
static bool
is_of_restriction(void)
{
	MemoryContext old;
	ErrorData  *error;
	bool		result;

	if (geterrcode() != ERRCODE_INSUFFICIENT_PRIVILEGE || !InSecurityRestrictedOperation())
		return false;
	old = MemoryContextSwitchTo(CurTransactionContext);
	error = CopyErrorData();
	result = error->message_id != NULL &&
		strstr(error->message_id, "security-restricted operation") != NULL;
	FreeErrorData(error);
	MemoryContextSwitchTo(old);
	return result;
}

/*
 * Error context callback of WF_PUSH_STEP(): says which event of which process
 * an error happened in.  An error of a restricted operation in a client's
 * session also gets a hint, since an executor would not have met it.
 */
void
wf_process_error_context(void *arg)
{
	WfStepContext *context = arg;

	wf_policy_note(context->process);
	if (is_of_restriction())
		errhint("A command runs its actions in the client's session with restrictions. Send the event with workflow.post(), then an executor runs them as their owner.");
	errcontext("event \"%s\" of workflow \"%s\", process %s", context->event,
			   context->process->definition->name,
			   wf_uuid_text(&context->process->row.id));
}

/* Error WF001: there is no process with this id. */
void
wf_process_refuse_missing(const pg_uuid_t *id)
{
	ereport(ERROR,
			(errcode(WF_ERR_NO_PROCESS),
			 errmsg("process %s does not exist", wf_uuid_text(id))));
}

/* Error WF004: the process is over. */
void
wf_process_refuse_over(const pg_uuid_t *id)
{
	ereport(ERROR,
			(errcode(WF_ERR_OVER),
			 errmsg("process %s is over", wf_uuid_text(id))));
}

/*
 * Error WF004 if the process is over, WF003 if it is suspended, has not
 * started or has failed: then it takes no commands.
 */
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
