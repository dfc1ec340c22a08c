/*
 * timer.h
 *	  Timers between their table and memory.
 */
#ifndef WF_TIMER_H
#define WF_TIMER_H

#include "datatype/timestamp.h"
#include "utils/jsonb.h"
#include "utils/uuid.h"

#include "store/process_row.h"

/* A timer row as claimed. */
typedef struct WfTimerRow
{
	pg_uuid_t	process;
	int64		seq;
	TimestampTz due;
	int			attempts;
	const char *event;
	const char *name;			/* or NULL */
	const char *state;			/* or NULL */
	const char *actor;			/* or NULL */
	Jsonb	   *data;			/* or NULL */
	bool		from_child;		/* counts only while the sender is a child */
	pg_uuid_t	child;
} WfTimerRow;

extern int	wf_claim(int32 owner, TimestampTz after, int64 seq, TimestampTz until, int limit,
					 WfTimerRow **timers, WfRow ***rows);
extern TimestampTz wf_next_due(int32 owner, TimestampTz mark);
extern void wf_park_timers(const pg_uuid_t *process);
extern void wf_unpark_timers(const pg_uuid_t *process, int32 owner);
extern void wf_announce_returned(int32 owner);
extern bool wf_timer_take(WfTimerRow *timer);

#endif							/* WF_TIMER_H */
