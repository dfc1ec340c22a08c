/*-------------------------------------------------------------------------
 *
 * host.c
 *	  The interpreter's host: its callbacks, done for a process in memory.
 *
 * Runs in any backend, under the lock on the process row.  The callbacks
 * dispatch to the files that do the work; self is the WfProcess.  They may
 * throw: the machine and all that a step has collected live in the memory
 * context of its stepper, and are not used again.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"

#include "chart/chart.h"
#include "interpreter/machine.h"
#include "process/action.h"
#include "process/allow.h"
#include "process/call.h"
#include "process/child.h"
#include "process/correlation.h"
#include "process/error_event.h"
#include "process/event_scope.h"
#include "process/foreach.h"
#include "process/host.h"
#include "process/process.h"
#include "process/process_timer.h"
#include "process/task.h"

/* --- the author's code ------------------------------------------------- */

static bool
host_guard(void *self, const WfExpr *expr, const WfEvent *event)
{
	CHECK_FOR_INTERRUPTS();
	return wf_call_guard(self, expr, event);
}

static void
host_action(void *self, const WfAction *action, const WfEvent *event)
{
	CHECK_FOR_INTERRUPTS();
	if (action->kind == WF_ACTION_FOREACH)
		wf_foreach(self, action, event);
	else
		wf_action(self, action, event);
}

/* --- timers and children ----------------------------------------------- */

static void
host_arm(void *self, const WfState *state, const WfEvent *event)
{
	wf_process_timer_arm(self, state, event);
	wf_correlation_arm(self, state, event);
	wf_task_arm(self, state, event);
}

static void
host_disarm(void *self, const WfState *state)
{
	wf_process_timer_disarm(self, state);
	wf_correlation_disarm(self, state);
	wf_task_disarm(self, state);
}

static void
host_invoke(void *self, const WfState *state, const WfEvent *event)
{
	wf_children_invoke(self, state, event);
}

static void
host_invoke_start(void *self, const WfState *state)
{
	wf_children_start(self, state);
}

static void
host_uninvoke(void *self, const WfState *state)
{
	wf_children_let_go(self, state);
}

/* --- the end ----------------------------------------------------------- */

/* The payload of done.state.PARENT: the output of a final state that has one. */
static void *
host_done_payload(void *self, const WfState *final, const WfEvent *event)
{
	WfPayload  *payload;
	Jsonb	   *output;

	if (final->output == NULL || !wf_call_output(self, final, event, &output))
		return NULL;
	payload = palloc0(sizeof(WfPayload));
	payload->output = output;
	return payload;
}

/*
 * Is the end that the machine of a process has reached a failure?  Only the final states of
 * the root say so; with a parallel root, one of them suffices.
 */
bool
wf_host_failed(const WfProcess *process)
{
	const WfChart *chart = process->definition->chart;
	const WfState *root = chart->states;

	for (int i = 0; i < root->nchildren && chart->has_failure; i++)
		if (chart->states[root->children[i]].failure &&
			wf_machine_is_active(process->machine, root->children[i]))
			return true;
	return false;
}

/*
 * The machine has reached a final state of the root: set the output of the
 * process and tell its parent.  An output of the root sees that of the final
 * state as event.output; where the root has none, that is the output of the
 * process.
 */
static void
host_done(void *self, const WfState *final, const WfEvent *event)
{
	WfProcess  *process = self;
	const WfState *root = process->definition->chart->states;
	Jsonb	   *output = wf_event_scope_value(process, final->output, event);

	if (root->output != NULL)
	{
		WfPayload	payload = {.output = output,
		.actor = wf_event_scope_actor(process, event)};
		WfEvent		done = {psprintf("done.state.%s", root->name), &payload};

		output = wf_event_scope_value(process, root->output, &done);
	}
	if (output != NULL)
		process->row.output = JsonbPGetDatum(output);
	wf_child_tell(process, wf_host_failed(process) ? WF_ERROR_INVOKE : WF_DONE_INVOKE, output);
}

/* --- errors ------------------------------------------------------------ */

static bool
host_allowed(void *self, const WfTransition *transition, const WfEvent *event)
{
	return wf_allow_permits(self, transition, event);
}

/* An internal event was not taken: if it is an error event, throw the error. */
static void
host_unheard(void *self, const WfEvent *event)
{
	if (event->payload != NULL)
		wf_error_event_not_caught(event);
}

static void
host_too_many(void *self, int limit)
{
	ereport(ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("a step did not end after %d microsteps", limit),
			 errhint("Look for a cycle of \"always\" transitions or raised events; workflow.max_microsteps is the limit.")));
}

/* The host of every process; an observer may put another one in its place. */
const WfHost wf_process_host = {
	.guard = host_guard,
	.action = host_action,
	.arm = host_arm,
	.disarm = host_disarm,
	.invoke = host_invoke,
	.invoke_start = host_invoke_start,
	.uninvoke = host_uninvoke,
	.done_payload = host_done_payload,
	.done = host_done,
	.too_many_microsteps = host_too_many,
	.unheard = host_unheard,
	.allowed = host_allowed,
};
