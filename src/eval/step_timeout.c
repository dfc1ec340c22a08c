/*-------------------------------------------------------------------------
 *
 * step_timeout.c
 *	  The time limit of a step: user code that takes too long is
 *	  interrupted.
 *
 * Runs in any backend.  The limit is that of the definition's step_timeout,
 * or else of workflow.step_timeout.  The timer is armed only while user code
 * runs, so that it never hits our own statements or the commit.  It
 * interrupts as statement_timeout does: at the next CHECK_FOR_INTERRUPTS(),
 * with an error that EXCEPTION WHEN OTHERS does not catch.  If code catches
 * the error by name, it is thrown once more when the code returns.
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

/* The time that the timer is armed for, or DT_NOEND if it is not. */
static TimestampTz armed_until = DT_NOEND;

/* Is that the limit of the definition, not of the setting? */
static bool limit_is_own = false;

static volatile sig_atomic_t expired = false;

/* Somebody else has requested a cancel since the outermost call began. */
static volatile sig_atomic_t cancelled = false;

#ifndef WIN32
static struct sigaction on_sigint_before;

/*
 * SIGINT handler.  The server has one flag for all requests to cancel, those
 * of its own timeouts included, and for ours.  Ours can be taken back, but
 * the others must not be lost.
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

/* Handler of the timer; runs in a signal handler. */
static void
on_timeout(void)
{
	expired = true;
	QueryCancelPending = true;
	InterruptPending = true;
}

/*
 * Return the time until which user code of a step that begins now may run by
 * workflow.step_timeout; DT_NOEND if there is no limit.
 */
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

/*
 * Arm the timer for what it was armed for outside of this call, if anything.
 */
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
 * Begin a call of user code that may run until `until`, or until the limit
 * of an outer call, if that is earlier.  own: the limit is that of the
 * definition, not of the setting.  Calls nest, because user code may send to
 * another process.  The caller must call wf_step_timeout_end() when the code
 * has returned, or wf_step_timeout_failed() when it threw, with what this
 * returns.
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
 * The time is over, and the error for it is about to be thrown: take the
 * request to cancel back, which nobody has answered.  If somebody else
 * requested a cancel, too, and the code caught that error, the request is
 * answered now.
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

/*
 * End a call of user code that has returned.  `outer` is what
 * wf_step_timeout_begin() returned.  Error 57014 if the time is over.
 */
void
wf_step_timeout_end(TimestampTz outer)
{
	disarm(outer);
	if (likely(!expired))
		return;

	/* The code ended before it noticed, or it caught the error. */
	take_back();
	ereport(ERROR,
			(errcode(ERRCODE_QUERY_CANCELED),
			 errmsg("%s", TIMEOUT_MESSAGE),
			 errhint(TIMEOUT_HINT)));
}

/*
 * End a call of user code that threw; call this in PG_CATCH.  `outer` is
 * what wf_step_timeout_begin() returned, `context` the caller's memory
 * context.  If the error is that of the time limit, it is thrown again with
 * a message that says so; otherwise the caller re-throws it.
 */
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
		/* It failed for another reason: take our request to cancel back. */
		QueryCancelPending = cancelled;
		return;
	}
	if (cancelled)
		return;					/* the error is theirs as well as ours */

	/* Keep the error's context, which tells where the code was. */
	MemoryContextSwitchTo(context);
	error = CopyErrorData();
	FlushErrorState();
	error->message = pstrdup(TIMEOUT_MESSAGE);
	error->hint = TIMEOUT_HINT;
	ReThrowError(error);
}
