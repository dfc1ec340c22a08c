/*-------------------------------------------------------------------------
 *
 * queue.c
 *	  A session's cache of queues and named limits.
 *
 * Runs in any backend.  Each claim asks what its queue allows, and each run that is
 * made whether it may be put there; so what was read of a queue, and that there is
 * none, is kept until inval.c tells of a change of the table.  Reads without locks.
 *
 * Who puts a run into a queue keeps that from being dropped (wf_queue_keep()), as
 * definition.c does with versions: a run in no queue would be done without limits, or
 * never be found by a worker.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "storage/lmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/hsearch.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "base/compat.h"
#include "base/errcodes.h"
#include "base/interval.h"
#include "base/quote.h"
#include "queue/queue.h"
#include "queue/queue_setting.h"
#include "shmem/inval.h"
#include "store/run.h"
#include "store/statement.h"

/*
 * One cache for each table, in a context of its own, which is reset when the table
 * has changed.  What it holds of queues is found by number, of limits by name.
 */
typedef struct Cache
{
	WfInval		watch;
	Size		key_size;
	Size		entry_size;
	int			flags;
	MemoryContext context;
	HTAB	   *entries;
} Cache;

typedef struct LimitEntry
{
	char		name[NAMEDATALEN * 4];	/* hash key; longer names are not kept */
	WfNamedLimit limit;
} LimitEntry;

static Cache queues = {
	.watch = {.table = "queue"},
	.key_size = sizeof(int32),.entry_size = sizeof(WfQueue),.flags = HASH_BLOBS
};

static Cache limits = {
	.watch = {.table = "rate_limit"},
	.key_size = sizeof(((LimitEntry *) 0)->name),.entry_size = sizeof(LimitEntry),
	.flags = HASH_STRINGS
};

static WfStatement queue_statement = {
	.sql = "SELECT q.name, q.owner, q.max_parallel, q.partition_limit, q.min_gap, q.rate, q.rate_interval,"
	" q.max_waiting, q.ageing, q.ordered, q.on_failed OPERATOR(pg_catalog.=) 'block', q.paused,"
	" pg_catalog.array_position('{wait,refuse,replace,cancel running}'::pg_catalog.text[], q.on_full::pg_catalog.text),"
	" q.notify, q.fair, q.weights, q.per OPERATOR(pg_catalog.=) 'runtime', q.placement"
	" FROM workflow.queue q WHERE q.id OPERATOR(pg_catalog.=) $1",
	WF_ARGS(INT4OID),
	.latest = true				/* it is kept in the session */
};

static WfStatement number_statement = {
	.sql = "SELECT q.id FROM workflow.queue q WHERE q.name OPERATOR(pg_catalog.=) $1",
	WF_ARGS(TEXTOID),
	.latest = true
};

/* The queue of a job need not have a row. */
static WfStatement job_number_statement = {
	.sql = "SELECT (OPERATOR(pg_catalog.-) j.root) FROM workflow.job j"
	" WHERE j.name OPERATOR(pg_catalog.=) $1 AND j.dropped_at IS NULL LIMIT 1",
	WF_ARGS(TEXTOID),
	.latest = true
};

static WfStatement job_name_statement = {
	.sql = "SELECT j.name FROM workflow.job j WHERE j.id OPERATOR(pg_catalog.=) $1",
	WF_ARGS(INT4OID),
	.latest = true
};

static WfStatement limit_statement = {
	.sql = "SELECT l.id, l.max, l.rate, l.rate_interval, l.owner"
	" FROM workflow.rate_limit l WHERE l.name OPERATOR(pg_catalog.=) $1",
	WF_ARGS(TEXTOID),
	.latest = true
};

/* --- the caches -------------------------------------------------------------------- */

/* Make sure that what a cache holds is what the table says now. */
static void
check_cache(Cache *cache)
{
	HASHCTL		control = {0};

	if (likely(cache->entries != NULL && wf_inval_is_good(&cache->watch)))
		return;
	wf_inval_begin(&cache->watch);
	if (cache->context == NULL)
		cache->context = AllocSetContextCreate(TopMemoryContext, "workflow queues",
											   ALLOCSET_SMALL_SIZES);
	cache->entries = NULL;
	MemoryContextReset(cache->context);
	control.keysize = cache->key_size;
	control.entrysize = cache->entry_size;
	control.hcxt = cache->context;
	cache->entries = hash_create("workflow queues", 64, &control, HASH_ELEM | cache->flags | HASH_CONTEXT);
}

/* Execute a statement that looks for one row, the one that is there now. */
static bool
look_for(WfStatement *statement, Datum value)
{
	bool		before = wf_statement_look_only(false);
	bool		found = wf_statement_execute(statement, &value, NULL, 1) == 1;

	(void) wf_statement_look_only(before);
	return found;
}

static Datum
column(int number, bool *isnull)
{
	return SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, number, isnull);
}

static int
int_column(int number)
{
	bool		isnull;
	Datum		value = column(number, &isnull);

	return isnull ? WF_QUEUE_UNLIMITED : DatumGetInt32(value);
}

static int64
us_column(int number)
{
	bool		isnull;
	Datum		value = column(number, &isnull);

	return isnull ? 0 : wf_interval_us(DatumGetIntervalP(value));
}

static bool
bool_column(int number)
{
	bool		isnull;

	return DatumGetBool(column(number, &isnull));
}

/* --- queues ------------------------------------------------------------------------ */

/* Of an object that was checked when it was set: positive numbers by partition. */
static void
fill_weights(WfQueue *queue, Jsonb *weights)
{
	WfQueueWeight *list = MemoryContextAlloc(queues.context,
											 sizeof(WfQueueWeight) * (JB_ROOT_COUNT(weights) + 1));
	JsonbIterator *it = JsonbIteratorInit(&weights->root);
	JsonbIteratorToken token;
	JsonbValue	value;

	queue->weights = list;
	while ((token = JsonbIteratorNext(&it, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			list[queue->nweights].part = wf_run_part(pnstrdup(value.val.string.val, value.val.string.len));
		else if (token == WJB_VALUE)
			list[queue->nweights++].weight =
				DatumGetFloat8(DirectFunctionCall1(numeric_float8, NumericGetDatum(value.val.numeric)));
	}
}

/* Of an array that was checked when it was set. */
static void
fill_placement(WfQueue *queue, ArrayType *placement)
{
	MemoryContext old = MemoryContextSwitchTo(queues.context);

	wf_placement_read(placement, &queue->placement);
	MemoryContextSwitchTo(old);
}

static void
fill_queue(WfQueue *queue)
{
	Datum		weights;
	bool		isnull;

	queue->name = MemoryContextStrdup(queues.context, TextDatumGetCString(column(1, &isnull)));
	queue->owner = int_column(2);
	queue->max_parallel = int_column(3);
	queue->partition_limit = int_column(4);
	queue->min_gap = us_column(5);
	queue->rate = int_column(6);
	queue->rate_interval = us_column(7);
	queue->max_waiting = int_column(8);
	queue->ageing = us_column(9);
	queue->ordered = bool_column(10);
	queue->blocks = bool_column(11);
	queue->paused = bool_column(12);
	queue->on_full = int_column(13) - 1;
	queue->notifies = bool_column(14);
	queue->fair = bool_column(15);
	queue->per_runtime = bool_column(17);
	fill_placement(queue, DatumGetArrayTypeP(column(18, &isnull)));
	weights = column(16, &isnull);
	if (!isnull)
		fill_weights(queue, DatumGetJsonbP(weights));
}

/* The share of a partition, against those of others. */
double
wf_queue_weight(const WfQueue *queue, int64 part)
{
	for (int i = 0; i < queue->nweights; i++)
		if (queue->weights[i].part == part)
			return queue->weights[i].weight;
	return 1;
}

/*
 * The queue with this number; one that is not controlled if it has no row.  Good
 * until the next call.  SPI must be connected.
 */
const WfQueue *
wf_queue(int32 number)
{
	WfQueue		queue = {
		.number = number,.max_parallel = WF_QUEUE_UNLIMITED,
		.partition_limit = WF_QUEUE_UNLIMITED,.rate = WF_QUEUE_UNLIMITED,
		.max_waiting = WF_QUEUE_UNLIMITED,.fair = true
	};
	WfQueue    *entry;

	check_cache(&queues);
	entry = hash_search(queues.entries, &number, HASH_FIND, NULL);
	if (likely(entry != NULL))
		return entry;
	if (look_for(&queue_statement, Int32GetDatum(number)))
		fill_queue(&queue);
	entry = hash_search(queues.entries, &number, HASH_ENTER, NULL);
	*entry = queue;
	return entry;
}

pg_noreturn static void
refuse_missing(const char *name)
{
	ereport(ERROR,
			(errcode(WF_ERR_NO_JOB),
			 errmsg("queue \"%s\" does not exist", wf_quote(name)),
			 errhint("Make it with workflow.create_queue().")));
}

/*
 * The number of the queue with this name; "job:NAME" is that of a job, whether it has
 * a row or not.  Error WF010 if there is none.  SPI must be connected.
 */
int32
wf_queue_number(const char *name)
{
	bool		of_job = strncmp(name, WF_QUEUE_OF_JOB, strlen(WF_QUEUE_OF_JOB)) == 0;

	if (!look_for(of_job ? &job_number_statement : &number_statement,
				  CStringGetTextDatum(of_job ? name + strlen(WF_QUEUE_OF_JOB) : name)))
		refuse_missing(name);
	return int_column(1);
}

/*
 * The name of a queue, in the current memory context; NULL: it is gone.  SPI must be
 * connected.
 */
const char *
wf_queue_name(int32 number)
{
	const char *name;
	bool		isnull;

	if (number > 0)
	{
		name = wf_queue(number)->name;
		return name == NULL ? NULL : pstrdup(name);
	}
	if (!look_for(&job_name_statement, Int32GetDatum(-number)))
		return NULL;
	return psprintf(WF_QUEUE_OF_JOB "%s", TextDatumGetCString(column(1, &isnull)));
}

/* --- limits ------------------------------------------------------------------------ */

/*
 * The named limit.  Good until the next call.  Error WF010 if there is none.  SPI
 * must be connected.
 */
const WfNamedLimit *
wf_queue_limit(const char *name)
{
	LimitEntry *entry;
	WfNamedLimit limit;

	check_cache(&limits);
	entry = hash_search(limits.entries, name, HASH_FIND, NULL);
	if (likely(entry != NULL))
		return &entry->limit;
	if (!look_for(&limit_statement, CStringGetTextDatum(name)))
		ereport(ERROR,
				(errcode(WF_ERR_NO_JOB),
				 errmsg("limit \"%s\" does not exist", wf_quote(name)),
				 errhint("Make it with workflow.create_limit().")));
	limit.id = int_column(1);
	limit.max = int_column(2);
	limit.rate = int_column(3);
	limit.rate_interval = us_column(4);
	limit.owner = int_column(5);
	entry = hash_search(limits.entries, name, HASH_ENTER, NULL);
	entry->limit = limit;
	return &entry->limit;
}

/* --- changes ------------------------------------------------------------------------ */

/* This transaction changes queues: all sessions are told at its commit. */
void
wf_queue_changing(void)
{
	wf_inval_changing(&queues.watch);
}

/* The same for limits. */
void
wf_queue_changing_limits(void)
{
	wf_inval_changing(&limits.watch);
}

/* Error WF010: a queue that was known by its number does not exist any more. */
void
wf_queue_refuse_gone(int32 number)
{
	ereport(ERROR,
			(errcode(WF_ERR_NO_JOB),
			 errmsg("queue %d does not exist any more", number),
			 errhint("Make a version of the job that names another queue.")));
}

static void
lock_number(int32 number, LOCKMODE mode)
{
	Oid			relation = get_relname_relid("queue", get_namespace_oid("workflow", false));

	LockDatabaseObject(relation, number, 0, mode);
}

/*
 * This transaction puts runs into a queue: a shared one is not dropped before it ends.
 * Error WF010 if it is gone.  SPI must be connected.
 */
void
wf_queue_keep(int32 number)
{
	if (number < 0)
		return;
	lock_number(number, AccessShareLock);
	if (wf_queue(number)->name == NULL)
		wf_queue_refuse_gone(number);
}

/*
 * A queue is about to be dropped: waits for transactions that put runs into it, and
 * those that come later wait for this one.
 */
void
wf_queue_lock_for_drop(int32 number)
{
	lock_number(number, AccessExclusiveLock);
}
