/*-------------------------------------------------------------------------
 *
 * send.c
 *	  Events from one process to another.
 *
 * A step never locks a second process, so what it sends across is inserted
 * as a timer due now and delivered by an executor of the receiver's owner.
 * What is for later is a timer of the sender's until then.
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
#include "base/jsonb.h"
#include "base/uuid.h"
#include "chart/chart.h"
#include "definition/definition.h"
#include "definition/privilege.h"
#include "interpreter/interpret.h"
#include "interpreter/machine.h"
#include "process/child_list.h"
#include "process/observer.h"
#include "process/process.h"
#include "process/process_timer.h"
#include "process/send.h"
#include "process/stepper.h"
#include "store/changes.h"
#include "store/process_row.h"
#include "store/statement.h"
#include "store/timer.h"

static WfStatement look_statement = {
	.sql = "SELECT p.definition," WF_PROCESS_ROW_IS_OVER("p")
	" FROM workflow.process p WHERE p.id OPERATOR(pg_catalog.=) $1",
	.nargs = 1,
	.args = {UUIDOID}
};

/* The definition of a process, by look-up without lock; NULL: no such process. */
WfDefinition *
wf_send_definition_of(const pg_uuid_t *id, bool *over)
{
	Datum		value = UUIDPGetDatum(id);
	WfDefinition *definition = wf_stepper_definition_of(id);
	bool		isnull;

	*over = false;
	if (definition != NULL)
		return definition;
	if (wf_statement_execute(&look_statement, &value, NULL, 1) == 0)
		return NULL;
	*over = DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0],
									   SPI_tuptable->tupdesc, 2, &isnull));
	return wf_definition(DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[0],
													 SPI_tuptable->tupdesc, 1,
													 &isnull)));
}

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
 * Events of the engine are orders: "workflow.forward" has the receiver send
 * with its own rights, "workflow.cancel" ends it, "done.invoke.x" answers for
 * its child.  None of them may come from a definition, whose author may have
 * taken the name out of somebody's data.
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

/* --- whom -------------------------------------------------------------- */

/*
 * Fill in who gets it.  Returns why nobody does, or NULL.  A child that has
 * not started yet is in *child.
 */
static const char *
resolve(WfProcess *process, const char *target, WfTimerRow *timer,
		WfDefinition **receiver, WfChild **child)
{
	bool		over = false;
	bool		related = strncmp(target, "#_", 2) == 0;

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
		timer->process = (*child)->id;
		*receiver = (*child)->definition;
		if (*receiver != NULL)
			return NULL;		/* made by this transaction */
	}
	else if (!wf_uuid_parse(target, &timer->process))
		return "no such process";

	*receiver = wf_send_definition_of(&timer->process, &over);
	if (*receiver == NULL)
		return "no such process";
	if (over)
		return "the process is over";
	if (!related && !wf_privilege_role_may(process->definition->role, *receiver, "send"))
		return "not allowed";
	return NULL;
}

/* --- on whose behalf --------------------------------------------------- */

/*
 * The actor of an event from this process for one of that definition: the one
 * it came with, as far as the sender's owner may speak for it, else the owner.
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

/* --- now --------------------------------------------------------------- */

static void
deliver_now(WfProcess *process, WfTimerRow *timer, WfDefinition *receiver,
			WfChild *child)
{
	timer->due = wf_clock_now();
	if (child != NULL && !child->started)
		*wf_array_grow(child->mail, child->nmail, child->mail_size) = *timer;
	else
		wf_changes_arm(wf_stepper_changes(process->stepper), timer,
					   receiver->owner, false, false);
}

/* --- later ------------------------------------------------------------- */

/* The receiver is fixed now, so its id is what is kept. */
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

static Jsonb *
forwarded(Jsonb *data, const char *key)
{
	JsonbValue	buffer;
	JsonbValue *value = getKeyJsonValueFromContainer(&data->root, key, strlen(key),
													 &buffer);

	return value == NULL ? NULL : JsonbValueToJsonb(value);
}

/* What a timer of the sender's carries (see WF_FORWARD_EVENT) goes its way. */
void
wf_send_forward(WfProcess *process, const WfTimerRow *timer)
{
	char	   *target = wf_jsonb_text(forwarded(timer->data, "process"));
	bool		from_child = forwarded(timer->data, "child") != NULL;
	WfTimerRow	sent = {.actor = timer->actor};
	WfDefinition *receiver;
	WfChild    *child;

	sent.event = wf_jsonb_text(forwarded(timer->data, "event"));
	sent.data = forwarded(timer->data, "data");
	if (from_child && process->disowned)
		return;

	/* Whom it was for was found out when it was sent; a child may be over. */
	if (resolve(process, from_child ? "#_parent" : target, &sent, &receiver, &child) == NULL)
		deliver_now(process, &sent, receiver, child);
}

/* --- send -------------------------------------------------------------- */

/*
 * Send from a process that is being stepped to `target` ("#_parent", "#_" and
 * an invoke id, or a process id): an insert into timer, never a lock.  A target
 * that does not exist, or that the sender's owner may not send to, gives the
 * sender the internal event "error.communication".  due: DT_NOBEGIN, or a
 * later time; until then it is the sender's, who may cancel it by its id, and
 * ends with the sender.
 */
void
wf_send_across(WfProcess *process, const char *target, const char *event,
			   Jsonb *data, const char *id, TimestampTz due, const char *actor)
{
	WfTimerRow	timer = {.event = event,.actor = actor,.data = data};
	WfDefinition *receiver = NULL;
	WfChild    *child;
	WfObserver *onlooker = process->stepper->onlooker;
	const char *reason;

	/* While it is cancelled its family does not listen to it any more. */
	if (process->disowned && strncmp(target, "#_", 2) == 0)
		return;

	/* A child that somebody only plays. */
	if (unlikely(onlooker != NULL) && strncmp(target, "#_", 2) == 0 &&
		onlooker->plays(onlooker, target + 2))
	{
		onlooker->sent(onlooker, target, event, data, id, due);
		return;
	}
	reason = resolve(process, target, &timer, &receiver, &child);
	if (reason != NULL)
	{
		raise_communication_error(process, target, reason);
		return;
	}
	timer.actor = wf_send_actor(process, receiver, actor);
	if (due != DT_NOBEGIN)
		keep_for_later(process, &timer, id, due);
	else
		deliver_now(process, &timer, receiver, child);
	if (unlikely(onlooker != NULL))
		onlooker->sent(onlooker, target, event, data, id, due);
}
