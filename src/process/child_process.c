/*-------------------------------------------------------------------------
 *
 * child_process.c
 *	  Processes that a state invokes while it is active.
 *
 * Runs in any backend, under the lock on the row of the parent, never on that of the
 * child: its row is made when the macrostep ends, and it is told to end by an event.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "base/clock.h"
#include "base/errcodes.h"
#include "base/guc.h"
#include "base/jsonb.h"
#include "base/uuid.h"
#include "chart/chart.h"
#include "definition/definition.h"
#include "definition/privilege.h"
#include "interpreter/machine.h"
#include "process/child_input.h"
#include "process/child_list.h"
#include "process/child_process.h"
#include "process/event_scope.h"
#include "process/process.h"
#include "process/send.h"
#include "process/step_trace.h"
#include "process/stepper.h"
#include "store/changes.h"
#include "store/process_row.h"
#include "store/status.h"
#include "store/timer.h"

/*
 * Why no process of what an invoke names can be made: the definition does not exist,
 * may not be started by the parent's owner, or is nested too deeply.  *code: its
 * SQLSTATE.  NULL: one can; *definition is its.
 */
const char *
wf_child_process_refusal(WfProcess *process, const WfInvoke *invoke, WfDefinition **definition,
						 int *code)
{
	*definition = wf_definition_newest_kept(invoke->src);
	if (*definition == NULL)
	{
		*code = WF_ERR_NO_DEFINITION;
		return psprintf("definition \"%s\" does not exist", invoke->src);
	}
	if (!wf_privilege_role_may(process->definition->role, *definition, "start"))
	{
		*code = WF_ERR_NOT_ALLOWED;
		return psprintf("permission denied to start definition \"%s\"", invoke->src);
	}
	if (process->row.depth >= wf_max_invoke_depth)
	{
		*code = ERRCODE_PROGRAM_LIMIT_EXCEEDED;
		return psprintf("cannot invoke definition \"%s\" at a depth of more than workflow.max_invoke_depth (%d)",
						invoke->src, wf_max_invoke_depth);
	}
	return NULL;
}

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
 * A state with a definition is entered: add a child, which gets an id, its input and a
 * mailbox.  If there can be none, raises error.invoke.ID if an active state handles
 * that, else throws WF006, WF002 or 54000.
 */
void
wf_child_process_invoke(WfProcess *process, const WfInvoke *invoke, const WfEvent *event)
{
	WfDefinition *definition;
	int			code;
	const char *refusal = wf_child_process_refusal(process, invoke, &definition, &code);
	pg_uuid_t	id;
	Jsonb	   *input;
	WfChild    *child;

	if (refusal != NULL)
	{
		refuse(process, invoke, code, refusal);
		return;
	}
	if (!wf_child_input(process, invoke, event, &input))
		return;
	wf_uuid_make(&id, wf_uuid_slot(&process->row.id));
	child = wf_child_list_add(process, invoke->id, &id);
	child->definition = definition;
	child->input = input;
	child->actor = wf_send_actor(process, definition, wf_event_scope_actor(process, event));
}

/*
 * Collect the row of a child, the event that starts it, and the events in its
 * mailbox.  Its initial context is evaluated when it starts: the parent's step
 * must not run code of the child's owner.
 */
void
wf_child_process_start(WfProcess *process, WfChild *child)
{
	WfChanges  *changes = wf_stepper_changes(process->stepper);
	TimestampTz now = wf_clock_now();
	WfRow		row = {.id = child->id,.definition = child->definition->id,
		.status = WF_INITIALIZED,
		.states = PointerGetDatum(construct_empty_array(TEXTOID)),
		.context = JsonbPGetDatum(wf_jsonb_object(0, NULL, NULL)),
		.has_parent = true,.parent = process->row.id,.invoke = child->invoke,
	.depth = process->row.depth + 1,.tenant = process->row.tenant};
	const char *span = wf_step_trace_span(process);
	WfTimerRow	start = {.process = child->id,.due = now,.event = WF_START_EVENT,
	.actor = child->actor,.data = child->input};

	if (span != NULL)
		row.traceparent = CStringGetTextDatum(span);
	wf_changes_start(changes, &row, now, process->definition->role, NULL);
	wf_changes_arm(changes, &start, child->definition->owner, false, false);
	for (int i = 0; i < child->nmailbox; i++)
		wf_changes_arm(changes, &child->mailbox[i], child->definition->owner, false, false);
	child->started = true;
	process->children_changed = true;
}

/*
 * Send a child the order to end, which it does in a step of its own.  made: its
 * definition if this transaction may have made it, or NULL.
 */
void
wf_child_process_cancel(WfProcess *process, const pg_uuid_t *id, WfDefinition *made)
{
	bool		over;
	WfDefinition *definition = wf_send_definition_of(id, &over, NULL);
	WfTimerRow	cancel = {.process = *id,.due = wf_clock_now(),
	.event = WF_CANCEL_EVENT,.trace = wf_step_trace_span(process)};

	if (definition == NULL)
		definition = made;
	if (definition != NULL && !over)
		wf_changes_arm(wf_stepper_changes(process->stepper), &cancel,
					   definition->owner, false, false);
}
