/*-------------------------------------------------------------------------
 *
 * alert_measure.c
 *	  How things stand that alerts look at.
 *
 * Runs in the runtime, and where somebody looks by hand; reads only.  However much work
 * there is, a look is some steps down an index for each queue, priority and state, and
 * never counts more than MOST rows.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "alert/alert_load.h"
#include "alert/alert_measure.h"
#include "alert/alert_target.h"
#include "base/interval.h"
#include "store/statement.h"
#include "store/timer_sweep.h"

/* So many rows are read that may be of something else. */
#define MOST_TEXT	"10000"

/*
 * When the first run is due that is ready, and has not begun.  $1: of these executors, null:
 * of all; queues from $2 to $3; $4: job.root, 0: of any job.  From level to level of each
 * queue by the index run_due; what is of one job is looked for among the first ones, where
 * run_ready has any of it.
 */
#define OF_LEVEL "r.ready AND r.executor = e.executor AND r.queue = l.queue AND r.level = l.level"

static WfStatement due_statement = {
	.sql = "SELECT min(CASE WHEN $4 = 0 THEN l.due WHEN EXISTS"
	"   (SELECT FROM workflow.run r WHERE " OF_LEVEL " AND r.root = $4) THEN"
	"   (SELECT min(f.due) FROM (SELECT r.due, r.root FROM workflow.run r WHERE " OF_LEVEL
	"     ORDER BY r.due, r.seq LIMIT " MOST_TEXT ") f WHERE f.root = $4) END)"
	" FROM unnest(COALESCE($1, (SELECT array_agg(o.id) FROM workflow.owner o) || 0)) e(executor)"
	" CROSS JOIN LATERAL (WITH RECURSIVE level AS ("
	"  (SELECT r.queue, r.level, r.due FROM workflow.run r"
	"   WHERE r.ready AND r.executor = e.executor AND r.queue >= $2 AND r.queue <= $3"
	"   ORDER BY r.queue, r.level, r.due LIMIT 1)"
	"  UNION ALL"
	"  SELECT n.* FROM level p CROSS JOIN LATERAL ("
	"   SELECT r.queue, r.level, r.due FROM workflow.run r"
	"   WHERE r.ready AND r.executor = e.executor AND ROW(r.queue, r.level) > ROW(p.queue, p.level)"
	"   AND r.queue <= $3 ORDER BY r.queue, r.level, r.due LIMIT 1) n)"
	" SELECT * FROM level) l",
	WF_ARGS(INT4ARRAYOID, INT4OID, INT4OID, INT4OID)
};

/* When the first run was due that is not ready: it waits for something else. */
static WfStatement parked_statement = {
	.sql = "SELECT min(f.placed) FROM (SELECT r.placed, r.root FROM workflow.run r"
	"  WHERE NOT r.ready AND r.state = 0 AND r.queue >= $1 AND r.queue <= $2 LIMIT " MOST_TEXT ") f"
	" WHERE $3 = 0 OR f.root = $3",
	WF_ARGS(INT4OID, INT4OID, INT4OID)
};

/* Since when the task has been open that was made first.  $2: the state; null: from one to the next. */
static WfStatement task_statement = {
	.sql = "WITH RECURSIVE state AS ("
	" (SELECT t.state, t.made_at FROM workflow.task t"
	"  WHERE t.closed_at IS NULL AND t.definition = $1 ORDER BY t.state, t.made_at LIMIT 1)"
	" UNION ALL"
	" SELECT n.* FROM state p CROSS JOIN LATERAL ("
	"  SELECT t.state, t.made_at FROM workflow.task t"
	"  WHERE t.closed_at IS NULL AND t.definition = $1 AND t.state > p.state"
	"  ORDER BY t.state, t.made_at LIMIT 1) n)"
	" SELECT min(s.made_at) FROM state s",
	WF_ARGS(TEXTOID)
};

static WfStatement task_of_state_statement = {
	.sql = "SELECT min(t.made_at) FROM workflow.task t"
	" WHERE t.closed_at IS NULL AND t.definition = $1 AND t.state = $2",
	WF_ARGS(TEXTOID, TEXTOID)
};

/*
 * How many runs have failed, and events were given up, since $1; and when the $5th of them
 * was, the last one being the first.  $2: the owner of what counts, 0: of any;
 * $3: job.root, or 0; $4: the queue, or 0; $6: the definition, or null; $7: runs, $8: events.
 */
static WfStatement failures_statement = {
	.sql = "SELECT count(*), (array_agg(f.at ORDER BY f.at DESC))[$5] FROM ("
	"  SELECT h.ended_at AS at FROM (SELECT r.ended_at, r.job, r.queue FROM workflow.run_history r"
	"    WHERE $7 AND r.state = 4 AND r.ended_at > $1 ORDER BY r.ended_at DESC LIMIT " MOST_TEXT ") h"
	"   JOIN workflow.job j ON j.id = h.job"
	"   WHERE ($2 = 0 OR j.owner = $2) AND ($3 = 0 OR j.root = $3) AND ($4 = 0 OR h.queue = $4)"
	"  UNION ALL"
	"  SELECT e.at FROM (SELECT x.at, x.process FROM workflow.failure x"
	"    WHERE $8 AND x.given_up AND x.at > $1 ORDER BY x.at DESC LIMIT " MOST_TEXT ") e"
	"   JOIN workflow.process p ON p.id = e.process JOIN workflow.definition d ON d.id = p.definition"
	"   WHERE ($2 = 0 OR d.owner = $2) AND ($6 IS NULL OR d.name = $6)) f",
	WF_ARGS(TIMESTAMPTZOID, INT4OID, INT4OID, INT4OID, INT4OID, TEXTOID, BOOLOID, BOOLOID)
};

/*
 * Since when a runtime has said nothing, of those but the server that holds the database, or
 * of $1; one that has ended without a word, since that was noticed.  One that has not
 * spoken since the server started has its grace.
 */
static WfStatement silent_statement = {
	.sql = "SELECT min(CASE WHEN r.state IN ('alive', 'self_restore', 'single') THEN b.last_heartbeat ELSE r.since END)"
	" FROM workflow.runtime r LEFT JOIN workflow.runtime_beats() b ON b.epoch = r.epoch"
	" WHERE r.kind <> 'local' AND r.state <> 'dead' AND ($1 IS NULL OR r.id = $1)",
	WF_ARGS(TEXTOID)
};

/* --- the statements --------------------------------------------------------------- */

/* The time in the first column of the only row; infinity: null. */
static TimestampTz
first_time(WfStatement *statement, Datum *values, const char *nulls)
{
	bool		isnull;
	Datum		value;

	(void) wf_statement_execute(statement, values, nulls, 1);
	value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	return isnull ? DT_NOEND : DatumGetTimestampTz(value);
}

/* Of the runs of these n executors (0: of all), of one queue and one job, or 0. */
static TimestampTz
first_run(int n, const int32 *executors, int32 queue, int32 root)
{
	Datum	   *ids = palloc(sizeof(Datum) * (n + 1));
	Datum		values[4];

	for (int i = 0; i < n; i++)
		ids[i] = Int32GetDatum(executors[i]);
	values[0] = PointerGetDatum(construct_array(ids, n, INT4OID, 4, true, TYPALIGN_INT));
	values[1] = Int32GetDatum(queue != 0 ? queue : PG_INT32_MIN);
	values[2] = Int32GetDatum(queue != 0 ? queue : PG_INT32_MAX);
	values[3] = Int32GetDatum(root);
	return first_time(&due_statement, values, n == 0 ? "n   " : NULL);
}

/* Of runs that may begin, of what an alert looks at. */
static TimestampTz
first_ready(const WfAlertTarget *target)
{
	int32		executors[2] = {target->job != NULL ? target->job->owner : target->owner, 0};

	if (target->queue != NULL)
		return first_run(0, NULL, target->queue_number, 0);
	if (target->job != NULL)
		return first_run(2, executors, 0, target->job->root);
	return first_run(1, executors, 0, 0);
}

static TimestampTz
first_parked(const WfAlertTarget *target)
{
	int32		queue = target->queue_number;
	Datum		values[3] = {
		Int32GetDatum(queue != 0 ? queue : PG_INT32_MIN),
		Int32GetDatum(queue != 0 ? queue : PG_INT32_MAX),
		Int32GetDatum(target->job != NULL ? target->job->root : 0)
	};

	return first_time(&parked_statement, values, NULL);
}

static TimestampTz
first_task(const WfAlertTarget *target)
{
	Datum		values[2] = {CStringGetTextDatum(target->definition)};

	if (target->state == NULL)
		return first_time(&task_statement, values, NULL);
	values[1] = CStringGetTextDatum(target->state);
	return first_time(&task_of_state_statement, values, NULL);
}

/* --- what is measured -------------------------------------------------------------- */

/*
 * Since when what is late has been so, or will be.  Timers and atomic runs of a role are
 * done in the order of their due times: those of a definition are as late as all others.
 */
static TimestampTz
late_since(const WfAlertTarget *target)
{
	TimestampTz timer = DT_NOEND;

	if (target->queue == NULL && target->job == NULL)
		timer = wf_timer_sweep_next(target->owner);
	if (target->definition != NULL)
		return timer;
	return Min(timer, first_ready(target));
}

static TimestampTz
waiting_since(const WfAlertTarget *target)
{
	if (target->definition != NULL)
		return first_task(target);
	return Min(first_ready(target), first_parked(target));
}

static TimestampTz
silent_since(const WfAlertTarget *target)
{
	Datum		id = target->runtime == NULL ? (Datum) 0 : CStringGetTextDatum(target->runtime);

	return first_time(&silent_statement, &id, target->runtime == NULL ? "n" : NULL);
}

/* It has been so since then, or will be: it is over the threshold so long afterwards. */
static void
measure_age(const WfAlert *alert, TimestampTz since, TimestampTz now, WfAlertMeasure *measure)
{
	double		threshold = alert->threshold * USECS_PER_SEC;

	measure->value = since >= now ? 0 : ((double) now - (double) since) / USECS_PER_SEC;
	if (since != DT_NOEND && measure->value < alert->threshold && threshold < (double) (DT_NOEND - since))
		measure->turns = since + (TimestampTz) ceil(threshold);
}

/* Who speaks again does not write anything: so it is asked for. */
static void
measure_silence(const WfAlert *alert, TimestampTz since, TimestampTz now, WfAlertMeasure *measure)
{
	measure_age(alert, since, now, measure);
	if (measure->value >= alert->threshold)
		measure->turns = now + (TimestampTz) ceil(alert->threshold * USECS_PER_SEC);
}

/* Over the threshold, it is so until enough of them are too old. */
static void
measure_failures(const WfAlert *alert, const WfAlertTarget *target, TimestampTz now, WfAlertMeasure *measure)
{
	int64		within = wf_interval_us(alert->within);
	bool		all = target->queue == NULL && target->job == NULL && target->definition == NULL;
	Datum		values[8] = {
		TimestampTzGetDatum(now - within),
		Int32GetDatum(all ? alert->owner : 0),
		Int32GetDatum(target->job != NULL ? target->job->root : 0),
		Int32GetDatum(target->queue_number),
		Int32GetDatum((int32) alert->threshold),
		target->definition == NULL ? (Datum) 0 : CStringGetTextDatum(target->definition),
		BoolGetDatum(target->definition == NULL),
		BoolGetDatum(all || target->definition != NULL)
	};
	char		nulls[] = "        ";
	bool		isnull;
	Datum		last;

	nulls[5] = target->definition == NULL ? 'n' : ' ';
	(void) wf_statement_execute(&failures_statement, values, nulls, 1);
	measure->value = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	last = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2, &isnull);
	if (measure->value >= alert->threshold)
		measure->turns = DatumGetTimestampTz(last) + within;
}

/*
 * Measure what an alert looks at.  SPI must be connected.  Errors of
 * wf_alert_target_find().
 */
void
wf_alert_measure(const WfAlert *alert, TimestampTz now, WfAlertMeasure *measure)
{
	WfAlertTarget target;

	wf_alert_target_find(alert, &target);
	measure->turns = DT_NOEND;
	switch (alert->kind)
	{
		case WF_ALERT_LAG:
			measure_age(alert, late_since(&target), now, measure);
			break;
		case WF_ALERT_WAITING:
			measure_age(alert, waiting_since(&target), now, measure);
			break;
		case WF_ALERT_SILENT:
			measure_silence(alert, silent_since(&target), now, measure);
			break;
		case WF_ALERT_FAILURES:
			measure_failures(alert, &target, now, measure);
			break;
		case WF_ALERT_BUSY:
		case WF_ALERT_P95:
		case WF_ALERT_P99:
		case WF_ALERT_FAILURE_RATE:
			measure->value = wf_alert_load(alert, &target, wf_interval_us(alert->within), now, &measure->turns);
			break;
	}
}
