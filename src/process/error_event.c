/*-------------------------------------------------------------------------
 *
 * error_event.c
 *	  Errors of the author's code that become events of the process.
 *
 * Runs in any backend, inside of a step.  Each call is a subtransaction, so
 * that what a failed one did in the database is undone, and nothing else is.
 * Only when the event is worked, after the microstep, does it show whether a
 * transition takes it.  If none does, the error is thrown again, and the step
 * fails as if it had not been caught.
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
 * Does an error say nothing about the event and the process?  Conflicts with other
 * sessions, shortages of the server and interruptions, step_timeout among them,
 * would have hit any event.
 */
static bool
is_of_the_moment(int code)
{
	switch (ERRCODE_TO_CATEGORY(code))
	{
		case ERRCODE_TRANSACTION_ROLLBACK:
		case ERRCODE_INSUFFICIENT_RESOURCES:
		case ERRCODE_OPERATOR_INTERVENTION:
		case ERRCODE_SYSTEM_ERROR:
			return true;
		default:
			return code == ERRCODE_LOCK_NOT_AVAILABLE ||
				code == ERRCODE_READ_ONLY_SQL_TRANSACTION;
	}
}

/*
 * May the present error become an event?  Left to the caller of the step is what
 * is of the moment; what OTHERS of PL/pgSQL does not catch; and what a restricted
 * operation in the session of another role refuses, because an executor would not
 * have met it.
 */
static bool
is_catchable(const WfProcess *process)
{
	int			code = geterrcode();

	if (is_of_the_moment(code))
		return false;
	if (code == ERRCODE_INSUFFICIENT_PRIVILEGE)
		return !(process->user_context.open && process->user_context.foreign);
	return code != ERRCODE_ASSERT_FAILURE &&
		code != ERRCODE_DATA_CORRUPTED &&
		code != ERRCODE_INDEX_CORRUPTED;
}

/*
 * Raise the internal event error.execution, with the kind and the path of the
 * code and the fields of the error as data.
 */
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
 * Call call(arg) in a subtransaction.  Returns false if it failed: then its
 * effects in the database are undone, and error.execution is raised, unless
 * guards are only asked.  Throws errors that may not become events, see
 * is_catchable().
 *
 * The callback must not change the process in memory before everything that can
 * fail is done, and must not keep anything that belongs to a resource owner.
 */
bool
wf_error_event_catch(WfProcess *process, const WfEvent *event, const WfCode *code,
					 void (*call) (void *arg), void *arg)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData  *volatile error = NULL;
	volatile bool catchable = false;
	bool		was_open;

	/*
	 * The user context is that of the step, so it must be entered outside of
	 * the subtransaction.  If it was not, because the code seemed to be pure,
	 * and the code turns out not to be (a function that it calls was replaced),
	 * then it is entered by the call and must be left before it ends.
	 */
	if (!code->pure)
		wf_user_context_enter(&process->definition->evaluator->author, &process->user_context);
	was_open = process->user_context.open;

	BeginInternalSubTransaction(NULL);
	PG_TRY();
	{
		MemoryContextSwitchTo(context);
		call(arg);
		if (process->user_context.open && !was_open)
			wf_user_context_leave(&process->user_context);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		/* An outer PG_CATCH does not roll this subtransaction back. */
		catchable = is_catchable(process);
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		process->user_context.open = was_open;
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

/*
 * Call call(arg) in a subtransaction, outside of any step of the process.  Returns
 * NULL, or the error that it failed with: then all that it did in the database is
 * undone, and the user context is left.  Throws errors that say nothing about the
 * process (conflicts, shortages, interruptions).  keep false: what it did is undone
 * in any case.
 */
ErrorData *
wf_error_event_try(WfProcess *process, bool keep, void (*call) (void *arg), void *arg)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData  *volatile error = NULL;

	wf_user_context_leave(&process->user_context);
	BeginInternalSubTransaction(NULL);
	PG_TRY();
	{
		MemoryContextSwitchTo(context);
		call(arg);
		wf_user_context_leave(&process->user_context);
		if (keep)
			ReleaseCurrentSubTransaction();
		else
			RollbackAndReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		process->user_context.open = false;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;

	if (error != NULL && is_of_the_moment(error->sqlerrcode))
		ReThrowError(error);
	return error;
}

/* No transition took this event: if it is an error event, throw its error. */
void
wf_error_event_not_caught(const WfEvent *event)
{
	ErrorData  *error = wf_event_scope_payload(event)->error;

	if (error != NULL)
		ReThrowError(error);
}
