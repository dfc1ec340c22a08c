/*-------------------------------------------------------------------------
 *
 * job.c
 *	  A session's cache of jobs.
 *
 * Runs in any backend.  A version never changes, so a cached one stays good for the
 * life of the session, but for its owner, who may get another role, and for being
 * dropped: both are read again when inval.c tells of that.  When the extension was
 * dropped and created, the whole cache is thrown away.  Reads without locks.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "base/compat.h"
#include "base/errcodes.h"
#include "base/quote.h"
#include "definition/privilege.h"
#include "definition/retry.h"
#include "job/job.h"
#include "job/job_cached_rule.h"
#include "job/job_call.h"
#include "job/job_partition.h"
#include "parameter/parameters.h"
#include "shmem/inval.h"
#include "store/statement.h"

/* Tells when jobs are dropped or given away, and when owners get other roles. */
static WfInval watch = {.table = "job"};
static WfInval roles = {.table = "definition"};

static HTAB *cache = NULL;
static MemoryContext cache_context = NULL;
static Oid	cache_relation = InvalidOid;
static uint64 tellings = 0;

typedef struct CacheEntry
{
	int32		id;				/* first */
	WfJob	   *job;
	uint64		told;			/* the value of tellings when its owner was read */
} CacheEntry;

/* In the order of the enum below. */
static WfStatement load_statement = {
	.sql = "SELECT j.version, j.root, j.owner, o.role, j.dropped_at IS NOT NULL, j.name, j.mode, j.queue, j.command,"
	" j.call, j.parameters, j.retry::pg_catalog.text, j.timeout, j.priority, j.partition, j.limits, j.on_lost, j.result,"
	" j.start_within, j.search_path, j.time_zone, j.cache, j.calls"
	" FROM workflow.job j, workflow.owner o"
	" WHERE j.id OPERATOR(pg_catalog.=) $1 AND o.id OPERATOR(pg_catalog.=) j.owner",
	WF_ARGS(INT4OID),
	.latest = true				/* who owns it is kept in the session */
};

static WfStatement newest_statement = {
	.sql = "SELECT j.id FROM workflow.job j WHERE j.name OPERATOR(pg_catalog.=) $1 AND j.dropped_at IS NULL"
	" ORDER BY j.version DESC LIMIT 1",
	WF_ARGS(TEXTOID)
};

enum
{
	JOB_version, JOB_root, JOB_owner, JOB_role, JOB_dropped, JOB_name, JOB_mode, JOB_queue, JOB_command, JOB_call,
	JOB_parameters, JOB_retry, JOB_timeout, JOB_priority, JOB_partition, JOB_limits, JOB_on_lost, JOB_result,
	JOB_start_within, JOB_search_path, JOB_time_zone, JOB_cache, JOB_calls,
	JOB_NCOLUMNS
};

/* --- the cache ------------------------------------------------------------------ */

/* Make sure that the cache belongs to the extension that is there now. */
static void
check_cache(void)
{
	HASHCTL		control = {.keysize = sizeof(int32),.entrysize = sizeof(CacheEntry)};

	if (likely(cache != NULL && wf_inval_is_good(&watch) && wf_inval_is_good(&roles)))
		return;
	wf_inval_begin(&watch);
	wf_inval_begin(&roles);
	tellings++;
	if (cache != NULL && cache_relation == watch.relation)
		return;
	if (cache_context != NULL)
		MemoryContextDelete(cache_context);
	cache = NULL;
	cache_context = AllocSetContextCreate(TopMemoryContext, "workflow jobs", ALLOCSET_DEFAULT_SIZES);
	control.hcxt = cache_context;
	cache = hash_create("workflow jobs", 64, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	cache_relation = watch.relation;
}

/* Jobs change, or their owners: tell all sessions when this transaction commits. */
void
wf_job_changing(void)
{
	wf_inval_changing(&watch);
}

/* --- loading -------------------------------------------------------------------- */

static char *
text_of(Datum value, bool isnull)
{
	return isnull ? NULL : TextDatumGetCString(value);
}

static void *
copy_of(Datum value, bool isnull)
{
	return isnull ? NULL : PG_DETOAST_DATUM_COPY(value);
}

static Interval *
interval_of(Datum value, bool isnull)
{
	Interval   *copy;

	if (isnull)
		return NULL;
	copy = palloc(sizeof(Interval));
	*copy = *DatumGetIntervalP(value);
	return copy;
}

/* What may change of a version. */
static void
fill_owner(WfJob *job, const Datum *values)
{
	job->owner = DatumGetInt32(values[JOB_owner]);
	job->author.role = DatumGetObjectId(values[JOB_role]);
	job->dropped = DatumGetBool(values[JOB_dropped]);
}

static void
fill_settings(WfJob *job, const Datum *values, const bool *nulls)
{
	char	   *retry = text_of(values[JOB_retry], nulls[JOB_retry]);
	char	   *on_lost = text_of(values[JOB_on_lost], nulls[JOB_on_lost]);

	job->retry = retry == NULL ? NULL : wf_retry_compile(retry);
	job->timeout = interval_of(values[JOB_timeout], nulls[JOB_timeout]);
	job->start_within = interval_of(values[JOB_start_within], nulls[JOB_start_within]);
	job->priority = DatumGetInt16(values[JOB_priority]);
	job->partition = text_of(values[JOB_partition], nulls[JOB_partition]);
	job->partition_by = wf_job_partition_parse(job->partition);
	job->limits = copy_of(values[JOB_limits], nulls[JOB_limits]);
	job->on_lost = strcmp(on_lost, "fail") == 0 ? WF_JOB_LOST_FAIL : WF_JOB_LOST_RETRY;
	if (!nulls[JOB_cache])
		job->cache = wf_job_cached_rule_parse(DatumGetJsonbP(values[JOB_cache]));
	job->result = text_of(values[JOB_result], nulls[JOB_result]);
	job->keeps_result = job->result == NULL || strcmp(job->result, "none") != 0;
}

static void
fill_code(WfJob *job, const Datum *values, const bool *nulls)
{
	const WfJobCommand *command;
	Jsonb	   *calls = copy_of(values[JOB_calls], nulls[JOB_calls]);

	if (!nulls[JOB_parameters])
	{
		job->parameters = wf_parameters_parse(copy_of(values[JOB_parameters], false), true);
		job->sensitive = wf_parameters_sensitive(job->parameters, &job->nsensitive);
		wf_parameters_set_calls(job->parameters, calls);
	}
	if (job->partition_by != NULL)
		job->partition_by->calls = calls;
	job->command = text_of(values[JOB_command], nulls[JOB_command]);
	if (nulls[JOB_call])
		return;
	job->call = wf_job_call_new(copy_of(values[JOB_call], false), calls,
								job->keeps_result ? job->result : NULL);
	wf_job_call_measure(job->call, job->id, job->command);
	command = wf_job_call_command(job);
	job->takes_many = command->form == WF_JOB_FORM_MANY;
	job->takes_run = command->form == WF_JOB_FORM_RUN;
	job->is_procedure = command->is_procedure;
}

/* A version, in a memory context of its own below that of the cache. */
static WfJob *
make(int32 id, const Datum *values, const bool *nulls)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "workflow job",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	WfJob	   *job = palloc0(sizeof(WfJob));

	job->id = id;
	job->context = context;
	job->version = DatumGetInt32(values[JOB_version]);
	job->root = DatumGetInt32(values[JOB_root]);
	job->name = TextDatumGetCString(values[JOB_name]);
	job->mode = DatumGetInt16(values[JOB_mode]);
	job->queue = DatumGetInt32(values[JOB_queue]);
	job->author.job = job->name;
	job->author.search_path = TextDatumGetCString(values[JOB_search_path]);
	job->author.time_zone = TextDatumGetCString(values[JOB_time_zone]);
	fill_owner(job, values);
	fill_settings(job, values, nulls);
	fill_code(job, values, nulls);
	MemoryContextSwitchTo(old);
	return job;
}

/* Read the row of a version; false: there is none. */
static bool
read_row(int32 id, Datum *values, bool *nulls)
{
	Datum		key = Int32GetDatum(id);

	if (wf_statement_execute(&load_statement, &key, NULL, 1) == 0)
		return false;
	for (int i = 0; i < JOB_NCOLUMNS; i++)
		values[i] = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, i + 1, &nulls[i]);
	return true;
}

pg_noreturn static void
refuse_missing(int32 id)
{
	ereport(ERROR,
			(errcode(WF_ERR_NO_JOB),
			 errmsg("job %d does not exist", id)));
}

static WfJob *
load(int32 id)
{
	Datum		values[JOB_NCOLUMNS];
	bool		nulls[JOB_NCOLUMNS];
	WfJob	   *job;

	if (!read_row(id, values, nulls))
		refuse_missing(id);
	job = make(id, values, nulls);
	MemoryContextSetParent(job->context, cache_context);
	return job;
}

/*
 * A version of a job by its id.  It stays for the life of the session.  SPI must be
 * connected.  Error WF010 if it does not exist.
 */
const WfJob *
wf_job(int32 id)
{
	CacheEntry *entry;
	uint64		told;
	Datum		values[JOB_NCOLUMNS];
	bool		nulls[JOB_NCOLUMNS];

	check_cache();
	entry = hash_search(cache, &id, HASH_FIND, NULL);
	if (likely(entry != NULL && entry->told == tellings))
		return entry->job;
	told = tellings;
	if (entry == NULL)
	{
		WfJob	   *job = load(id);

		entry = hash_search(cache, &id, HASH_ENTER, NULL);
		entry->job = job;
	}
	else if (read_row(id, values, nulls))
		fill_owner(entry->job, values);
	else
		refuse_missing(id);
	entry->told = told;
	return entry->job;
}

/*
 * The newest version of a job.  SPI must be connected.  Error WF010 if it does not
 * exist, or was dropped.
 */
const WfJob *
wf_job_newest(const char *name)
{
	Datum		key = CStringGetTextDatum(name);
	bool		isnull;

	if (wf_statement_execute(&newest_statement, &key, NULL, 1) == 0)
		ereport(ERROR,
				(errcode(WF_ERR_NO_JOB),
				 errmsg("job \"%s\" does not exist", wf_quote(name)),
				 errhint("Make it with workflow.create_job().")));
	return wf_job(DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1,
											  &isnull)));
}

/* --- runs, and the end of a job --------------------------------------------------- */

/* An object of its own, which is locked by the number of the job. */
static void
lock(const WfJob *job, LOCKMODE mode)
{
	LockDatabaseObject(get_relname_relid("job", get_namespace_oid("workflow", false)), job->root, 0, mode);
}

/*
 * A run of the job is about to be made: keep it from being dropped until the end of
 * the transaction.  Error WF010 if it was.
 */
void
wf_job_keep(const WfJob *job)
{
	lock(job, AccessShareLock);
	if (wf_job(job->id)->dropped)
		ereport(ERROR,
				(errcode(WF_ERR_NO_JOB),
				 errmsg("job \"%s\" does not exist", job->name),
				 errdetail("It was dropped just now.")));
}

/* Nobody makes runs of it until the end of the transaction; waits for those who do. */
void
wf_job_lock_for_drop(const WfJob *job)
{
	lock(job, AccessExclusiveLock);
}

/* --- rights --------------------------------------------------------------------- */

/* Whose executors do its runs, as run.executor says it; 0: outside workers. */
int32
wf_job_executor(const WfJob *job)
{
	return job->mode == WF_JOB_OUTSIDE ? 0 : job->owner;
}

/*
 * Has the current user this privilege on a job: "run", "read", "manage"?  The role that
 * owns it, members of that, and workflow_admin have all.
 */
bool
wf_job_may(const WfJob *job, const char *privilege)
{
	return wf_privilege_role_may_on(GetUserId(), WF_PRIVILEGE_JOB, job->name, job->author.role,
									privilege);
}

/* Error WF002 unless the role has it. */
void
wf_job_require_of(Oid role, const WfJob *job, const char *privilege)
{
	if (!wf_privilege_role_may_on(role, WF_PRIVILEGE_JOB, job->name, job->author.role, privilege))
		ereport(ERROR,
				(errcode(WF_ERR_NOT_ALLOWED),
				 errmsg("permission denied to %s job \"%s\"", privilege, job->name),
				 errhint("Its owner can allow it with workflow.grant_on('job:%s', ..., '%s').",
						 job->name, privilege)));
}

/* Error WF002 unless the current user has it. */
void
wf_job_require(const WfJob *job, const char *privilege)
{
	wf_job_require_of(GetUserId(), job, privilege);
}

/* What is hidden of a run of this job with these parameters. */
WfMask *
wf_job_mask(const WfJob *job, Datum params)
{
	WfMask	   *mask = wf_mask_new(job->nsensitive, job->sensitive);

	wf_mask_learn(mask, DatumGetJsonbP(params));
	return mask;
}
