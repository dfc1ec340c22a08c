/*
 * timer.h
 *	  Timers between their table and memory.
 */
#ifndef WF_TIMER_H
#define WF_TIMER_H

#include "datatype/timestamp.h"
#include "utils/jsonb.h"
#include "utils/uuid.h"

#include "shmem/lane.h"
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

/* What starts a process whose start() was for later. */
#define WF_START_EVENT "workflow.start"

/* What ends a child that its parent has let go. */
#define WF_CANCEL_EVENT "workflow.cancel"

/* An event of its own for another process, which is not due before now. */
#define WF_FORWARD_EVENT "workflow.forward"

extern int	wf_timer_claim(int32 owner, WfPosition from, TimestampTz until, int limit,
						   WfTimerRow **timers, WfRow ***rows);
extern WfPosition wf_timer_next_due(int32 owner, WfPosition mark);
extern void wf_timer_park(const pg_uuid_t *process);
extern void wf_timer_unpark(const pg_uuid_t *process, int32 owner);
extern void wf_timer_announce_returned(int32 owner);
extern bool wf_timer_take(WfTimerRow *timer);
extern bool wf_timer_parks(const WfRow *row, const WfTimerRow *timer);

#endif							/* WF_TIMER_H */
