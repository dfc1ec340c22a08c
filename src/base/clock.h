/*
 * clock.h
 *	  The only room that knows what time it is.
 */
#ifndef WF_CLOCK_H
#define WF_CLOCK_H

#include "datatype/timestamp.h"

/*
 * Now, by the database's clock, or by workflow.test_clock (superuser only,
 * a timestamptz text; empty: the real clock) for tests of long deadlines.
 */
extern TimestampTz wf_now(void);

/*
 * The instant up to which a claim of this transaction may take timers: the
 * transaction's start, so that user code never sees a now() before its
 * timer's due time.  (Under the test clock: that.)
 */
extern TimestampTz wf_due_limit(void);

/* An instant of the real clock (back-offs, idle times) as wf_now() will show it. */
extern TimestampTz wf_clock_at(TimestampTz real);

/*
 * The time that is now for this session until it is set back to what this
 * returns; DT_NOBEGIN: the time it is.  For simulations, whatever the setting
 * says.  Errors need an undo.
 */
extern TimestampTz wf_clock_simulate(TimestampTz now);
/* What it is now. */
extern TimestampTz wf_clock_simulated(void);

/*
 * Sleep on MyLatch until `until` (TIMESTAMP infinity: until set), latch, or
 * postmaster death (exits).  Resets nothing, throws nothing.  wait_event: a
 * value for pg_stat_activity, e.g. PG_WAIT_EXTENSION.  Returns WaitLatch's
 * event mask.  Waits longer than a day are cut to a day.
 */
extern int	wf_wait(TimestampTz until, uint32 wait_event);

#endif							/* WF_CLOCK_H */
