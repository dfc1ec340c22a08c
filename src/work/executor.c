/*-------------------------------------------------------------------------
 *
 * executor.c
 *	  The process that does the work of one lane.
 *
 * A background worker logged in as the owner, which is started by a runtime
 * into a slot of shared memory and works until there is nothing to do for
 * workflow.executor_idle_timeout, or its slot is wanted for somebody else.
 * Holds no lock between batches.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "pgstat.h"
#include "storage/latch.h"
#include "storage/lwlock.h"
#include "storage/proc.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/compat.h"
#include "base/guc.h"
#include "bgworker/bgworker.h"
#include "bgworker/bgworker_slots.h"
#include "bgworker/login.h"
#include "bgworker/pool.h"
#include "bgworker/shutdown.h"
#include "eval/leftovers.h"
#include "shmem/database.h"
#include "shmem/lane.h"
#include "shmem/log_budget.h"
#include "shmem/owner.h"
#include "shmem/slot.h"
#include "shmem/suspects.h"
#include "shmem/under_way.h"
#include "shmem/watermark.h"
#include "work/executor.h"
#include "work/report.h"
#include "work/work.h"

/* Busy for so long (ms), full batches or not, we ask for help, so often. */
#define HELP_INTERVAL		50

/* Work that terminates its own executor is not tried more often (ms). */
#define TERMINATED_DELAY	500
#define TERMINATED_FREE		2

/* So long (ms) an idle executor is left alone however short of room the server is. */
#define WARM				1000

/*
 * Once a batch is stalled we look so often (ms) whether it waits for a lock, and
 * in so many of these looks for a deadlock.
 */
#define TICK				20
#define LOOK_TICKS			5

/* Statistics of small batches are kept back for so long (ms). */
#define STATISTICS_DELAY	1000

/* Waits as short as this (ms) are not worth a cycle of the loop. */
#define SHORTEST_WAIT		1

/* So much later (ms) others than the sentry wake when the mark is due. */
#define SENTRY_GRACE		5

static WfLane *lane = NULL;		/* NULL: its owner has no place */
static uint64 calls;			/* of its executors, before the last batch */
static TimestampTz help_after = DT_NOBEGIN;
static bool log_waits;			/* log_lock_waits as it is configured */

/* Statistics that were kept back are to be reported then; real. */
static TimestampTz report_at = DT_NOEND;

/* --- the end ------------------------------------------------------------- */

/*
 * Executors that end badly one after the other are held back.  Terminated by
 * somebody is not badly; unless it happens again and again before a single
 * batch is done: then it is the work itself that does it.
 */
static void
account(int code)
{
	WfOwner    *entry;
	bool		in_first_batch;

	if (lane == NULL || wf_my_slot == NULL)
		return;

	entry = lane->entry;
	in_first_batch = wf_my_slot->state == WF_SLOT_BUSY && wf_my_slot->batches == 0;

	if (wf_bgworker_terminated() && wf_my_slot->state == WF_SLOT_BUSY)
		wf_suspects_spare(&lane->suspects);

	if (code != 0 && lane->kind == WF_LANE_RUNS &&
		(!wf_bgworker_terminated() || (in_first_batch && entry->failures >= TERMINATED_FREE)) &&
		wf_under_way_lost())
		wf_suspects_suspect(&lane->suspects, wf_clock_now());

	/* The next one counts an attempt before it touches what ended us. */
	if (code != 0 && in_first_batch && entry->failures >= TERMINATED_FREE)
		wf_suspects_suspect(&lane->suspects, wf_clock_now());

	if (code != 0 && !wf_bgworker_terminated())
		wf_owner_failed(entry, WF_WAIT_FAILED, wf_bgworker_back_off(entry->failures + 1));
	else if (code != 0 && in_first_batch)
		wf_owner_failed(entry, WF_WAIT_FAILED,
						entry->failures < TERMINATED_FREE ? DT_NOBEGIN :
						TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
													TERMINATED_DELAY));
}

/* before_shmem_exit: our transaction is aborted, its locks are free. */
static void
leave(int code, Datum arg)
{
	const WfBgworkerArgs *args = wf_bgworker_args();

	LWLockReleaseAll();
	if (wf_my_slot == NULL)
		return;
	account(code);

	/* nobody is to be blamed for that, after a crash of another time, either */
	wf_under_way_end();

	/* Its owner may have got a place after the slot was taken. */
	if (lane != NULL && lane != wf_my_slot->lane)
	{
		wf_watermark_left_behind(lane);
		wf_watermark_wake_other(lane);
	}
	wf_pool_release(args->slot, args->generation);
}

/* --- batches ------------------------------------------------------------- */

/*
 * In a signal handler, while the batch waits for a lock: look for a deadlock
 * soon, and again and again.  The server looks once a wait, after
 * deadlock_timeout, and who looks first when the circle is closed is the one to
 * go.  That should be us, whoever came last: we try again at no attempt, where a
 * client's transaction would be lost.  That we look is not to fill the log: with
 * log_lock_waits a wait is told of once, after deadlock_timeout, as it always is.
 */
static void
look_for_deadlock(void)
{
	static uint64 since = 0;	/* the present wait */
	static int	ticks;			/* in it */
	static bool told;
	uint64		wait;
	bool		tell;

	/* none is left of a process that is ending */
	if (MyProc == NULL || MyProc->waitLock == NULL)
		return;
	wait = pg_atomic_read_u64(&MyProc->waitStart);
	if (wait == 0)
		return;
	if (wait != since)
	{
		since = wait;
		ticks = 0;
		told = false;
	}
	tell = log_waits && !told && ticks * TICK >= DeadlockTimeout;
	log_lock_waits = tell;
	told = told || tell;
	if (tell || ticks % LOOK_TICKS == 0)
		CheckDeadLockAlert();
	ticks++;
}

/*
 * In a signal handler: the present batch takes long.  Nobody is looking after
 * this lane any more, which its runtime can change.
 */
static void
on_tick(void)
{
	if (wf_my_slot != NULL && !wf_my_slot->stalled)
	{
		wf_slot_stalled();
		wf_database_latch(wf_my_slot->dbid);
	}
	look_for_deadlock();
	wf_shutdown_check();
}

/* Is one of us not enough?  Say so, but not all the time. */
static void
consider_help(int done)
{
	TimestampTz now = GetCurrentTimestamp();

	if (lane == NULL || !wf_clock_is_over(help_after, HELP_INTERVAL))
		return;
	if (done < wf_batch_size &&
		!wf_clock_is_over(TimestampTzPlusMilliseconds(wf_my_slot->since, HELP_INTERVAL),
						  HELP_INTERVAL))
		return;

	help_after = TimestampTzPlusMilliseconds(now, HELP_INTERVAL);
	wf_lane_backlog(lane, true);
	wf_pool_help();
}

/* One batch, with all that others want to know about it. */
static WfWorkResult
run_batch(WfWork *work, TimeoutId stall, TimestampTz *next)
{
	WfWorkResult result;
	int			done = 0;

	wf_slot_state(WF_SLOT_BUSY);
	if (lane)
		calls = wf_watermark_calls(lane);

	log_waits = log_lock_waits;
	enable_timeout_every(stall, TimestampTzPlusMilliseconds(GetCurrentTimestamp(), WF_STALL_MS),
						 TICK);
	result = wf_work_batch(work, next, &done);
	disable_timeout(stall, false);
	log_lock_waits = log_waits;

	wf_slot_batch_done(done, wf_work_was_empty(work));
	if (lane)
	{
		wf_owner_proved(lane->entry);
		if (result == WF_WORK_WAIT)
			wf_lane_backlog(lane, false);
	}
	if (result == WF_WORK_MORE)
		consider_help(done);
	return result;
}

/*
 * Is there a reason to look for work?  Latches are set for many reasons; a
 * transaction is begun only if the time has come, or something was inserted,
 * or what we left behind because it was locked may be free.
 */
static bool
worth_a_look(TimestampTz next)
{
	return lane == NULL || next <= wf_clock_now() || wf_watermark_news(lane, calls);
}

/*
 * Is a pause over that was to end then?  None is longer than a second, so if it
 * seems to be, the clock was set back.
 */
static bool
is_pause_over(TimestampTz end)
{
	TimestampTz now = wf_clock_now();

	return end <= now || end > now + USECS_PER_SEC;
}

/* --- the process --------------------------------------------------------- */

/*
 * Report statistics, but not more than once a second: to do so takes a lock for each
 * table and index, which a small batch would feel.  What is kept back is reported
 * in the next second, after which nobody need wake.
 */
static void
report_statistics(bool at_once)
{
	long		pending = pgstat_report_stat(at_once);

	report_at = pending > 0 ?
		TimestampTzPlusMilliseconds(GetCurrentTimestamp(), STATISTICS_DELAY) : DT_NOEND;
}

/* Report what was kept back and has become due. */
static void
report(void)
{
	TimestampTz now = GetCurrentTimestamp();

	if (now >= wf_log_budget_next())
		wf_report_numbers(false);
	if (now >= report_at)
		report_statistics(true);
}

/*
 * Do other owners without a place wait for us to leave?  They are served one
 * after the other while there are suspects, see quarantine.c.
 */
static bool
was_served(const WfWork *work)
{
	const WfDatabase *database;

	if (lane != NULL || wf_work_in_quarantine(work))
		return false;
	database = wf_database_entry(MyDatabaseId, false);
	return database != NULL && wf_database_has_suspects(database, wf_my_slot->lane);
}

/* Is the slot wanted elsewhere, or the work no longer? */
static bool
has_to_go(const WfWork *work)
{
	return wf_my_slot->evict || !wf_enabled ||
		(wf_bgworker_superuser() && !wf_allow_superuser && wf_my_slot->kind != WF_LANE_BULKS) ||
		was_served(work);
}

/*
 * Work until nothing is left; false: leave.  *pause: nothing is to be done
 * before *next, whatever we are called for.
 */
static bool
drain(WfWork *work, TimeoutId stall, TimestampTz *next, bool *pause)
{
	*pause = false;
	for (;;)
	{
		if (has_to_go(work))
			return false;

		wf_bgworker_pin();
		switch (run_batch(work, stall, next))
		{
			case WF_WORK_GONE:
				return false;
			case WF_WORK_PAUSE:
				*pause = true;
				return true;
			case WF_WORK_WAIT:
				return true;
			case WF_WORK_MORE:
				break;
		}

		/* who sets it from now on will be answered by the next batch */
		ResetLatch(MyLatch);
		wf_bgworker_interrupts();
	}
}

/*
 * Idle since then: is somebody else to have our background worker?  Asked when we
 * have been for a while: until then *until becomes when that is.
 */
static bool
is_spare(TimestampTz since, TimestampTz *until)
{
	TimestampTz cold = TimestampTzPlusMilliseconds(since, WARM);

	if (GetCurrentTimestamp() >= cold)
		return wf_bgworker_slots_give_up();
	*until = Min(*until, cold);
	return false;
}

/* The mark of our lane; infinity if it has none. */
static TimestampTz
marked(void)
{
	uint64		generation;

	return lane == NULL ? DT_NOEND : wf_watermark_read(lane, &generation).due;
}

/*
 * Sleep until *next, or until we have been idle for too long.  Returns whether
 * *next has come: a clock that a test has stopped would never say so.
 *
 * All executors of a lane may sleep until its mark is due, and one of them can do
 * what is due then.  The others wake a little later, and if the mark has moved
 * meanwhile, *next is where it is now.
 */
static bool
sleep_until(TimestampTz *next, TimestampTz idle_until)
{
	TimestampTz now = wf_clock_now();
	TimestampTz wake = Max(*next, TimestampTzPlusMilliseconds(now, SHORTEST_WAIT));
	bool		for_mark = *next == marked();

	wf_slot_state(WF_SLOT_IDLE);
	if (for_mark && !TIMESTAMP_NOT_FINITE(wake) && !wf_watermark_keep_watch(lane, wf_my_slot, wake))
		wake = TimestampTzPlusMilliseconds(wake, SENTRY_GRACE);
	idle_until = wf_clock_at(Min(idle_until, Min(report_at, wf_log_budget_next())));
	if ((wf_clock_wait(Min(wake, idle_until), WaitEventExtensionNew("WorkflowExecutorIdle")) &
		 WL_TIMEOUT) == 0 || wake > idle_until)
		return false;
	if (!for_mark)
		return true;
	*next = marked();
	return *next <= Max(wake, wf_clock_now());
}

/* Attach, connect and prepare to work; false: this slot is not for us. */
static bool
enter(void)
{
	const WfBgworkerArgs *args = wf_bgworker_args();
	WfOwner    *entry;

	wf_bgworker_prepare(leave);
	if (!wf_pool_attach(args->slot, args->generation))
		return false;
	entry = wf_owner_entry(args->dbid, args->owner, true);
	if (entry != NULL)
		lane = &entry->lanes[wf_my_slot->kind];
	wf_bgworker_connect();
	wf_login_watch(args->role);
	return true;
}

/* Entry point. */
void
wf_executor_main(Datum arg)
{
	const WfBgworkerArgs *args = wf_bgworker_args();
	TimestampTz next = DT_NOBEGIN;
	TimestampTz idle_since = DT_NOEND;
	bool		come = true;	/* it is time to look for work */
	bool		pause = false;
	TimeoutId	stall;
	WfWork	   *work;

	if (!enter())
		return;
	stall = RegisterTimeout(USER_TIMEOUT, on_tick);
	wf_leftovers_init();
	work = wf_work_new(args->owner, wf_my_slot->kind, args->extension);

	for (;;)
	{
		TimestampTz idle_until;

		ResetLatch(MyLatch);
		wf_bgworker_interrupts();
		if (has_to_go(work))
			break;

		report();
		if (come || (pause ? is_pause_over(next) : worth_a_look(next)))
		{
			int64		steps = wf_my_slot->steps;

			if (!drain(work, stall, &next, &pause))
				break;
			if (TIMESTAMP_IS_NOEND(idle_since) ||
				wf_my_slot->steps > steps)
				idle_since = GetCurrentTimestamp();
			report_statistics(false);
		}
		idle_since = Min(idle_since, GetCurrentTimestamp());	/* it may be set back */
		idle_until = idle_since + wf_executor_idle_timeout * USECS_PER_SEC;
		/* asked once more: the last suspect may be done, and nobody tells us */
		if (GetCurrentTimestamp() >= idle_until || has_to_go(work) ||
			is_spare(idle_since, &idle_until))
			break;
		wf_slot_pause(pause);
		come = sleep_until(&next, idle_until);
	}
	wf_report_numbers(true);
}
