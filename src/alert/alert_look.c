/*-------------------------------------------------------------------------
 *
 * alert_look.c
 *	  Alerts are looked at: they begin, go on and end.
 *
 * Runs in the runtime, for all alerts of a database, and by hand.  Nobody looks
 * at a database to which nothing is written, unless time alone may change what an alert
 * says: each look tells when that is, and how soon after the next commit there may be
 * something new.  What is due later than that commit is late a threshold later.
 *
 * An alert that goes up and down around its threshold does not begin and end each time: it
 * begins when it has been over it for `lasting`, and ends when it has been below it for
 * `keep`.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/timestamp.h"

#include "alert/alert_load.h"
#include "alert/alert_look.h"
#include "alert/alert_measure.h"
#include "alert/alert_row.h"
#include "alert/alert_run.h"
#include "base/clock.h"
#include "base/interval.h"
#include "base/try.h"
#include "base/version.h"

/* After a commit that may have changed what a look has found, the next one comes so late (us). */
#define SOON			(5 * USECS_PER_SEC)

/* An alert that could not be looked at is tried again after a commit so late (us). */
#define LATER			(60 * USECS_PER_SEC)

/* What is done for an alert, and may fail. */
typedef struct Attempt
{
	WfAlert    *alert;
	TimestampTz now;
	WfAlertMeasure measure;
	bool		begins;
	TimestampTz since;
} Attempt;

/* --- what may fail ----------------------------------------------------------------- */

/* Is an error nothing that the alert is to blame for?  Then all of the look is done again. */
static bool
is_for_now(int code)
{
	return code == ERRCODE_LOCK_NOT_AVAILABLE || code == ERRCODE_QUERY_CANCELED ||
		ERRCODE_TO_CATEGORY(code) == ERRCODE_OPERATOR_INTERVENTION ||
		ERRCODE_TO_CATEGORY(code) == ERRCODE_TRANSACTION_ROLLBACK ||
		ERRCODE_TO_CATEGORY(code) == ERRCODE_INSUFFICIENT_RESOURCES ||
		ERRCODE_TO_CATEGORY(code) == ERRCODE_SYSTEM_ERROR;
}

/*
 * Call a function in a subtransaction; false: it has failed, and has left nothing but the
 * reason.
 */
static bool
try(void (*function) (void *attempt), Attempt *attempt)
{
	ErrorData  *error = wf_try(function, attempt);

	if (error == NULL)
		return true;
	if (is_for_now(error->sqlerrcode))
		ReThrowError(error);
	attempt->alert->reason = error->message;
	return false;
}

static void
measure(void *arg)
{
	Attempt    *attempt = arg;

	wf_alert_measure(attempt->alert, attempt->now, &attempt->measure);
}

static void
make_run(void *arg)
{
	const Attempt *attempt = arg;

	wf_alert_run_make(attempt->alert, attempt->begins, attempt->since);
}

/* --- its state ---------------------------------------------------------------------- */

/* It takes another state, and tells that by a run. */
static void
turn(Attempt *attempt, bool begins)
{
	WfAlert    *alert = attempt->alert;

	attempt->begins = begins;
	attempt->since = begins ? attempt->now : alert->since;
	alert->state = begins ? WF_ALERT_FIRING : WF_ALERT_QUIET;
	alert->since = attempt->now;
	alert->below = DT_NOEND;
	if (alert->job != NULL)
		(void) try(make_run, attempt);
}

/* Over the threshold; returns whether it has begun. */
static bool
is_over(Attempt *attempt)
{
	WfAlert    *alert = attempt->alert;

	alert->below = DT_NOEND;
	if (alert->state == WF_ALERT_FIRING)
		return false;
	if (alert->state == WF_ALERT_QUIET)
	{
		alert->state = WF_ALERT_PENDING;
		alert->since = attempt->now;
	}
	if (attempt->now - alert->since < wf_interval_us(alert->lasting))
		return false;
	turn(attempt, true);
	return true;
}

/* Below it; returns whether it has ended. */
static bool
is_below(Attempt *attempt)
{
	WfAlert    *alert = attempt->alert;

	if (alert->state == WF_ALERT_PENDING)
	{
		alert->state = WF_ALERT_QUIET;
		alert->since = attempt->now;
	}
	if (alert->state == WF_ALERT_QUIET)
		return false;
	if (alert->below == DT_NOEND)
		alert->below = attempt->now;
	if (attempt->now - alert->below < wf_interval_us(alert->keep))
		return false;
	turn(attempt, false);
	return true;
}

/* When to look at it again. */
static void
plan(const Attempt *attempt, WfAlertNext *next)
{
	const WfAlert *alert = attempt->alert;
	TimestampTz at = attempt->measure.turns;
	int64		after = SOON;

	if (alert->state == WF_ALERT_PENDING)
		at = Min(at, alert->since + wf_interval_us(alert->lasting));
	if (alert->below != DT_NOEND)
		at = Min(at, alert->below + wf_interval_us(alert->keep));
	/* What is new can be late so long after it was written; what was done is summed by the minute. */
	if (wf_alert_load_is_kind(alert->kind))
		after = LATER;
	else if (alert->state == WF_ALERT_QUIET && alert->kind != WF_ALERT_FAILURES)
		after = (int64) Min(alert->threshold * USECS_PER_SEC, (double) DAYS_PER_MONTH * USECS_PER_DAY);
	next->at = Min(next->at, at);
	next->after = next->after < 0 ? after : Min(next->after, after);
}

/* Look at one; returns whether it has begun or ended. */
static bool
look(WfAlert *alert, WfAlertNext *next)
{
	Attempt		attempt = {.alert = alert,.now = wf_clock_now(),.measure = {.turns = DT_NOEND}};
	bool		turned = false;

	alert->reason = NULL;
	if (!try(measure, &attempt))
		next->after = next->after < 0 ? LATER : Min(next->after, LATER);
	else
	{
		alert->measured = true;
		alert->value = attempt.measure.value;
		alert->looked_at = attempt.now;
		turned = alert->value >= alert->threshold ? is_over(&attempt) : is_below(&attempt);
		plan(&attempt, next);
	}
	wf_alert_row_update(alert);
	return turned;
}

/*
 * Look at the alerts of this owner, 0: of all; *next: when to look again.  Returns how many
 * have begun or ended.  Those that are locked are left out: who has them tells.  SPI must
 * be connected.
 */
int
wf_alert_look(int32 owner, WfAlertNext *next)
{
	List	   *alerts;
	ListCell   *cell;
	int			turned = 0;

	*next = (WfAlertNext) {.at = DT_NOEND,.after = -1};
	if (!wf_version_has_column("alert", "id"))
		return 0;
	alerts = wf_alert_row_claim(owner);
	foreach(cell, alerts)
	{
		CHECK_FOR_INTERRUPTS();
		turned += look(lfirst(cell), next);
	}
	return turned;
}
