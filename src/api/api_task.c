/*-------------------------------------------------------------------------
 *
 * api_task.c
 *	  workflow.claim_task() and its kin: who is to do a task.
 *
 * Runs in client backends, under the lock on the process row: of several who want a task
 * the first one gets it, and the others see that.  No event reaches the process, and its
 * row is not changed.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/spi.h"

#include "api/api.h"
#include "api/arg.h"
#include "api/task_call.h"
#include "base/errcodes.h"
#include "base/quote.h"
#include "base/uuid.h"
#include "definition/privilege.h"
#include "store/task_row.h"

PG_FUNCTION_INFO_V1(workflow_claim_task);
PG_FUNCTION_INFO_V1(workflow_release_task);
PG_FUNCTION_INFO_V1(workflow_assign);
PG_FUNCTION_INFO_V1(workflow_delegate);
PG_FUNCTION_INFO_V1(workflow_comment);

/* Write who has the task, and note what was done. */
static void
write_task(const WfTaskCall *call, const WfTaskAct *act)
{
	wf_task_row_reseat(&call->task);
	wf_task_row_note(&call->task, act);
}

/* --- claim and release --------------------------------------------------------------- */

/* Give the task to the actor; false: somebody else has it. */
static bool
claim(WfTaskCall *call)
{
	WfTaskAct	act = {.act = WF_TASK_CLAIM,.actor = call->actor,.name = wf_task_call_name(call)};

	if (call->task.claimed_by != NULL)
		return strcmp(call->task.claimed_by, call->actor) == 0;
	wf_task_call_require(call);
	if (call->task.need != 1)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("task %s cannot be claimed", wf_uuid_text(call->id)),
				 errdetail("It needs several votes."),
				 errhint("Vote with workflow.complete_task(), or have somebody else do so with workflow.delegate().")));
	call->task.claimed_by = call->actor;
	write_task(call, &act);
	return true;
}

/* SQL function workflow.claim_task(...) of sql/parts/people.sql.  Locks the process row. */
Datum
workflow_claim_task(PG_FUNCTION_ARGS)
{
	WfTaskCall	call;
	bool		claimed;

	wf_task_call_read(fcinfo, 1, 2, &call);
	wf_api_connect_to_write(fcinfo);
	claimed = wf_task_call_lock(&call) && claim(&call);
	SPI_finish();
	PG_RETURN_BOOL(claimed);
}

/* SQL function workflow.release_task(...) of sql/parts/people.sql.  Locks the process row. */
Datum
workflow_release_task(PG_FUNCTION_ARGS)
{
	WfTaskCall	call;
	bool		held;

	wf_task_call_read(fcinfo, 1, -1, &call);
	wf_api_connect_to_write(fcinfo);
	wf_task_call_begin(&call);
	held = call.task.claimed_by != NULL;
	if (held)
	{
		WfTaskAct	act = {.act = WF_TASK_RELEASE,.actor = call.actor,.other = call.task.claimed_by};

		if (!wf_privilege_may(call.definition, "act"))
			wf_task_call_require(&call);
		call.task.claimed_by = NULL;
		write_task(&call, &act);
	}
	SPI_finish();
	PG_RETURN_BOOL(held);
}

/* --- assign and delegate --------------------------------------------------------------- */

/* Error 55000 if this name, or the actor itself, has voted. */
static void
refuse_voted(const WfTaskCall *call, const char *name, const char *actor)
{
	WfTaskAct  *votes;
	int			n = wf_task_row_votes(call->id, &votes);

	for (int i = 0; i < n; i++)
		if ((votes[i].name != NULL && strcmp(votes[i].name, name) == 0) ||
			(actor != NULL && strcmp(votes[i].actor, actor) == 0))
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("\"%s\" has voted on task %s", wf_quote(votes[i].actor), wf_uuid_text(call->id))));
}

/* The task is for somebody instead of one of the names that it is for. */
static void
replace_name(WfTaskCall *call, const char *name, char *person)
{
	ListCell   *cell;

	if (call->task.need > list_length(call->task.names))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("task %s is for the members of groups", wf_uuid_text(call->id)),
				 errdetail("Each of them votes for itself.")));
	if (wf_task_row_has(call->task.names, person))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("task %s is for \"%s\" already", wf_uuid_text(call->id), wf_quote(person))));
	foreach(cell, call->task.names)
		if (strcmp(lfirst(cell), name) == 0)
			lfirst(cell) = person;
}

/* Give the task, or the part of one of the names that it is for, to somebody. */
static void
give(WfTaskCall *call, const char *name, char *person)
{
	if (call->task.need == 1)
		call->task.claimed_by = person;
	else
		replace_name(call, name, person);
}

/* The name whose part is assigned: error 22023 unless the task is for it. */
static char *
read_instead_of(FunctionCallInfo fcinfo, const WfTaskCall *call)
{
	char	   *name = wf_arg_string_or_null(fcinfo, 4);

	if (name == NULL && call->task.need != 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("task %s needs several votes", wf_uuid_text(call->id)),
				 errhint("Say with instead_of whose vote it is.")));
	if (name != NULL && !wf_task_row_has(call->task.names, name))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("task %s is not for \"%s\"", wf_uuid_text(call->id), wf_quote(name))));
	return name;
}

/*
 * Error WF002 unless the actor may do something with the task, and the part that is
 * assigned, if it is one of several, is the actor's own.
 */
static void
require_own(const WfTaskCall *call, const char *name)
{
	wf_task_call_require(call);
	if (call->task.need != 1 && !wf_task_row_has(call->names, name))
		ereport(ERROR,
				(errcode(WF_ERR_NOT_ALLOWED),
				 errmsg("\"%s\" may not give away the vote of \"%s\"", wf_quote(call->actor), wf_quote(name))));
}

/* SQL function workflow.assign(...) of sql/parts/people.sql.  Locks the process row. */
Datum
workflow_assign(PG_FUNCTION_ARGS)
{
	WfTaskCall	call;
	char	   *person = wf_task_call_person(fcinfo, 1, "to_actor");
	WfTaskAct	act = {.act = WF_TASK_ASSIGN,.other = person,.note = wf_arg_string_or_null(fcinfo, 3)};

	wf_task_call_read(fcinfo, 2, -1, &call);
	wf_api_connect_to_write(fcinfo);
	wf_task_call_begin(&call);
	act.actor = call.actor;
	act.name = read_instead_of(fcinfo, &call);
	if (!wf_privilege_may(call.definition, "act"))
		require_own(&call, act.name);
	if (act.name != NULL)
		refuse_voted(&call, act.name, NULL);
	give(&call, act.name, person);
	write_task(&call, &act);
	SPI_finish();
	PG_RETURN_VOID();
}

/* SQL function workflow.delegate(...) of sql/parts/people.sql.  Locks the process row. */
Datum
workflow_delegate(PG_FUNCTION_ARGS)
{
	WfTaskCall	call;
	char	   *person = wf_task_call_person(fcinfo, 1, "to_actor");
	WfTaskAct	act = {.act = WF_TASK_DELEGATE,.other = person,.note = wf_arg_string_or_null(fcinfo, 2)};

	wf_task_call_read(fcinfo, 3, 4, &call);
	wf_api_connect_to_write(fcinfo);
	wf_task_call_begin(&call);
	wf_task_call_require(&call);
	act.actor = call.actor;
	act.name = wf_task_call_name(&call);
	if (act.name != NULL)
		refuse_voted(&call, act.name, call.actor);
	give(&call, act.name, person);
	write_task(&call, &act);
	SPI_finish();
	PG_RETURN_VOID();
}

/* --- comments ----------------------------------------------------------------------------- */

/* SQL function workflow.comment(...) of sql/parts/people.sql.  Locks the process row. */
Datum
workflow_comment(PG_FUNCTION_ARGS)
{
	WfTaskCall	call;
	WfTaskAct	act = {.act = WF_TASK_COMMENT,.note = wf_arg_string(fcinfo, 1, "note")};

	if (act.note[strspn(act.note, " \t\r\n")] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must not be empty", "note")));
	wf_task_call_read(fcinfo, 2, 3, &call);
	wf_api_connect_to_write(fcinfo);
	wf_task_call_begin(&call);
	if (!wf_privilege_may(call.definition, "act") && wf_task_call_name(&call) == NULL)
		wf_task_call_require(&call);
	act.actor = call.actor;
	act.name = wf_task_call_name(&call);
	wf_task_row_note(&call.task, &act);
	SPI_finish();
	PG_RETURN_VOID();
}
