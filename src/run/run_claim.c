/*-------------------------------------------------------------------------
 *
 * run_claim.c
 *	  Runs that outside workers claim, and runtimes on which they are placed.
 *
 * Runs in the sessions of workers and runtimes.  Which runs come next, run_serve.c says.  Locks the
 * runs, and skips those that are locked.  Permits are taken under the lock of their run.
 * A run for which there are none stays locked until the transaction ends; so it is asked
 * before that whether there may be any.
 *
 * What was claimed is written at the end, all at once; but at once where the queue is
 * ordered, for there the next one is looked for among all that are not claimed.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/fence.h"
#include "base/sync_standby.h"
#include "queue/run_permit.h"
#include "run/run_claim.h"
#include "run/run_fence.h"
#include "run/run_floor.h"
#include "run/run_late.h"
#include "run/run_leased.h"
#include "run/run_serve.h"
#include "shmem/wakeup.h"
#include "store/run.h"
#include "store/statement.h"
#include "store/tenant.h"

/* When permits are missing, we look again so soon (us): a gap may be over then. */
#define FULL_PAUSE		USECS_PER_SEC

/* When no standby confirms a claim, we look again so soon (us): nobody tells of it. */
#define NO_STANDBY_PAUSE	USECS_PER_SEC

/* A claim that is under way. */
typedef struct Claim
{
	const WfRunClaim *wanted;
	TimestampTz now;			/* what is due by then */
	TimestampTz next;			/* when to look again for what is missing */
	WfRunLocker *locker;
	WfRunRow  **rows;
	int			n;
	int			written;		/* of them */
} Claim;

/* --- one run ---------------------------------------------------------------------- */

/*
 * When a run is claimed now.  By that the claims of a runtime's former lives are known, which
 * have begun before this one: also when the clock was set back since.
 */
TimestampTz
wf_run_claim_time(const WfMemberRow *member)
{
	TimestampTz now = wf_clock_now();

	return member == NULL ? now : Max(now, member->since);
}

/* What a run of this version of a job takes in a place, when it is claimed. */
static void
permits_of(const Claim *claim, int32 job, const WfRunPlace *place, WfRunPermit *permit)
{
	wf_run_permit_of(place->queue, place->part, wf_job(job)->limits, claim->wanted->worker, permit);
}

static int32
queue_of(const WfRunRow *row)
{
	return DatumGetInt32(row->values[WF_RUN_queue]);
}

/* Write those that are not yet. */
static void
write_claimed(Claim *claim)
{
	wf_run_update_many(claim->n - claim->written, claim->rows + claim->written);
	claim->written = claim->n;
}

/* The worker has a run that is locked, and for which permits were taken. */
static void
give(Claim *claim, WfRunRow *row)
{
	const WfRunClaim *wanted = claim->wanted;

	wf_run_fence_claim(row, wf_fence_make(), wf_run_claim_time(wanted->member));
	wf_run_row_set(row, WF_RUN_worker, CStringGetTextDatum(wanted->worker));
	if (wanted->actor != NULL)
		wf_run_row_set(row, WF_RUN_actor, CStringGetTextDatum(wanted->actor));
	wf_run_fence_lease(row, wanted->lease);
	claim->rows[claim->n++] = row;
	if (wf_queue(queue_of(row))->ordered)
		write_claimed(claim);
}

/* Lock a run that was found, unless it is not what it was any more; a copy, or NULL. */
static WfRunRow *
lock(Claim *claim, const WfRunRow *found)
{
	WfRunRow	row;

	if (!wf_run_locker_lock(claim->locker, found, false, &row) ||
		DatumGetInt16(row.values[WF_RUN_state]) != WF_RUN_WAITING ||
		!DatumGetBool(row.values[WF_RUN_ready]) ||
		queue_of(&row) != queue_of(found) ||
		DatumGetInt32(row.values[WF_RUN_executor]) != claim->wanted->executor ||
		wf_run_row_due(&row) > claim->now)
		return NULL;
	return wf_run_row_copy(&row);
}

/* For run_serve.c: what becomes of a run that was found. */
static WfRunServed
take(void *taker, int32 job, WfRunRow *found)
{
	Claim	   *claim = taker;
	WfRunRow   *row = lock(claim, found);
	WfRunPermit permit;

	if (row == NULL)
		return WF_RUN_LEFT;
	if (wf_run_late_is(row, claim->now))
	{
		wf_run_late_expire(row);
		return WF_RUN_GONE;
	}
	permits_of(claim, wf_run_row_job(row), &(WfRunPlace) {
		.queue = queue_of(row),.part = DatumGetInt64(row->values[WF_RUN_part])
	}, &permit);
	if (!wf_run_permit_take(&permit, 0, WF_PERMIT_FOR_RUN, &claim->next))
		return WF_RUN_NO_MORE;
	give(claim, row);
	return WF_RUN_TAKEN;
}

/* For run_serve.c: may runs of this place be had? */
static bool
may(void *taker, const WfRunPlace *place, int32 job)
{
	Claim	   *claim = taker;
	WfRunPermit permit;

	permits_of(claim, job, place, &permit);
	if (wf_run_permit_is_free(&permit, NULL, NULL))
		return true;
	/* a runtime looks at nothing until it is told */
	if (claim->wanted->executor != 0 && wf_run_permit_ask(&permit))
		return true;
	claim->next = Min(claim->next, claim->now + FULL_PAUSE);
	return false;
}

static bool
is_full(void *taker)
{
	const Claim *claim = taker;

	return claim->n >= claim->wanted->n;
}

/* --- all of them ------------------------------------------------------------------- */

static WfRunReadyAsk
ask_of(const WfRunClaim *wanted, TimestampTz now)
{
	return (WfRunReadyAsk)
	{
		.executor = wanted->executor,.member = wanted->member,.queue = wanted->queue,
			.njobs = wanted->njobs,.jobs = wanted->jobs,.tenant = wf_tenant_datum(),
			.until = now,.wanted = wanted->n
	};
}

/*
 * Claim runs that are due and free, and exist for the session.  Returns how many, and their
 * rows as they are now; *next is lowered to when there is more that is known of.  The caller
 * has checked rights.  Error WF019 if workflow.require_sync refuses it.  SPI must be connected.
 */
int
wf_run_claim(const WfRunClaim *wanted, WfRunRow ***rows, TimestampTz *next)
{
	Claim		claim = {.wanted = wanted,.now = wf_clock_now(),.next = DT_NOEND};
	WfRunReadyAsk ask = ask_of(wanted, claim.now);
	WfRunServe	serve = {
		.may = may,.take = take,.is_full = is_full,.taker = &claim,.one_each = true
	};

	wf_sync_standby_require();
	claim.rows = palloc(sizeof(WfRunRow *) * wanted->n);
	*rows = claim.rows;
	wf_run_floor_begin(wanted->executor);
	wf_statement_push_snapshot();
	claim.locker = wf_run_locker();
	(void) wf_run_serve(&ask, &serve, next);
	wf_run_locker_end(claim.locker);
	write_claimed(&claim);
	PopActiveSnapshot();
	*next = Min(*next, claim.next);
	if (claim.n > 0)
	{
		if (wanted->lease != NULL)
			wf_run_leased(claim.n, claim.rows);
		wf_wakeup_claiming();
		ForceSyncCommit();		/* whoever is told of it is at it from now on */
	}
	return claim.n;
}

/*
 * Is there anything to be claimed of that?  If not, *next is lowered to when that may be
 * without anybody telling.  SPI must be connected.
 */
bool
wf_run_claim_is_ready(const WfRunClaim *wanted, TimestampTz *next)
{
	Claim		claim = {.wanted = wanted,.now = wf_clock_now(),.next = DT_NOEND};
	WfRunReadyAsk ask = ask_of(wanted, claim.now);
	WfRunServe	serve = {.may = may,.taker = &claim};
	bool		ready;

	if (!wf_sync_standby_confirms())
	{
		*next = Min(*next, claim.now + NO_STANDBY_PAUSE);
		return false;
	}
	wf_run_floor_begin(wanted->executor);
	wf_statement_push_snapshot();
	ready = wf_run_serve_any(&ask, &serve, next);
	PopActiveSnapshot();
	*next = Min(*next, claim.next);
	return ready;
}
