/*-------------------------------------------------------------------------
 *
 * task_call.c
 *	  A call that does something with a task: who may, and by which name.
 *
 * Runs in client backends.  Like a command, a call needs the privilege "send", and to act
 * for somebody else, "act".  Who is known by the application only has the groups that the
 * call says; a role has those of which it is a member.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"

#include "api/api.h"
#include "api/arg.h"
#include "api/task_call.h"
#include "base/errcodes.h"
#include "base/quote.h"
#include "base/uuid.h"
#include "definition/definition.h"
#include "definition/privilege.h"
#include "store/process_row.h"
#include "store/task_row.h"

/* Error WF010: there is no open task with this id. */
void
wf_task_call_missing(const pg_uuid_t *id)
{
	ereport(ERROR,
			(errcode(WF_ERR_NO_JOB),
			 errmsg("task %s does not exist, or is closed", wf_uuid_text(id))));
}

/* The name of a person or a group, an argument that must not be null. */
char *
wf_task_call_person(FunctionCallInfo fcinfo, int n, const char *name)
{
	char	   *person = wf_arg_string(fcinfo, n, name);

	if (person[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must not be empty", name)));
	wf_arg_check_length(psprintf("argument \"%s\" is too long", name), strlen(person));
	return person;
}

/*
 * Read the arguments that all calls have: the task comes first; groups is the number of
 * that argument, -1 where there is none.
 */
void
wf_task_call_read(FunctionCallInfo fcinfo, int actor, int groups, WfTaskCall *call)
{
	memset(call, 0, sizeof(*call));
	call->id = wf_arg_uuid(fcinfo, 0, "task");
	call->actor = wf_arg_actor(fcinfo, actor);
	call->claimed = !PG_ARGISNULL(actor);
	call->has_groups = groups >= 0 && !PG_ARGISNULL(groups);
	if (call->has_groups)
		call->groups = wf_arg_strings(fcinfo, groups, "groups");
}

/*
 * Lock process and task, for a caller who may send to the process and act for the actor;
 * who says its groups may act for everybody.  Returns false for a task that is closed.  Error
 * WF010 if there is none, WF002.  SPI must be connected.
 */
bool
wf_task_call_lock(WfTaskCall *call)
{
	pg_uuid_t	process;

	if (!wf_task_row_process(call->id, &process))
		wf_task_call_missing(call->id);
	wf_api_lock_to_send(&process, false, &call->process);
	call->definition = wf_definition(call->process.definition);
	wf_privilege_require(call->definition, "send");
	if (call->claimed)
		wf_privilege_require_actor(call->definition, call->actor);
	if (call->has_groups && !wf_privilege_may(call->definition, "act"))
		ereport(ERROR,
				(errcode(WF_ERR_NOT_ALLOWED),
				 errmsg("role \"%s\" may not say which groups somebody has",
						GetUserNameFromId(GetUserId(), false)),
				 errhint("The owner of definition \"%s\" can allow it to act for everybody with workflow.grant_on(..., 'act').",
						 call->definition->name)));
	call->names = wf_task_row_names(call->actor, call->has_groups, call->groups);
	return wf_task_row_lock(call->id, &call->task);
}

/* As wf_task_call_lock(); error WF010 for a task that is closed, too. */
void
wf_task_call_begin(WfTaskCall *call)
{
	if (!wf_task_call_lock(call))
		wf_task_call_missing(call->id);
}

/* The name by which the task is for the actor, its own first; NULL: it is not. */
const char *
wf_task_call_name(const WfTaskCall *call)
{
	ListCell   *cell;

	foreach(cell, call->names)
		if (wf_task_row_has(call->task.names, lfirst(cell)))
			return lfirst(cell);
	return NULL;
}

/* Has the actor the task, or, unless somebody else has it, is it for the actor? */
static bool
may(const WfTaskCall *call)
{
	const char *holder = call->task.claimed_by;

	return holder != NULL ? strcmp(holder, call->actor) == 0 : wf_task_call_name(call) != NULL;
}

/*
 * Error WF002 unless the actor may do something with the task: it is claimed by the actor,
 * or by nobody and for the actor.
 */
void
wf_task_call_require(const WfTaskCall *call)
{
	const char *holder = call->task.claimed_by;

	if (may(call))
		return;
	ereport(ERROR,
			(errcode(WF_ERR_NOT_ALLOWED),
			 holder == NULL ?
			 errmsg("task %s is not for \"%s\"", wf_uuid_text(call->id), wf_quote(call->actor)) :
			 errmsg("task %s is claimed by \"%s\"", wf_uuid_text(call->id), wf_quote(holder))));
}
