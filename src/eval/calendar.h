/*
 * calendar.h
 *	  Calendars of working time: the hours of each day in a time zone.
 */
#ifndef WF_CALENDAR_H
#define WF_CALENDAR_H

#include "datatype/timestamp.h"
#include "pgtime.h"

#include "chart/diagnostic.h"

/* A span of working time on one day, in microseconds of local time. */
typedef struct WfSpan
{
	int64		from;
	int64		to;				/* exclusive; the end of the day is 24 hours */
} WfSpan;

/* The working time of a day, in order. */
typedef struct WfHours
{
	int			n;
	WfSpan	   *spans;
} WfHours;

/* A date with hours of its own: an exception, or a holiday without any. */
typedef struct WfSpecialDay
{
	int			date;			/* days since 2000-01-01 */
	WfHours		hours;
	const char *path;			/* in the definition of the calendar */
} WfSpecialDay;

/* A calendar. */
typedef struct WfCalendar
{
	const char *name;
	pg_tz	   *zone;
	bool		weekly;			/* a day of the week has working time */
	WfHours		week[7];		/* Sunday is 0 */
	int			nspecial;
	WfSpecialDay *special;		/* by date */
} WfCalendar;

extern WfCalendar *wf_calendar_parse(const char *name, const char *text, WfFaults *faults);
extern const WfCalendar *wf_calendar(const char *name);
extern void wf_calendar_changing(void);

#endif							/* WF_CALENDAR_H */
