/*
 * timer_row.h
 *	  A row of the table workflow.timer, in memory.
 */
#ifndef WF_TIMER_ROW_H
#define WF_TIMER_ROW_H

#include "datatype/timestamp.h"
#include "utils/jsonb.h"
#include "utils/uuid.h"

/* A timer as it was read, claimed, or is to be armed. */
typedef struct WfTimerRow
{
	pg_uuid_t	process;
	int64		seq;
	TimestampTz due;
	int			attempts;		/* at most WF_MOST_ATTEMPTS */
	const char *event;
	const char *name;			/* or NULL */
	const char *state;			/* or NULL */
	const char *actor;			/* or NULL */
	Jsonb	   *data;			/* or NULL */
	const char *once;			/* or NULL: the id of a command, which is delivered
								 * unless one with this id was */
	const char *trace;			/* the trace context in which it came, or NULL */
	bool		from_child;		/* delivered only while the process has that child */
	pg_uuid_t	child;			/* the sender; only with from_child */
} WfTimerRow;

/*
 * What a statement reads of workflow.timer t, for wf_timer_row_read(); F is the first
 * column.  Names and positions come from here.  The last one is not there in versions before
 * 0.3.0.
 */
#define WF_TIMER_LIST(F, N) \
	WF_TIMER_OLDER_LIST(F, N) \
	N(traceparent)

#define WF_TIMER_OLDER_LIST(F, N) \
	F(seq) \
	N(due) \
	N(attempts) \
	N(event) \
	N(name) \
	N(state) \
	N(actor) \
	N(data) \
	N(child)

#define WF_TIMER_FIRST(column) "t." #column
#define WF_TIMER_NEXT(column) ", t." #column
#define WF_TIMER_COLUMNS WF_TIMER_LIST(WF_TIMER_FIRST, WF_TIMER_NEXT)
#define WF_TIMER_OLDER_COLUMNS WF_TIMER_OLDER_LIST(WF_TIMER_FIRST, WF_TIMER_NEXT) ", NULL::pg_catalog.text"

#define WF_TIMER_POSITION(column) WF_TIMER_##column,
enum
{
	WF_TIMER_LIST(WF_TIMER_POSITION, WF_TIMER_POSITION)
	WF_TIMER_NCOLUMNS
};

extern Jsonb *wf_timer_row_pack(const WfTimerRow *timer, const pg_uuid_t **child);
extern void wf_timer_row_read(WfTimerRow *timer, const pg_uuid_t *process, Datum *values,
							  bool *nulls);

#endif							/* WF_TIMER_ROW_H */
