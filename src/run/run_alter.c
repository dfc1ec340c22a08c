/*-------------------------------------------------------------------------
 *
 * run_alter.c
 *	  Runs that wait are changed.
 *
 * Runs in the sessions of clients.  Locks the runs, and skips those that others have.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "job/job.h"
#include "job/job_given.h"
#include "queue/queue.h"
#include "queue/run_permit.h"
#include "run/run_alter.h"
#include "run/run_full.h"
#include "run/run_late.h"
#include "run/run_make.h"
#include "shmem/wakeup.h"
#include "store/run.h"
#include "store/statement.h"
#include "store/tenant.h"

/* $1: root, $2: queue, $3: partition, $4: key, $5, $6: due; null: any. */
#define FIND \
	"SELECT r.id FROM workflow.run r WHERE r.state OPERATOR(pg_catalog.=) 0" \
	" AND ($1 IS NULL OR r.root OPERATOR(pg_catalog.=) $1)" \
	" AND ($2 IS NULL OR r.queue OPERATOR(pg_catalog.=) $2)" \
	" AND ($3 IS NULL OR r.partition OPERATOR(pg_catalog.=) $3)" \
	" AND ($4 IS NULL OR r.key OPERATOR(pg_catalog.=) $4)" \
	" AND r.due OPERATOR(pg_catalog.>=) $5 AND r.due OPERATOR(pg_catalog.<) $6"
#define FIND_ARGS INT4OID, INT4OID, TEXTOID, TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID

static WfStatement find_statement = {
	.sql = FIND,
	WF_ARGS(FIND_ARGS),
	.latest = true
};

/* Of these only, $7, by the index on ids. */
static WfStatement find_named_statement = {
	.sql = FIND " AND r.id OPERATOR(pg_catalog.=) ANY ($7)",
	WF_ARGS(FIND_ARGS, UUIDARRAYOID),
	.latest = true
};

static void
set_text(Datum *value, char *null, const char *text)
{
	*null = text == NULL ? 'n' : ' ';
	if (text != NULL)
		*value = CStringGetTextDatum(text);
}

/* Find them.  Error WF010 for the job or the queue.  Returns how many. */
static uint64
find(const WfRunFilter *filter)
{
	Datum		values[7] = {0};
	char		nulls[8] = "       ";

	if (filter->job != NULL)
		values[0] = Int32GetDatum(wf_job_newest(filter->job)->root);
	else
		nulls[0] = 'n';
	if (filter->queue != NULL)
		values[1] = Int32GetDatum(wf_queue_number(filter->queue));
	else
		nulls[1] = 'n';
	set_text(&values[2], &nulls[2], filter->partition);
	set_text(&values[3], &nulls[3], filter->key);
	values[4] = TimestampTzGetDatum(filter->since);
	values[5] = TimestampTzGetDatum(filter->until);
	values[6] = PointerGetDatum(filter->ids);
	if (filter->others)
		return 0;
	if (filter->ids == NULL)
		nulls[6] = '\0';
	return wf_statement_execute(filter->ids == NULL ? &find_statement : &find_named_statement, values, nulls, 0);
}

/* A run that is locked and waits gets into another queue. */
static void
move(WfRunRow *row, const WfJob *job, const char *name)
{
	int32		queue = wf_run_make_queue(job, name, GetUserId());

	if (queue == DatumGetInt32(row->values[WF_RUN_queue]))
		return;
	wf_run_row_set(row, WF_RUN_queue, Int32GetDatum(queue));
	wf_run_row_set(row, WF_RUN_ordered, BoolGetDatum(wf_queue(queue)->ordered));
	/* who has given it back is none of the placement that it gets into */
	wf_run_row_set(row, WF_RUN_level, Int16GetDatum(WF_RUN_URGENCY(DatumGetInt16(row->values[WF_RUN_level]))));
	wf_run_full_admit(queue, 1, row);
}

/* A run that is locked and waits is changed. */
static void
change(WfRunRow *row, const WfJob *job, const WfRunChanges *changes)
{
	if (DatumGetBool(row->values[WF_RUN_ordered]))	/* it may leave its partition */
		wf_run_permit_tell(DatumGetInt32(row->values[WF_RUN_queue]), DatumGetInt64(row->values[WF_RUN_part]));
	if (changes->has_priority)
		wf_run_row_set(row, WF_RUN_level, Int16GetDatum(-changes->priority));	/* placed anew */
	if (changes->has_due)
	{
		wf_run_row_set(row, WF_RUN_due, TimestampTzGetDatum(changes->due));
		wf_run_late_set(row, job);
	}
	if (changes->queue != NULL)
		move(row, job, changes->queue);
	if (changes->has_partition)
		wf_run_set_partition(row, changes->partition);
	if (changes->params != NULL)
		wf_run_row_set(row, WF_RUN_params, JsonbPGetDatum(wf_job_given_check(job, changes->params)));
	wf_run_update(row);
	wf_wakeup_released_of(DatumGetInt32(row->values[WF_RUN_executor]), WF_LANE_RUNS);
}

/* Change one that was found; false: it does not wait, is locked, or not the caller's. */
static bool
alter(const pg_uuid_t *id, const WfRunChanges *changes)
{
	WfRunRow	row;
	const WfJob *job;

	if (!wf_run_find(id, &row) || !wf_tenant_sees(wf_run_row_tenant(&row)))
		return false;
	job = wf_job(wf_run_row_job(&row));
	if (!wf_job_may(job, "manage") || !wf_run_lock(id, false, &row) ||
		DatumGetInt16(row.values[WF_RUN_state]) != WF_RUN_WAITING)
		return false;
	change(&row, job, changes);
	return true;
}

/*
 * Change runs that wait, of those jobs that the caller may manage.  Returns how many.
 * SPI must be connected.  Errors: WF010, WF011, WF002 for a queue, WF013.
 */
int64
wf_run_alter(const WfRunFilter *filter, const WfRunChanges *changes)
{
	uint64		n = find(filter);
	SPITupleTable *found = SPI_tuptable;
	int64		altered = 0;

	for (uint64 i = 0; i < n; i++)
	{
		bool		isnull;

		CHECK_FOR_INTERRUPTS();
		altered += alter(DatumGetUUIDP(SPI_getbinval(found->vals[i], found->tupdesc, 1, &isnull)), changes);
	}
	return altered;
}
