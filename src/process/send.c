/*-------------------------------------------------------------------------
 *
 * send.c
 *	  Events from one process to another.
 *
 * Runs in any backend, under the lock on the row of the sender.  A step never
 * locks a second process, so that steps cannot wait for each other: what it
 * sends to another process is inserted as a timer that is due now, and an
 * executor of the receiver's owner delivers it.  What is to be sent later is a
 * timer of the sender until then.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/array.h"
#include "base/clock.h"
#include "base/guc.h"
#include "base/jsonb.h"
#include "base/uuid.h"
#include "chart/chart.h"
#include "definition/definition.h"
#include "definition/event_data.h"
#include "definition/privilege.h"
#include "interpreter/interpret.h"
#include "interpreter/machine.h"
#include "process/child_list.h"
#include "process/event_scope.h"
#include "process/known.h"
#include "process/observer.h"
#include "process/process.h"
#include "process/process_timer.h"
#include "process/send.h"
#include "process/step_trace.h"
#include "process/stepper.h"
#include "store/changes.h"
#include "store/process_row.h"
#include "store/tenant.h"
#include "store/timer.h"

/*
 * The definition of a process, which is looked up without lock; NULL if there
 * is no such process.  *over: is it over?  *tenant, unless that is NULL: whose it is, a
 * text or 0.  SPI must be connected.
 */
WfDefinition *
wf_send_definition_of(const pg_uuid_t *id, bool *over, Datum *tenant)
{
	WfProcess  *stepped = wf_stepper_process_of(id);
	WfRow		row;

	*over = false;
	if (stepped == NULL)
	{
		if (!wf_process_row_read(id, &row))
			return NULL;
		*over = wf_process_row_is_over(&row);
	}
	if (tenant != NULL)
		*tenant = stepped != NULL ? stepped->row.tenant : row.tenant;
	return stepped != NULL ? stepped->definition : wf_definition(row.definition);
}

/* Raise the internal event error.communication of the sender. */
static void
raise_communication_error(WfProcess *process, const char *target,
						  const char *reason)
{
	static const char *keys[] = {"target", "reason"};
	Jsonb	   *values[] = {wf_jsonb_string(target), wf_jsonb_string(reason)};
	WfPayload  *payload = palloc0(sizeof(WfPayload));
	WfEvent		error = {"error.communication", payload};

	payload->data = wf_jsonb_object(2, keys, values);
	wf_interpret_raise(process->machine, &error);
}

/*
 * Error 22023 if only the engine may send an event of this name; across: to
 * another process.
 *
 * Events of the engine are orders: "workflow.forward" has the receiver send
 * something with its own rights, "workflow.cancel" ends it, "done.invoke.ID"
 * answers for its child.  None of them may come from a definition, whose author
 * may take the name of an event from data that others have given.
 */
void
wf_send_check(const char *event, bool across)
{
	const char *prefix = wf_chart_reserved_prefix(event, !across);

	if (prefix != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("event \"%s\" cannot be sent: names that begin with \"%s\" are the engine's own",
						event, prefix)));
}

/* --- the receiver ------------------------------------------------------- */

/*
 * Find the receiver of an event: fill in timer->process, and, for the parent,
 * the child's mark; *receiver is its definition, *child the entry of a child,
 * else NULL.  Returns NULL, or, if it cannot be sent, why.
 */
static const char *
resolve(WfProcess *process, const char *target, WfTimerRow *timer,
		WfDefinition **receiver, WfChild **child)
{
	bool		over = false;
	bool		related = strncmp(target, "#_", 2) == 0;
	Datum		tenant;

	*child = NULL;
	if (strcmp(target, "#_parent") == 0)
	{
		if (!process->row.has_parent)
			return "the process has no parent";
		timer->process = process->row.parent;
		timer->from_child = true;
		timer->child = process->row.id;
	}
	else if (related)
	{
		*child = wf_child_list_find(process, target + 2);
		if (*child == NULL)
			return "no such child";
		if ((*child)->is_run)
			return "a run takes no events";
		if ((*child)->is_map)
			return "it is many children";
		timer->process = (*child)->id;
		*receiver = (*child)->definition;
		if (*receiver != NULL)
			return NULL;		/* made by this transaction */
	}
	else if (!wf_uuid_parse(target, &timer->process))
		return "no such process";

	*receiver = wf_send_definition_of(&timer->process, &over, &tenant);
	if (*receiver == NULL || (!related && !wf_tenant_reaches(process->row.tenant, tenant)))
		return "no such process";
	if (over)
		return "the process is over";
	if (!related && !wf_privilege_role_may(process->definition->role, *receiver, "send"))
		return "not allowed";
	return NULL;
}

/* --- the actor ---------------------------------------------------------- */

/*
 * The actor of an event that this process sends to one of definition
 * `receiver`: `actor`, on whose behalf the step runs, if the sender's owner may
 * act for it there, else that owner.
 */
const char *
wf_send_actor(WfProcess *process, const WfDefinition *receiver, const char *actor)
{
	Oid			role = process->definition->role;

	if (receiver->role == role ||
		(actor != NULL && wf_privilege_role_may_act(role, receiver, actor)))
		return actor;
	return GetUserNameFromId(role, false);
}

/* --- the data ----------------------------------------------------------- */

/*
 * Make the data what the receiver's definition declares.  Returns NULL, or, if they do not
 * fit, why.  What is of its author runs outside of the sender's context, on whose time.
 */
static const char *
check_data(WfProcess *process, WfDefinition *receiver, WfTimerRow *timer)
{
	TimestampTz began = process->user_context.began;
	ErrorData  *error;

	wf_user_context_leave(&process->user_context);
	timer->data = wf_event_data_try(receiver, timer->event, timer->data, &error);
	process->user_context.began = began;
	return error == NULL ? NULL : error->message;
}

/* --- now --------------------------------------------------------------- */

/*
 * Collect a timer of the receiver that is due now.  A child that has no row yet
 * gets it into its mailbox: the row is made only if its state stays active.
 */
static void
deliver_now(WfProcess *process, WfTimerRow *timer, WfDefinition *receiver,
			WfChild *child)
{
	timer->due = wf_clock_now();
	if (child != NULL && !child->started)
		*wf_array_grow(child->mailbox, child->nmailbox, child->mailbox_size) = *timer;
	else
		wf_changes_arm(wf_stepper_changes(process->stepper), timer,
					   receiver->owner, false, false);
}

/* --- later ------------------------------------------------------------- */

/*
 * Arm a timer of the sender that will send the event; wf_send_forward() does
 * that.  The receiver is determined now, so its id is kept, not the target.
 */
static void
keep_for_later(WfProcess *process, const WfTimerRow *timer, const char *id,
			   TimestampTz due)
{
	static const char *keys[] = {"event", "process", "child", "data"};
	Jsonb	   *values[] = {
		wf_jsonb_string(timer->event),
		wf_jsonb_string(wf_uuid_text(&timer->process)),
		timer->from_child ? wf_jsonb_scalar(BoolGetDatum(true), BOOLOID) : NULL,
		timer->data
	};

	wf_process_timer_send(process, WF_FORWARD_EVENT,
						  wf_jsonb_object(lengthof(keys), keys, values), id, due, timer->actor);
}

/* A member of the data of a WF_FORWARD_EVENT, or NULL. */
static Jsonb *
forwarded(Jsonb *data, const char *key)
{
	JsonbValue	buffer;
	JsonbValue *value = getKeyJsonValueFromContainer(&data->root, key, strlen(key),
													 &buffer);

	return value == NULL ? NULL : JsonbValueToJsonb(value);
}

/* A member that is text.  Error XX001 if the engine cannot have stored the row. */
static char *
forwarded_text(Jsonb *data, const char *key)
{
	Jsonb	   *member = data != NULL && JB_ROOT_IS_OBJECT(data) ?
		forwarded(data, key) : NULL;
	char	   *text = member == NULL ? NULL : wf_jsonb_text(member);

	if (text == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("an event that is to be sent on is not as the engine left it"),
				 errdetail("Its data have no text \"%s\".", key)));
	return text;
}

/*
 * A timer of the sender with the event WF_FORWARD_EVENT is due: send what it
 * carries.  Silently sends nothing if the receiver is over, or if the process
 * does not count as the child of its parent any more.
 */
void
wf_send_forward(WfProcess *process, const WfTimerRow *timer)
{
	char	   *target = forwarded_text(timer->data, "process");
	bool		from_child = forwarded(timer->data, "child") != NULL;
	WfTimerRow	sent = {.actor = timer->actor,.trace = timer->trace};
	WfDefinition *receiver;
	WfChild    *child;

	sent.event = forwarded_text(timer->data, "event");
	sent.data = forwarded(timer->data, "data");
	if (from_child && process->disowned)
		return;

	/* The receiver was checked when it was sent, but it may be over now. */
	if (resolve(process, from_child ? "#_parent" : target, &sent, &receiver, &child) == NULL)
		deliver_now(process, &sent, receiver, child);
}

/* --- send -------------------------------------------------------------- */

/*
 * Send an event from a process that is being stepped to `target`: "#_parent",
 * "#_" and an invoke id, or a process id.  Collects a row of workflow.timer and
 * locks nothing.  If the target does not exist, is over, or must not be sent
 * to by the sender's owner, or if the data are not as its definition declares them,
 * raises the internal event error.communication of the sender.
 *
 * due: DT_NOBEGIN, or a later time.  Until then the event is a timer of the
 * sender, which can cancel it by its id and drops it when it is over.
 */
void
wf_send_across(WfProcess *process, const char *target, const char *event,
			   Jsonb *data, const char *id, TimestampTz due, const char *actor)
{
	WfTimerRow	timer = {.event = event,.actor = actor,.data = data,
	.trace = wf_step_trace_span(process)};
	WfDefinition *receiver = NULL;
	WfChild    *child;
	WfObserver *observer = process->stepper->observer;
	const char *reason;

	/* Its parent has cancelled it: relatives must not be sent anything. */
	if (process->disowned && strncmp(target, "#_", 2) == 0)
		return;

	/* A simulated child has no row. */
	if (unlikely(observer != NULL) && strncmp(target, "#_", 2) == 0 &&
		observer->simulates_child(observer, target + 2))
	{
		observer->sent(observer, target, event, data, id, due);
		return;
	}
	reason = resolve(process, target, &timer, &receiver, &child);
	if (reason != NULL)
	{
		raise_communication_error(process, target, reason);
		return;
	}
	if (receiver->chart->nevents > 0 && (reason = check_data(process, receiver, &timer)) != NULL)
	{
		raise_communication_error(process, target, reason);
		return;
	}
	timer.actor = wf_send_actor(process, receiver, actor);
	/* The setting is the sender's, and not for the owner's code to depend on. */
	if (observer == NULL && !wf_known_to(receiver, event))
		wf_known_tell(receiver->name, event, false);
	if (due != DT_NOBEGIN)
		keep_for_later(process, &timer, id, due);
	else
		deliver_now(process, &timer, receiver, child);
	if (unlikely(observer != NULL))
		observer->sent(observer, target, event, data, id, due);
}
