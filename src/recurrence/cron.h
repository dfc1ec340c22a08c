/*
 * cron.h
 *	  A cron expression, and its times.
 */
#ifndef WF_CRON_H
#define WF_CRON_H

#include "datatype/timestamp.h"

#include "recurrence/time_set.h"

/* Days of the month are bits 1 to 31, months 1 to 12, Sunday is bit 0. */
typedef struct WfCron
{
	WfTimeSet	times;
	uint64		months;
	bool		any_day;		/* the day of the month is not restricted */
	uint64		days;
	uint64		from_end;		/* L-n; bit 0 is L */
	uint64		nearest;		/* nW: the nearest weekday */
	bool		last_weekday;	/* LW */
	bool		any_weekday;	/* the day of the week is not restricted */
	uint64		weekdays;
	uint64		last;			/* nL: the last ones of the month */
	uint64		nth[6];			/* n#k: the k-th ones; 0 is not used */
} WfCron;

extern Timestamp wf_cron_next(const void *cron, Timestamp from);

#endif							/* WF_CRON_H */
