/*
 * clock.h
 *	  The only file that knows what time it is.
 */
#ifndef WF_CLOCK_H
#define WF_CLOCK_H

#include "datatype/timestamp.h"

/* So long (ms) before work is due a process for it is started: some times as long as
 * that takes. */
#define WF_CLOCK_LEAD	100

extern TimestampTz wf_clock_now(void);
extern TimestampTz wf_clock_before(TimestampTz instant, int lead);
extern TimestampTz wf_clock_due_limit(void);
extern TimestampTz wf_clock_at(TimestampTz real);
extern int64 wf_clock_real_steady(void);
extern int64 wf_clock_steady(void);
extern TimestampTz wf_clock_of_steady(int64 steady);
extern TimestampTz wf_clock_simulate(TimestampTz now);
extern TimestampTz wf_clock_simulated(void);
extern bool wf_clock_is_over(TimestampTz until, int longest);
extern int	wf_clock_wait(TimestampTz until, uint32 wait_event);

#endif							/* WF_CLOCK_H */
