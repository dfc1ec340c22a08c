/*-------------------------------------------------------------------------
 *
 * alert_load.c
 *	  How much was done of what alerts look at, and how well.
 *
 * Runs in the runtime, and where somebody looks by hand; reads only.  It looks at minutes
 * that were summed (metrics/load_sum.c), of which a look counts the latest rows that it is
 * for: what was done since then is looked at when its minute is over.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "alert/alert_load.h"
#include "base/version.h"
#include "store/statement.h"

#define MOST_TEXT	"10000"

/* So long (us) after a minute it has been summed, mostly. */
#define SUMMED		(2 * USECS_PER_SEC)

/*
 * What was done from $1 on: of how many is known that they ended, how many of these failed,
 * seconds of work, and by what part $2 of all ended; are there such minutes, and are there
 * any that were not summed?  $3: the owner of what counts, 0: of any; $4: the definition, or
 * null; $5: job.root, or 0; $6: the queue, or 0; $7: processes, $8: runs.
 */
static WfStatement load_statement = {
	.sql = "SELECT COALESCE(sum(m.failed + m.finished), 0)::float8, COALESCE(sum(m.failed), 0)::float8,"
	" COALESCE(sum(m.busy), 0), COALESCE(date_part('epoch', workflow.load_quantile(workflow.load_sum(m.took), $2)), 0),"
	" count(*) > 0, EXISTS (SELECT FROM workflow.load_note)"
	" FROM (SELECT l.failed, l.finished, l.busy, l.took FROM workflow.load_minute l"
	"   LEFT JOIN workflow.definition d ON l.kind = 0 AND d.id = l.what"
	"   LEFT JOIN workflow.job j ON l.kind = 1 AND j.id = l.what"
	"   WHERE l.minute >= $1 AND l.started IS NOT NULL"
	"   AND CASE l.kind WHEN 0 THEN $7 AND ($3 = 0 OR d.owner = $3) AND ($4 IS NULL OR d.name = $4)"
	"    ELSE $8 AND ($3 = 0 OR j.owner = $3) AND ($5 = 0 OR j.root = $5) AND ($6 = 0 OR l.queue = $6) END"
	"   ORDER BY l.minute DESC LIMIT " MOST_TEXT ") m",
	WF_ARGS(TIMESTAMPTZOID, FLOAT8OID, INT4OID, TEXTOID, INT4OID, INT4OID, BOOLOID, BOOLOID)
};

/* What is read of them. */
enum
{
	COLUMN_ended = 1, COLUMN_failed, COLUMN_busy, COLUMN_took, COLUMN_any, COLUMN_unsummed
};

/* Is it one that looks at what was done? */
bool
wf_alert_load_is_kind(WfAlertKind kind)
{
	return kind == WF_ALERT_BUSY || kind == WF_ALERT_P95 || kind == WF_ALERT_P99 || kind == WF_ALERT_FAILURE_RATE;
}

static Datum
column(int number)
{
	bool		isnull;

	return SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, number, &isnull);
}

static double
number(int n)
{
	return DatumGetFloat8(column(n));
}

/* The value of an alert, of the row that was read. */
static double
value_of(const WfAlert *alert, int64 within)
{
	if (alert->kind == WF_ALERT_BUSY)
		return number(COLUMN_busy) / (within / (double) USECS_PER_SEC);
	if (alert->kind == WF_ALERT_FAILURE_RATE)
		return number(COLUMN_ended) > 0 ? number(COLUMN_failed) / number(COLUMN_ended) : 0;
	return number(COLUMN_took);
}

/*
 * The value of an alert of one of these kinds, of what was done within so long (us) before
 * the present minute.  *turns: when it may be another one if nobody writes anything, since
 * a minute is summed, or is too old; infinity: it is none then.
 */
double
wf_alert_load(const WfAlert *alert, const WfAlertTarget *target, int64 within, TimestampTz now, TimestampTz *turns)
{
	TimestampTz minute = now - now % USECS_PER_MINUTE;
	bool		all = target->queue == NULL && target->job == NULL && target->definition == NULL;
	Datum		values[8] = {
		TimestampTzGetDatum(minute - within),
		Float8GetDatum(alert->kind == WF_ALERT_P99 ? 0.99 : 0.95),
		Int32GetDatum(all ? alert->owner : 0),
		target->definition == NULL ? (Datum) 0 : CStringGetTextDatum(target->definition),
		Int32GetDatum(target->job != NULL ? target->job->root : 0),
		Int32GetDatum(target->queue_number),
		BoolGetDatum(all || target->definition != NULL),
		BoolGetDatum(target->definition == NULL)
	};
	char		nulls[] = "        ";

	if (!wf_version_has_column("load_note", "minute"))
		return 0;
	nulls[3] = target->definition == NULL ? 'n' : ' ';
	(void) wf_statement_execute(&load_statement, values, nulls, 1);
	if (DatumGetBool(column(COLUMN_any)) || DatumGetBool(column(COLUMN_unsummed)))
		*turns = minute + USECS_PER_MINUTE + SUMMED;
	return value_of(alert, within);
}
