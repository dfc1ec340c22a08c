/*-------------------------------------------------------------------------
 *
 * child.c
 *	  Children: the processes that a state invokes while it is active.
 *
 * Runs in any backend under the lock on the parent's or the child's row,
 * never both: parent and child tell each other by rows in timer.
 *
 * A child has its id, and takes events, from the moment its state is entered;
 * its row is made when the macrostep ends with the state still active.  The
 * parent knows its children by the column `children`.  What a child sends to
 * its parent bears its id and counts as long as it is one; at the moment when
 * the parent lets it go, what it has sent by then loses that mark and so
 * counts, and what comes later does not.
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
#include "process/error_event.h"
#include "process/event_scope.h"
#include "process/process.h"
#include "process/send.h"
#include "process/stepper.h"
#include "store/change_sets.h"
#include "store/changes.h"
#include "store/process_row.h"
#include "store/status.h"
#include "store/timer.h"

/* --- invoke ------------------------------------------------------------ */

/*
 * There will be no child.  Who has an onError gets to know; where nobody
 * would, waiting for the child would be for ever.
 */
static void
refuse(WfProcess *process, const WfInvoke *invoke, int code, const char *reason)
{
	static const char *keys[] = {"sqlstate", "message"};
	const char *event = psprintf(WF_ERROR_INVOKE "%s", invoke->id);
	WfPayload  *payload = palloc0(sizeof(WfPayload));
	WfEvent		error = {event, payload};
	Jsonb	   *values[2];

	if (process->machine->quiet || !wf_machine_handles(process->machine, event))
		ereport(ERROR,
				(errcode(code),
				 errmsg("cannot invoke \"%s\": %s", invoke->src, reason),
				 process->machine->quiet ?
				 errdetail("It is invoked at %s.", invoke->path) :
				 errdetail("It is invoked at %s, without onError.", invoke->path)));
	values[0] = wf_jsonb_string(unpack_sql_state(code));
	values[1] = wf_jsonb_string(reason);
	payload->data = wf_jsonb_object(lengthof(keys), keys, values);
	wf_interpret_raise(process->machine, &error);
}

typedef struct Input
{
	WfProcess  *process;
	const WfInvoke *invoke;
	const WfEvent *event;
	Jsonb	   *result;
} Input;

static void
call_input(void *arg)
{
	Input	   *input = arg;
	const WfInvoke *invoke = input->invoke;
	WfProcessScope scope;

	input->result = wf_eval_value(input->process->definition->evaluator, invoke->input,
								  wf_event_scope(&scope, input->process, input->event));
	if (!JB_ROOT_IS_OBJECT(input->result))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the input for \"%s\" at %s is not a JSON object",
						invoke->src, invoke->path)));
}

/*
 * What a child is given, NULL for nothing.  False: its expression failed, and
 * the process was told so; there will be no child.
 */
bool
wf_child_input(WfProcess *process, const WfInvoke *invoke, const WfEvent *event, Jsonb **result)
{
	Input		input = {process, invoke, event, NULL};
	WfCode		code = {"input", invoke->path, false};

	if (invoke->input != NULL && !wf_call_catches(process))
		call_input(&input);
	else if (invoke->input != NULL &&
			 !wf_error_event_catch(process, event, &code, call_input, &input))
		return false;
	*result = input.result;
	return true;
}

/*
 * The first and the last of these moments for one of several invokes; the
 * child must exist, and is gone from memory then.
 */
void
wf_child_invoke(WfProcess *process, const WfInvoke *invoke, const WfEvent *event)
{
	WfDefinition *definition = wf_definition_newest(invoke->src);
	pg_uuid_t	id;
	WfChild    *child;

	if (definition == NULL)
		refuse(process, invoke, WF_ERR_NO_DEFINITION, "no such definition");
	else if (!wf_privilege_role_may(process->definition->role, definition, "start"))
		refuse(process, invoke, WF_ERR_NOT_ALLOWED, "permission denied to start it");
	else if (process->row.depth >= wf_max_invoke_depth)
		refuse(process, invoke, ERRCODE_PROGRAM_LIMIT_EXCEEDED,
			   "more than workflow.max_invoke_depth processes deep");
	else
	{
		Jsonb	   *input;

		if (!wf_child_input(process, invoke, event, &input))
			return;
		wf_uuid_make(&id);
		child = wf_child_list_add(process, invoke->id, &id);
		child->definition = definition;
		child->input = input;
		child->actor = wf_send_actor(process, definition,
									 wf_event_scope_actor(process, event));
	}
}

/*
 * The interpreter's three moments: a state with invokes is entered (its
 * children get ids), is still active at the end of the macrostep (they
 * start), is left (they are cancelled, unless detached).  A definition that
 * does not exist, or may not be started by the parent's owner, gives the
 * internal event error.invoke.ID where a state handles that, else an error.
 */
void
wf_children_invoke(WfProcess *process, const WfState *state, const WfEvent *event)
{
	for (int i = 0; i < state->ninvokes; i++)
		wf_child_invoke(process, &state->invokes[i], event);
}

/* The row, the event that starts it, and what it was sent meanwhile. */
static void
start_child(WfProcess *process, WfChild *child)
{
	WfChanges   *out = wf_stepper_changes(process->stepper);
	TimestampTz now = wf_clock_now();
	WfRow		row = {.id = child->id,.definition = child->definition->id,
		.status = WF_INITIALIZED,
		.states = PointerGetDatum(construct_empty_array(TEXTOID)),
		.context = JsonbPGetDatum(wf_jsonb_object(0, NULL, NULL)),
		.has_parent = true,.parent = process->row.id,.invoke = child->invoke,
	.depth = process->row.depth + 1};
	WfTimerRow	start = {.process = child->id,.due = now,.event = WF_START_EVENT,
	.actor = child->actor,.data = child->input};

	wf_changes_start(out, &row, now, process->definition->role, NULL);
	wf_changes_arm(out, &start, child->definition->owner, false, false);
	for (int i = 0; i < child->nmail; i++)
		wf_changes_arm(out, &child->mail[i], child->definition->owner, false, false);
	child->started = true;
	process->children_changed = true;
}

void
wf_children_start(WfProcess *process, const WfState *state)
{
	for (int i = 0; i < state->ninvokes; i++)
	{
		WfChild    *child = wf_child_list_find(process, state->invokes[i].id);

		if (child != NULL && !child->started)
			start_child(process, child);
	}
}

/* --- letting go -------------------------------------------------------- */

/* The child is told to end; that it does so takes a step of its own. */
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

void
wf_child_let_go(WfProcess *process, WfChild *child, bool detached)
{
	if (child->started)
	{
		for (int i = process->head; i < process->nqueue; i++)
		{
			WfTimerRow *timer = &process->queue[i].timer;

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
 * The process goes without leaving its states: its children are told to end.
 * sound: as wf_restore_is_sound() said; if not, all of them.
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

			if (child != NULL && !invoke->detached)
				cancel_child(process, child);
		}
}

/* --- what a child tells its parent ------------------------------------- */

/*
 * Send "<prefix><invoke id>" to the process that invoked this one, if there is
 * one which has not let it go.
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

/* What error.invoke.ID carries. */
Jsonb *
wf_child_error(const char *sqlstate, const char *message)
{
	static const char *keys[] = {"sqlstate", "message"};
	Jsonb	   *values[] = {wf_jsonb_string(sqlstate), wf_jsonb_string(message)};

	return wf_jsonb_object(lengthof(keys), keys, values);
}
