/*-------------------------------------------------------------------------
 *
 * executor.c
 *	  The process that does the work of one owner.
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
#include "utils/timeout.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/compat.h"
#include "base/guc.h"
#include "bgworker/bgworker.h"
#include "bgworker/pool.h"
#include "shmem/database.h"
#include "shmem/owner.h"
#include "shmem/shmem.h"
#include "shmem/slot.h"
#include "shmem/watermark.h"
#include "work/executor.h"
#include "work/quarantine.h"
#include "work/work.h"

/* Busy for so long (ms), full batches or not, we ask for help, so often. */
#define HELP_INTERVAL		50

/* Work that terminates its own executor is not tried more often (ms). */
#define TERMINATED_DELAY	500
#define TERMINATED_FREE		2

/* Waits as short as this (ms) are not worth a turn of the loop. */
#define SHORTEST_WAIT		1

static WfOwner *owner_entry = NULL; /* NULL: shared memory is full */
static uint64 seen_generation = 0;	/* of its mark, before the last batch */
static TimestampTz help_after = DT_NOBEGIN;

/* --- the end ------------------------------------------------------------- */

/*
 * Executors that end badly one after the other are held back.  Terminated by
 * somebody is not badly; unless it happens again and again before a single
 * batch is done: then it is the work itself that does it.
 */
static void
account(int code)
{
	bool		in_first_batch;

	if (owner_entry == NULL || wf_my_executor == NULL)
		return;

	in_first_batch = wf_my_executor->state == WF_EXEC_BUSY &&
		wf_my_executor->batches == 0;

	if (wf_bgworker_terminated() && wf_my_executor->state == WF_EXEC_BUSY)
		wf_quarantine_spare(owner_entry);

	/* The next one counts an attempt before it touches what ended us. */
	if (code != 0 && in_first_batch && owner_entry->failures >= TERMINATED_FREE)
		owner_entry->suspect_until = wf_clock_now();

	if (code != 0 && !wf_bgworker_terminated())
		wf_pool_failed(owner_entry, WF_WAIT_FAILED,
					   wf_bgworker_back_off(owner_entry->failures + 1));
	else if (code != 0 && in_first_batch)
		wf_pool_failed(owner_entry, WF_WAIT_FAILED,
					   owner_entry->failures < TERMINATED_FREE ? DT_NOBEGIN :
					   TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
												   TERMINATED_DELAY));
}

/* before_shmem_exit: our transaction is aborted, its locks are free. */
static void
leave(int code, Datum arg)
{
	const WfBgworkerArgs *args = wf_bgworker_args();

	LWLockReleaseAll();
	if (wf_my_executor == NULL)
		return;
	account(code);
	wf_pool_release(args->slot, args->generation);
}

/* --- batches ------------------------------------------------------------- */

/*
 * In a signal handler: the present batch takes long.  Nobody is looking after
 * this owner any more, which its runtime can change.
 */
static void
on_stall(void)
{
	if (wf_my_executor)
	{
		wf_my_executor->stalled = true;
		wf_database_latch(wf_my_executor->dbid);
	}
}

/* Is one of us not enough?  Say so, but not all the time. */
static void
consider_help(int done)
{
	TimestampTz now = GetCurrentTimestamp();

	if (owner_entry == NULL || now < help_after)
		return;
	if (done < wf_batch_size &&
		!TimestampDifferenceExceeds(wf_my_executor->since, now, HELP_INTERVAL))
		return;

	help_after = TimestampTzPlusMilliseconds(now, HELP_INTERVAL);
	owner_entry->backlog = true;
	wf_pool_help();
}

/* One batch, with all that others want to know about it. */
static WfWorkResult
run_batch(WfWork *work, TimeoutId stall, TimestampTz *next)
{
	WfWorkResult result;
	int			done = 0;

	wf_pool_state(WF_EXEC_BUSY);
	if (owner_entry)
		(void) wf_watermark_read(owner_entry, &seen_generation);

	enable_timeout_after(stall, WF_STALL_MS);
	result = wf_work_batch(work, next, &done);
	disable_timeout(stall, false);

	wf_my_executor->stalled = false;
	wf_my_executor->batches++;
	wf_my_executor->steps += done;

	if (owner_entry)
	{
		if (owner_entry->failures > 0)
		{
			owner_entry->failures = 0;
			owner_entry->reason = WF_WAIT_NONE;
		}
		if (result == WF_WORK_WAIT)
			owner_entry->backlog = false;
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
	TimestampTz now = wf_clock_now();
	uint64		generation;

	if (owner_entry == NULL || next <= now)
		return true;
	return wf_watermark_read(owner_entry, &generation) <= now ||
		generation != seen_generation;
}

/* --- the process --------------------------------------------------------- */

/* Do others stand in line for the turn that we have had?  See quarantine.c. */
static bool
has_had_its_turn(const WfWork *work)
{
	const WfDatabase *database;

	if (owner_entry != NULL || wf_work_in_quarantine(work))
		return false;
	database = wf_database_entry(MyDatabaseId, false);
	return database != NULL && wf_database_has_suspects(database, &database->others);
}

/* Is the slot wanted elsewhere, or the work no longer? */
static bool
has_to_go(const WfWork *work)
{
	return wf_my_executor->evict || !wf_enabled ||
		(wf_bgworker_superuser() && !wf_allow_superuser) ||
		has_had_its_turn(work);
}

/* Work until nothing is left; false: leave. */
static bool
drain(WfWork *work, TimeoutId stall, TimestampTz *next)
{
	for (;;)
	{
		if (has_to_go(work))
			return false;

		wf_bgworker_pin();
		switch (run_batch(work, stall, next))
		{
			case WF_WORK_GONE:
				return false;
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

/* Sleep until `next`, or until we have been idle for too long. */
static void
rest(TimestampTz next, TimestampTz idle_until)
{
	TimestampTz now = wf_clock_now();

	wf_pool_state(WF_EXEC_IDLE);
	next = Max(next, TimestampTzPlusMilliseconds(now, SHORTEST_WAIT));
	(void) wf_clock_wait(Min(next, wf_clock_at(idle_until)),
						 WaitEventExtensionNew("WorkflowExecutorIdle"));
}

/* Attach, connect and prepare to work; false: this slot is not for us. */
static bool
settle_in(void)
{
	const WfBgworkerArgs *args = wf_bgworker_args();

	wf_bgworker_prepare(leave);
	if (!wf_pool_attach(args->slot, args->generation))
		return false;
	owner_entry = wf_owner_entry(args->dbid, args->owner, true);
	wf_bgworker_connect();
	return true;
}

/* Entry point. */
void
wf_executor_main(Datum arg)
{
	const WfBgworkerArgs *args = wf_bgworker_args();
	TimestampTz next = DT_NOBEGIN;
	TimestampTz idle_since = DT_NOEND;
	TimeoutId	stall;
	WfWork	   *work;

	if (!settle_in())
		return;
	stall = RegisterTimeout(USER_TIMEOUT, on_stall);
	work = wf_work_new(args->owner, args->extension);

	for (;;)
	{
		TimestampTz idle_until;

		ResetLatch(MyLatch);
		wf_bgworker_interrupts();
		if (has_to_go(work))
			break;

		if (worth_a_look(next))
		{
			int64		steps = wf_my_executor->steps;

			if (!drain(work, stall, &next))
				break;
			if (TIMESTAMP_IS_NOEND(idle_since) ||
				wf_my_executor->steps > steps)
				idle_since = GetCurrentTimestamp();
			pgstat_report_stat(true);
		}
		idle_until = idle_since + wf_executor_idle_timeout * USECS_PER_SEC;
		if (GetCurrentTimestamp() >= idle_until)
			break;
		rest(next, idle_until);
	}
}
