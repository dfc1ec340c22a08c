/*-------------------------------------------------------------------------
 *
 * run_late.c
 *	  Runs that have to begin in time.
 *
 * A run whose job says so has to begin so long after it is due, or it expires.  One that
 * has begun once is late no more, whatever becomes of that attempt.  Whoever claims runs
 * finds those that are late; what nobody claims, because its queue is paused, or full, or
 * no worker is there, the runtime of the database finds.
 *
 * Skips runs that are locked: somebody is about to do them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/version.h"
#include "run/run_late.h"
#include "run/run_over.h"
#include "shmem/wakeup.h"
#include "shmem/wakeup_runs.h"
#include "store/run.h"
#include "store/statement.h"

/* Runs that expire at a time. */
#define PIECE			1000

/* After one that is locked we look again so soon (ms). */
#define LOCKED_PAUSE	1000

static WfStatement late_statement = {
	.sql = "SELECT r.id FROM workflow.run r WHERE r.start_by OPERATOR(pg_catalog.<) $1"
	" ORDER BY r.start_by LIMIT 1000",
	WF_ARGS(TIMESTAMPTZOID)
};

static WfStatement next_statement = {
	.sql = "SELECT r.start_by FROM workflow.run r WHERE r.start_by IS NOT NULL"
	" ORDER BY r.start_by LIMIT 1"
};

/*
 * A run that waits for its first attempt has to begin in time from when it is due, as this
 * version of its job says.
 */
void
wf_run_late_set(WfRunRow *row, const WfJob *job)
{
	Datum		by;

	wf_run_row_clear(row, WF_RUN_start_by);
	if (job->start_within == NULL || wf_run_row_attempts(row) > 0 || !row->nulls[WF_RUN_begun])
		return;
	by = DirectFunctionCall2(timestamptz_pl_interval, row->values[WF_RUN_due],
							 IntervalPGetDatum(job->start_within));
	wf_run_row_set(row, WF_RUN_start_by, by);
	wf_wakeup_runs_lease(DatumGetTimestampTz(by));
}

/* Was it to begin before? */
bool
wf_run_late_is(const WfRunRow *row, TimestampTz now)
{
	return !row->nulls[WF_RUN_start_by] && DatumGetTimestampTz(row->values[WF_RUN_start_by]) < now;
}

/* A run that waits, and is locked, was not started in time.  SPI must be connected. */
void
wf_run_late_expire(WfRunRow *row)
{
	WfRunEnd	end = {.row = row,.state = WF_RUN_EXPIRED};

	wf_run_delete(row);
	wf_run_over(1, &end);
}

/* One that was found expires, unless it has begun by now.  False: it is locked. */
static bool
expire(const pg_uuid_t *id, TimestampTz now)
{
	WfRunRow	row;

	if (!wf_run_lock(id, false, &row))
		return false;
	wf_wakeup_released_of(DatumGetInt32(row.values[WF_RUN_executor]), WF_LANE_RUNS);
	if (DatumGetInt16(row.values[WF_RUN_state]) == WF_RUN_WAITING && wf_run_late_is(&row, now))
		wf_run_late_expire(&row);
	return true;
}

/* When the next one is late, or we have to look again; infinity: there is none. */
static TimestampTz
next_late(TimestampTz now)
{
	bool		isnull;
	TimestampTz next;

	if (wf_statement_execute(&next_statement, NULL, NULL, 1) == 0)
		return DT_NOEND;
	next = DatumGetTimestampTz(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	return Max(next + 1, TimestampTzPlusMilliseconds(now, LOCKED_PAUSE));
}

/*
 * For the runtime: runs that were not started in time expire, a piece of them; *more is set
 * if there may be others.  Returns when the next one is late.  SPI must be connected.
 */
TimestampTz
wf_run_late_end(bool *more)
{
	TimestampTz now = wf_clock_now();
	Datum		value = TimestampTzGetDatum(now);
	SPITupleTable *found;
	uint64		n;
	int			expired = 0;

	if (!wf_version_has_column("run", "start_by"))
		return DT_NOEND;
	n = wf_statement_execute(&late_statement, &value, NULL, PIECE);
	found = SPI_tuptable;
	for (uint64 i = 0; i < n; i++)
	{
		bool		isnull;

		CHECK_FOR_INTERRUPTS();
		expired += expire(DatumGetUUIDP(SPI_getbinval(found->vals[i], found->tupdesc, 1, &isnull)), now);
	}
	if (expired == PIECE)
		*more = true;
	return next_late(now);
}
