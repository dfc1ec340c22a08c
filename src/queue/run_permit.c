/*-------------------------------------------------------------------------
 *
 * run_permit.c
 *	  The permits that runs need.
 *
 * Runs in executors and in the sessions of outside workers.  What a queue or a job
 * does not limit is not counted and costs nothing.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "base/errcodes.h"
#include "queue/run_permit.h"
#include "store/statement.h"

/* Counters are counted so often; others come in between. */
#define COUNT_TRIES		20

static WfStatement count_queue_statement = {
	.sql = "SELECT pg_catalog.count(*) FROM workflow.run r"
	" WHERE r.state OPERATOR(pg_catalog.>) 0 AND r.queue OPERATOR(pg_catalog.=) $1",
	WF_ARGS(INT4OID)
};

static WfStatement count_partition_statement = {
	.sql = "SELECT pg_catalog.count(*) FROM workflow.run r"
	" WHERE r.state OPERATOR(pg_catalog.>) 0 AND r.queue OPERATOR(pg_catalog.=) $1"
	" AND r.part OPERATOR(pg_catalog.=) $2",
	WF_ARGS(INT4OID, INT8OID)
};

static WfStatement count_limit_statement = {
	.sql = "SELECT COALESCE(pg_catalog.sum((j.limits OPERATOR(pg_catalog.->>) $1)::pg_catalog.int8), 0)::pg_catalog.int8"
	" FROM workflow.run r JOIN workflow.job j ON j.id OPERATOR(pg_catalog.=) r.job"
	" WHERE r.state OPERATOR(pg_catalog.>) 0 AND j.limits OPERATOR(pg_catalog.?) $1",
	WF_ARGS(TEXTOID)
};

/* --- what a run takes --------------------------------------------------------- */

static WfPermitWanted *
add(WfRunPermit *permit, WfPermitKind kind, int32 id, int64 part, int limit, int units)
{
	WfPermitWanted *wanted = &permit->wanted[permit->n++];

	memset(wanted, 0, sizeof(WfPermitWanted));
	wanted->key.dbid = MyDatabaseId;
	wanted->key.kind = kind;
	wanted->key.id = id;
	wanted->key.runs = get_relname_relid("run", get_namespace_oid("workflow", false));
	wanted->key.part = part;
	wanted->limit = limit;
	wanted->units = units;
	return wanted;
}

/* Named limits come in the order of their names, which jsonb keeps. */
static void
add_limits(WfRunPermit *permit, const Jsonb *limits)
{
	JsonbIterator *it = JsonbIteratorInit((JsonbContainer *) &limits->root);
	JsonbIteratorToken token;
	JsonbValue	value;

	while ((token = JsonbIteratorNext(&it, &value, true)) != WJB_DONE)
	{
		const WfNamedLimit *limit;
		char	   *name;
		int			units;

		if (token != WJB_KEY)
			continue;
		name = pnstrdup(value.val.string.val, value.val.string.len);
		(void) JsonbIteratorNext(&it, &value, true);
		units = DatumGetInt32(DirectFunctionCall1(numeric_int4, NumericGetDatum(value.val.numeric)));
		limit = wf_queue_limit(name);
		if (limit->max == WF_QUEUE_UNLIMITED)
			continue;
		if (permit->nlimits == WF_RUN_PERMIT_LIMITS)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("a job takes more than %d limits", WF_RUN_PERMIT_LIMITS)));
		permit->names[permit->nlimits++] = name;
		(void) add(permit, WF_PERMIT_LIMIT, limit->id, 0, limit->max, units);
	}
}

/*
 * What a run takes in this queue and partition, with the limits of its job, or NULL.
 * Error WF010 if a limit does not exist any more.
 */
void
wf_run_permit_of(int32 queue, int64 part, const Jsonb *limits, WfRunPermit *permit)
{
	const WfQueue *found = wf_queue(queue);
	int			max = found->max_parallel;
	int			each = found->partition_limit;

	permit->n = permit->nlimits = 0;
	if (found->ordered)
		each = 1;
	if (max != WF_QUEUE_UNLIMITED || found->min_gap > 0)
		add(permit, WF_PERMIT_QUEUE, queue, 0, max == WF_QUEUE_UNLIMITED ? PG_INT32_MAX : max,
			1)->gap = found->min_gap;
	if (each != WF_QUEUE_UNLIMITED)
		(void) add(permit, WF_PERMIT_PARTITION, queue, part, each, 1);
	if (limits != NULL)
		add_limits(permit, limits);
}

/* --- counters that are not known ------------------------------------------------ */

static int64
count(const WfRunPermit *permit, int which)
{
	const WfPermitKey *key = &permit->wanted[which].key;
	Datum		values[2] = {Int32GetDatum(key->id), Int64GetDatum(key->part)};
	WfStatement *statement = key->kind == WF_PERMIT_QUEUE ? &count_queue_statement :
		&count_partition_statement;
	bool		isnull;

	if (key->kind == WF_PERMIT_LIMIT)
	{
		int			first = permit->n - permit->nlimits;

		values[0] = CStringGetTextDatum(permit->names[which - first]);
		statement = &count_limit_statement;
	}
	(void) wf_statement_execute(statement, values, NULL, 1);
	return DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
}

/* Count what runs in the tables; false: others came in between each time. */
static bool
learn(const WfRunPermit *permit, int which)
{
	for (int i = 0; i < COUNT_TRIES; i++)
	{
		uint64		changes = wf_permit_count_begin();
		int64		taken;

		taken = count(permit, which);
		if (wf_permit_count_end(&permit->wanted[which].key, (int) Min(taken, PG_INT32_MAX), changes))
			return true;
	}
	return false;
}

/*
 * Take all that a run needs.  False: something is not to be had, and `waiter`, an
 * owner or 0 for outside workers, is told when it may be; *retry_at is lowered to
 * when it may be without that.  SPI must be connected.
 */
bool
wf_run_permit_take(const WfRunPermit *permit, int32 waiter, WfPermitLife life,
				   TimestampTz *retry_at)
{
	if (permit->n == 0)
		return true;
	for (;;)
	{
		int			which;

		switch (wf_permit_take(permit->n, permit->wanted, waiter, life, &which, retry_at))
		{
			case WF_PERMIT_TAKEN:
				return true;
			case WF_PERMIT_FULL:
				return false;
			case WF_PERMIT_UNKNOWN:
				if (learn(permit, which))
					continue;
				/* FALLTHROUGH */
			case WF_PERMIT_NO_ROOM:
				/* whoever frees an entry does not know of us */
				*retry_at = Min(*retry_at, TimestampTzPlusMilliseconds(GetCurrentTimestamp(), 100));
				return false;
		}
	}
}

/* A run ends that has them: they are free when this transaction has committed. */
void
wf_run_permit_give(const WfRunPermit *permit)
{
	if (permit->n > 0)
		wf_permit_give(permit->n, permit->wanted);
}

/*
 * Could all be taken, as far as is known?  Nothing is, and nobody is told when it can
 * be.  *missing, unless NULL, becomes what is not to be had.
 */
bool
wf_run_permit_is_free(const WfRunPermit *permit, WfPermitKind *missing)
{
	for (int i = 0; i < permit->n; i++)
	{
		const WfPermitWanted *wanted = &permit->wanted[i];

		if (wf_permit_taken(&wanted->key) + wanted->units <= wanted->limit)
			continue;
		if (missing != NULL)
			*missing = wanted->key.kind;
		return false;
	}
	return true;
}
