/*-------------------------------------------------------------------------
 *
 * placed_executor.c
 *	  The process that does runs of another server.
 *
 * A background worker logged in as the role that workflow.map_owner() names, started by
 * the courier for a run, which gives it further ones of the same role.  It knows nothing of
 * the other server.  On a standby it is the role that owns the job, and its recovery may
 * end the process.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/latch.h"
#include "storage/lwlock.h"
#include "storage/proc.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/guc.h"
#include "bgworker/bgworker.h"
#include "bgworker/login.h"
#include "bgworker/shutdown.h"
#include "eval/leftovers.h"
#include "remote/placed_call.h"
#include "remote/placed_executor.h"
#include "remote/placed_job.h"
#include "remote/reply.h"
#include "shmem/errand.h"

/* So often (ms) a run that is under way looks whether it should have ended long ago. */
#define TICK	100

static TimeoutId tick;

/* before_shmem_exit: our transaction is aborted. */
static void
leave(int code, Datum arg)
{
	LWLockReleaseAll();
	wf_errand_detach();
}

/* before_shmem_exit, before our transaction is aborted: is it the recovery that ends us? */
static void
note_conflict(int code, Datum arg)
{
	if (MyProc->recoveryConflictPending)
		wf_errand_conflict();
}

/* Do one run.  Returns whether another one may be done in this session. */
static bool
do_run(dsm_handle run)
{
	wf_bgworker_pin();
	wf_leftovers_begin();
	enable_timeout_every(tick, TimestampTzPlusMilliseconds(GetCurrentTimestamp(), TICK), TICK);
	wf_placed_call(run, wf_bgworker_args()->role);
	disable_timeout(tick, false);
	if (wf_leftovers_any() || wf_leftovers_stay() || wf_placed_job_is_full())
		return false;
	wf_errand_done();
	return true;
}

/* Who has no run until then, ends. */
static TimestampTz
idle_limit(void)
{
	return GetCurrentTimestamp() + wf_executor_idle_timeout * USECS_PER_SEC;
}

/* Entry point. */
void
wf_placed_executor_main(Datum arg)
{
	const WfBgworkerArgs *args = wf_bgworker_args();
	TimestampTz idle_until = DT_NOEND;

	wf_bgworker_prepare(leave);
	if (!wf_errand_attach(args->slot, args->generation))
		return;
	wf_bgworker_connect();
	if (args->reads_only)
	{
		wf_reply_begin();
		before_shmem_exit(note_conflict, (Datum) 0);
	}
	wf_login_watch(args->role);
	wf_leftovers_init();
	tick = RegisterTimeout(USER_TIMEOUT, wf_shutdown_check);
	for (;;)
	{
		dsm_handle	run;

		ResetLatch(MyLatch);
		wf_bgworker_interrupts();
		if (wf_errand_begin(&run))
		{
			if (!do_run(run))
				break;
			idle_until = idle_limit();
			continue;
		}
		if (wf_errand_is_dismissed())
			break;
		if (GetCurrentTimestamp() >= idle_until)
		{
			if (wf_errand_leave())
				break;
			idle_until = idle_limit();
		}

		/* statistics kept back would wait until the next run */
		pgstat_report_stat(true);
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 Max(TimestampDifferenceMilliseconds(GetCurrentTimestamp(), idle_until), 1),
						 WaitEventExtensionNew("WorkflowPlacedIdle"));
	}
}
