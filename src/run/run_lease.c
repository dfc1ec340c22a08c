/*-------------------------------------------------------------------------
 *
 * run_lease.c
 *	  Leases of outside workers that end.
 *
 * Runs in the runtime of a database.  A worker that neither ends a run nor extends its
 * lease in time has lost it: see run_lost.c.  One that takes longer than the timeout of the
 * job has failed: that is where its lease ends.  Skips runs that are locked: somebody is
 * about to say something of them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/jsonb.h"
#include "base/postmaster.h"
#include "base/version.h"
#include "run/run_failure.h"
#include "run/run_fence.h"
#include "run/run_lease.h"
#include "run/run_lost.h"
#include "store/run.h"
#include "store/statement.h"

/* Runs that are taken away at a time. */
#define PIECE			1000

/* After one that is locked we look again so soon (ms). */
#define LOCKED_PAUSE	1000

static WfStatement over_statement = {
	.sql = "SELECT r.id FROM workflow.run r WHERE r.lease_until OPERATOR(pg_catalog.<=) $1"
	" ORDER BY r.lease_until LIMIT 1000",
	WF_ARGS(TIMESTAMPTZOID)
};

static WfStatement next_statement = {
	.sql = "SELECT r.lease_until FROM workflow.run r WHERE r.lease_until IS NOT NULL"
	" ORDER BY r.lease_until LIMIT 1"
};

/* What a run has for an error whose worker took too long. */
static Jsonb *
error_of_timeout(void)
{
	const char *keys[] = {"code", "message"};
	Jsonb	   *values[] = {
		wf_jsonb_string("timeout"),
		wf_jsonb_string("the worker has not ended the run before the timeout of its job")
	};

	return wf_jsonb_object(lengthof(keys), keys, values);
}

/* The attempt of a run that is locked took too long: it has failed. */
static void
time_out(WfRunRow *row)
{
	wf_run_fence_give_permits(row);
	if (DatumGetInt16(row->values[WF_RUN_state]) == WF_RUN_ABORTING)
		(void) wf_run_failure_stopped(row, error_of_timeout());
	else
		(void) wf_run_failure_record(row, "timeout", error_of_timeout(), DT_NOEND, false);
}

/* A run is lost if its lease is over still when it is locked.  False: it is locked. */
static bool
take_away(const pg_uuid_t *id, TimestampTz now)
{
	WfRunRow	row;

	if (!wf_run_lock(id, false, &row))
		return false;
	if (row.nulls[WF_RUN_lease_until] || DatumGetTimestampTz(row.values[WF_RUN_lease_until]) > now)
		return true;
	if (wf_run_fence_deadline(&row) <= now)
		time_out(&row);
	else
		(void) wf_run_lost(&row);
	return true;
}

/* When the next lease ends, or we have to look again; infinity: there is none. */
static TimestampTz
next_end(TimestampTz now)
{
	bool		isnull;
	TimestampTz next;

	if (wf_statement_execute(&next_statement, NULL, NULL, 1) == 0)
		return DT_NOEND;
	next = DatumGetTimestampTz(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	return Max(next, TimestampTzPlusMilliseconds(now, LOCKED_PAUSE));
}

/*
 * Take away runs whose leases are over, a piece of them; *more is set if there may be others.
 * Returns when the next one ends.  SPI must be connected.
 */
TimestampTz
wf_run_lease_end(bool *more)
{
	TimestampTz now = wf_clock_now();
	Datum		value = TimestampTzGetDatum(now);
	SPITupleTable *found;
	uint64		n;
	int			taken = 0;

	if (!wf_version_has_column("run", "lease_until"))
		return DT_NOEND;

	/* workers cannot come in to extend them; the next start gives them anew */
	if (wf_postmaster_is_stopping())
		return TimestampTzPlusMilliseconds(now, LOCKED_PAUSE);
	n = wf_statement_execute(&over_statement, &value, NULL, PIECE);
	found = SPI_tuptable;
	for (uint64 i = 0; i < n; i++)
	{
		bool		isnull;

		taken += take_away(DatumGetUUIDP(SPI_getbinval(found->vals[i], found->tupdesc, 1, &isnull)), now);
	}
	if (taken == PIECE)
		*more = true;
	return next_end(now);
}

/*
 * Give all runs that workers have their full leases from now on.  Skips those that are
 * locked.  SPI must be connected.
 */
void
wf_run_lease_renew(void)
{
	TimestampTz now = wf_clock_now();

	if (wf_version_has_column("run", "lease_until"))
		wf_run_extend_leases(now);
}
