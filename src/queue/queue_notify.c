/*-------------------------------------------------------------------------
 *
 * queue_notify.c
 *	  Queues whose workers hear by NOTIFY that there is work.
 *
 * Runs in the runtime of a database, never in a user's transaction: to notify takes a
 * lock that all who do so wait for.  Locks nothing else.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/timestamp.h"

#include "base/version.h"
#include "queue/queue_notify.h"
#include "store/statement.h"

static WfStatement any_statement = {
	.sql = "SELECT FROM workflow.queue q WHERE q.notify LIMIT 1"
};

/* Priorities from -2 to 2, by which the index run_due has what is due. */
#define LEVELS	"pg_catalog.generate_series(-2, 2) l(level)"

#define FIRST_RUN(comparison) \
	"SELECT r.due FROM workflow.run r WHERE r.ready AND r.executor OPERATOR(pg_catalog.=) 0" \
	" AND r.queue OPERATOR(pg_catalog.=) q.id AND r.level OPERATOR(pg_catalog.=) l.level" \
	" AND r.due OPERATOR(pg_catalog." comparison ") $1 ORDER BY r.due LIMIT 1"

static WfStatement notify_statement = {
	.sql = "SELECT pg_catalog.pg_notify('workflow_work', q.name) FROM workflow.queue q"
	" WHERE q.notify AND NOT q.paused AND EXISTS (SELECT FROM " LEVELS
	" CROSS JOIN LATERAL (" FIRST_RUN("<=") ") d)",
	WF_ARGS(TIMESTAMPTZOID)
};

static WfStatement next_statement = {
	.sql = "SELECT pg_catalog.min(d.due) FROM workflow.queue q CROSS JOIN " LEVELS
	" CROSS JOIN LATERAL (" FIRST_RUN(">") ") d WHERE q.notify AND NOT q.paused",
	WF_ARGS(TIMESTAMPTZOID)
};

/* Are there such queues?  SPI must be connected, as for the other one. */
bool
wf_queue_notify_any(void)
{
	return wf_version_has_column("queue", "notify") &&
		wf_statement_execute(&any_statement, NULL, NULL, 1) > 0;
}

/*
 * Notify of the queues with runs that are due, and that workers may claim if limits
 * allow it, at the commit of this transaction.  Returns when others are due.
 */
TimestampTz
wf_queue_notify(TimestampTz now)
{
	Datum		value = TimestampTzGetDatum(now);
	Datum		next;
	bool		isnull;

	(void) wf_statement_execute(&notify_statement, &value, NULL, 0);
	(void) wf_statement_execute(&next_statement, &value, NULL, 1);
	next = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	return isnull ? DT_NOEND : DatumGetTimestampTz(next);
}
