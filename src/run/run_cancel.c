/*-------------------------------------------------------------------------
 *
 * run_cancel.c
 *	  Runs that are not to be done, or to stop.
 *
 * Runs in the sessions of clients, and, for runs that others had locked, in the runtime.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"

#include "base/compat.h"
#include "base/errcodes.h"
#include "base/uuid.h"
#include "job/job.h"
#include "run/run_ask.h"
#include "run/run_cancel.h"
#include "run/run_over.h"
#include "shmem/slot.h"
#include "shmem/wakeup.h"
#include "store/run.h"
#include "store/tenant.h"

/*
 * Error WF002 unless the caller may stop runs of the job, or has made this one.  Asked
 * before anybody is waited for, and of the row that is locked, which may be another one.
 */
static void
require(int32 job, Oid starter)
{
	if (starter != GetUserId())
		wf_job_require(wf_job(job), "manage");
}

/* A run that runs, and is locked, is told to stop; with force, its executor is interrupted. */
void
wf_run_cancel_running(WfRunRow *row, bool force)
{
	wf_run_row_set(row, WF_RUN_state, Int16GetDatum(WF_RUN_ABORTING));
	wf_run_update(row);
	(void) wf_slot_cancel(DatumGetInt64(row->values[WF_RUN_fence]), force);
}

/* Is it at something? */
static bool
is_running(const WfRunRow *row)
{
	WfRunState	state = DatumGetInt16(row->values[WF_RUN_state]);

	return state == WF_RUN_RUNNING || state == WF_RUN_ABORTING;
}

/* A run that waits, or has failed and keeps others waiting, is done by nobody. */
static WfRunState
abort_waiting(WfRunRow *row)
{
	WfRunEnd	end = {.row = row,.state = WF_RUN_ABORTED};

	if (!row->nulls[WF_RUN_error])
		end.error = DatumGetJsonbP(row->values[WF_RUN_error]);
	wf_run_delete(row);
	wf_run_over(1, &end);
	wf_wakeup_released_of(DatumGetInt32(row->values[WF_RUN_executor]), WF_LANE_RUNS);
	return WF_RUN_ABORTED;
}

pg_noreturn static void
refuse_missing(const pg_uuid_t *id)
{
	ereport(ERROR,
			(errcode(WF_ERR_NO_JOB),
			 errmsg("run %s does not exist", wf_uuid_text(id)),
			 errdetail("It may have ended so long ago that it is not remembered.")));
}

/* A run that is locked is not done, or to stop.  Returns its state. */
static WfRunState
cancel(WfRunRow *row, bool force, const char *actor)
{
	if (actor != NULL)
		wf_run_row_set(row, WF_RUN_actor, CStringGetTextDatum(actor));
	if (!is_running(row))
		return abort_waiting(row);
	wf_run_cancel_running(row, force);
	return WF_RUN_ABORTING;
}

/* Another transaction is at the run, which is to stop when that has ended, if it has not. */
static WfRunState
cancel_later(const pg_uuid_t *id, bool force, const char *actor)
{
	wf_run_ask_later(&(WfRunWord) {
		.run = *id,.what = force ? WF_RUN_ASKED_STOP_NOW : WF_RUN_ASKED_STOP,.actor = actor
	});
	return WF_RUN_ABORTING;
}

/*
 * Cancel a run, on behalf of an actor, or NULL.  Returns its state after that; *of
 * becomes the version of its job, 0 if it had ended before.  Locks it if it is free, and
 * waits for nobody else.  Errors: WF010 when there is none, WF002.  SPI must be
 * connected.
 */
WfRunState
wf_run_cancel(const pg_uuid_t *id, bool force, const char *actor, int32 *of)
{
	WfRunRow	row;
	WfRunPast	past;
	WfRunFound	found;

	if (wf_run_find(id, &row))
	{
		if (!wf_tenant_sees(wf_run_row_tenant(&row)))
			refuse_missing(id);
		require(wf_run_row_job(&row), DatumGetObjectId(row.values[WF_RUN_starter]));
	}
	found = wf_run_ask_lock_soon(id, &row);
	if (found != WF_RUN_GONE_BY)
	{
		*of = wf_run_row_job(&row);
		require(*of, DatumGetObjectId(row.values[WF_RUN_starter]));
		return found == WF_RUN_OURS ? cancel(&row, force, actor) : cancel_later(id, force, actor);
	}
	if (!wf_run_find_ended(id, &past) || !wf_tenant_sees(past.tenant))
		refuse_missing(id);
	require(past.job, past.starter);
	*of = 0;
	return past.state;
}

/*
 * For the runtime: do what cancel_later() has left.  False: somebody is at the run still; an
 * executor, which does it, is interrupted if it is to.
 */
bool
wf_run_cancel_settle(const WfRunWord *request)
{
	bool		force = request->what == WF_RUN_ASKED_STOP_NOW;
	WfRunRow	row;
	WfRunFound	found = wf_run_ask_lock(&request->run, &row);

	if (found == WF_RUN_OURS)
		(void) cancel(&row, force, request->actor);
	else if (found == WF_RUN_BUSY && force)
		wf_slot_interrupt(&request->run);
	return found != WF_RUN_BUSY;
}
