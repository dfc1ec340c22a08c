/*-------------------------------------------------------------------------
 *
 * run_make.c
 *	  New runs of jobs.
 *
 * Runs in the sessions of clients, and in executors whose code makes runs.  Keys are
 * taken first, in their order; new runs need no lock.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/compat.h"
#include "base/errcodes.h"
#include "base/guc.h"
#include "base/quote.h"
#include "base/uuid.h"
#include "job/job_given.h"
#include "job/job_partition.h"
#include "queue/queue.h"
#include "queue/queue_right.h"
#include "run/run_full.h"
#include "run/run_late.h"
#include "run/run_make.h"
#include "run/run_over.h"
#include "shmem/wakeup.h"
#include "store/run.h"
#include "store/run_key.h"
#include "store/tenant.h"

/* A run that is to be made, while keys are looked at in their order. */
typedef struct Numbered
{
	const char *key;
	int			number;
} Numbered;

static int
compare_keys(const void *a, const void *b)
{
	const Numbered *left = a;
	const Numbered *right = b;
	int			order = strcmp(left->key, right->key);

	return order != 0 ? order : left->number - right->number;
}

static void
set_text(WfRunRow *row, int column, const char *text)
{
	if (text != NULL)
		wf_run_row_set(row, column, CStringGetTextDatum(text));
}

/* When a run that was made first at `placed` is due, after a call that puts it off. */
static TimestampTz
put_off(const WfRunRequest *request, TimestampTz placed)
{
	TimestampTz most;

	if (request->at_most == NULL)
		return request->at;
	most = DatumGetTimestampTz(DirectFunctionCall2(timestamptz_pl_interval, TimestampTzGetDatum(placed),
												   IntervalPGetDatum(request->at_most)));
	return Min(request->at, most);
}

/* Fill in a new run, which is for the tenant for whom the session works. */
static void
fill(WfRunRow *row, const WfRunRequest *request, const WfRunWanted *wanted, pg_uuid_t *id)
{
	const WfJob *job = request->job;
	Jsonb	   *params = wf_job_given_check(job, wanted->params);
	const char *partition = wanted->partition != NULL ? wanted->partition : wf_job_partition_of(job, params);
	TimestampTz due = request->debounce == NULL ? request->at : put_off(request, wf_clock_now());
	Oid			starter = OidIsValid(request->starter) ? request->starter : GetUserId();
	Datum		tenant = wf_tenant_datum();
	const char *trace = request->trace != NULL || wanted->process != NULL ? request->trace : wf_guc_traceparent();

	wf_run_row_init(row);
	wf_run_row_set(row, WF_RUN_id, UUIDPGetDatum(id));
	wf_run_row_set(row, WF_RUN_executor, Int32GetDatum(wf_job_executor(job)));
	wf_run_row_set(row, WF_RUN_queue, Int32GetDatum(request->queue));
	wf_run_row_set(row, WF_RUN_root, Int32GetDatum(job->root));
	wf_run_set_partition(row, partition);
	wf_run_row_set(row, WF_RUN_level, Int16GetDatum(-request->priority));
	wf_run_row_set(row, WF_RUN_due, TimestampTzGetDatum(due));
	wf_run_row_set(row, WF_RUN_ready, BoolGetDatum(request->nafter == 0));
	if (request->nafter > 0)
		wf_run_row_set(row, WF_RUN_awaits, Int16GetDatum(request->after_failed));
	wf_run_row_set(row, WF_RUN_state, Int16GetDatum(WF_RUN_WAITING));
	wf_run_row_set(row, WF_RUN_attempts, Int16GetDatum(0));
	wf_run_row_set(row, WF_RUN_losses, Int16GetDatum(0));
	wf_run_row_set(row, WF_RUN_round, Int32GetDatum(1));
	wf_run_row_set(row, WF_RUN_job, Int32GetDatum(job->id));
	wf_run_row_set(row, WF_RUN_placed,
				   TimestampTzGetDatum(request->debounce == NULL ? request->at : wf_clock_now()));
	wf_run_row_set(row, WF_RUN_starter, ObjectIdGetDatum(starter));
	set_text(row, WF_RUN_started_by, GetUserNameFromId(starter, false));
	wf_run_row_set(row, WF_RUN_ordered, BoolGetDatum(wf_queue(request->queue)->ordered));
	set_text(row, WF_RUN_key, wanted->key);
	set_text(row, WF_RUN_actor, request->actor);
	wf_run_row_set(row, WF_RUN_params, JsonbPGetDatum(params));
	wf_run_late_set(row, job);
	if (wanted->process != NULL)
		wf_run_row_set(row, WF_RUN_process, UUIDPGetDatum(wanted->process));
	set_text(row, WF_RUN_invoke, wanted->invoke);
	if (DatumGetPointer(tenant) != NULL)
		wf_run_row_set(row, WF_RUN_tenant, tenant);
	if (wanted->rules != NULL)
		wf_run_row_set(row, WF_RUN_rules, JsonbPGetDatum(wanted->rules));
	set_text(row, WF_RUN_traceparent, trace);
}

/* --- keys ------------------------------------------------------------------ */

pg_noreturn static void
refuse_key(const WfJob *job, const char *key, const pg_uuid_t *holder)
{
	ereport(ERROR,
			(errcode(WF_ERR_KEY_TAKEN),
			 errmsg("a run of job \"%s\" has the key \"%s\" already", job->name, wf_quote(key)),
			 errdetail("It is run %s.", wf_uuid_text(holder))));
}

/*
 * Another run has the key, and waits: it gets our parameters, and with them all that
 * follows from them and from the version of the job that they fit.
 */
static void
replace(const WfRunRequest *request, const WfRunWanted *wanted, WfRunRow *holder)
{
	const WfJob *job = request->job;
	Jsonb	   *params;

	if (DatumGetInt16(holder->values[WF_RUN_state]) != WF_RUN_WAITING)
		return;
	params = wf_job_given_check(job, wanted->params);
	wf_run_row_set(holder, WF_RUN_params, JsonbPGetDatum(params));
	wf_run_row_set(holder, WF_RUN_job, Int32GetDatum(job->id));
	wf_run_row_set(holder, WF_RUN_executor, Int32GetDatum(wf_job_executor(job)));
	wf_run_late_set(holder, job);
	if (job->partition_by != NULL && wanted->partition == NULL)
		wf_run_set_partition(holder, wf_job_partition_of(job, params));
	wf_run_update(holder);
	wf_wakeup_released_of(DatumGetInt32(holder->values[WF_RUN_executor]), WF_LANE_RUNS);
}

/* Is there a run still that has a key? */
static bool
is_remembered(const pg_uuid_t *holder)
{
	WfRunRow	row;
	WfRunPast	past;

	/* it may be done once more just now */
	return wf_run_find(holder, &row) || wf_run_find_ended(holder, &past) || wf_run_find(holder, &row);
}

/*
 * Another run has the key, and waits for its time: it is put off, and gets our
 * parameters.  False: it does not, and another run is made.
 */
static bool
debounce(const WfRunRequest *request, const WfRunWanted *wanted, const pg_uuid_t *holder)
{
	WfRunRow	row;

	if (!wf_run_lock(holder, true, &row) || DatumGetInt16(row.values[WF_RUN_state]) != WF_RUN_WAITING ||
		!DatumGetBool(row.values[WF_RUN_ready]) || wf_run_row_attempts(&row) > 0)
		return false;
	wf_run_row_set(&row, WF_RUN_due,
				   TimestampTzGetDatum(put_off(request, DatumGetTimestampTz(row.values[WF_RUN_placed]))));
	replace(request, wanted, &row);
	return true;
}

/*
 * Another run has the key.  Is it the answer?  Otherwise ours has the key by now.
 */
static bool
settle_key(const WfRunRequest *request, const WfRunWanted *wanted, const pg_uuid_t *id,
		   const pg_uuid_t *holder)
{
	WfRunRow	row;

	if (request->debounce != NULL)
	{
		if (debounce(request, wanted, holder))
			return true;
		wf_run_key_give(request->job->root, wanted->key, id);
		return false;
	}
	switch (request->on_conflict)
	{
		case WF_RUN_EXISTING:
			if (is_remembered(holder))
				return true;
			break;
		case WF_RUN_REFUSE:
			if (is_remembered(holder))
				refuse_key(request->job, wanted->key, holder);
			break;
		case WF_RUN_ACTIVE:
			if (wf_run_find(holder, &row))
				return true;
			break;
		case WF_RUN_REPLACE:
			if (wf_run_lock(holder, true, &row))
			{
				replace(request, wanted, &row);
				return true;
			}
			break;
	}
	wf_run_key_give(request->job->root, wanted->key, id);
	return false;
}

/* Take the keys in their order.  made[i]: is the run to be made? */
static void
take_keys(const WfRunRequest *request, int n, const WfRunWanted *wanted, pg_uuid_t *ids,
		  bool *made)
{
	Numbered   *numbered = palloc(sizeof(Numbered) * n);
	int			keys = 0;

	Assert(n == 1 || (request->on_conflict == WF_RUN_EXISTING && request->debounce == NULL));
	for (int i = 0; i < n; i++)
	{
		made[i] = true;
		if (wanted[i].key != NULL)
			numbered[keys++] = (Numbered) {wanted[i].key, i};
	}
	qsort(numbered, keys, sizeof(Numbered), compare_keys);
	for (int i = 0; i < keys; i++)
	{
		int			number = numbered[i].number;
		pg_uuid_t	holder;

		/* the one before has it, which is not written yet */
		if (i > 0 && strcmp(numbered[i - 1].key, numbered[i].key) == 0)
		{
			made[number] = false;
			ids[number] = ids[numbered[i - 1].number];
			continue;
		}
		if (wf_run_key_take(request->job->root, wanted[number].key, &ids[number], &holder) ||
			!settle_key(request, &wanted[number], &ids[number], &holder))
			continue;
		made[number] = false;
		ids[number] = holder;
	}
}

/*
 * The queue that runs of the job get into: the job's, or that of this name.  The
 * job's owner may use it, and the role, which names another one: else error WF002.
 * Error WF010 if there is none.  SPI must be connected.
 */
int32
wf_run_make_queue(const WfJob *job, const char *name, Oid role)
{
	int32		queue = name == NULL ? job->queue : wf_queue_number(name);

	if (queue == -job->root)
		return queue;
	wf_queue_right_require_of(job->author.role, queue, WF_QUEUE_USE);
	if (queue != job->queue)
		wf_queue_right_require_of(role, queue, WF_QUEUE_USE);
	return queue;
}

/*
 * A run without a key that a process invokes, for wf_run_insert() later in this
 * transaction.  SPI must be connected.  Errors as of wf_run_make().
 */
WfRunRow *
wf_run_make_row(const WfRunRequest *request, const WfRunWanted *wanted)
{
	WfRunRow   *row = palloc(sizeof(WfRunRow));
	pg_uuid_t  *id = palloc(sizeof(pg_uuid_t));

	wf_uuid_make(id, wf_uuid_slot(wanted->process));
	fill(row, request, wanted, id);
	wf_job_keep(request->job);
	wf_run_full_admit(request->queue, 1, row);
	return row;
}

/*
 * Make runs of a job: ids[i] becomes the id of the run that is wanted, which may be
 * there already, with its key.  SPI must be connected.  Errors WF010 and WF011 for the
 * queue, WF013, WF016.
 */
void
wf_run_make(const WfRunRequest *request, int n, const WfRunWanted *wanted, pg_uuid_t *ids)
{
	WfRunRow   *rows = palloc(sizeof(WfRunRow) * n);
	bool	   *made = palloc(sizeof(bool) * n);
	int			nrows = 0;

	for (int i = 0; i < n; i++)
		wf_uuid_make(&ids[i], wanted[i].key == NULL ? WF_UUID_ANY_SLOT :
					 wf_uuid_slot_of_key(wanted[i].key, strlen(wanted[i].key)));
	take_keys(request, n, wanted, ids, made);
	if (request->made != NULL)
		memcpy(request->made, made, sizeof(bool) * n);
	for (int i = 0; i < n; i++)
	{
		if (!made[i])
			continue;
		if (request->current != NULL)
			*request->current = i;
		fill(&rows[nrows++], request, &wanted[i], &ids[i]);
	}
	if (nrows > 0)
	{
		wf_job_keep(request->job);
		wf_run_full_admit(request->queue, nrows, rows);
	}
	wf_run_insert(nrows, rows);
	for (int i = 0; request->nafter > 0 && i < nrows; i++)
		wf_run_over_await(&rows[i], request->nafter, request->after);
}
