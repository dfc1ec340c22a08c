/*-------------------------------------------------------------------------
 *
 * timer.c
 *	  The table workflow.timer: events that have still to reach a process.
 *
 * Sessions park, take back and rename the timers of processes that they hold.  All
 * statements on the table stand here, but for those of the claim (timer_claim.c), of
 * the sweep (timer_sweep.c), of steps, which arm and disarm (changes_write.c), of
 * events that were given up (failure.c), and of purge.c.
 *
 * Whoever holds the process row owns its timers: see process_row.c for the order
 * of locks.  post() inserts without it.
 *
 * States of a timer: it waits in the table for its due time; it is parked, where
 * no claim sees it, while its process is suspended, terminated or resting; it is
 * claimed, that is, deleted by a transaction that delivers it, and there again if
 * that transaction aborts.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/uuid.h"
#include "base/version.h"
#include "shmem/wakeup.h"
#include "store/heap.h"
#include "store/process_row.h"
#include "store/statement.h"
#include "store/timer.h"

static WfStatement park_statement = {
	.sql = "UPDATE workflow.timer SET parked = true"
	" WHERE process OPERATOR(pg_catalog.=) $1 AND NOT parked",
	WF_ARGS(UUIDOID)
};

/* The definition may have got another owner meanwhile: see definition/handover.c. */
static WfStatement unpark_statement = {
	.sql = "UPDATE workflow.timer SET parked = false, owner = $2"
	" WHERE process OPERATOR(pg_catalog.=) $1 AND parked RETURNING due",
	WF_ARGS(UUIDOID, INT4OID),
	.latest = true
};

/* Timers of suspended and terminated processes stay parked. */
static WfStatement unpark_many_statement = {
	.sql = "UPDATE workflow.timer t SET parked = false, owner = $2 FROM workflow.process p"
	" WHERE t.process OPERATOR(pg_catalog.=) ANY ($1) AND t.parked"
	" AND p.id OPERATOR(pg_catalog.=) t.process AND NOT p.suspended"
	" AND p.status OPERATOR(pg_catalog.<>) 'terminated' RETURNING t.due",
	WF_ARGS(UUIDARRAYOID, INT4OID),
	.latest = true				/* post() parks an event without the process */
};

/* What is asked of the SQL of versions before 0.3.0, and of this one. */
#define BOTH(TEXT, ...) \
{ \
	{.sql = TEXT(WF_TIMER_OLDER_COLUMNS), WF_ARGS(__VA_ARGS__)}, \
	{.sql = TEXT(WF_TIMER_COLUMNS), WF_ARGS(__VA_ARGS__)} \
}

static WfStatement *
of_version(WfStatement *statements)
{
	return &statements[wf_version_has_column("timer", "traceparent") ? 1 : 0];
}

/* What a row of SPI's last result says of a timer of a process. */
static void
read_result(WfTimerRow *timer, const pg_uuid_t *process, uint64 row)
{
	Datum		values[WF_TIMER_NCOLUMNS];
	bool		nulls[WF_TIMER_NCOLUMNS];

	heap_deform_tuple(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, values, nulls);
	wf_timer_row_read(timer, process, values, nulls);
}

/*
 * Park all timers of a process, until wf_timer_unpark().  The caller holds the
 * process.
 */
void
wf_timer_park(const pg_uuid_t *process)
{
	Datum		id = UUIDPGetDatum(process);

	wf_statement_execute(&park_statement, &id, NULL, 0);
}

/*
 * Announce to the executors of an owner that timers are due at the times in
 * column 1 of SPI's last result, when this transaction commits (wakeup.c).
 */
void
wf_timer_announce_returned(int32 owner)
{
	bool		isnull;

	for (uint64 i = 0; i < SPI_processed; i++)
		wf_wakeup_timer(owner,
						DatumGetTimestampTz(SPI_getbinval(SPI_tuptable->vals[i],
														  SPI_tuptable->tupdesc, 1,
														  &isnull)));
}

/*
 * Let the executors of the owner of its definition see all timers of a process
 * again, and announce them.  The caller holds the process.
 */
void
wf_timer_unpark(const pg_uuid_t *process, int32 owner)
{
	Datum		values[2] = {UUIDPGetDatum(process), Int32GetDatum(owner)};

	wf_statement_execute(&unpark_statement, values, NULL, 0);
	wf_timer_announce_returned(owner);
}

/*
 * Let executors see all timers of these processes of one owner again, and
 * announce them, except of those that are suspended or terminated.  The caller
 * holds the processes.
 */
void
wf_timer_unpark_many(ArrayType *processes, int32 owner)
{
	Datum		values[2] = {PointerGetDatum(processes), Int32GetDatum(owner)};

	wf_statement_execute(&unpark_many_statement, values, NULL, 0);
	wf_timer_announce_returned(owner);
}

static WfStatement notify_statement = {
	.sql = "INSERT INTO workflow.timer (process, due, owner, event, data, child, traceparent)"
	" SELECT u.process, $5, d.owner, u.event, u.data, u.sender, u.traceparent"
	" FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2), pg_catalog.unnest($3),"
	"  pg_catalog.unnest($4), pg_catalog.unnest($6)) u(process, event, data, sender, traceparent),"
	" workflow.process p, workflow.definition d"
	" WHERE p.id OPERATOR(pg_catalog.=) u.process AND d.id OPERATOR(pg_catalog.=) p.definition"
	" AND NOT " WF_PROCESS_ROW_IS_OVER("p") " RETURNING due, owner",
	WF_ARGS(UUIDARRAYOID, TEXTARRAYOID, JSONBARRAYOID, UUIDARRAYOID, TIMESTAMPTZOID, TEXTARRAYOID)
};

/*
 * Insert events that are due now, and announce them.  Locks no process; those that are
 * over get none.  SPI must be connected.
 */
void
wf_timer_notify(int n, const WfTimerNotice *notices)
{
	Datum	   *processes = palloc(sizeof(Datum) * n);
	Datum	   *senders = palloc(sizeof(Datum) * n);
	Datum	   *events = palloc(sizeof(Datum) * n);
	Datum	   *data = palloc(sizeof(Datum) * n);
	Datum	   *traces = palloc(sizeof(Datum) * n);
	bool	   *nulls = palloc(sizeof(bool) * n);
	bool	   *untraced = palloc(sizeof(bool) * n);
	int			lower = 1;
	TimestampTz now = wf_clock_now();
	Datum		values[6];
	bool		isnull;

	for (int i = 0; i < n; i++)
	{
		processes[i] = UUIDPGetDatum(&notices[i].process);
		senders[i] = UUIDPGetDatum(&notices[i].sender);
		events[i] = CStringGetTextDatum(notices[i].event);
		data[i] = JsonbPGetDatum(notices[i].data);
		nulls[i] = notices[i].data == NULL;
		untraced[i] = notices[i].trace == NULL;
		traces[i] = untraced[i] ? (Datum) 0 : CStringGetTextDatum(notices[i].trace);
	}
	values[0] = PointerGetDatum(wf_uuid_array(processes, n));
	values[1] = PointerGetDatum(construct_array(events, n, TEXTOID, -1, false, TYPALIGN_INT));
	values[2] = PointerGetDatum(construct_md_array(data, nulls, 1, &n, &lower, JSONBOID, -1, false,
												   TYPALIGN_INT));
	values[3] = PointerGetDatum(wf_uuid_array(senders, n));
	values[4] = TimestampTzGetDatum(now);
	values[5] = PointerGetDatum(construct_md_array(traces, untraced, 1, &n, &lower, TEXTOID, -1, false,
												   TYPALIGN_INT));
	wf_statement_execute(&notify_statement, values, NULL, 0);
	for (uint64 i = 0; i < SPI_processed; i++)
		wf_wakeup_timer(DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 2,
													&isnull)), now);
}

static WfStatement publish_statement = {
	.sql = "INSERT INTO workflow.timer (process, due, owner, event, actor, data, child, traceparent)"
	" SELECT p.id, $3, d.owner, $1, $4, $5, $6, $10 FROM (SELECT DISTINCT a.process FROM workflow.awaited a"
	"  WHERE a.event OPERATOR(pg_catalog.=) $1 AND a.correlation OPERATOR(pg_catalog.=) $2"
	"  AND ($8 IS NULL OR NOT pg_catalog.pg_visible_in_snapshot(a.made, $8))) a,"
	" workflow.process p, workflow.definition d"
	" WHERE p.id OPERATOR(pg_catalog.=) a.process AND d.id OPERATOR(pg_catalog.=) p.definition"
	" AND d.name OPERATOR(pg_catalog.=) ANY ($7) AND NOT " WF_PROCESS_ROW_IS_OVER("p")
	" AND ($9 IS NULL OR p.tenant OPERATOR(pg_catalog.=) $9)"
	" RETURNING due, owner",
	WF_ARGS(TEXTOID, TEXTOID, TIMESTAMPTZOID, TEXTOID, JSONBOID, UUIDOID, TEXTARRAYOID, PG_SNAPSHOTOID,
			TEXTOID, TEXTOID)
};

/*
 * Insert what is published for the processes of these definitions (names) that wait for
 * it, but for those that were seen before.  Returns how many there are.  Locks no process.
 * SPI must be connected.
 */
uint64
wf_timer_publish(const WfPublished *published, ArrayType *definitions)
{
	WfTimerRow	timer = {.once = published->id == 0 ? NULL : wf_published_once(published->id),
	.data = published->data};
	const pg_uuid_t *child;
	Jsonb	   *data = wf_timer_row_pack(&timer, &child);
	TimestampTz now = wf_clock_now();
	Datum		values[10] = {
		CStringGetTextDatum(published->event), CStringGetTextDatum(published->correlation),
		TimestampTzGetDatum(now),
		published->actor == NULL ? (Datum) 0 : CStringGetTextDatum(published->actor),
		JsonbPGetDatum(data), UUIDPGetDatum(child), PointerGetDatum(definitions), published->looked,
		published->tenant, published->trace == NULL ? (Datum) 0 : CStringGetTextDatum(published->trace)
	};
	char		nulls[11] = "          ";
	uint64		n;
	bool		isnull;

	nulls[3] = published->actor == NULL ? 'n' : ' ';
	nulls[4] = data == NULL ? 'n' : ' ';
	nulls[5] = child == NULL ? 'n' : ' ';
	nulls[7] = published->looked == (Datum) 0 ? 'n' : ' ';
	nulls[8] = DatumGetPointer(published->tenant) == NULL ? 'n' : ' ';
	nulls[9] = published->trace == NULL ? 'n' : ' ';
	n = wf_statement_execute(&publish_statement, values, nulls, 0);
	for (uint64 i = 0; i < n; i++)
		wf_wakeup_timer(DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 2,
													&isnull)), now);
	return n;
}

#define TAKE_BACK(columns) \
	"DELETE FROM workflow.timer t WHERE t.process OPERATOR(pg_catalog.=) $1" \
	" AND t.seq OPERATOR(pg_catalog.=) $2 AND t.attempts OPERATOR(pg_catalog.=) $3 RETURNING " columns

static WfStatement take_back_statements[] = BOTH(TAKE_BACK, UUIDOID, INT8OID, INT2OID);

/*
 * Claim one timer again whose first claim was rolled back: delete it, and read
 * it as it is now.  Texts are in the current memory context.  False: between the
 * two another session took it, or it had another attempt.  The caller holds the
 * process.
 */
bool
wf_timer_take(WfTimerRow *timer)
{
	Datum		values[3] = {UUIDPGetDatum(&timer->process), Int64GetDatum(timer->seq),
		Int16GetDatum(timer->attempts)
	};

	if (wf_statement_execute(of_version(take_back_statements), values, NULL, 0) == 0)
		return false;
	read_result(timer, &timer->process, 0);
	return true;
}

/* Which of these processes have timers, parked ones included? */
void
wf_timer_have(int n, const pg_uuid_t *const *processes, bool *found)
{
	wf_heap_have("timer", "timer_pkey", n, processes, found);
}

/*
 * Does a timer have to be parked until its process is resumed, or has started,
 * instead of being delivered?  WF_CANCEL_EVENT never has: with it a parent ends
 * a process whatever its status is.
 */
bool
wf_timer_parks(const WfRow *row, const WfTimerRow *timer)
{
	if (strcmp(timer->event, WF_CANCEL_EVENT) == 0)
		return false;
	return row->suspended || row->status == WF_TERMINATED ||
		(row->status == WF_INITIALIZED && strcmp(timer->event, WF_START_EVENT) != 0);
}

/* --- all timers of a process ------------------------------------------- */

#define LIST(columns) \
	"SELECT " columns " FROM workflow.timer t WHERE t.process OPERATOR(pg_catalog.=) $1"
#define TAKE_ALL(columns) \
	"DELETE FROM workflow.timer t WHERE t.process OPERATOR(pg_catalog.=) $1 RETURNING " columns

static WfStatement list_statements[] = BOTH(LIST, UUIDOID);
static WfStatement take_all_statements[] = BOTH(TAKE_ALL, UUIDOID);

/* A list of WfTimerRow of what a statement returns as WF_TIMER_COLUMNS. */
static List *
read_list(WfStatement *statement, const pg_uuid_t *process)
{
	Datum		id = UUIDPGetDatum(process);
	uint64		n = wf_statement_execute(statement, &id, NULL, 0);
	List	   *timers = NIL;

	for (uint64 i = 0; i < n; i++)
	{
		WfTimerRow *timer = palloc0(sizeof(WfTimerRow));

		read_result(timer, process, i);
		timer->from_child = false;
		timers = lappend(timers, timer);
	}
	SPI_freetuptable(SPI_tuptable);
	return timers;
}

/*
 * All timers of a process, in no order, as a list of WfTimerRow in the current
 * memory context; from_child is false in all of them.  Takes no lock.  SPI must
 * be connected.
 */
List *
wf_timer_list(const pg_uuid_t *process)
{
	return read_list(of_version(list_statements), process);
}

/*
 * Delete all timers of a process and return them as wf_timer_list() does.  The
 * caller has made the process, and rolls back.
 */
List *
wf_timer_take_all(const pg_uuid_t *process)
{
	return read_list(of_version(take_all_statements), process);
}

/* --- posted events ------------------------------------------------------- */

#define FORGET_POSTED(condition) { \
	/* the failure of one that was to be tried again goes with it */ \
	.sql = "WITH gone AS (DELETE FROM workflow.timer WHERE " \
	condition " RETURNING process, seq, attempts)," \
	" recovered AS (DELETE FROM workflow.failure f USING gone g WHERE g.attempts OPERATOR(pg_catalog.>) 0" \
	" AND f.process OPERATOR(pg_catalog.=) g.process AND f.seq OPERATOR(pg_catalog.=) g.seq)" \
	" SELECT FROM gone", \
	WF_ARGS(UUIDOID, TEXTOID), \
	.latest = true \
}

#define POSTED \
	"process OPERATOR(pg_catalog.=) $1 AND name OPERATOR(pg_catalog.=) $2 AND state IS NULL"

static WfStatement forget_posted_statement = FORGET_POSTED(POSTED);

static WfStatement forget_free_statement =
FORGET_POSTED("ctid OPERATOR(pg_catalog.=) ANY (ARRAY(SELECT ctid FROM workflow.timer"
			  " WHERE " POSTED " FOR UPDATE SKIP LOCKED))");

/*
 * Delete the events that were posted to a process under this id and have not
 * reached it yet, with their failures if they are being retried.  The caller
 * holds the process; or else, with free_only, only those go that nobody is just
 * delivering.  Returns how many there were.
 */
uint64
wf_timer_forget_posted(const pg_uuid_t *process, const char *name, bool free_only)
{
	Datum		args[2] = {UUIDPGetDatum(process), CStringGetTextDatum(name)};

	return wf_statement_execute(free_only ? &forget_free_statement : &forget_posted_statement,
								args, NULL, 0);
}

static WfStatement replaced_statement = {
	.sql = "SELECT FROM workflow.timer WHERE " POSTED " AND seq OPERATOR(pg_catalog.>) $3",
	WF_ARGS(UUIDOID, TEXTOID, INT8OID)
};

/*
 * Was another event posted under the id of this one since?  The caller holds the
 * process, and has deleted this one.
 */
bool
wf_timer_is_replaced(const WfTimerRow *timer)
{
	Datum		args[3] = {UUIDPGetDatum(&timer->process), (Datum) 0,
	Int64GetDatum(timer->seq)};

	if (timer->name == NULL || timer->state != NULL)
		return false;
	args[1] = CStringGetTextDatum(timer->name);
	return wf_statement_execute(&replaced_statement, args, NULL, 1) > 0;
}

/* --- migration ----------------------------------------------------------- */

static WfStatement pending_statement = {
	.sql = "SELECT t.process, t.seq, t.event, t.name, t.state"
	" FROM workflow.timer t WHERE t.process OPERATOR(pg_catalog.=) ANY ($1)"
	" UNION ALL"
	" SELECT f.process, f.seq, f.event, f.name, f.state"
	" FROM workflow.failure f WHERE f.process OPERATOR(pg_catalog.=) ANY ($1) AND f.given_up"
	" ORDER BY 1, 2",
	WF_ARGS(UUIDARRAYOID)
};

static WfStatement drop_statement = WF_PENDING_DROP("timer");
static WfStatement rename_statement = WF_PENDING_RENAME("timer");

/*
 * What has still to reach these processes: their timers, and the events that
 * were given up.  In the order of (process, seq) and in the current memory
 * context; returns how many.  Takes no lock.  SPI must be connected.
 */
int
wf_timer_pending(ArrayType *processes, WfPending **pending)
{
	Datum		ids = PointerGetDatum(processes);
	int			n = wf_statement_execute(&pending_statement, &ids, NULL, 0);
	Datum		values[5];
	bool		nulls[5];

	*pending = palloc0(sizeof(WfPending) * (n + 1));
	for (int i = 0; i < n; i++)
	{
		WfPending  *event = &(*pending)[i];

		heap_deform_tuple(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, values, nulls);
		event->process = *DatumGetUUIDP(values[0]);
		event->seq = DatumGetInt64(values[1]);
		event->event = TextDatumGetCString(values[2]);
		event->name = nulls[3] ? NULL : TextDatumGetCString(values[3]);
		event->state = nulls[4] ? NULL : TextDatumGetCString(values[4]);
	}
	return n;
}

/*
 * Delete the timers (processes[i], seqs[i]).  The caller holds the processes.
 * A timer that is being retried has a failure, too: see wf_failure_drop().
 */
void
wf_timer_drop(ArrayType *processes, ArrayType *seqs)
{
	Datum		args[2] = {PointerGetDatum(processes), PointerGetDatum(seqs)};

	wf_statement_execute(&drop_statement, args, NULL, 0);
}

/*
 * Give the timers (processes[i], seqs[i]) the event and the state that they
 * have in another version.  The caller holds the processes.
 */
void
wf_timer_rename(ArrayType *processes, ArrayType *seqs, ArrayType *events, ArrayType *states)
{
	Datum		args[4] = {PointerGetDatum(processes), PointerGetDatum(seqs),
	PointerGetDatum(events), PointerGetDatum(states)};

	wf_statement_execute(&rename_statement, args, NULL, 0);
}
