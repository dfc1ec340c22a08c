/*-------------------------------------------------------------------------
 *
 * child.c
 *	  Children: the processes that a state invokes while it is active.
 *
 * Runs in any backend, under the lock on the row of the parent or of the child,
 * never of both: they tell each other something by rows in workflow.timer.
 *
 * A child has an id and a mailbox from the moment in which its state is
 * entered; its row is made when the macrostep ends, if the state is still
 * active.  The column "children" of the parent's row has its id.
 *
 * What a child sends to its parent is marked with the child's id, and counts
 * only while the parent has that child.  When the parent lets go of it, the mark
 * is removed from what the child has sent by then, so that this still counts and
 * what it sends later does not.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "base/clock.h"
#include "base/errcodes.h"
#include "base/guc.h"
#include "base/jsonb.h"
#include "base/uuid.h"
#include "chart/chart.h"
#include "definition/definition.h"
#include "definition/privilege.h"
#include "eval/eval.h"
#include "interpreter/interpret.h"
#include "interpreter/machine.h"
#include "process/call.h"
#include "process/child.h"
#include "process/child_list.h"
#include "process/child_map.h"
#include "process/child_process.h"
#include "process/child_run.h"
#include "process/error_event.h"
#include "process/event_scope.h"
#include "process/process.h"
#include "process/process_timer.h"
#include "process/send.h"
#include "process/step_trace.h"
#include "process/stepper.h"
#include "store/change_sets.h"
#include "store/changes.h"
#include "store/process_row.h"
#include "store/status.h"
#include "store/timer.h"

/* --- invoke ------------------------------------------------------------ */

/*
 * Add what one invoke of a state that is entered stands for: a process, a run, or one of
 * those for each element of an array.  If that is impossible, raises error.invoke.ID if
 * an active state handles that, else throws.
 */
void
wf_child_invoke(WfProcess *process, const WfInvoke *invoke, const WfEvent *event)
{
	if (invoke->map != NULL)
		wf_child_map_invoke(process, invoke, event);
	else if (invoke->is_job)
		wf_child_run_invoke(process, invoke, event);
	else
		wf_child_process_invoke(process, invoke, event);
}

/*
 * A state with invokes is entered: add its children.  Errors as
 * wf_child_invoke().
 */
void
wf_children_invoke(WfProcess *process, const WfState *state, const WfEvent *event)
{
	for (int i = 0; i < state->ninvokes; i++)
		wf_child_invoke(process, &state->invokes[i], event);
}

/*
 * A macrostep ends, and a state with invokes is active that was entered in it:
 * make the rows of its children, whose owners' executors start them.
 */
void
wf_children_start(WfProcess *process, const WfState *state)
{
	for (int i = 0; i < state->ninvokes; i++)
	{
		WfChild    *child = wf_child_list_find(process, state->invokes[i].id);

		if (child == NULL || child->started)
			continue;
		if (child->is_map)
			wf_child_map_start(process, child, &state->invokes[i]);
		else if (child->is_run)
			wf_child_run_start(process, child);
		else
			wf_child_process_start(process, child);
	}
}

/* --- letting go -------------------------------------------------------- */

/* What a process has sent by now counts; it is cancelled, unless it is detached. */
static void
let_process_go(WfProcess *process, const WfChild *child, bool detached)
{
	for (int i = process->mailbox_head; i < process->nmailbox; i++)
	{
		WfTimerRow *timer = &process->mailbox[i].timer;

		if (timer->from_child && memcmp(&timer->child, &child->id, UUID_LEN) == 0)
			timer->from_child = false;
	}
	wf_changes_let_go(wf_stepper_changes(process->stepper), &process->row.id, &child->id);
	wf_stepper_disown(process->stepper, &child->id);
	if (!detached)
		wf_child_process_cancel(process, &child->id, child->definition);
}

/*
 * Let go of a child: what it sends from now on does not count, and, unless it is
 * detached, it is cancelled.  Takes it out of the list, so that `child` points
 * to another one, or to none, afterwards.
 */
void
wf_child_let_go(WfProcess *process, WfChild *child, bool detached)
{
	if (child->is_map)
	{
		wf_child_map_let_go(process, child, detached);
		return;
	}
	if (child->started && child->is_run && !detached)
		wf_child_run_let_go(process, &child->id);
	else if (child->started && !child->is_run)
		let_process_go(process, child, detached);
	wf_child_list_forget(process, child);
}

/* A state with invokes is left: let go of the children that it still has. */
void
wf_children_let_go(WfProcess *process, const WfState *state)
{
	for (int i = 0; i < state->ninvokes; i++)
	{
		WfChild    *child = wf_child_list_find(process, state->invokes[i].id);

		if (child != NULL)
			wf_child_let_go(process, child, state->invokes[i].detached);
	}
}

/*
 * Cancel the children of a process that is erased without leaving its states,
 * but for detached ones.  sound: what wf_restore_is_sound() said; if false, the
 * active states are not known, and the children of all states are cancelled.
 */
void
wf_children_cancel(WfProcess *process, bool sound)
{
	const WfChart *chart = process->definition->chart;

	for (int s = 0; s < chart->nstates; s++)
		for (int i = 0; i < chart->states[s].ninvokes &&
			 (!sound || wf_machine_is_active(process->machine, s)); i++)
		{
			const WfInvoke *invoke = &chart->states[s].invokes[i];
			WfChild    *child = wf_child_list_find(process, invoke->id);

			if (child == NULL || invoke->detached)
				continue;
			if (child->is_map)
				wf_child_map_let_go(process, child, false);
			else if (child->is_run)
				wf_child_run_let_go(process, &child->id);
			else
				wf_child_process_cancel(process, &child->id, child->definition);
		}
}

/* --- what a child tells its parent ------------------------------------- */

/*
 * Send the event "<prefix><invoke id>" with this data (or NULL) to the parent,
 * if the process has one which is not over and has not let go of it.
 */
void
wf_child_tell(WfProcess *process, const char *prefix, Jsonb *data)
{
	bool		over;
	WfDefinition *parent;
	WfTimerRow	notice = {.due = wf_clock_now(),.data = data,.from_child = true,
	.child = process->row.id,.trace = wf_step_trace_span(process)};

	if (!process->row.has_parent || process->disowned)
		return;
	parent = wf_send_definition_of(&process->row.parent, &over, NULL);
	if (parent == NULL || over)
		return;
	notice.process = process->row.parent;
	notice.event = psprintf("%s%s", prefix, process->row.invoke);
	wf_changes_arm(wf_stepper_changes(process->stepper), &notice, parent->owner,
				   false, false);
}
