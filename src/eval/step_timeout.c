/*-------------------------------------------------------------------------
 *
 * step_timeout.c
 *	  step_timeout, the setting's or the definition's: user code that takes too
 *	  long is interrupted.
 *
 * Runs in any backend.  The timer is armed only while user code runs, so that
 * it can never hit our own statements or the commit.  It asks for a cancel as
 * statement_timeout does: at the next CHECK_FOR_INTERRUPTS() the server throws
 * an error that EXCEPTION WHEN OTHERS does not catch.  Code that catches it by
 * name is told once more when it returns.
 *
 * The server has one flag for all requests to cancel, QueryCancelPending, and
 * one error.  So that nobody else's request is lost over ours or reported as
 * ours, ours is written as a value of its own, which the signal handler of a
 * request overwrites: what is still ours when the code has ended is taken back,
 * what is not stays.  And which of them has been answered is decided when the
 * error is thrown, by an error context callback, which makes ours say what it
 * is.  The one case that cannot be told apart is a request that comes when the
 * time is over and the code has not noticed yet: both are answered by one error,
 * which names the limit, as it does where a request meets statement_timeout.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"

#include "base/guc.h"
#include "eval/step_timeout.h"

/* QueryCancelPending while only our request is pending; others write true. */
#define OUR_REQUEST		2

/* What the timer is armed for. */
static WfStepTimeout armed = {.until = DT_NOEND};

/* Set by the timer: the time is over, and a cancel was asked for. */
static volatile sig_atomic_t expired = false;
static volatile sig_atomic_t asked = false;

/* The code was told of a cancel request of somebody else. */
static bool cancelled = false;

static ErrorContextCallback on_error;

static TimeoutId timeout_id;
static bool registered = false; /* in this process */

/* In a signal handler, and a request of somebody else may come at any time. */
static void
on_timeout(void)
{
	expired = true;
	if (__sync_bool_compare_and_swap(&QueryCancelPending, false, OUR_REQUEST))
		asked = true;
	InterruptPending = true;
}

/* If our request is still pending, and no other one, none is. */
static void
take_back(void)
{
	asked = false;
	(void) __sync_bool_compare_and_swap(&QueryCancelPending, OUR_REQUEST, false);
}

/* Until when user code of a step that began then may run; DT_NOEND: for ever. */
TimestampTz
wf_step_timeout_until(TimestampTz began)
{
	return wf_step_timeout == 0 ? DT_NOEND :
		TimestampTzPlusMilliseconds(began, wf_step_timeout);
}

/* --- what the error says --------------------------------------------------- */

static int
name_limit(WfLimitOf of)
{
	switch (of)
	{
		case WF_LIMIT_OF_JOB:
			errmsg("canceling run due to the timeout of its job");
			return errhint("Raise the limit, or have the job do less at once.");
		case WF_LIMIT_OF_DEFINITION:
			errmsg("canceling step due to \"step_timeout\" of its definition");
			break;
		case WF_LIMIT_OF_SETTING:
			errmsg("canceling step due to workflow.step_timeout");
			break;
	}
	return errhint("Guards and actions hold locks while they run: do long work elsewhere, or raise the limit.");
}

/*
 * Was the error that is being thrown made by a request to cancel, and can it be
 * our one?  It cannot if the server names a cause.
 */
static bool
answers_request(bool *can_be_ours)
{
	MemoryContext old = MemoryContextSwitchTo(TopTransactionContext);
	ErrorData  *error = CopyErrorData();
	bool		result;

	result = error->funcname != NULL &&
		strcmp(error->funcname, "ProcessInterrupts") == 0;
	*can_be_ours = error->message_id != NULL &&
		strcmp(error->message_id, "canceling statement due to user request") == 0;
	FreeErrorData(error);
	MemoryContextSwitchTo(old);
	return result;
}

/*
 * Error context callback, beneath all user code of a step that has a limit.  If
 * the error answers a request, the flag was reset just before it was thrown.
 */
static void
at_error(void *arg)
{
	bool		can_be_ours;

	if (geterrcode() != ERRCODE_QUERY_CANCELED || !answers_request(&can_be_ours))
		return;

	if (asked && !QueryCancelPending && can_be_ours && !cancelled)
		name_limit(armed.of);
	else
		cancelled = true;
	if (QueryCancelPending != OUR_REQUEST)
		asked = false;
}

/* --- around the code ------------------------------------------------------- */

static void
arm(TimestampTz until, WfLimitOf of)
{
	if (!registered)
	{
		timeout_id = RegisterTimeout(USER_TIMEOUT, on_timeout);
		registered = true;
	}
	armed.until = until;
	armed.of = of;
	enable_timeout_at(timeout_id, until);
}

/*
 * Before user code is called, which may run until then, or as long as the code
 * that calls it.  of: what has set that time.  Calls nest: *outer is for wf_step_timeout_end() when the code has returned,
 * and for wf_step_timeout_failed() when it has thrown.
 */
void
wf_step_timeout_begin(WfStepTimeout *outer, TimestampTz until, WfLimitOf of)
{
	*outer = armed;
	if (until >= outer->until)
		return;
	if (outer->until == DT_NOEND)
	{
		cancelled = false;
		on_error.callback = at_error;
		on_error.previous = error_context_stack;
		error_context_stack = &on_error;
	}
	arm(until, of);
}

/*
 * The code has ended.  Was the time over that it had, and what had set it?  If an outer call set the limit, it is told so, too, when it
 * ends.
 */
static bool
leave(const WfStepTimeout *outer, WfLimitOf *of)
{
	bool		mine = armed.until != outer->until;
	bool		over;

	if (mine)
		disable_timeout(timeout_id, false);
	over = expired;
	*of = armed.of;
	if (over)
		take_back();
	if (!mine)
		return over;

	expired = false;
	if (outer->until != DT_NOEND)
		arm(outer->until, outer->of);
	else
	{
		armed = *outer;
		error_context_stack = on_error.previous;
	}
	return over;
}

/*
 * User code has returned: throws an error (query_canceled) if it took too long,
 * and did not notice or caught the error.  A request of somebody else that it
 * did not notice or caught is answered instead.
 */
void
wf_step_timeout_end(const WfStepTimeout *outer)
{
	WfLimitOf	of;

	if (likely(!leave(outer, &of)))
		return;

	if (cancelled)
	{
		cancelled = false;
		QueryCancelPending = true;
		InterruptPending = true;
	}
	CHECK_FOR_INTERRUPTS();
	ereport(ERROR, (errcode(ERRCODE_QUERY_CANCELED), name_limit(of)));
}

/*
 * User code has thrown an error, which the caller throws again: in PG_CATCH,
 * with the memory context of the caller.  If it took too long and failed of
 * itself before it noticed, that remains its error.  A request of somebody else
 * that came while ours was answered is answered instead.
 */
void
wf_step_timeout_failed(const WfStepTimeout *outer, MemoryContext context)
{
	ErrorData  *error;
	WfLimitOf	of;

	if (!leave(outer, &of) || geterrcode() != ERRCODE_QUERY_CANCELED ||
		QueryCancelPending != true)
		return;

	MemoryContextSwitchTo(context);
	error = CopyErrorData();
	FlushErrorState();
	CHECK_FOR_INTERRUPTS();
	ReThrowError(error);
}

/*
 * Was an error that was caught made by a request to cancel of somebody else: a client, or
 * the server's own limits?  Ours has another message.
 */
bool
wf_step_timeout_is_request(const ErrorData *error)
{
	const char *name = "canceling statement due to";

	return error->sqlerrcode == ERRCODE_QUERY_CANCELED && error->message_id != NULL &&
		strncmp(error->message_id, name, strlen(name)) == 0;
}
