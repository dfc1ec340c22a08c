/*-------------------------------------------------------------------------
 *
 * run_head.c
 *	  Which run of a queue comes next.
 *
 * Runs in any session, for people, and locks nothing.  However many runs wait, the index gives the
 * first one of each owner and level; what keeps it from being claimed run_look.c says.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "queue/queue.h"
#include "run/run_head.h"
#include "run/run_ready.h"
#include "shmem/watermark.h"
#include "store/run.h"
#include "store/run_scan.h"
#include "store/statement.h"

/* Whoever may have runs; 0: outside workers. */
static WfStatement executors_statement = {
	.sql = "SELECT 0 UNION ALL SELECT o.id FROM workflow.owner o"
};

static WfStatement parked_statement = {
	.sql = "SELECT r.id FROM workflow.run r WHERE NOT r.ready AND r.state OPERATOR(pg_catalog.=) 0"
	" AND r.queue OPERATOR(pg_catalog.=) $1 ORDER BY r.due, r.seq LIMIT 1",
	WF_ARGS(INT4OID)
};

/* The first run of a level. */
typedef struct Head
{
	bool		is_due;
	int			level;			/* what has waited for long is more urgent than it was */
	WfPosition	position;
	pg_uuid_t	run;
} Head;

static bool
comes_before(const Head *a, const Head *b)
{
	if (a->is_due != b->is_due)
		return a->is_due;
	if (a->level != b->level)
		return a->level < b->level;
	return wf_position_before(a->position, b->position);
}

/* Make *head the first run of this level if that comes before it, or there is none.  Is there one? */
static bool
look_at_level(WfRunScan *scan, const WfRunPlace *level, const WfQueue *queue, bool found, Head *head)
{
	TimestampTz now = wf_clock_now();
	WfRunLane	lane = {.place = *level,.ageing = queue->ageing,.ordered = queue->ordered};
	WfRunRow	row;
	Head		first;

	wf_run_scan_begin_level(scan, level, WF_POSITION(DT_NOBEGIN));
	if (!wf_run_scan_next(scan, &row))
		return found;
	lane.head = (WfPosition) {wf_run_row_due(&row), wf_run_row_seq(&row)};
	first = (Head) {
		.is_due = lane.head.due <= now,.level = wf_run_ready_level(&lane, now),
			.position = lane.head,.run = *wf_run_row_id(&row)
	};
	if (!found || comes_before(&first, head))
		*head = first;
	return true;
}

/* The same for all levels that an executor has in the queue. */
static bool
look_at_executor(WfRunScan *scan, int32 executor, const WfQueue *queue, bool found, Head *head)
{
	WfRunPlace	level = WF_RUN_FIRST_PLACE_OF_QUEUE(executor, queue->number);
	WfRunPlace	last = WF_RUN_LAST_PLACE_OF_QUEUE(executor, queue->number);

	while (wf_run_scan_level(scan, &level, &last))
		found = look_at_level(scan, &level, queue, found, head);
	return found;
}

/* The first one of those that may be claimed by now or later.  False: all are parked. */
static bool
find_ready(const WfQueue *queue, Head *head)
{
	uint64		n = wf_statement_execute(&executors_statement, NULL, NULL, 0);
	SPITupleTable *executors = SPI_tuptable;
	bool		found = false;
	bool		isnull;
	WfRunScan  *scan;

	wf_statement_push_snapshot();
	scan = wf_run_scan_open(WF_RUN_BY_DUE);
	for (uint64 i = 0; i < n; i++)
		found = look_at_executor(scan, DatumGetInt32(SPI_getbinval(executors->vals[i], executors->tupdesc, 1, &isnull)),
								 queue, found, head);
	wf_run_scan_close(scan);
	PopActiveSnapshot();
	return found;
}

/* One that is parked, or waits for others.  False: there is none. */
static bool
find_parked(int32 queue, Head *head)
{
	Datum		value = Int32GetDatum(queue);
	bool		isnull;

	if (wf_statement_execute(&parked_statement, &value, NULL, 1) == 0)
		return false;
	head->run = *DatumGetUUIDP(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	return true;
}

/*
 * The run of a queue that comes next: of what is due, most urgent first, the one that was due first;
 * else what is due first; else what is parked.  False: nothing waits.  SPI must be connected.
 */
bool
wf_run_head(int32 queue, WfRunRow *row)
{
	const WfQueue found = *wf_queue(queue);
	Head		head = {0};

	return (find_ready(&found, &head) || find_parked(queue, &head)) && wf_run_find(&head.run, row);
}
