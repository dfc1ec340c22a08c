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
#include "process/child_input.h"
#include "process/child_list.h"
#include "process/child_run.h"
#include "process/error_event.h"
#include "process/event_scope.h"
#include "process/process.h"
#include "process/process_timer.h"
#include "process/send.h"
#include "process/stepper.h"
#include "store/change_sets.h"
#include "store/changes.h"
#include "store/process_row.h"
#include "store/status.h"
#include "store/timer.h"

/* --- invoke ------------------------------------------------------------ */

/*
 * A child cannot be made: raise error.invoke.ID.  If no active state handles
 * that, throw the error instead, because the process would wait for the child
 * for ever.
 */
static void
refuse(WfProcess *process, const WfInvoke *invoke, int code, const char *message)
{
	if (!wf_child_input_is_heard(process, invoke))
		ereport(ERROR,
				(errcode(code),
				 errmsg_internal("%s", message),
				 process->machine->quiet ?
				 errdetail("It is invoked at %s.", invoke->path) :
				 errdetail("It is invoked at %s, without onError.", invoke->path)));
	wf_child_input_fail(process, invoke, wf_child_event_error(unpack_sql_state(code), message));
}

/*
 * Add a child for one invoke of a state that is entered: it gets an id, its
 * input and a mailbox.  If the definition does not exist, may not be started by
 * the parent's owner, or is nested too deeply, raises the internal event
 * error.invoke.ID if an active state handles that, else throws WF006, WF002 or
 * 54000.
 */
void
wf_child_invoke(WfProcess *process, const WfInvoke *invoke, const WfEvent *event)
{
	WfDefinition *definition;
	pg_uuid_t	id;
	WfChild    *child;

	if (invoke->is_job)
	{
		wf_child_run_invoke(process, invoke, event);
		return;
	}
	definition = wf_definition_newest_kept(invoke->src);
	if (definition == NULL)
		refuse(process, invoke, WF_ERR_NO_DEFINITION,
			   psprintf("definition \"%s\" does not exist", invoke->src));
	else if (!wf_privilege_role_may(process->definition->role, definition, "start"))
		refuse(process, invoke, WF_ERR_NOT_ALLOWED,
			   psprintf("permission denied to start definition \"%s\"", invoke->src));
	else if (process->row.depth >= wf_max_invoke_depth)
		refuse(process, invoke, ERRCODE_PROGRAM_LIMIT_EXCEEDED,
			   psprintf("cannot invoke definition \"%s\" at a depth of more than workflow.max_invoke_depth (%d)",
						invoke->src, wf_max_invoke_depth));
	else
	{
		Jsonb	   *input;

		if (!wf_child_input(process, invoke, event, &input))
			return;
		wf_uuid_make(&id, wf_uuid_slot(&process->row.id));
		child = wf_child_list_add(process, invoke->id, &id);
		child->definition = definition;
		child->input = input;
		child->actor = wf_send_actor(process, definition,
									 wf_event_scope_actor(process, event));
	}
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
 * Collect the row of a child, the event that starts it, and the events in its
 * mailbox.  Its initial context is evaluated when it starts: the parent's step
 * must not run code of the child's owner.
 */
static void
start_child(WfProcess *process, WfChild *child)
{
	WfChanges  *changes = wf_stepper_changes(process->stepper);
	TimestampTz now = wf_clock_now();
	WfRow		row = {.id = child->id,.definition = child->definition->id,
		.status = WF_INITIALIZED,
		.states = PointerGetDatum(construct_empty_array(TEXTOID)),
		.context = JsonbPGetDatum(wf_jsonb_object(0, NULL, NULL)),
		.has_parent = true,.parent = process->row.id,.invoke = child->invoke,
	.depth = process->row.depth + 1};
	WfTimerRow	start = {.process = child->id,.due = now,.event = WF_START_EVENT,
	.actor = child->actor,.data = child->input};

	wf_changes_start(changes, &row, now, process->definition->role, NULL);
	wf_changes_arm(changes, &start, child->definition->owner, false, false);
	for (int i = 0; i < child->nmailbox; i++)
		wf_changes_arm(changes, &child->mailbox[i], child->definition->owner, false, false);
	child->started = true;
	process->children_changed = true;
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
		if (child->is_run)
			wf_child_run_start(process, child);
		else
			start_child(process, child);
	}
}

/* --- letting go -------------------------------------------------------- */

/* Send a child the order to end, which it does in a step of its own. */
static void
cancel_child(WfProcess *process, const WfChild *child)
{
	bool		over;
	WfDefinition *definition = wf_send_definition_of(&child->id, &over);
	WfTimerRow	cancel = {.process = child->id,.due = wf_clock_now(),
	.event = WF_CANCEL_EVENT};

	if (definition == NULL)
		definition = child->definition; /* made by this transaction */
	if (definition != NULL && !over)
		wf_changes_arm(wf_stepper_changes(process->stepper), &cancel,
					   definition->owner, false, false);
}

/*
 * Let go of a child: what it sends from now on does not count, and, unless it is
 * detached, it is cancelled.  Takes it out of the list, so that `child` points
 * to another one, or to none, afterwards.
 */
void
wf_child_let_go(WfProcess *process, WfChild *child, bool detached)
{
	if (child->started && child->is_run)
		wf_child_run_let_go(process, child, detached);
	else if (child->started)
	{
		for (int i = process->mailbox_head; i < process->nmailbox; i++)
		{
			WfTimerRow *timer = &process->mailbox[i].timer;

			if (timer->from_child && memcmp(&timer->child, &child->id, UUID_LEN) == 0)
				timer->from_child = false;
		}
		wf_changes_let_go(wf_stepper_changes(process->stepper), &process->row.id,
						  &child->id);
		wf_stepper_disown(process->stepper, &child->id);
		if (!detached)
			cancel_child(process, child);
	}
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
			if (child->is_run)
				wf_child_run_let_go(process, child, false);
			else
				cancel_child(process, child);
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
	.child = process->row.id};

	if (!process->row.has_parent || process->disowned)
		return;
	parent = wf_send_definition_of(&process->row.parent, &over);
	if (parent == NULL || over)
		return;
	notice.process = process->row.parent;
	notice.event = psprintf("%s%s", prefix, process->row.invoke);
	wf_changes_arm(wf_stepper_changes(process->stepper), &notice, parent->owner,
				   false, false);
}
