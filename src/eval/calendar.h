/*
 * calendar.h
 *	  Calendars of working time: the hours of each day in a time zone.
 */
#ifndef WF_CALENDAR_H
#define WF_CALENDAR_H

#include "datatype/timestamp.h"
#include "pgtime.h"

#include "chart/diagnostic.h"

/* Working time of a day, in microseconds of local time, in order. */
typedef struct WfSpan
{
	int64		from;
	int64		to;				/* behind it; midnight at its end is a whole day */
} WfSpan;

typedef struct WfHours
{
	int			n;
	WfSpan	   *spans;
} WfHours;

/* A date with hours of its own: an exception, or a holiday with none. */
typedef struct WfSpecialDay
{
	int			date;			/* days since 2000-01-01 */
	WfHours		hours;
	const char *path;			/* in the definition of the calendar */
} WfSpecialDay;

typedef struct WfCalendar
{
	const char *name;
	pg_tz	   *zone;
	bool		weekly;			/* some day of the week has working time */
	WfHours		week[7];		/* Sunday is 0 */
	int			nspecial;
	WfSpecialDay *special;		/* by date */
} WfCalendar;

/* calendar.c */

/*
 * A calendar from its JSON text, in the current memory context; all faults are
 * added, and with one the result is good for nothing.
 */
extern WfCalendar *wf_calendar_parse(const char *name, const char *text, WfFaults *faults);

/*
 * The calendar of this name, as it is now; good until the next look at the
 * catalog.  Needs a transaction.  Error 42704.
 */
extern const WfCalendar *wf_calendar(const char *name);

/* Must be called before the statement that changes the table. */
extern void wf_calendar_changing(void);

/* working_time.c */

/*
 * The instant when so much working time has gone by since `start`: first
 * months of the calendar, then working days, then hours.  Errors: 22023 for a
 * negative part, 22008 when there is not so much working time.
 */
extern TimestampTz wf_working_time_add(const WfCalendar *calendar, TimestampTz start,
									   const Interval *duration);

/* Working time from a to b in microseconds, negative when b is before a. */
extern int64 wf_working_time_between(const WfCalendar *calendar, TimestampTz a, TimestampTz b);

#endif							/* WF_CALENDAR_H */
