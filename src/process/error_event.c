/*-------------------------------------------------------------------------
 *
 * error_event.c
 *	  Errors of the author's code that become events of the process.
 *
 * Runs in any backend, inside of a step.  Each call is a subtransaction, so
 * that what a failed one did in the database is undone, and nothing else is.
 * Whether anybody takes the event shows only when it is worked, after the
 * microstep: if nobody does the error is thrown again, and the step fails as
 * it would have without all this.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "base/jsonb.h"
#include "chart/chart.h"
#include "eval/user_context.h"
#include "interpreter/interpret.h"
#include "interpreter/machine.h"
#include "process/call.h"
#include "process/error_event.h"
#include "process/event_scope.h"
#include "process/process.h"

/*
 * An error that says something about the event and the process.  Not what
 * would have happened to any other at this moment: a conflict with another
 * session, a shortage of the server, an interruption, step_timeout among them;
 * those are for whoever runs the step.  Nor what PL/pgSQL's OTHERS lets pass,
 * nor what restrictions in a session of somebody else refuse: an executor
 * would not have met it.
 */
static bool
is_catchable(const WfProcess *process)
{
	int			code = geterrcode();

	switch (ERRCODE_TO_CATEGORY(code))
	{
		case ERRCODE_TRANSACTION_ROLLBACK:
		case ERRCODE_INSUFFICIENT_RESOURCES:
		case ERRCODE_OPERATOR_INTERVENTION:
		case ERRCODE_SYSTEM_ERROR:
			return false;
		default:
			break;
	}
	if (code == ERRCODE_INSUFFICIENT_PRIVILEGE)
		return !(process->bracket.open && process->bracket.foreign);
	return code != ERRCODE_LOCK_NOT_AVAILABLE &&
		code != ERRCODE_READ_ONLY_SQL_TRANSACTION &&
		code != ERRCODE_ASSERT_FAILURE &&
		code != ERRCODE_DATA_CORRUPTED &&
		code != ERRCODE_INDEX_CORRUPTED;
}

/* error.execution, with what there is to know about it as data. */
static void
raise_error(WfProcess *process, const WfEvent *event, const WfCode *code,
			ErrorData *error)
{
	static const char *keys[] = {"kind", "path", "sqlstate", "message", "detail", "hint"};
	Jsonb	   *values[] = {
		wf_jsonb_string(code->kind),
		wf_jsonb_string(code->path),
		wf_jsonb_string(unpack_sql_state(error->sqlerrcode)),
		wf_jsonb_string_or_null(error->message),
		wf_jsonb_string_or_null(error->detail),
		wf_jsonb_string_or_null(error->hint)
	};
	WfPayload  *payload = palloc0(sizeof(WfPayload));
	WfEvent		raised = {WF_ERROR_EVENT, payload};

	payload->data = wf_jsonb_object(lengthof(keys), keys, values);
	payload->actor = wf_event_scope_actor(process, event);
	payload->error = error;
	payload->raised = true;
	wf_interpret_raise(process->machine, &raised);
}

/*
 * Call back in a subtransaction.  False: it failed, its effects are undone,
 * and error.execution is raised.  The callback must leave the process in
 * memory as it was until nothing can fail any more, and must make nothing that
 * belongs to a resource owner and outlives it.  Throws what is not for
 * handlers: see is_catchable().
 */
bool
wf_error_event_catch(WfProcess *process, const WfEvent *event, const WfCode *code,
					 void (*call) (void *arg), void *arg)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData  *volatile error = NULL;
	volatile bool catchable = false;
	WfUserContext	bracket;

	/*
	 * The bracket is the step's: what it sets must outlast this call.  Where
	 * it stays closed and code turns out not to be pure (a function it calls
	 * was replaced), this call has one of its own.
	 */
	if (!code->pure)
		wf_user_context_enter(process->definition->evaluator, &process->bracket);
	bracket = process->bracket;

	BeginInternalSubTransaction(NULL);
	PG_TRY();
	{
		MemoryContextSwitchTo(context);
		call(arg);
		if (process->bracket.open && !bracket.open)
			wf_user_context_leave(&process->bracket);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		/* Whoever catches it further out knows nothing of this subtransaction. */
		catchable = is_catchable(process);
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		process->bracket.open = bracket.open;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;

	if (error == NULL)
		return true;
	if (!catchable)
		ReThrowError(error);
	if (!process->asking)
		raise_error(process, event, code, error);
	return false;
}

/* An internal event that nobody took: an error goes on its way after all. */
void
wf_error_event_not_caught(const WfEvent *event)
{
	ErrorData  *error = wf_event_scope_payload(event)->error;

	if (error != NULL)
		ReThrowError(error);
}
