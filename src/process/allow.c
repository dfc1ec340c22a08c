/*-------------------------------------------------------------------------
 *
 * allow.c
 *	  Who may cause a transition: `allow` against the actor of an event.
 *
 * Runs in any backend, inside of a step.  The actor is a name that travels with
 * the event, and it is trusted here: the procedures that take an event from a
 * client, and send.c for an event from another owner's process, have checked
 * that its sender may act for it, see wf_privilege_role_may_act().
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/acl.h"

#include "base/errcodes.h"
#include "chart/chart.h"
#include "interpreter/machine.h"
#include "interpreter/select.h"
#include "process/allow.h"
#include "process/call.h"
#include "process/event_scope.h"
#include "process/process.h"

/*
 * Is the actor a role that is a member of one of these?  Only what GRANT gave
 * counts: otherwise a superuser would be a member of every role, also of those
 * that are denied.
 */
static bool
has_any_role(const char *actor, const char *const *roles, int n)
{
	Oid			member = n > 0 ? get_role_oid(actor, true) : InvalidOid;

	if (!OidIsValid(member))
		return false;
	for (int i = 0; i < n; i++)
	{
		Oid			role = get_role_oid(roles[i], true);

		if (OidIsValid(role) && is_member_of_role_nosuper(member, role))
			return true;
	}
	return false;
}

/*
 * Call a function that consents or refuses.  failed: the result if it throws an
 * error that becomes an event.
 */
static bool
agrees(WfProcess *process, const WfExpr *function, const WfEvent *event, bool failed)
{
	bool		result;

	process->machine->guard_failed = false;
	result = wf_call_guard(process, function, event);
	return process->machine->guard_failed ? failed : result;
}

/* Does `allow` permit this actor?  What it denies comes before what it permits. */
static bool
is_allowed(WfProcess *process, const WfAllow *allow, const WfEvent *event,
		   const char *actor)
{
	if (has_any_role(actor, allow->denied, allow->ndenied) ||
		(allow->deny_function != NULL &&
		 agrees(process, allow->deny_function, event, true)))
		return false;
	if (allow->everybody)
		return true;
	return has_any_role(actor, allow->roles, allow->nroles) ||
		(allow->function != NULL && agrees(process, allow->function, event, false));
}

/*
 * May the actor of this event cause this transition, which has an `allow`?  If
 * not, the transition is added to process->refused.
 */
bool
wf_allow_permits(WfProcess *process, const WfTransition *transition,
				 const WfEvent *event)
{
	const WfPayload *payload = wf_event_scope_payload(event);

	/* The process raised the event itself, or it comes from its timer. */
	if (payload->raised || payload->actor == NULL)
		return true;
	if (is_allowed(process, transition->allow, event, payload->actor))
		return true;
	if (!process->asking)
		process->refused = lappend(process->refused, unconstify(WfTransition *, transition));
	return false;
}

/*
 * The first transition in process->refused whose guard holds for this event,
 * which it would have caused but for `allow`; or NULL.
 */
const WfTransition *
wf_allow_refusal(WfProcess *process, const WfEvent *event)
{
	ListCell   *cell;
	const WfTransition *result = NULL;

	process->asking = true;
	foreach(cell, process->refused)
	{
		const WfTransition *transition = lfirst(cell);

		if (wf_select_guard_holds(process->machine, transition->guard, event))
		{
			result = transition;
			break;
		}
	}
	process->asking = false;
	return result;
}

/* A list for the detail of an error: role "a" or the consent of function f. */
static char *
describe(int n, const char *const *roles, const WfExpr *function)
{
	StringInfoData text;

	initStringInfo(&text);
	for (int i = 0; i < n; i++)
		appendStringInfo(&text, "%srole \"%s\"", i > 0 ? " or " : "", roles[i]);
	if (function != NULL)
		appendStringInfo(&text, "%sthe consent of function %s", n > 0 ? " or " : "",
						 function->text);
	return text.data;
}

/* Error WF002, with what `allow` of this transition asks for as the detail. */
void
wf_allow_refuse(const WfTransition *transition, const char *event, const char *actor)
{
	const WfAllow *allow = transition->allow;
	char	   *needed = describe(allow->nroles, allow->roles, allow->function);
	char	   *denied = describe(allow->ndenied, allow->denied, allow->deny_function);

	ereport(ERROR,
			(errcode(WF_ERR_NOT_ALLOWED),
			 errmsg("\"%s\" is not allowed to send \"%s\" now", actor, event),
			 denied[0] == '\0' && needed[0] == '\0' ? errdetail("Nobody is allowed to send it.") :
			 denied[0] == '\0' ? errdetail("It takes %s.", needed) :
			 needed[0] == '\0' ? errdetail("It is denied to %s.", denied) :
			 errdetail("It takes %s, and is denied to %s.", needed, denied)));
}
