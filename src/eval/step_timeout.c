/*-------------------------------------------------------------------------
 *
 * step_timeout.c
 *	  step_timeout, the setting's or the definition's: user code that takes too
 *	  long is interrupted.
 *
 * Runs in any backend.  The timer is armed only while user code runs, so that
 * it can never hit our own statements or the commit.  It interrupts as
 * statement_timeout does: at the next CHECK_FOR_INTERRUPTS(), with an error
 * that EXCEPTION WHEN OTHERS does not catch.  Code that catches it by name is
 * told once more when it returns.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <signal.h>

#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"

#include "base/guc.h"
#include "eval/step_timeout.h"

static TimeoutId timeout_id;
static bool registered = false; /* in this process */

/* What the timer is armed for; DT_NOEND: it is not. */
static TimestampTz armed_until = DT_NOEND;

/* Whose limit that is: the definition's, not the setting's. */
static bool limit_is_own = false;

static volatile sig_atomic_t expired = false;

/* A cancel request of somebody else came since the outermost call began. */
static volatile sig_atomic_t cancelled = false;

#ifndef WIN32
static struct sigaction on_sigint_before;

/*
 * The server has one flag for its cancel requests (also those of its own
 * timeouts) and for ours: what ours is, is taken back, theirs must not be.
 */
static void
on_sigint(int signal, siginfo_t *info, void *context)
{
	cancelled = true;
	if (on_sigint_before.sa_flags & SA_SIGINFO)
		on_sigint_before.sa_sigaction(signal, info, context);
	else if (on_sigint_before.sa_handler != SIG_DFL &&
			 on_sigint_before.sa_handler != SIG_IGN)
		on_sigint_before.sa_handler(signal);
}

static void
watch_cancel_requests(void)
{
	struct sigaction watch;

	if (sigaction(SIGINT, NULL, &on_sigint_before) != 0 ||
		(!(on_sigint_before.sa_flags & SA_SIGINFO) &&
		 (on_sigint_before.sa_handler == SIG_DFL ||
		  on_sigint_before.sa_handler == SIG_IGN)))
		return;
	watch = on_sigint_before;
	watch.sa_sigaction = on_sigint;
	watch.sa_flags |= SA_SIGINFO;
	(void) sigaction(SIGINT, &watch, NULL);
}
#else
static void
watch_cancel_requests(void)
{
}
#endif

/* In a signal handler. */
static void
on_timeout(void)
{
	expired = true;
	QueryCancelPending = true;
	InterruptPending = true;
}

/* Until when user code of a step that begins now may run; DT_NOEND: for ever. */
TimestampTz
wf_step_timeout_until(void)
{
	return wf_step_timeout == 0 ? DT_NOEND :
		TimestampTzPlusMilliseconds(GetCurrentTimestamp(), wf_step_timeout);
}

static void
arm(TimestampTz until)
{
	if (!registered)
	{
		timeout_id = RegisterTimeout(USER_TIMEOUT, on_timeout);
		watch_cancel_requests();
		registered = true;
	}
	enable_timeout_at(timeout_id, until);
	armed_until = until;
}

/* Back to what it was armed for outside. */
static void
disarm(TimestampTz outer)
{
	if (armed_until == outer)
		return;
	disable_timeout(timeout_id, false);
	if (outer == DT_NOEND)
		armed_until = DT_NOEND;
	else
		arm(outer);
}

/*
 * Around each call of user code: begin (own: the time is the definition's, not
 * the setting's), then end when it returned, or failed
 * when it threw (in PG_CATCH; `context` is the caller's memory context).  Both
 * throw the error of the timeout if the time is over.  Calls nest; what begin
 * returns is for the one that belongs to it.
 */
TimestampTz
wf_step_timeout_begin(TimestampTz until, bool own)
{
	TimestampTz outer = armed_until;

	if (outer == DT_NOEND)
		expired = cancelled = false;
	if (until < outer)
	{
		arm(until);
		limit_is_own = own;
	}
	return outer;
}

#define TIMEOUT_MESSAGE \
	(limit_is_own ? "canceling step due to \"step_timeout\" of its definition" : \
	 "canceling step due to workflow.step_timeout")
#define TIMEOUT_HINT \
	"Guards and actions hold locks while they run: do long work elsewhere, or raise the limit."

/*
 * The time is over and its error is on the way: nothing is left to cancel.
 * Unless others want it cancelled, too, and the code made light of that: then
 * they are heard now.
 */
static void
take_back(void)
{
	expired = false;
	QueryCancelPending = cancelled;
	if (cancelled)
	{
		cancelled = false;
		InterruptPending = true;
		CHECK_FOR_INTERRUPTS();
	}
}

void
wf_step_timeout_end(TimestampTz outer)
{
	disarm(outer);
	if (likely(!expired))
		return;

	/* It came too late for the code to notice, or the code made light of it. */
	take_back();
	ereport(ERROR,
			(errcode(ERRCODE_QUERY_CANCELED),
			 errmsg("%s", TIMEOUT_MESSAGE),
			 errhint(TIMEOUT_HINT)));
}

void
wf_step_timeout_failed(TimestampTz outer, MemoryContext context)
{
	ErrorData  *error;

	disarm(outer);
	if (!expired)
		return;
	expired = false;
	if (geterrcode() != ERRCODE_QUERY_CANCELED)
	{
		/* It failed of itself just before; ours is not wanted any more. */
		QueryCancelPending = cancelled;
		return;
	}
	if (cancelled)
		return;					/* the error is theirs as well as ours */

	/* The same error, but saying what it is, with the place it came from. */
	MemoryContextSwitchTo(context);
	error = CopyErrorData();
	FlushErrorState();
	error->message = pstrdup(TIMEOUT_MESSAGE);
	error->hint = TIMEOUT_HINT;
	ReThrowError(error);
}
