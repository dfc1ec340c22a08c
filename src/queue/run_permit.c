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

#include "base/clock.h"
#include "base/errcodes.h"
#include "queue/run_permit.h"
#include "store/run.h"
#include "store/statement.h"

/* Counters are counted so often; others come in between. */
#define COUNT_TRIES		20

/* It runs, or is to stop and has not yet. */
#define RUNS "r.state OPERATOR(pg_catalog.>) 0 AND r.state OPERATOR(pg_catalog.<) 3"

/* Of all, or, not null, of a worker; executors of this server have none. */
#define OF_WORKER(row, parameter) \
	"(" parameter " IS NULL OR COALESCE(" row ".worker, '') OPERATOR(pg_catalog.=) " parameter ")"

static WfStatement count_queue_statement = {
	.sql = "SELECT pg_catalog.count(*) FROM workflow.run r"
	" WHERE " RUNS " AND r.queue OPERATOR(pg_catalog.=) $1 AND " OF_WORKER("r", "$2"),
	WF_ARGS(INT4OID, TEXTOID)
};

static WfStatement count_partition_statement = {
	.sql = "SELECT pg_catalog.count(*) FROM workflow.run r"
	" WHERE " RUNS " AND r.queue OPERATOR(pg_catalog.=) $1"
	" AND r.part OPERATOR(pg_catalog.=) $2",
	WF_ARGS(INT4OID, INT8OID)
};

static WfStatement count_limit_statement = {
	.sql = "SELECT COALESCE(pg_catalog.sum((j.limits OPERATOR(pg_catalog.->>) $1)::pg_catalog.int8), 0)::pg_catalog.int8"
	" FROM workflow.run r JOIN workflow.job j ON j.id OPERATOR(pg_catalog.=) r.job"
	" WHERE " RUNS " AND j.limits OPERATOR(pg_catalog.?) $1",
	WF_ARGS(TEXTOID)
};

/*
 * Ends within a gap before now, of units that are not taken again; as there are so few
 * at a time, only the last ones.
 */
static WfStatement ended_statement = {
	.sql = "SELECT h.ended_at, 1 FROM workflow.run_history h WHERE h.queue OPERATOR(pg_catalog.=) $1"
	" AND h.ended_at OPERATOR(pg_catalog.>) $2 AND h.begun IS NOT NULL AND " OF_WORKER("h", "$4")
	" ORDER BY h.ended_at DESC LIMIT $3",
	WF_ARGS(INT4OID, TIMESTAMPTZOID, INT8OID, TEXTOID)
};

/*
 * Claims within the interval of a rate.  Of attempts of one run only the last one is
 * known: the others count as if they had begun with it.
 */
#define UNITS(row)		"(1 OPERATOR(pg_catalog.+) " row ".attempts OPERATOR(pg_catalog.+) " row ".losses)"

static WfStatement begun_statement = {
	.sql = "SELECT b.begun, b.units FROM ("
	"SELECT r.begun, " UNITS("r") " AS units FROM workflow.run r WHERE r.begun OPERATOR(pg_catalog.>) $2"
	" AND r.queue OPERATOR(pg_catalog.=) $1 AND " OF_WORKER("r", "$4")
	" UNION ALL SELECT h.begun, " UNITS("h") " FROM workflow.run_history h WHERE h.queue OPERATOR(pg_catalog.=) $1"
	" AND h.ended_at OPERATOR(pg_catalog.>) $2 AND h.begun OPERATOR(pg_catalog.>) $2 AND " OF_WORKER("h", "$4") ") b"
	" ORDER BY b.begun DESC LIMIT $3",
	WF_ARGS(INT4OID, TIMESTAMPTZOID, INT8OID, TEXTOID)
};

/* The same of a named limit, of which runs in any queue may take units. */
static WfStatement begun_of_limit_statement = {
	.sql = "SELECT b.begun, (b.units OPERATOR(pg_catalog.*) (j.limits OPERATOR(pg_catalog.->>) $1)::pg_catalog.int4) FROM ("
	"SELECT r.begun, r.job, " UNITS("r") " AS units FROM workflow.run r WHERE r.begun OPERATOR(pg_catalog.>) $2"
	" UNION ALL SELECT h.begun, h.job, " UNITS("h") " FROM (SELECT q.id FROM workflow.queue q UNION"
	"  SELECT (OPERATOR(pg_catalog.-) o.root) FROM workflow.job o) q(id)"
	" JOIN workflow.run_history h ON h.queue OPERATOR(pg_catalog.=) q.id"
	" WHERE h.ended_at OPERATOR(pg_catalog.>) $2 AND h.begun OPERATOR(pg_catalog.>) $2) b"
	" JOIN workflow.job j ON j.id OPERATOR(pg_catalog.=) b.job WHERE j.limits OPERATOR(pg_catalog.?) $1"
	" ORDER BY b.begun DESC LIMIT $3",
	WF_ARGS(TEXTOID, TIMESTAMPTZOID, INT8OID)
};

/* --- what a run takes --------------------------------------------------------- */

static WfPermitKey
key_of(WfPermitKind kind, int32 id, int64 part)
{
	WfPermitKey key;

	memset(&key, 0, sizeof(key));
	key.dbid = MyDatabaseId;
	key.kind = kind;
	key.id = id;
	key.runs = get_relname_relid("run", get_namespace_oid("workflow", false));
	key.part = part;
	return key;
}

/* A maximum of none, or an unlimited one, is one that is never reached. */
static WfPermitWanted *
add(WfRunPermit *permit, WfPermitKind kind, int32 id, int64 part, int limit, int units)
{
	WfPermitWanted *wanted = &permit->wanted[permit->n++];

	memset(wanted, 0, sizeof(WfPermitWanted));
	wanted->key = key_of(kind, id, part);
	wanted->limit = limit == WF_QUEUE_UNLIMITED ? PG_INT32_MAX / 2 : limit;
	wanted->units = units;
	return wanted;
}

static void
add_rate(WfRunPermit *permit, WfPermitWanted *wanted, int rate, int64 interval)
{
	if (rate == WF_QUEUE_UNLIMITED)
		return;
	wanted->rate = rate;
	wanted->interval = interval;
	permit->rated = true;
}

static void
add_queue(WfRunPermit *permit, const WfQueue *queue)
{
	WfPermitWanted *wanted;

	if (queue->max_parallel == WF_QUEUE_UNLIMITED && queue->min_gap == 0 &&
		queue->rate == WF_QUEUE_UNLIMITED)
		return;
	wanted = add(permit, WF_PERMIT_QUEUE, queue->number,
				 permit->worker == NULL ? 0 : wf_run_part(permit->worker), queue->max_parallel, 1);
	wanted->gap = queue->min_gap;
	add_rate(permit, wanted, queue->rate, queue->rate_interval);
}

static void
add_limit(WfRunPermit *permit, char *name, int units)
{
	const WfNamedLimit *limit = wf_queue_limit(name);

	if (limit->max == WF_QUEUE_UNLIMITED && limit->rate == WF_QUEUE_UNLIMITED)
		return;
	if (permit->nlimits == WF_RUN_PERMIT_LIMITS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a job takes more than %d limits", WF_RUN_PERMIT_LIMITS)));
	permit->names[permit->nlimits++] = name;
	add_rate(permit, add(permit, WF_PERMIT_LIMIT, limit->id, 0, limit->max, units), limit->rate,
			 limit->rate_interval);
}

/* Named limits come in the order of their names, which jsonb keeps. */
static void
add_limits(WfRunPermit *permit, const Jsonb *limits)
{
	JsonbIterator *it = JsonbIteratorInit((JsonbContainer *) &limits->root);
	JsonbIteratorToken token;
	JsonbValue	value;
	char	   *name;

	while ((token = JsonbIteratorNext(&it, &value, true)) != WJB_DONE)
	{
		if (token != WJB_KEY)
			continue;
		name = pnstrdup(value.val.string.val, value.val.string.len);
		(void) JsonbIteratorNext(&it, &value, true);
		add_limit(permit, name,
				  DatumGetInt32(DirectFunctionCall1(numeric_int4, NumericGetDatum(value.val.numeric))));
	}
}

static void
begin(WfRunPermit *permit, const WfQueue *queue, const char *worker)
{
	permit->n = permit->nlimits = 0;
	permit->rated = false;
	permit->worker = !queue->per_runtime ? NULL : worker == NULL ? "" : worker;
}

/*
 * What a run takes in this queue and partition, with the limits of its job, or NULL.
 * worker: who does it, by name; NULL: an executor of this server.  Error WF010 if a limit
 * does not exist any more.
 */
void
wf_run_permit_of(int32 queue, int64 part, const Jsonb *limits, const char *worker,
				 WfRunPermit *permit)
{
	const WfQueue *found = wf_queue(queue);
	int			each = found->ordered ? 1 : found->partition_limit;

	begin(permit, found, worker);
	add_queue(permit, found);
	if (each != WF_QUEUE_UNLIMITED)
		(void) add(permit, WF_PERMIT_PARTITION, queue, part, each, 1);
	if (limits != NULL)
		add_limits(permit, limits);
}

/* --- counters that are not known ------------------------------------------------ */

static Datum
result(uint64 row, int column)
{
	bool		isnull;

	return SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column, &isnull);
}

/* By what the statements know a counter: its number, or the name of a limit. */
static Datum
number_of(const WfRunPermit *permit, int which)
{
	const WfPermitKey *key = &permit->wanted[which].key;

	if (key->kind == WF_PERMIT_LIMIT)
		return CStringGetTextDatum(permit->names[which - (permit->n - permit->nlimits)]);
	return Int32GetDatum(key->id);
}

/* Whose runs count for a queue, a text or 0. */
static Datum
worker_of(const WfRunPermit *permit)
{
	return permit->worker == NULL ? (Datum) 0 : CStringGetTextDatum(permit->worker);
}

static int64
count(const WfRunPermit *permit, int which)
{
	const WfPermitKey *key = &permit->wanted[which].key;
	Datum		values[2] = {number_of(permit, which), Int64GetDatum(key->part)};
	WfStatement *statement = key->kind == WF_PERMIT_QUEUE ? &count_queue_statement :
		key->kind == WF_PERMIT_PARTITION ? &count_partition_statement : &count_limit_statement;
	bool		all = key->kind == WF_PERMIT_QUEUE && permit->worker == NULL;

	if (key->kind == WF_PERMIT_QUEUE)
		values[1] = worker_of(permit);
	(void) wf_statement_execute(statement, values, all ? " n" : NULL, 1);
	return DatumGetInt64(result(0, 1));
}

/*
 * What the statement finds that was so long (us) ago or less, of the last ones; of a queue,
 * whose statements have one parameter more, perhaps of a worker.
 */
static int
past(WfStatement *statement, const WfRunPermit *permit, int which, int64 ago, int64 most,
	 const WfRateMoment **moments)
{
	Datum		values[4] = {
		number_of(permit, which), TimestampTzGetDatum(wf_clock_now() - ago), Int64GetDatum(most), worker_of(permit)
	};
	uint64		n = wf_statement_execute(statement, values, permit->worker == NULL ? "   n" : NULL, 0);
	WfRateMoment *list = palloc(sizeof(WfRateMoment) * (n + 1));

	for (uint64 i = 0; i < n; i++)
		list[i] = (WfRateMoment) {DatumGetTimestampTz(result(i, 1)), DatumGetInt32(result(i, 2))};
	*moments = list;
	return (int) n;
}

/* Count what runs in the tables; false: others came in between each time. */
static bool
learn(const WfRunPermit *permit, int which)
{
	const WfPermitWanted *wanted = &permit->wanted[which];

	for (int i = 0; i < COUNT_TRIES; i++)
	{
		uint64		changes = wf_permit_count_begin();
		WfPermitPast found = {.taken = count(permit, which)};

		if (wanted->gap > 0)
			found.nended = past(&ended_statement, permit, which, wanted->gap,
								WF_PERMIT_COOLING, &found.ended);
		if (wanted->rate > 0)
			found.nbegun = past(wanted->key.kind == WF_PERMIT_LIMIT ? &begun_of_limit_statement : &begun_statement,
								permit, which, wanted->interval, wanted->rate, &found.begun);
		if (wf_permit_count_end(wanted, &found, changes))
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
 * One run more is begun of those for which permits were taken for this transaction.
 * False: that is too many for a rate; *retry_at is lowered to when it is not.
 */
bool
wf_run_permit_spend(const WfRunPermit *permit, TimestampTz *retry_at)
{
	return !permit->rated || wf_permit_spend(permit->n, permit->wanted, retry_at);
}

/* It begins at `now`; that was spent for it at an instant before. */
void
wf_run_permit_begin(const WfRunPermit *permit, TimestampTz spent_at, TimestampTz now)
{
	if (permit->rated)
		wf_permit_begin(permit->n, permit->wanted, spent_at, now);
}

/* It has begun at an instant for which that was said, and ended. */
void
wf_run_permit_begun(const WfRunPermit *permit, TimestampTz begun)
{
	if (permit->rated)
		wf_permit_begun(permit->n, permit->wanted, begun);
}

/* It was not begun. */
void
wf_run_permit_unspend(const WfRunPermit *permit)
{
	if (permit->rated)
		wf_permit_unspend(permit->n, permit->wanted);
}

/*
 * A partition of an ordered queue is to be told of: `waiter` hears when the next run of
 * it has ended, or was taken away.  False: there is no room for that.
 */
bool
wf_run_permit_wait(int32 queue, int64 part, int32 waiter)
{
	WfPermitKey key = key_of(WF_PERMIT_PARTITION, queue, part);

	return wf_permit_wait(&key, waiter);
}

/* Those who wait for that are told when this transaction has committed. */
void
wf_run_permit_tell(int32 queue, int64 part)
{
	WfPermitWanted wanted = {.key = key_of(WF_PERMIT_PARTITION, queue, part)};

	wf_permit_give(1, &wanted);
}

/*
 * What of them is not to be had: outside workers and members hear when it may be.  True:
 * by now it may be.
 */
bool
wf_run_permit_ask(const WfRunPermit *permit)
{
	for (int i = 0; i < permit->n; i++)
		if (wf_permit_lacks(&permit->wanted[i]) != WF_LACKS_NOTHING)
			(void) wf_permit_wait(&permit->wanted[i].key, 0);
	return wf_run_permit_is_free(permit, NULL, NULL);
}

/*
 * How many permits of a queue are taken: by runs, by transactions that have not ended, and
 * within its gap.  -1: it is not known, or the queue limits none.
 */
int64
wf_run_permit_taken(int32 queue)
{
	const WfQueue *found = wf_queue(queue);
	WfRunPermit permit;

	begin(&permit, found, NULL);
	add_queue(&permit, found);
	return permit.n == 0 ? -1 : wf_permit_taken(&permit.wanted[0].key, found->per_runtime);
}

/*
 * Could all be taken, as far as is known?  Nothing is, and nobody is told when it can
 * be.  *missing and *lack, unless NULL, become what is not to be had, and why.
 */
bool
wf_run_permit_is_free(const WfRunPermit *permit, WfPermitKind *missing, WfPermitLack *lack)
{
	for (int i = 0; i < permit->n; i++)
	{
		WfPermitLack found = wf_permit_lacks(&permit->wanted[i]);

		if (found == WF_LACKS_NOTHING)
			continue;
		if (missing != NULL)
			*missing = permit->wanted[i].key.kind;
		if (lack != NULL)
			*lack = found;
		return false;
	}
	return true;
}
