/*
 * recurrence.h
 *	  When something happens again and again: cron expressions, rules of
 *	  RFC 5545, and intervals.
 */
#ifndef WF_RECURRENCE_H
#define WF_RECURRENCE_H

#include "datatype/timestamp.h"
#include "pgtime.h"

/* What becomes of a local time that a day does not have. */
typedef enum WfRecurrenceGap
{
	WF_GAP_NEXT,				/* it is at the end of the gap */
	WF_GAP_SKIP					/* it is left out */
} WfRecurrenceGap;

/* Which of two equal local times of a day is meant. */
typedef enum WfRecurrenceFold
{
	WF_FOLD_FIRST,
	WF_FOLD_SECOND,
	WF_FOLD_BOTH
} WfRecurrenceFold;

/* In the memory context in which it was made. */
typedef struct WfRecurrence WfRecurrence;

extern WfRecurrence *wf_recurrence_of_cron(const char *text, pg_tz *zone,
										   WfRecurrenceGap gap, WfRecurrenceFold fold);
extern WfRecurrence *wf_recurrence_of_rule(const char *text, TimestampTz starts, pg_tz *zone,
										   WfRecurrenceGap gap, WfRecurrenceFold fold);
extern WfRecurrence *wf_recurrence_of_interval(const Interval *every, TimestampTz anchor,
											   pg_tz *zone, WfRecurrenceGap gap,
											   WfRecurrenceFold fold);
extern bool wf_recurrence_next(const WfRecurrence *rec, TimestampTz after, TimestampTz *next);

#endif							/* WF_RECURRENCE_H */
