/*
 * schedule_row.h
 *	  The table workflow.schedule.
 */
#ifndef WF_SCHEDULE_ROW_H
#define WF_SCHEDULE_ROW_H

#include "datatype/timestamp.h"
#include "utils/jsonb.h"
#include "utils/uuid.h"

/* What becomes of an occurrence while what an earlier one made is not over. */
typedef enum WfScheduleOverlap
{
	WF_OVERLAP_SKIP,			/* it makes nothing */
	WF_OVERLAP_QUEUE,			/* its run or process waits, if no other one does */
	WF_OVERLAP_ALLOW,			/* it is made beside it */
	WF_OVERLAP_CANCEL			/* that is cancelled first */
} WfScheduleOverlap;

/* What becomes of occurrences whose time went by: in a pause, without a server. */
typedef enum WfScheduleCatchUp
{
	WF_CATCH_UP_ONE,			/* one for all of them */
	WF_CATCH_UP_NONE,
	WF_CATCH_UP_ALL				/* one for each */
} WfScheduleCatchUp;

/* A schedule as it was read. */
typedef struct WfSchedule
{
	/* What it was made with; NULL: not given. */
	int32		id;
	const char *name;
	int32		owner;			/* workflow.owner.id */
	Oid			role;			/* of that */
	Datum		tenant;			/* for whom it makes something, a text; 0: for nobody */
	const char *job;
	const char *definition;
	const char *cron;
	const char *rule;
	Interval   *every;
	TimestampTz anchor;			/* DTSTART of the rule, a time of the interval */
	const char *zone;
	Jsonb	   *params;
	TimestampTz starts;			/* -infinity: at any time */
	TimestampTz ends;			/* infinity: never */
	int			overlap;		/* WfScheduleOverlap */
	int			catch_up;		/* WfScheduleCatchUp */
	int			gap;			/* WfRecurrenceGap */
	int			fold;			/* WfRecurrenceFold */
	Interval   *jitter;
	const char *calendar;
	bool		has_priority;	/* else that of the job */
	int			priority;
	const char *engine;

	/* How it stands. */
	bool		paused;
	const char *note;
	TimestampTz next;			/* the time of its next occurrence; infinity: none comes */
	TimestampTz due;			/* when that is fired; infinity: it is not */
	int			attempts;		/* that failed */
	int			losses;			/* in a row that ended the server */
	Jsonb	   *error;			/* of the last attempt, or why it is suspended */
	TimestampTz suspended_at;	/* infinity: it is not */
	TimestampTz last;			/* the time of the occurrence that was made last, */
	TimestampTz last_at;		/* when that was; -infinity: none was */
	pg_uuid_t	last_made;		/* the run or process that it made */
	int			nactive;		/* runs and processes that were not over when it was */
	pg_uuid_t  *active;			/* looked for last */
	int64		made;
	int64		skipped;		/* for what was not over */
	TimestampTz queued;			/* an occurrence whose process waits for that; infinity: none */
} WfSchedule;

extern bool wf_schedule_row_insert(WfSchedule *schedule);
extern bool wf_schedule_row_find(const char *name, WfSchedule *schedule);
extern bool wf_schedule_row_lock(const char *name, WfSchedule *schedule);
extern bool wf_schedule_row_lock_if_free(int32 id, WfSchedule *schedule);
extern int	wf_schedule_row_claim(int32 owner, TimestampTz until, int limit, WfSchedule *schedules);
extern TimestampTz wf_schedule_row_next_due(int32 owner);
extern void wf_schedule_row_update(const WfSchedule *schedule);
extern void wf_schedule_row_change(const WfSchedule *schedule);
extern void wf_schedule_row_delete(int32 id);
extern int	wf_schedule_row_suspect(int32 owner, TimestampTz until);

#endif							/* WF_SCHEDULE_ROW_H */
