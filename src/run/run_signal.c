/*-------------------------------------------------------------------------
 *
 * run_signal.c
 *	  What a run is told.
 *
 * Runs in any session.  What a run is told is one of its checkpoints from then on, by
 * the name of the event; whoever tells it locks the run first, so that a run that is
 * about to park finds it, or is found parked.  If another transaction has it locked, the
 * runtime looks after both.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/compat.h"
#include "base/errcodes.h"
#include "base/uuid.h"
#include "job/job.h"
#include "run/run_ask.h"
#include "run/run_signal.h"
#include "store/checkpoint.h"
#include "store/run.h"
#include "store/tenant.h"

/*
 * Error WF002 unless the caller may run the job, or has made the run.  Asked before
 * anybody is waited for, and of the row that is locked, which may be another one.
 */
static void
require(int32 job, Oid starter)
{
	if (starter != GetUserId())
		wf_job_require(wf_job(job), "run");
}

/* Does the run wait for this? */
static bool
is_parked_for(const WfRunRow *row, const char *event)
{
	return !row->nulls[WF_RUN_parked] &&
		strcmp(TextDatumGetCString(row->values[WF_RUN_parked]), event) == 0;
}

static void
unpark(WfRunRow *row)
{
	wf_run_row_clear(row, WF_RUN_parked);
	wf_run_row_set(row, WF_RUN_ready, BoolGetDatum(true));
	wf_run_row_set(row, WF_RUN_due, TimestampTzGetDatum(Min(wf_run_row_due(row), wf_clock_now())));
	wf_run_update(row);
}

pg_noreturn static void
refuse_missing(const pg_uuid_t *id)
{
	ereport(ERROR,
			(errcode(WF_ERR_NO_JOB),
			 errmsg("run %s does not exist", wf_uuid_text(id)),
			 errdetail("It may have ended so long ago that it is not remembered."),
			 errhint("workflow.send() and workflow.post() tell a process something.")));
}

/* It has ended, or was never there: error WF010, or WF002. */
static void
require_ended(const pg_uuid_t *id)
{
	WfRunPast	past;

	if (!wf_run_find_ended(id, &past) || !wf_tenant_sees(past.tenant))
		refuse_missing(id);
	require(past.job, past.starter);
}

/* Tell a run that is locked.  False: it was told that before. */
static bool
tell(WfRunRow *row, const char *event, Jsonb *payload)
{
	if (!wf_checkpoint_add(wf_run_row_id(row), event, payload))
		return false;
	if (is_parked_for(row, event))
		unpark(row);
	return true;
}

/* Tell one that another transaction is at, which may be about to park it. */
static bool
tell_later(const pg_uuid_t *id, const char *event, Jsonb *payload)
{
	if (!wf_checkpoint_add(id, event, payload))
		return false;
	wf_run_ask_later(&(WfRunWord) {.run = *id,.what = WF_RUN_ASKED_SIGNAL,.event = event});
	return true;
}

/*
 * Tell a run an event, of which only the first counts.  False: there was one before,
 * or the run has ended.  Error WF010, WF002.  Locks the run if it is free, and waits for
 * nobody but who tells it the same.  SPI must be connected.
 */
bool
wf_run_signal(const pg_uuid_t *id, const char *event, Jsonb *payload)
{
	WfRunRow	row;
	WfRunFound	found;

	if (wf_run_find(id, &row))
	{
		if (!wf_tenant_sees(wf_run_row_tenant(&row)))
			refuse_missing(id);
		require(wf_run_row_job(&row), DatumGetObjectId(row.values[WF_RUN_starter]));
	}
	found = wf_run_ask_lock_soon(id, &row);
	if (found == WF_RUN_GONE_BY)
	{
		require_ended(id);
		return false;
	}
	require(wf_run_row_job(&row), DatumGetObjectId(row.values[WF_RUN_starter]));
	return found == WF_RUN_OURS ? tell(&row, event, payload) : tell_later(id, event, payload);
}

/* For the runtime: is a run parked for what tell_later() has told it?  False: somebody is at it still. */
bool
wf_run_signal_settle(const WfRunWord *request)
{
	WfRunRow	row;
	WfRunFound	found = wf_run_ask_lock(&request->run, &row);

	if (found == WF_RUN_OURS && is_parked_for(&row, request->event))
		unpark(&row);
	return found != WF_RUN_BUSY;
}
