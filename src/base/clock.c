/*-------------------------------------------------------------------------
 *
 * clock.c
 *	  The only room that knows what time it is.
 *
 * Runs in any process.  No locks, and nothing here throws: the time is asked
 * for in callbacks at the end of transactions.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/guc.h"

#define LONGEST_WAIT	(24 * 60 * 60 * 1000L)	/* ms */

/* The text that was taken apart last, and what it gave. */
static char *parsed_text = NULL;
static bool parsed_ok = false;
static TimestampTz parsed_clock;

/* What a simulation takes for now; DT_NOBEGIN: there is none. */
static TimestampTz simulated = DT_NOBEGIN;

/* Take a timestamp apart without throwing. */
static bool
parse_clock(const char *text, TimestampTz *result)
{
	char		buffer[MAXDATELEN + MAXDATEFIELDS];
	char	   *fields[MAXDATEFIELDS];
	int			types[MAXDATEFIELDS];
	int			nfields;
	int			kind;
	int			zone;
	int			error;
	fsec_t		fsec;
	struct pg_tm tm;

	error = ParseDateTime(text, buffer, sizeof(buffer), fields, types,
						  MAXDATEFIELDS, &nfields);
	if (error == 0)
	{
#if PG_VERSION_NUM >= 160000
		DateTimeErrorExtra extra;

		error = DecodeDateTime(fields, types, nfields, &kind, &tm, &fsec,
							   &zone, &extra);
#else
		error = DecodeDateTime(fields, types, nfields, &kind, &tm, &fsec,
							   &zone);
#endif
	}
	return error == 0 && kind == DTK_DATE &&
		tm2timestamp(&tm, fsec, &zone, result) == 0;
}

/* The injected clock's time; false when it is not in use (or nonsense). */
static bool
test_clock(TimestampTz *now)
{
	if (unlikely(simulated != DT_NOBEGIN))
	{
		*now = simulated;
		return true;
	}
	if (likely(wf_test_clock == NULL || wf_test_clock[0] == '\0'))
		return false;

	if (parsed_text == NULL || strcmp(parsed_text, wf_test_clock) != 0)
	{
		free(parsed_text);
		parsed_text = strdup(wf_test_clock);
		parsed_ok = parse_clock(wf_test_clock, &parsed_clock);
		if (!parsed_ok)
			ereport(WARNING,
					(errcode(ERRCODE_INVALID_DATETIME_FORMAT),
					 errmsg("workflow.test_clock \"%s\" is not a timestamp and is ignored",
							wf_test_clock)));
	}
	*now = parsed_clock;
	return parsed_ok;
}

/*
 * Now, by the database's clock, or by workflow.test_clock (superuser only,
 * a timestamptz text; empty: the real clock) for tests of long deadlines.
 */
TimestampTz
wf_clock_now(void)
{
	TimestampTz now;

	return test_clock(&now) ? now : GetCurrentTimestamp();
}

/*
 * The instant up to which a claim of this transaction may take timers: the
 * transaction's start, so that user code never sees a now() before its
 * timer's due time.  (Under the test clock: that.)
 */
TimestampTz
wf_clock_due_limit(void)
{
	TimestampTz now;

	return test_clock(&now) ? now : GetCurrentTransactionStartTimestamp();
}

/* An instant of the real clock (back-offs, idle times) as wf_clock_now() will show it. */
TimestampTz
wf_clock_at(TimestampTz real)
{
	TimestampTz now;

	if (TIMESTAMP_NOT_FINITE(real) || !test_clock(&now))
		return real;
	return now + (real - GetCurrentTimestamp());
}

/*
 * The time that is now for this session until it is set back to what this
 * returns; DT_NOBEGIN: the time it is.  For simulations, whatever the setting
 * says.  Errors need an undo.
 */
TimestampTz
wf_clock_simulate(TimestampTz now)
{
	TimestampTz before = simulated;

	simulated = now;
	return before;
}

/* The time that a simulation takes for now, or DT_NOBEGIN. */
TimestampTz
wf_clock_simulated(void)
{
	return simulated;
}

/*
 * Sleep on MyLatch until `until` (TIMESTAMP infinity: until set), latch, or
 * postmaster death (exits).  Resets nothing, throws nothing.  wait_event: a
 * value for pg_stat_activity, e.g. PG_WAIT_EXTENSION.  Returns WaitLatch's
 * event mask.  Waits longer than a day are cut to a day.
 */
int
wf_clock_wait(TimestampTz until, uint32 wait_event)
{
	int			events = WL_LATCH_SET | WL_EXIT_ON_PM_DEATH;
	long		timeout = -1;

	if (!TIMESTAMP_IS_NOEND(until))
	{
		/*
		 * Rounded up, so that what is due is due when we wake.  A day is
		 * short enough to survive any jump of the clock.
		 */
		timeout = TIMESTAMP_IS_NOBEGIN(until) ? 0 :
			TimestampDifferenceMilliseconds(wf_clock_now(), until);
		timeout = Min(timeout, LONGEST_WAIT);
		events |= WL_TIMEOUT;
	}
	return WaitLatch(MyLatch, events, timeout, wait_event);
}
