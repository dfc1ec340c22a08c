/*-------------------------------------------------------------------------
 *
 * run_worker.c
 *	  What an outside worker says of a run that it has claimed.
 *
 * Runs in the sessions of workers.  The fence decides under the lock of the run: who
 * does not have it any more changes nothing.  Waits for the lock: of a run that is
 * claimed, only its worker, who cancels it, and the end of its lease have it, for a
 * moment.  Rights are asked before that.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/errcodes.h"
#include "base/jsonb.h"
#include "base/uuid.h"
#include "job/job.h"
#include "job/job_call.h"
#include "queue/queue.h"
#include "queue/queue_right.h"
#include "run/run_failure.h"
#include "run/run_fence.h"
#include "run/run_over.h"
#include "run/run_worker.h"
#include "shmem/wakeup.h"
#include "store/checkpoint.h"
#include "store/run.h"
#include "store/statement.h"
#include "store/tenant.h"

/* By this code an error is known that has none. */
#define ERROR_CODE		"error"

/* --- the run --------------------------------------------------------------------- */

static bool
is_admin(void)
{
	Oid			admin = get_role_oid("workflow_admin", true);

	return OidIsValid(admin) && has_privs_of_role(GetUserId(), admin);
}

/*
 * Error WF002 unless the current user has claimed the run, and may claim still: from the
 * queue, but for one with a command, which was claimed by the runtime on which it was placed.
 */
static void
require_claimer(const WfRunRow *row)
{
	if (is_admin())
		return;
	if (!has_privs_of_role(GetUserId(), DatumGetObjectId(row->values[WF_RUN_claimer])))
		ereport(ERROR,
				(errcode(WF_ERR_NOT_ALLOWED),
				 errmsg("run %s was claimed by another role", wf_uuid_text(wf_run_row_id(row)))));
	if (DatumGetInt32(row->values[WF_RUN_executor]) == 0)
		wf_queue_right_require(DatumGetInt32(row->values[WF_RUN_queue]), WF_QUEUE_CLAIM);
}

/*
 * Lock a run of which the current user has the fence, and that exists for the session.
 * False: it is not (any more) the run's.  Error WF002.  PREPARE TRANSACTION is refused from now on.  SPI must be
 * connected, as for all of these.
 */
bool
wf_run_worker_hold(const pg_uuid_t *id, int64 fence, WfRunRow *row)
{
	if (!wf_run_find(id, row) || !wf_run_fence_is(row, fence) ||
		!wf_tenant_sees(wf_run_row_tenant(row)))
		return false;
	require_claimer(row);
	wf_wakeup_claiming();
	return wf_run_lock(id, true, row) && wf_run_fence_is(row, fence);
}

/* The same; error WF012 if it is not the run's. */
void
wf_run_worker_require(const pg_uuid_t *id, int64 fence, WfRunRow *row)
{
	if (!wf_run_worker_hold(id, fence, row))
		ereport(ERROR,
				(errcode(WF_ERR_FENCE),
				 errmsg("the fence is not that of run %s", wf_uuid_text(id)),
				 errdetail("The run has ended, or was taken away when the lease was over.")));
}

static bool
is_to_stop(const WfRunRow *row)
{
	return DatumGetInt16(row->values[WF_RUN_state]) == WF_RUN_ABORTING;
}

static void
note_actor(WfRunRow *row, const char *actor)
{
	if (actor != NULL)
		wf_run_row_set(row, WF_RUN_actor, CStringGetTextDatum(actor));
}

/* A run that was to stop has; nothing of it comes again. */
static WfRunState
stop(WfRunRow *row, Jsonb *error)
{
	const pg_uuid_t *id = wf_run_row_id(row);

	wf_checkpoint_forget(1, &id);
	return wf_run_failure_stopped(row, error);
}

/* --- its end ---------------------------------------------------------------------- */

/* Of runs that are completed one after the other: who has claimed the last one, in which queue. */
typedef struct Completing
{
	WfRunLocker *locker;
	const char *actor;
	Oid			claimer;
	int32		queue;
	bool		outside;		/* of a job without a command */
} Completing;

/* As require_claimer(), which is asked once for those of one role and queue. */
static void
require_same_claimer(Completing *completing, const WfRunRow *row)
{
	Oid			claimer = DatumGetObjectId(row->values[WF_RUN_claimer]);
	int32		queue = DatumGetInt32(row->values[WF_RUN_queue]);
	bool		outside = DatumGetInt32(row->values[WF_RUN_executor]) == 0;

	if (claimer == completing->claimer && queue == completing->queue && outside == completing->outside)
		return;
	require_claimer(row);
	completing->claimer = claimer;
	completing->queue = queue;
	completing->outside = outside;
}

/*
 * As wf_run_worker_hold().  What our snapshot does not show, because it was claimed since,
 * a later one may.
 */
static bool
hold_next(Completing *completing, const pg_uuid_t *id, int64 fence, WfRunRow *row)
{
	WfRunRow	found;

	if (!wf_run_locker_find(completing->locker, id, &found) || !wf_run_fence_is(&found, fence) ||
		!wf_tenant_sees(wf_run_row_tenant(&found)))
		return wf_run_worker_hold(id, fence, row);
	require_same_claimer(completing, &found);
	wf_wakeup_claiming();
	return wf_run_locker_lock(completing->locker, &found, true, row) && wf_run_fence_is(row, fence);
}

/* One of those that are complete is locked, if it is the worker's still. */
static bool
hold_completed(Completing *completing, const WfRunCompleted *completed, WfRunEnd *end)
{
	WfRunRow	row;
	const WfJob *job;

	if (!hold_next(completing, &completed->run, completed->fence, &row))
		return false;
	job = wf_job(wf_run_row_job(&row));
	if (completed->result != NULL && job->keeps_result)
		wf_job_call_check_result(job, completed->result);
	note_actor(&row, completing->actor);
	wf_run_fence_give_permits(&row);
	*end = (WfRunEnd) {.row = wf_run_row_copy(&row),.state = WF_RUN_FINISHED};
	if (job->keeps_result)
		end->result = completed->result;
	return true;
}

/* Lock those of which the worker has the fence still, each once. */
static int
hold_all(int n, const WfRunCompleted *completed, const char *actor, bool *taken, WfRunEnd *ends)
{
	Completing	completing = {.actor = actor,.claimer = InvalidOid};
	int			held = 0;

	wf_statement_push_snapshot();
	completing.locker = wf_run_locker();
	for (int i = 0; i < n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		taken[i] = (held == 0 || memcmp(wf_run_row_id(ends[held - 1].row), &completed[i].run, UUID_LEN) != 0) &&
			hold_completed(&completing, &completed[i], &ends[held]);
		held += taken[i];
	}
	wf_run_locker_end(completing.locker);
	PopActiveSnapshot();
	return held;
}

/*
 * These runs are finished: all at once, which costs less than one by one.  They come in
 * the order of their ids, in which they are locked.  taken[i]: had it the fence, and was
 * not among those before?
 */
void
wf_run_worker_complete(int n, const WfRunCompleted *completed, const char *actor, bool *taken)
{
	WfRunEnd   *ends = palloc(sizeof(WfRunEnd) * (n + 1));
	const pg_uuid_t **ids = palloc(sizeof(pg_uuid_t *) * (n + 1));
	int			nends = hold_all(n, completed, actor, taken, ends);

	if (nends == 0)
		return;
	for (int i = 0; i < nends; i++)
		ids[i] = wf_run_row_id(ends[i].row);
	wf_run_delete_many(nends, ends);
	wf_checkpoint_forget(nends, ids);
	wf_run_over(nends, ends);
}

/* What the retries of the job know an error by. */
static const char *
code_of(const Jsonb *error)
{
	JsonbValue	code;

	if (getKeyJsonValueFromContainer((JsonbContainer *) &error->root, "code", strlen("code"), &code) == NULL ||
		code.type != jbvString || code.val.string.len == 0)
		return ERROR_CODE;
	return pnstrdup(code.val.string.val, code.val.string.len);
}

/* An error, with the time unless it has one. */
static Jsonb *
with_time(Jsonb *error)
{
	const char *keys[] = {"at"};
	Jsonb	   *values[] = {wf_run_failure_time(wf_clock_now())};

	return wf_jsonb_merge(wf_jsonb_object(1, keys, values), error);
}

/*
 * The attempt failed with this error, an object.  retry_at: when the next one comes, if
 * it does, or DT_NOEND: as the job says.  Returns the word for what became of the run;
 * "lost": the fence is not the run's.
 */
const char *
wf_run_worker_fail(const pg_uuid_t *id, int64 fence, Jsonb *error, TimestampTz retry_at, bool final,
				   const char *actor)
{
	WfRunRow	row;
	WfRunState	state;

	if (!wf_run_worker_hold(id, fence, &row))
		return "lost";
	note_actor(&row, actor);
	wf_run_fence_give_permits(&row);
	if (is_to_stop(&row))
		state = stop(&row, with_time(error));
	else
		state = wf_run_failure_record(&row, code_of(error), with_time(error), retry_at, final);
	return wf_run_row_state_name(state);
}

/* A run that is locked was not done: others may, not before `at`. */
static void
give_back(WfRunRow *row, TimestampTz at)
{
	wf_run_fence_give_permits(row);
	if (is_to_stop(row))
		(void) stop(row, NULL);
	else
	{
		wf_run_row_set(row, WF_RUN_losses, Int16GetDatum(0));
		wf_run_failure_wait(row, Max(at, wf_run_row_due(row)), NULL);
	}
}

/*
 * The run was not done: others may, not before `at`, or, DT_NOBEGIN, at once.  False: the
 * fence is not the run's.
 */
bool
wf_run_worker_release(const pg_uuid_t *id, int64 fence, TimestampTz at)
{
	WfRunRow	row;

	if (!wf_run_worker_hold(id, fence, &row))
		return false;
	give_back(&row, at);
	return true;
}

/*
 * The run cannot be done where it was claimed: the next element of its queue's placement that
 * is usable counts for it from now on, and no attempt is counted.  False: there is none, and
 * it is the worker's still.
 */
bool
wf_run_worker_decline(const pg_uuid_t *id, int64 fence)
{
	WfRunRow	row;
	const WfPlacement *placement;
	int			level;
	int			next;

	if (!wf_run_worker_hold(id, fence, &row))
		return true;
	placement = &wf_queue(DatumGetInt32(row.values[WF_RUN_queue]))->placement;
	level = DatumGetInt16(row.values[WF_RUN_level]);
	next = wf_placement_next(placement, false, WF_RUN_PASSED(level));
	next = next == placement->n ? next : wf_placement_next(placement, false, next + 1);
	/* what has no command whoever claims it has looked at */
	if (!is_to_stop(&row) && (next == placement->n || DatumGetInt32(row.values[WF_RUN_executor]) == 0))
		return false;
	wf_run_row_set(&row, WF_RUN_level, Int16GetDatum(WF_RUN_URGENCY(level) + WF_RUN_PASSED_STEP * next));
	give_back(&row, DT_NOBEGIN);
	return true;
}

/* --- while it runs ----------------------------------------------------------------- */

/*
 * Does the worker have the run for as long as it lives?  Then there is nothing to be written,
 * and to ask takes neither a lock nor a transaction id.
 */
static bool
has_for_life(const pg_uuid_t *id, int64 fence, WfRunRow *row)
{
	if (!wf_run_find(id, row) || !wf_run_fence_is(row, fence) || !row->nulls[WF_RUN_lease] ||
		!wf_tenant_sees(wf_run_row_tenant(row)))
		return false;
	require_claimer(row);
	return true;
}

/*
 * The worker has the run for so long from now on, but not longer than the timeout of its job
 * lets it, unless its fence is not the run's.
 */
const char *
wf_run_worker_extend(const pg_uuid_t *id, int64 fence, const Interval *lease)
{
	WfRunRow	row;

	if (!has_for_life(id, fence, &row))
	{
		if (!wf_run_worker_hold(id, fence, &row))
			return "lost";
		if (!row.nulls[WF_RUN_lease])
		{
			wf_run_fence_lease(&row, lease);
			wf_run_update(&row);
		}
	}
	return is_to_stop(&row) || wf_run_fence_deadline(&row) <= wf_clock_now() ? "cancel" : "go on";
}

/* How far it is.  Error WF012. */
void
wf_run_worker_progress(const pg_uuid_t *id, int64 fence, Jsonb *progress)
{
	WfRunRow	row;

	wf_run_worker_require(id, fence, &row);
	wf_run_row_set(&row, WF_RUN_progress, JsonbPGetDatum(progress));
	wf_run_update(&row);
}

/* A line of its log.  Error WF012. */
void
wf_run_worker_log(const pg_uuid_t *id, int64 fence, const WfRunLogLine *line)
{
	WfRunRow	row;

	wf_run_worker_require(id, fence, &row);
	wf_run_log_add(id, wf_run_row_attempts(&row) + 1, 1, line);
}

/* A run that is locked waits, see wf_run_park(), or stops, if it was to. */
static void
park(WfRunRow *row, const WfRunPark *until)
{
	wf_run_fence_give_permits(row);
	if (is_to_stop(row))
		(void) stop(row, NULL);
	else
		wf_run_park(row, until, false);
}

/*
 * The run waits, or stops, if it was to.  Error WF012.  Who tells it an event waits for the
 * lock of the run, and finds it parked.
 */
void
wf_run_worker_park(const pg_uuid_t *id, int64 fence, const WfRunPark *until)
{
	WfRunRow	row;

	wf_run_worker_require(id, fence, &row);
	park(&row, until);
}

/* What its code has said of it on another server.  False: the fence is not the run's. */
bool
wf_run_worker_said(const pg_uuid_t *id, int64 fence, const WfRunSaid *said)
{
	WfRunRow	row;

	if (!wf_run_worker_hold(id, fence, &row))
		return false;
	if (said->nlines > 0)
		wf_run_log_add(id, wf_run_row_attempts(&row) + 1, said->nlines, said->lines);
	if (said->progress != NULL)
		wf_run_row_set(&row, WF_RUN_progress, JsonbPGetDatum(said->progress));
	if (said->park != NULL)
		park(&row, said->park);
	else if (said->progress != NULL)
		wf_run_update(&row);
	return true;
}
