/*-------------------------------------------------------------------------
 *
 * load_sum.c
 *	  What was done, summed by the minute and for ever.
 *
 * Runs in the runtime of a database, as a part of housekeeping, after each minute in which
 * something was done; and where somebody asks for it by hand.  What transactions have
 * noted (store/load_note.c) is deleted and added to the sums in one transaction, so that
 * whoever adds up notes and sums sees everything once, at any time.  A transaction may
 * note something for a minute that was summed long before: that minute gets another row.
 *
 * Locks the notes it deletes, and rows of workflow.load_total; two at once wait for each
 * other.  SPI must be connected.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/guc.h"
#include "base/version.h"
#include "metrics/load_sum.h"
#include "store/process_row.h"
#include "store/statement.h"

/* So many notes are summed at a time. */
#define PIECE			50000

/* To count what waits may take this part of the time. */
#define LOOK_SHARE		100

/* What waits is counted again after this; real time. */
static TimestampTz look_after = DT_NOBEGIN;

#define KEY				"kind, what, queue, runtime, tenant"
#define COUNTS			"started, finished, failed, ended, steps, lag, lags, busy, took"
#define SUMS \
	"sum(g.started), sum(g.finished), sum(g.failed), sum(g.ended), sum(g.steps), sum(g.lag), sum(g.lags), sum(g.busy)," \
	" workflow.load_sum(g.took)"
#define ADDED(column)	#column " = t." #column " + excluded." #column

static WfStatement sum_statement = {
	.sql = "WITH gone AS (DELETE FROM workflow.load_note n"
	"  WHERE n.ctid = ANY (ARRAY(SELECT l.ctid FROM workflow.load_note l LIMIT $1 FOR UPDATE SKIP LOCKED)) RETURNING *),"
	" minutes AS (INSERT INTO workflow.load_minute (minute, " KEY ", " COUNTS ")"
	"  SELECT g.minute, g.kind, g.what, g.queue, g.runtime, g.tenant, " SUMS " FROM gone g"
	"  GROUP BY g.minute, g.kind, g.what, g.queue, g.runtime, g.tenant),"
	" total AS (INSERT INTO workflow.load_total AS t (" KEY ", " COUNTS ")"
	"  SELECT g.kind, g.what, g.queue, g.runtime, g.tenant, " SUMS " FROM gone g"
	"  GROUP BY g.kind, g.what, g.queue, g.runtime, g.tenant"
	"  ORDER BY g.kind, g.what, g.queue, g.runtime, g.tenant"
	"  ON CONFLICT (" KEY ") DO UPDATE SET " ADDED(started) ", " ADDED(finished) ", " ADDED(failed) ", " ADDED(ended) ", "
	ADDED(steps) ", " ADDED(lag) ", " ADDED(lags) ", " ADDED(busy) ", took = workflow.load_add(t.took, excluded.took))"
	" SELECT count(*) FROM gone",
	WF_ARGS(INT8OID),
	.latest = true
};

/*
 * Once, for processes of before there were notes: what is under way counts as started.
 * Notes, sums and processes are seen as they were at one moment.  kind -1: it was done.
 */
static WfStatement is_based_statement = {
	.sql = "SELECT FROM workflow.load_total t WHERE t.kind = -1 LIMIT 1",
	.latest = true
};

static WfStatement base_statement = {
	.sql = "WITH mark AS (INSERT INTO workflow.load_total (" KEY ", " COUNTS ")"
	"  VALUES (-1, 0, 0, '', '', 0, 0, 0, 0, 0, 0, 0, 0, NULL) ON CONFLICT DO NOTHING)"
	" INSERT INTO workflow.load_total AS t (" KEY ", " COUNTS ")"
	" SELECT 0, u.what, 0, '', u.tenant, GREATEST(sum(u.n), 0), 0, 0, GREATEST(-sum(u.n), 0), 0, 0, 0, 0, NULL FROM ("
	"  SELECT p.definition AS what, COALESCE(p.tenant, '') AS tenant, 1 AS n"
	"   FROM workflow.process p WHERE p.step > 0 AND NOT " WF_PROCESS_ROW_IS_OVER("p")
	"  UNION ALL"
	"  SELECT o.what, o.tenant, o.ended - o.started FROM workflow.load_total o WHERE o.kind = 0"
	"  UNION ALL"
	"  SELECT n.what, n.tenant, n.ended - n.started FROM workflow.load_note n WHERE n.kind = 0) u"
	" GROUP BY u.what, u.tenant HAVING sum(u.n) <> 0"
	" ON CONFLICT (" KEY ") DO UPDATE SET " ADDED(started) ", " ADDED(ended),
	.latest = true
};

/*
 * How much is under way and waits, of everything of which there is any; $1: the minute.
 * Processes that have started and not ended are known from the sums; all else is counted.
 * Where nothing was done ($3: something was) and all is as the last look has found it, nothing
 * is written.
 */
static WfStatement look_statement = {
	.sql = "WITH look AS MATERIALIZED ("
	" SELECT u.kind, u.what, u.queue, u.runtime, u.tenant, sum(u.in_flight)::bigint AS in_flight,"
	"  sum(u.waiting)::bigint AS waiting FROM ("
	"  SELECT t.kind, t.what, t.queue, t.runtime, t.tenant, t.started - t.ended AS in_flight, 0 AS waiting"
	"   FROM workflow.load_total t WHERE t.kind = 0 AND t.started > t.ended"
	"  UNION ALL"
	"  SELECT 0, p.definition, 0, '', COALESCE(p.tenant, ''), 0, 1"
	"   FROM workflow.timer m JOIN workflow.process p ON p.id = m.process WHERE NOT m.parked AND m.due <= $2"
	"  UNION ALL"
	"  SELECT 1, r.job, r.queue, COALESCE(r.worker, ''), COALESCE(r.tenant, ''), 1, 0 FROM workflow.run r WHERE r.state > 0"
	"  UNION ALL"
	"  SELECT 1, r.job, r.queue, '', COALESCE(r.tenant, ''), 0, 1 FROM workflow.run r WHERE r.state = 0 AND r.ready AND r.due <= $2) u"
	" GROUP BY u.kind, u.what, u.queue, u.runtime, u.tenant),"
	" last AS MATERIALIZED (SELECT " KEY ", in_flight, waiting FROM workflow.load_minute WHERE in_flight IS NOT NULL"
	"  AND minute = (SELECT l.minute FROM workflow.load_minute l WHERE l.in_flight IS NOT NULL ORDER BY l.minute DESC LIMIT 1))"
	" INSERT INTO workflow.load_minute (minute, " KEY ", in_flight, waiting)"
	" SELECT $1, " KEY ", in_flight, waiting FROM look"
	" WHERE NOT EXISTS (SELECT FROM workflow.load_minute l WHERE l.minute = $1 AND l.in_flight IS NOT NULL)"
	"  AND ($3 OR EXISTS (TABLE look EXCEPT TABLE last) OR EXISTS (TABLE last EXCEPT TABLE look))",
	WF_ARGS(TIMESTAMPTZOID, TIMESTAMPTZOID, BOOLOID)
};

static WfStatement expire_statement = {
	.sql = "DELETE FROM workflow.load_minute WHERE minute < $1",
	WF_ARGS(TIMESTAMPTZOID)
};

/* Has the SQL of this database these tables? */
static bool
is_known(void)
{
	return wf_version_has_column("load_note", "minute");
}

/*
 * Add what was noted to the sums, a piece of it.  Returns how many notes there were;
 * *more: there may be others.
 */
int64
wf_load_sum(bool *more)
{
	Datum		limit = Int64GetDatum(PIECE);
	bool		isnull;
	int64		n;

	*more = false;
	if (!is_known())
		return 0;
	if (wf_statement_execute(&is_based_statement, NULL, NULL, 1) == 0)
		(void) wf_statement_execute(&base_statement, NULL, NULL, 0);
	(void) wf_statement_execute(&sum_statement, &limit, NULL, 0);
	n = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	*more = n == PIECE;
	return n;
}

/*
 * Write down how much is under way and waits in the minute that ends now, in which something
 * was done, or not.  Where much waits that takes long, and is done less often.
 */
void
wf_load_sum_look(bool done)
{
	TimestampTz began = GetCurrentTimestamp();
	TimestampTz now = wf_clock_now();
	TimestampTz minute = now - USECS_PER_SEC;
	Datum		values[3];

	if (!is_known() || !wf_clock_is_over(look_after, USECS_PER_DAY / 1000))
		return;
	values[0] = TimestampTzGetDatum(minute - minute % USECS_PER_MINUTE);
	values[1] = TimestampTzGetDatum(now);
	values[2] = BoolGetDatum(done);
	(void) wf_statement_execute(&look_statement, values, NULL, 0);
	look_after = began + (GetCurrentTimestamp() - began) * LOOK_SHARE;
}

/* Delete the minutes that are too old. */
void
wf_load_sum_expire(void)
{
	Datum		value;

	if (!is_known() || wf_load_retention == 0)
		return;
	value = TimestampTzGetDatum(wf_clock_now() - wf_load_retention * USECS_PER_MINUTE);
	(void) wf_statement_execute(&expire_statement, &value, NULL, 0);
}
