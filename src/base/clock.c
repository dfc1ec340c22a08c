/*-------------------------------------------------------------------------
 *
 * clock.c
 *	  The only file that knows what time it is.
 *
 * Runs in any process.  It takes no locks, and nothing here throws, because
 * the time is asked for in callbacks at the end of transactions, where an
 * error would be a PANIC.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <time.h>

#include "access/xact.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "utils/guc.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/guc.h"

/*
 * Sleeps are measured by a clock that does not jump: what the real one jumps
 * over is noticed after this at the latest (ms).
 */
#define LONGEST_WAIT	(60 * 1000L)

/* The value of workflow.test_clock that was parsed last, and the result. */
static char *parsed_text = NULL;
static bool parsed_ok = false;
static TimestampTz parsed_clock;

/* The time that a simulation takes for now, or DT_NOBEGIN outside of one. */
static TimestampTz simulated = DT_NOBEGIN;

/*
 * Parse a timestamp without throwing, which timestamptz_in() would do.
 * Returns false if the text is not a timestamp.
 */
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

/*
 * Set *now to the time of the simulation or of workflow.test_clock.  Returns
 * false if neither is in use, and if the setting is not a timestamp.
 */
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
 * Return the time that is now for workflow.  That is the server's clock,
 * unless this session simulates or workflow.test_clock has a value: a
 * timestamp with time zone that only a superuser can set, for tests of long
 * deadlines.  Whatever decides about due times must ask here.
 */
TimestampTz
wf_clock_now(void)
{
	TimestampTz now;

	return test_clock(&now) ? now : GetCurrentTimestamp();
}

/*
 * Return the time up to which a claim of this transaction may take timers.
 * It is the start of the transaction, not the present, so that user code
 * never sees a now() that lies before the due time of its timer.  A
 * simulation and workflow.test_clock come first, as in wf_clock_now().
 */
TimestampTz
wf_clock_due_limit(void)
{
	TimestampTz now;

	return test_clock(&now) ? now : GetCurrentTransactionStartTimestamp();
}

/* So long (ms) before an instant.  Infinite times stay as they are. */
TimestampTz
wf_clock_before(TimestampTz instant, int lead)
{
	return TIMESTAMP_NOT_FINITE(instant) ? instant :
		TimestampTzPlusMilliseconds(instant, -lead);
}

/*
 * Convert a time of the server's clock, as back-offs and idle timeouts use
 * it, to the one that wf_clock_now() will return at that time.  Infinite
 * times stay as they are.
 */
TimestampTz
wf_clock_at(TimestampTz real)
{
	TimestampTz now;

	if (TIMESTAMP_NOT_FINITE(real) || !test_clock(&now))
		return real;
	return now + (real - GetCurrentTimestamp());
}

/*
 * The time by a clock that does not jump, and counts while nobody looks: us since some
 * instant that is the same for all processes of a server until that is started anew.
 * Also for signal handlers.
 */
int64
wf_clock_real_steady(void)
{
	struct timespec now;

	(void) clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64CONST(1000000) + now.tv_nsec / 1000;
}

/*
 * The same, by which counts what members of the cluster say, and when they have been
 * silent for too long.  Tests set it with workflow.test_steady_clock.
 */
int64
wf_clock_steady(void)
{
	if (wf_test_steady_clock >= 0)
		return wf_test_steady_clock * INT64CONST(1000);
	return wf_clock_real_steady();
}

/*
 * When wf_clock_now() will return what it does at that time of the steady clock;
 * PG_INT64_MAX: never.
 */
TimestampTz
wf_clock_of_steady(int64 steady)
{
	return steady == PG_INT64_MAX ? DT_NOEND : wf_clock_now() + (steady - wf_clock_steady());
}

/*
 * Make the author's now(), and what else asks for the start of the transaction
 * or of the statement, answer these times.  Otherwise a delay until an hour from
 * now() would lie in the past of a simulation that has reached next year, and be
 * due at once, again and again.  The server has a function for it, which parallel
 * workers call; one that checks its assertions would not let us.
 */
static void
set_start_times(TimestampTz transaction, TimestampTz statement)
{
	if (strcmp(GetConfigOption("debug_assertions", false, false), "on") != 0)
		SetParallelStartTimestamps(transaction, statement);
}

/*
 * Make `now` the time of this session until the next call, for workflow and for
 * SQL; DT_NOBEGIN ends the simulation.  Returns the previous value, which the
 * caller must put back, also after an error: nothing here hears of the end of a
 * transaction.
 */
TimestampTz
wf_clock_simulate(TimestampTz now)
{
	static TimestampTz transaction; /* when it really began */
	static TimestampTz statement;
	TimestampTz before = simulated;

	if (now == before)
		return before;
	if (before == DT_NOBEGIN)
	{
		transaction = GetCurrentTransactionStartTimestamp();
		statement = GetCurrentStatementStartTimestamp();
	}
	simulated = now;
	if (now == DT_NOBEGIN)
		set_start_times(transaction, statement);
	else
		set_start_times(now, now);
	return before;
}

/*
 * Return the time that a simulation takes for now, or DT_NOBEGIN outside of
 * one.
 */
TimestampTz
wf_clock_simulated(void)
{
	return simulated;
}

/*
 * Is a wait over that was to last until `until` by the server's clock, and no
 * longer than `longest` (ms)?  If it ends later than that from now, the clock
 * was set back meanwhile, and it is over, too.
 */
bool
wf_clock_is_over(TimestampTz until, int longest)
{
	TimestampTz now = GetCurrentTimestamp();

	return until <= now || until > TimestampTzPlusMilliseconds(now, longest);
}

/*
 * Sleep on MyLatch until `until`, by wf_clock_now(), or until the latch is
 * set; infinity waits for the latch alone.  Exits if the postmaster died.
 * Does not reset the latch and does not throw.  wait_event is what
 * pg_stat_activity shows.  Returns the event mask of WaitLatch(); WL_TIMEOUT is
 * in it only if all of the time has passed: a wait is cut to a minute, so callers
 * must be ready to wake up early.
 */
int
wf_clock_wait(TimestampTz until, uint32 wait_event)
{
	int			events = WL_LATCH_SET | WL_EXIT_ON_PM_DEATH;
	long		timeout = -1;
	bool		cut = false;

	if (!TIMESTAMP_IS_NOEND(until))
	{
		/*
		 * The function rounds up, so that what is due at `until` is due when
		 * we wake up.
		 */
		timeout = TIMESTAMP_IS_NOBEGIN(until) ? 0 :
			TimestampDifferenceMilliseconds(wf_clock_now(), until);
		cut = timeout > LONGEST_WAIT;
		timeout = Min(timeout, LONGEST_WAIT);
		events |= WL_TIMEOUT;
	}
	events = WaitLatch(MyLatch, events, timeout, wait_event);
	return cut ? events & ~WL_TIMEOUT : events;
}
