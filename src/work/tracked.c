/*-------------------------------------------------------------------------
 *
 * tracked.c
 *	  A tracked run: claimed first, then done.
 *
 * Runs in executors.  The claim is committed before the command is called, so that
 * everybody sees that it runs, and a procedure may commit.  What it does last and the
 * end of the run are one transaction.  While it runs nobody has its row locked; the
 * fence says at the end whether it is still ours.
 *
 * The executor's slot says which run it is at.  When no slot does, the run is lost:
 * wf_run_lost_recover() finds it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/errcodes.h"
#include "base/fence.h"
#include "base/uuid.h"
#include "eval/step_timeout.h"
#include "eval/user_context.h"
#include "job/job.h"
#include "job/job_call.h"
#include "run/run_failure.h"
#include "run/run_fence.h"
#include "run/run_inside.h"
#include "run/run_over.h"
#include "run/run_rules.h"
#include "shmem/database.h"
#include "shmem/database_runs.h"
#include "shmem/slot.h"
#include "store/checkpoint.h"
#include "store/run.h"
#include "store/tenant.h"
#include "store/transaction.h"
#include "work/attempt.h"
#include "work/report.h"
#include "work/tracked.h"

/* The run that was claimed, until it has ended. */
static struct
{
	MemoryContext context;		/* of all that it points to */
	WfRunRow   *row;			/* NULL: there is none */
	WfRunPermit permit;
	int64		fence;
}			mine;

/*
 * Claim a run that is locked, with the permits that were taken for it, in the present
 * transaction; wf_tracked_do() does it once that has committed.
 */
void
wf_tracked_claim(WfRunRow *row, const WfRunPermit *permit)
{
	MemoryContext old;

	if (mine.context == NULL)
		mine.context = AllocSetContextCreate(TopMemoryContext, "workflow tracked run",
											 ALLOCSET_SMALL_SIZES);
	MemoryContextReset(mine.context);
	mine.fence = wf_fence_make();
	wf_slot_fence(mine.fence);
	wf_run_fence_claim(row, mine.fence, GetCurrentTimestamp());
	wf_run_update(row);
	ForceSyncCommit();

	old = MemoryContextSwitchTo(mine.context);
	mine.row = wf_run_row_copy(row);
	mine.permit = *permit;
	MemoryContextSwitchTo(old);
}

/* Lock the run, which has to be ours; error if somebody has taken it away. */
static void
lock_mine(WfRunRow *row)
{
	if (!wf_run_lock(wf_run_row_id(mine.row), true, row) || !wf_run_fence_is(row, mine.fence))
		ereport(ERROR,
				(errcode(WF_ERR_FENCE),
				 errmsg("run %s was taken away", wf_uuid_text(wf_run_row_id(mine.row)))));
}

/* The run that is locked was to stop, and has. */
static void
stop(WfRunRow *row, Jsonb *error)
{
	const pg_uuid_t *id = wf_run_row_id(row);

	wf_checkpoint_forget(1, &id);
	(void) wf_run_failure_stopped(row, error);
}

/*
 * The command has returned: in its last transaction, the run ends, or waits, as its code
 * has said.
 */
static void
finish(Jsonb *result)
{
	const WfRunPark *park = wf_run_inside_parked();
	WfRunRow	row;
	WfRunEnd	end = {.row = &row,.state = WF_RUN_FINISHED,.result = result};

	lock_mine(&row);
	wf_run_inside_keep(&row);
	wf_run_permit_give(&mine.permit);
	if (park != NULL && DatumGetInt16(row.values[WF_RUN_state]) == WF_RUN_ABORTING)
		stop(&row, NULL);
	else if (park != NULL)
		wf_run_park(&row, park, false);
	else
	{
		const pg_uuid_t *id = wf_run_row_id(&row);

		wf_checkpoint_forget(1, &id);
		wf_run_delete(&row);
		wf_run_over(1, &end);
	}
}

/* Until when the run may go on; infinity: for ever. */
static TimestampTz
timeout_of(const WfJob *job)
{
	const Interval *timeout = wf_run_rules_timeout(mine.row, job);

	return timeout == NULL ? DT_NOEND :
		DatumGetTimestampTz(DirectFunctionCall2(timestamptz_pl_interval,
												TimestampTzGetDatum(GetCurrentTimestamp()),
												IntervalPGetDatum(timeout)));
}

/*
 * Call the command, which may begin and end transactions.  info: what it is told of the
 * run, or NULL.
 */
static Jsonb *
call(const WfJob *job, Jsonb *info)
{
	MemoryContext context = CurrentMemoryContext;
	const char *span = wf_run_row_span(mine.row);
	WfStepTimeout outer;
	Jsonb	   *result = NULL;

	wf_step_timeout_begin(&outer, timeout_of(job), WF_LIMIT_OF_JOB);
	PG_TRY();
	{
		wf_run_inside_begin(mine.row, mine.fence);
		result = wf_job_call_top(job, DatumGetJsonbP(mine.row->values[WF_RUN_params]), info,
								 wf_tenant_name(wf_run_row_tenant(mine.row)), span);
	}
	PG_CATCH();
	{
		wf_run_inside_end();
		wf_step_timeout_failed(&outer, context);
		PG_RE_THROW();
	}
	PG_END_TRY();
	wf_run_inside_end();
	wf_step_timeout_end(&outer);
	return result;
}

/* What the command is told of the run, in memory that is there when it commits; or NULL. */
static Jsonb *
describe(const WfJob *job)
{
	Jsonb	   *info;
	MemoryContext old;

	if (!job->takes_run)
		return NULL;
	info = wf_run_inside_describe(job, mine.row);
	old = MemoryContextSwitchTo(mine.context);
	info = (Jsonb *) PG_DETOAST_DATUM_COPY(JsonbPGetDatum(info));
	MemoryContextSwitchTo(old);
	return info;
}

static void
run(Oid extension)
{
	const WfJob *job;
	Jsonb	   *info;
	Jsonb	   *result;
	TimestampTz now;

	if (!wf_transaction_begin_bare("workflow run", extension))
		return;
	wf_transaction_enter();
	job = wf_job(wf_run_row_job(mine.row));
	info = describe(job);
	wf_transaction_leave();
	MemoryContextSwitchTo(mine.context);
	now = GetCurrentTimestamp();
	wf_slot_run(job->id, wf_run_row_id(mine.row), now);
	wf_run_permit_begin(&mine.permit, now, now);
	result = call(job, info);
	wf_run_permit_begun(&mine.permit, now);
	wf_transaction_enter();
	finish(result);
	wf_transaction_commit();
}

/* The run failed: it waits for its next attempt, or has ended. */
static void
record(const ErrorData *error)
{
	WfRunRow	row;
	Jsonb	   *kept = wf_run_failure_of(error);

	lock_mine(&row);
	wf_run_inside_keep(&row);
	if (error->sqlerrcode == ERRCODE_QUERY_CANCELED && wf_slot_is_cancelled())
		stop(&row, kept);
	else if (!wf_attempt_is_shortage(error->sqlerrcode) || !wf_run_failure_outlast(&row, kept))
	{
		WfRunState	state = wf_run_failure_record(&row, unpack_sql_state(error->sqlerrcode), kept,
												  DT_NOEND, false);

		wf_report_note_run(&row, wf_job(wf_run_row_job(&row)), state, error);
	}
	wf_run_permit_give(&mine.permit);
}

/* Record it in a transaction of its own.  False: that has failed. */
static bool
record_alone(Oid extension, const ErrorData *error)
{
	volatile bool recorded = true;

	PG_TRY();
	{
		if (wf_transaction_begin("workflow failure", extension))
		{
			record(error);
			wf_transaction_commit();
			wf_report_write();
		}
	}
	PG_CATCH();
	{
		wf_report_forget();
		MemoryContextSwitchTo(mine.context);
		EmitErrorReport();
		wf_transaction_abort(mine.context);
		recorded = false;
	}
	PG_END_TRY();
	return recorded;
}

/*
 * Do the run that was claimed by the transaction before; false: there is none.  With no
 * transaction open.  Throws nothing but what ends the executor.
 */
bool
wf_tracked_do(Oid extension)
{
	ErrorData  *volatile error = NULL;
	bool		left;

	if (mine.row == NULL)
		return false;
	PG_TRY();
	{
		run(extension);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(mine.context);
		error = CopyErrorData();
		wf_transaction_abort(mine.context);
	}
	PG_END_TRY();
	wf_user_context_end_session();
	left = error != NULL && !record_alone(extension, error);
	mine.row = NULL;
	wf_slot_fence(0);
	if (left)
	{
		/* nobody is at it from here on */
		wf_database_runs_lost(MyDatabaseId);
		wf_database_latch(MyDatabaseId);
	}
	wf_slot_event_done();
	return true;
}

/* The transaction that claimed was rolled back: nothing is ours. */
void
wf_tracked_forget(void)
{
	mine.row = NULL;
	wf_slot_fence(0);
}
