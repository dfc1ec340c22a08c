/*
 * period.h
 *	  An anchor, and so many times an interval later.
 */
#ifndef WF_PERIOD_H
#define WF_PERIOD_H

#include "datatype/timestamp.h"

typedef struct WfPeriod
{
	int64		months;
	int64		days;
	int64		time;			/* microseconds */
	int64		anchor;			/* an instant without days and months, else local */
} WfPeriod;

extern void wf_period_set(WfPeriod *period, const Interval *every);
extern bool wf_period_has_days(const WfPeriod *period);
extern Timestamp wf_period_next(const void *period, Timestamp from);

#endif							/* WF_PERIOD_H */
