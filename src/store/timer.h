/*
 * timer.h
 *	  The table workflow.timer: events that have still to reach a process.
 */
#ifndef WF_TIMER_H
#define WF_TIMER_H

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"
#include "utils/array.h"
#include "utils/uuid.h"

#include "store/process_row.h"
#include "store/published.h"
#include "store/timer_row.h"

/* What has still to reach a process: a timer, or an event that was given up. */
typedef struct WfPending
{
	pg_uuid_t	process;
	int64		seq;
	char	   *event;
	char	   *name;			/* or NULL */
	char	   *state;			/* NULL: not a state's timer */
} WfPending;

/*
 * A timer's row counts attempts in a smallint.  One that has more is counted on
 * in its row of workflow.failure.
 */
#define WF_MOST_ATTEMPTS 32000

/* An event of a process that counts only while the process has its sender. */
typedef struct WfTimerNotice
{
	pg_uuid_t	process;
	pg_uuid_t	sender;
	const char *event;
	Jsonb	   *data;			/* or NULL */
	const char *trace;			/* the trace context of its sender, or NULL */
} WfTimerNotice;

/* Starts a process whose start() was for later. */
#define WF_START_EVENT "workflow.start"

/* Ends a child that its parent has let go. */
#define WF_CANCEL_EVENT "workflow.cancel"

/* The id of events that tell a process that one of its events was given up. */
#define WF_TOLD_ID "workflow.on_error"

/* A delayed event for another process: until it is due, it is a timer of the sender. */
#define WF_FORWARD_EVENT "workflow.forward"

/*
 * What a migration does to pending events, in the tables timer and failure
 * alike.  $1 and $2 are the keys (process, seq), one array each.
 */
#define WF_PENDING_DROP(table) { \
	.sql = "DELETE FROM workflow." table " t" \
	" USING ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2)) u(process, seq)" \
	" WHERE t.process OPERATOR(pg_catalog.=) u.process AND t.seq OPERATOR(pg_catalog.=) u.seq", \
	WF_ARGS(UUIDARRAYOID, INT8ARRAYOID), \
	.latest = true \
}

#define WF_PENDING_RENAME(table) { \
	.sql = "UPDATE workflow." table " t SET event = u.event, state = u.state" \
	" FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2), pg_catalog.unnest($3)," \
	"  pg_catalog.unnest($4)) u(process, seq, event, state)" \
	" WHERE t.process OPERATOR(pg_catalog.=) u.process AND t.seq OPERATOR(pg_catalog.=) u.seq", \
	WF_ARGS(UUIDARRAYOID, INT8ARRAYOID, TEXTARRAYOID, TEXTARRAYOID), \
	.latest = true \
}

extern void wf_timer_park(const pg_uuid_t *process);
extern void wf_timer_unpark(const pg_uuid_t *process, int32 owner);
extern void wf_timer_unpark_many(ArrayType *processes, int32 owner);
extern void wf_timer_have(int n, const pg_uuid_t *const *processes, bool *found);
extern void wf_timer_announce_returned(int32 owner);
extern void wf_timer_notify(int n, const WfTimerNotice *notices);
extern uint64 wf_timer_publish(const WfPublished *published, ArrayType *definitions);
extern bool wf_timer_take(WfTimerRow *timer);
extern bool wf_timer_parks(const WfRow *row, const WfTimerRow *timer);
extern List *wf_timer_list(const pg_uuid_t *process);
extern List *wf_timer_take_all(const pg_uuid_t *process);
extern uint64 wf_timer_forget_posted(const pg_uuid_t *process, const char *name,
									 bool free_only);
extern bool wf_timer_is_replaced(const WfTimerRow *timer);
extern int	wf_timer_pending(ArrayType *processes, WfPending **pending);
extern void wf_timer_drop(ArrayType *processes, ArrayType *seqs);
extern void wf_timer_rename(ArrayType *processes, ArrayType *seqs,
							ArrayType *events, ArrayType *states);

#endif							/* WF_TIMER_H */
