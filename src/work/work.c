/*-------------------------------------------------------------------------
 *
 * work.c
 *	  What an executor does: batch after batch, each a transaction.
 *
 * Begin, claim, step, write back, commit; what is thrown on the way undoes the
 * batch and ends here.  Holds no lock between batches.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/guc.h"
#include "bgworker/login.h"
#include "bgworker/pool.h"
#include "definition/pause.h"
#include "eval/leftovers.h"
#include "run/run_serve.h"
#include "shmem/held.h"
#include "shmem/lane.h"
#include "shmem/owner.h"
#include "shmem/slot.h"
#include "shmem/under_way.h"
#include "shmem/watermark.h"
#include "store/transaction.h"
#include "work/batch.h"
#include "work/bisect.h"
#include "work/bulk_batch.h"
#include "work/quarantine.h"
#include "work/report.h"
#include "work/run_attempt.h"
#include "work/run_batch.h"
#include "work/run_suspects.h"
#include "work/schedule_batch.h"
#include "work/tracked.h"
#include "work/work.h"
#include "work/work_state.h"

/* Processes brought back at a time when a pause has ended. */
#define BRING_BACK			500

/* What a batch needs is kept from one to the next. */
#define KEPT_BY_LIBRARY		(16 * 1024 * 1024)

/*
 * Every batch takes about as much memory as the one before it.  By default the
 * C library hands it back to the kernel each time, and fetches it again page by
 * page.  Medians of five drains of 100,000 timers with one executor (PostgreSQL
 * 15, glibc 2.36): a timer takes 30 us of CPU time instead of 46 in batches of
 * 100, and 18 instead of 36 in batches of 1,000; a drain has 12,000 page faults
 * instead of 77,000, and 14,000 instead of 122,000; the executor keeps 0.3 MB
 * more memory, and 4.4 MB more.
 */
static void
keep_memory(void)
{
#ifdef __GLIBC__
	mallopt(M_TRIM_THRESHOLD, KEPT_BY_LIBRARY);
	mallopt(M_MMAP_THRESHOLD, KEPT_BY_LIBRARY);
#endif
}

/* --- kinds of work ------------------------------------------------------ */

static WfRecord
step_failed(const WfBatch *batch, Oid extension, const ErrorData *error)
{
	return wf_attempt_failed(batch->owner, extension, &batch->timer, error);
}

static WfRecord
postpone_step(const WfBatch *batch, Oid extension, TimestampTz due)
{
	return wf_attempt_postpone(batch->owner, extension, &batch->timer, due);
}

static const WfWorkKind kinds[WF_LANE_KINDS] = {
	[WF_LANE_STEPS] = {wf_batch, step_failed, postpone_step},
	[WF_LANE_RUNS] = {wf_run_batch, wf_run_attempt_failed, wf_run_attempt_postpone},
	[WF_LANE_SCHEDULES] = {wf_schedule_batch, wf_schedule_batch_failed, wf_schedule_batch_postpone},
	[WF_LANE_BULKS] = {wf_bulk_batch, wf_bulk_batch_failed, wf_bulk_batch_postpone}
};

/*
 * The state of one executor's work, in TopMemoryContext.  `extension`: the
 * OID of the extension that the runtime saw.
 */
WfWork *
wf_work_new(int32 owner, WfLaneKind kind, Oid extension)
{
	WfWork	   *work = MemoryContextAllocZero(TopMemoryContext, sizeof(WfWork));
	WfOwner    *entry = wf_owner_entry(MyDatabaseId, owner, true);

	keep_memory();
	work->kind = &kinds[kind];
	work->batch.owner = owner;
	work->batch.kind = kind;
	work->batch.lane = entry != NULL ? &entry->lanes[kind] : NULL;
	if (kind == WF_LANE_STEPS)
		work->batch.quarantine = wf_quarantine_new(owner, extension);
	work->has_suspects = kind != WF_LANE_STEPS && wf_run_suspects();
	work->extension = extension;
	work->context = AllocSetContextCreate(TopMemoryContext, "workflow error",
										  ALLOCSET_SMALL_SIZES);
	work->skip_delay = WF_SKIP_DELAY_MIN;
	wf_bisect_begin_small(work);
	return work;
}

/*
 * The same for a session that does what an executor would, in the current memory context.
 * It asks nobody in shared memory: claims begin at the first of all.
 */
WfWork *
wf_work_by_hand(int32 owner, WfLaneKind kind, Oid extension)
{
	WfWork	   *work = palloc0(sizeof(WfWork));

	work->kind = &kinds[kind];
	work->batch.owner = owner;
	work->batch.kind = kind;
	work->batch.by_hand = true;
	work->extension = extension;
	work->context = AllocSetContextCreate(CurrentMemoryContext, "workflow error",
										  ALLOCSET_SMALL_SIZES);
	work->skip_delay = WF_SKIP_DELAY_MIN;
	wf_bisect_begin_small(work);
	return work;
}

/* --- transactions ------------------------------------------------------ */

/*
 * A pause has ended: bring some of the processes that rest back, in a
 * transaction of its own, so that a step that fails does not undo it.  Returns
 * how many.
 */
int
wf_work_bring_back(WfWork *work)
{
	int			n = 0;

	if (!wf_transaction_begin("workflow after a pause", work->extension))
		return 0;
	if (wf_pause_look())
		n = wf_pause_bring_back(work->batch.owner, BRING_BACK);
	wf_transaction_commit();
	return n;
}

/*
 * After a crash, or when one is feared: commit the attempt of the next suspect
 * before it is stepped, alone.  False: that one was given up, and there is
 * nothing to step.
 */
static bool
take_care(WfWork *work, int *limit)
{
	WfBatch    *batch = &work->batch;
	bool		step = true;

	if (work->has_suspects && batch->kind == WF_LANE_RUNS)
		wf_run_suspects_clear(batch->owner, work->extension);
	else if (work->has_suspects && batch->kind == WF_LANE_BULKS)
		wf_bulk_batch_clear_suspects(batch->owner, work->extension);
	else if (work->has_suspects)
		wf_schedule_batch_clear_suspects(batch->owner, work->extension);
	work->has_suspects = false;
	if (batch->kind == WF_LANE_STEPS && batch->quarantine == NULL && batch->lane != NULL &&
		batch->lane->suspects.until != DT_NOBEGIN)
		batch->quarantine = wf_quarantine_new(batch->owner, work->extension);
	if (batch->quarantine == NULL)
		return true;

	*limit = 1;
	if (!wf_quarantine_next(batch->quarantine, &step))
		batch->quarantine = NULL;
	return step;
}

/*
 * Do the run that was claimed to be done by itself, if there is one; `next`: when
 * others are due.  They are for other executors: this one may be away for long.
 * Session-level advisory locks of its code end with it.
 */
static void
do_tracked(const WfWork *work, TimestampTz next)
{
	if (wf_my_slot != NULL && wf_my_slot->fence != 0 && work->batch.lane != NULL &&
		next <= wf_clock_now())
	{
		wf_lane_backlog(work->batch.lane, true);
		wf_pool_help();
	}
	if (wf_tracked_do(work->extension))
		LockReleaseAll(USER_LOCKMETHOD, true);
}

/*
 * Claim, step, write, commit; false: the extension is gone, or the owner may not
 * log in any more.
 */
static bool
run_transaction(WfWork *work, TimestampTz *next, TimestampTz *until, int *done)
{
	WfBatch    *batch = &work->batch;
	uint64		generation = 0;
	WfPosition	mark = WF_POSITION(DT_NOBEGIN);
	int			limit = Min(work->size, wf_batch_size);

	*until = *next = DT_NOBEGIN;
	if (!take_care(work, &limit))
		return true;

	/* Read before the snapshot is taken: see wf_watermark_advance(). */
	if (batch->lane != NULL)
		mark = wf_watermark_read(batch->lane, &generation);

	if (!wf_transaction_begin("workflow batch", work->extension))
		return false;
	if (!wf_login_is_good(batch->kind))
	{
		wf_transaction_commit();
		return false;
	}
	*until = wf_clock_due_limit();
	(void) work->kind->batch(batch, mark, *until, generation, limit, next, done);
	wf_transaction_commit();
	if (batch->kind == WF_LANE_RUNS)
		do_tracked(work, *next);
	return true;
}

/*
 * Take out of the session what user code has left there.  False: that failed,
 * and nobody should go on in this session.
 */
static bool
clean_session(WfWork *work)
{
	MemoryContext outer = CurrentMemoryContext;
	volatile bool clean = false;

	PG_TRY();
	{
		if (wf_transaction_begin("workflow cleaning of the session", work->extension))
		{
			wf_leftovers_clean();
			wf_transaction_commit();
			clean = true;
		}
	}
	PG_CATCH();
	{
		EmitErrorReport();
		wf_transaction_abort(outer);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(outer);
	return clean;
}

/* --- what next --------------------------------------------------------- */

/* What is known to be locked is to be looked at once more, sooner or later. */
static WfWorkResult
consider_held(WfWork *work, WfWorkResult result, TimestampTz *next)
{
	uint64		generation;
	WfPosition	mark = wf_watermark_read(work->batch.lane, &generation);
	TimestampTz at = wf_held_next(work->batch.lane, wf_my_slot, mark);

	if (at <= GetCurrentTimestamp())
		return WF_WORK_MORE;
	*next = Min(*next, wf_clock_at(at));
	return result;
}

/*
 * The batch went well; it looked for what was due until `until`, after so many
 * processes were brought back from a pause.
 */
static WfWorkResult
outlook(WfWork *work, TimestampTz until, int returned, TimestampTz *next)
{
	const WfBatch *batch = &work->batch;
	WfWorkResult result;

	if (batch->claimed > 0)
	{
		wf_bisect_grow(work);
		work->shortages = 0;
	}

	if (batch->claimed == 0 && *next <= until)
	{
		/* Due, and all of it locked by others; for that there is held.c, or here. */
		*next = TimestampTzPlusMilliseconds(wf_clock_now(), work->skip_delay);
		work->skip_delay = Min(work->skip_delay * 2, WF_SKIP_DELAY_MAX);
		result = WF_WORK_WAIT;
	}
	else
	{
		work->skip_delay = WF_SKIP_DELAY_MIN;
		result = *next <= wf_clock_now() ? WF_WORK_MORE : WF_WORK_WAIT;
	}
	if (batch->lane != NULL && batch->quarantine == NULL)
		result = consider_held(work, result, next);

	/* Look after a pause once more; what is left of one goes on coming back. */
	if (batch->rested || returned > 0)
		result = WF_WORK_MORE;
	else if (batch->pause_over && result == WF_WORK_WAIT)
		*next = Min(*next, wf_bisect_short_delay());
	return result;
}

/* Has it still suspects of a crash to step?  See quarantine.h. */
bool
wf_work_in_quarantine(const WfWork *work)
{
	return work->batch.quarantine != NULL || work->has_suspects;
}

/* Was there nothing to claim for the last batch? */
bool
wf_work_was_empty(const WfWork *work)
{
	return work->batch.claimed == 0;
}

/* The transaction of a batch was rolled back: what it claimed is there again. */
static void
undone(const WfBatch *batch)
{
	wf_report_forget();
	wf_tracked_forget();
	wf_run_serve_forget();
	if (batch->lane == NULL)
		return;
	wf_watermark_cursor_reset(batch->lane);
	wf_held_freed(batch->lane, batch->claimed > 0 ? batch->first : WF_POSITION(DT_NOBEGIN));
	/* they may have left it to us: see wf_watermark_looked() */
	wf_watermark_call(batch->lane);
}

/* What is to be done next, after a batch that failed. */
static WfWorkResult
after_error(WfWork *work, ErrorData *error, TimestampTz *next)
{
	WfWorkResult result = wf_bisect_failed(work, error, next);

	/* Who tries again itself is not to have a rival for what it gave way to. */
	if (result == WF_WORK_PAUSE && work->batch.lane != NULL)
		wf_watermark_wake_other(work->batch.lane);
	return result;
}

/*
 * Claim and step one batch in transactions of its own; errors of user code
 * are dealt with inside (retry, back-off, poison).  Reads the mark before its
 * snapshot and advances it.  Must be called with no transaction open, after
 * ResetLatch.  *done: events stepped.
 */
WfWorkResult
wf_work_batch(WfWork *work, TimestampTz *next, int *done)
{
	WfBatch    *batch = &work->batch;
	MemoryContext outer = CurrentMemoryContext;
	ErrorData  *volatile error = NULL;
	volatile TimestampTz until = DT_NOBEGIN;
	volatile bool gone = false;
	volatile int returned = 0;
	WfWorkResult result;

	*done = 0;
	batch->claimed = 0;
	wf_leftovers_begin();
	PG_TRY();
	{
		TimestampTz limit;

		if (batch->pause_over)
			returned = wf_work_bring_back(work);
		gone = !run_transaction(work, next, &limit, done);
		until = limit;
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(work->context);
		error = CopyErrorData();
		wf_transaction_abort(outer);
		undone(batch);
	}
	PG_END_TRY();

	wf_under_way_end();
	if (batch->quarantine != NULL)
		wf_quarantine_end(batch->quarantine);
	if (batch->on_trial)
		wf_slot_trial_end();
	if (gone)
		return WF_WORK_GONE;
	if (error != NULL)
	{
		*done = 0;
		result = after_error(work, error, next);
	}
	else
	{
		if (batch->quarantine != NULL)
			wf_slot_trial_end();
		result = outlook(work, until, returned, next);
	}

	/* Session-level advisory locks of user code end with its batch. */
	if (batch->user_ran || error != NULL)
		LockReleaseAll(USER_LOCKMETHOD, true);
	if (wf_leftovers_stay() && !clean_session(work))
		result = WF_WORK_GONE;
	MemoryContextSwitchTo(outer);
	MemoryContextReset(work->context);
	return result;
}
