/*
 * local_time.h
 *	  From times that a clock on the wall shows to instants.
 */
#ifndef WF_LOCAL_TIME_H
#define WF_LOCAL_TIME_H

#include "datatype/timestamp.h"
#include "pgtime.h"

#include "recurrence/recurrence.h"

/*
 * Nothing is before the year 1 or after the year 9999, in days since
 * 2000-01-01: [from, until).
 */
#define WF_FIRST_DAY	(-730119)
#define WF_END_DAY		2921940

/* Where the clock hangs, and what its changes mean. */
typedef struct WfLocalZone
{
	pg_tz	   *zone;
	WfRecurrenceGap gap;
	WfRecurrenceFold fold;
	bool		hourly;			/* something happens in every hour: see
								 * wf_local_time_next() */
} WfLocalZone;

/*
 * Find the first local time that is not before `from`, DT_NOEND if there is
 * none.
 */
typedef Timestamp (*WfLocalNext) (const void *recurrence, Timestamp from);

extern int	wf_local_time_day(Timestamp time);
extern Timestamp wf_local_time_of(pg_tz *zone, TimestampTz time);
extern bool wf_local_time_next(const WfLocalZone *zone, WfLocalNext next_local,
							   const void *recurrence, TimestampTz after, TimestampTz *next);

#endif							/* WF_LOCAL_TIME_H */
