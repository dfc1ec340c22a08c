/*-------------------------------------------------------------------------
 *
 * patience.c
 *	  How often something is tried, when it is told of, and the pauses between.
 *
 * Runs in the link and in the courier.  What fails is tried again after an interval, and
 * never given up: after so many failures in a row the log has a warning, and the pauses
 * become longer.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/clock.h"
#include "remote/patience.h"

/* The longest pause (ms), and in steps of what power of two it comes. */
#define PAUSE_MAX		60000
#define DOUBLINGS_MAX	10

/* Is it time to try? */
bool
wf_patience_is_over(const WfPatience *patience)
{
	return patience->next_at <= wf_clock_real_steady();
}

/* The pause (ms) after the present failure. */
static int
pause_of(const WfPatience *patience, int interval, int count)
{
	int			late = Min(Max(patience->failures - count, 0), DOUBLINGS_MAX);

	return Min((int64) interval << late, Max(PAUSE_MAX, interval));
}

/*
 * It has failed: try again after the interval (ms), and after count failures tell of it
 * loudly, and pause longer and longer.
 */
void
wf_patience_failed(WfPatience *patience, int interval, int count, const char *what, const char *trouble)
{
	patience->failures++;
	if (patience->failures == 1)
		ereport(LOG,
				(errmsg("workflow: %s failed: %s", what, trouble)));
	if (patience->failures == count)
		ereport(WARNING,
				(errmsg("workflow: %s has failed %d times in a row: %s", what, count, trouble),
				 errhint("It is tried again, less and less often.")));
	patience->next_at = wf_clock_real_steady() + pause_of(patience, interval, count) * INT64CONST(1000);
}

/* It has gone well. */
void
wf_patience_succeeded(WfPatience *patience, const char *what)
{
	if (patience->failures > 0)
		ereport(LOG,
				(errmsg("workflow: %s goes well again", what)));
	*patience = (WfPatience) {0};
}
