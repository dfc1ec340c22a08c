/*-------------------------------------------------------------------------
 *
 * work.c
 *	  What an executor does: batches of due timers of one owner.
 *
 * Runs in executors, and (the batch alone) in the session that calls
 * workflow.work().  An executor's batch is a transaction: claim, step, write
 * back, commit.  When user code fails in a batch of several, the batch is
 * undone and worked again in two parts, so that the event at fault comes to
 * stand alone; alone, it gets an attempt (failure.c).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "access/xact.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/lock.h"
#include "storage/proc.h"
#include "common/pg_prng.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "api.h"
#include "careful.h"
#include "clock.h"
#include "failure.h"
#include "guc.h"
#include "pause.h"
#include "pool.h"
#include "process.h"
#include "session.h"
#include "shmem.h"
#include "stamp.h"
#include "wake.h"
#include "work.h"

PG_FUNCTION_INFO_V1(workflow_work);

/* Back-off when everything due is locked (ms). */
#define SKIP_DELAY_MIN		1
#define SKIP_DELAY_MAX		50

/* Pause when the server is short of something (ms). */
#define SHORTAGE_DELAY		1000

/* A lone event that meets a lock or deadlock so often has an error. */
#define MAX_CONFLICTS		20

/* Definitions that run user code begin with batches of this size. */
#define FIRST_BATCH			50

/* Processes brought back at a time when a pause has ended. */
#define BRING_BACK			500

/* What a batch needs is kept from one to the next. */
#define KEPT_BY_LIBRARY		(16 * 1024 * 1024)

struct WfWork
{
	int32		owner;
	Oid			extension;
	WfOwner    *entry;			/* or NULL: no room in shared memory */
	MemoryContext context;		/* of a caught error; a batch lives in SPI's */
	int			size;			/* of the next batch */
	int			then_size;		/* of the one after it; 0: grow */
	int			skip_delay;		/* ms, doubles while nothing can be claimed */
	WfCareful  *careful;		/* or NULL: nothing to be careful about */

	/* of the batch under way, for the error path */
	int			claimed;
	int			position;		/* index of the timer being stepped; claimed
								 * when all were */
	WfTimerRow	timer;			/* that timer: process and seq only, the rest is
								 * gone when the error is dealt with */
	int64		conflict_seq;	/* a timer that met a conflict all alone, */
	int			conflicts;		/* so many times in a row */
	TimestampTz user_from;		/* when its first step began, */
	TimestampTz user_until;		/* and until when user code may begin */
	int			fitting;		/* so many events would have taken that time */
	bool		user_ran;
	int			subtransactions;	/* that there were before it */
	bool		rested;			/* parked something over a pause */
	bool		pause_over;		/* something parked so has to come back */
};

/*
 * Every batch takes about as much memory as the one before it.  The C library
 * would hand it back to the kernel each time, and fetch it again page by page.
 */
static void
keep_memory(void)
{
#ifdef __GLIBC__
	mallopt(M_TRIM_THRESHOLD, KEPT_BY_LIBRARY);
	mallopt(M_MMAP_THRESHOLD, KEPT_BY_LIBRARY);
#endif
}

WfWork *
wf_work_new(int32 owner, Oid extension)
{
	WfWork	   *work = MemoryContextAllocZero(TopMemoryContext, sizeof(WfWork));

	keep_memory();
	work->owner = owner;
	work->extension = extension;
	work->entry = wf_owner_entry(MyDatabaseId, owner, true);
	work->context = AllocSetContextCreate(TopMemoryContext, "workflow error",
										  ALLOCSET_SMALL_SIZES);
	work->size = FIRST_BATCH;
	work->skip_delay = SKIP_DELAY_MIN;
	work->careful = wf_careful_new(owner, extension);
	return work;
}

/* --- stepping what was claimed ----------------------------------------- */

/*
 * Beyond what shared memory has room for, every snapshot of every session has
 * to look subtransactions up.  User code that catches errors, or has them
 * caught, makes them.
 */
static bool
subtransactions_are_up(const WfWork *work)
{
	return MyProc->subxidStatus.count - work->subtransactions >=
		PGPROC_MAX_CACHED_SUBXIDS * 3 / 4;
}

/*
 * Is it time to commit what we have?  Only user code is limited: it holds
 * locks on tables that are not ours.
 */
static bool
time_is_up(void *arg)
{
	WfWork	   *work = arg;

	if (wf_user_ran())
		work->user_ran = true;
	if (work->user_ran && GetCurrentTimestamp() >= work->user_until)
		return true;

	return subtransactions_are_up(work);
}

/*
 * A suspended or terminated process keeps its timers for resume(); but a
 * parent's cancel is the last word.  Before a process has started, or is about
 * to, they wait for that.
 */
static bool
must_park(const WfRow *row, const WfTimerRow *timer)
{
	if (strcmp(timer->event, WF_CANCEL_EVENT) == 0)
		return false;
	return row->suspended || row->status == WF_TERMINATED ||
		(row->status == WF_INITIALIZED && !wf_process_is_queued(row->process) &&
		 strcmp(timer->event, WF_START_EVENT) != 0);
}

/*
 * How many events take as long as user code of one batch may?  What a batch
 * claims beyond that it has to put back.
 */
static int
fitting(WfWork *work, int done)
{
	int64		took = Max(1, GetCurrentTimestamp() - work->user_from);

	if (subtransactions_are_up(work))
		return Max(1, done);
	if (!work->user_ran)
		return wf_batch_size;
	return Max(1, done * (work->user_until - work->user_from) / took);
}

/*
 * Goes back as it is: others of its process come first (see take_timers()),
 * or somebody got hold of the suspect that this batch is for.
 */
static bool
must_wait(const WfWork *work, const WfRow *row, const WfTimerRow *timer)
{
	return row->overtaken ||
		(work->careful != NULL && !wf_careful_is(work->careful, timer));
}

/* Waits for unpause(), which has to find it. */
static void
park_over_pause(WfWork *work, WfOutput *out, const WfRow *row, const WfTimerRow *timer)
{
	if (!work->rested)
		wf_pause_noting(work->owner);
	work->rested = true;
	wf_output_arm(out, timer, work->owner, true, false);
	wf_output_rest(out, wf_process_definition(row->process)->name, &row->id);
}

/*
 * Step the claimed timers, process by process in the order of their first
 * timer.  Returns how many events were taken off.
 */
static int
step_claimed(WfWork *work, WfStepper *stepper, int n, WfTimerRow *timers, WfRow **rows)
{
	WfOutput   *out = wf_stepper_output(stepper);
	int			done = 0;
	bool		stopped = false;
	bool		pauses = wf_pause_look();

	work->pause_over = pauses && wf_pause_is_over(work->owner);
	if (work->pause_over)
		wf_pause_overtaken(work->owner, n, rows);
	for (int i = 0; i < n; i++)
	{
		WfRow	   *row = rows[i];

		if (wf_row_is_over(row))
			continue;

		/* Also what is not stepped is known: an action may resume() it. */
		if (row->process == NULL)
			row->process = wf_stepper_add(stepper, row);
		if (must_park(row, &timers[i]))
			wf_output_arm(out, &timers[i], work->owner, true, false);
		else if (pauses && wf_is_paused(wf_process_definition(row->process)))
			park_over_pause(work, out, row, &timers[i]);
		else if (must_wait(work, row, &timers[i]))
			wf_output_arm(out, &timers[i], work->owner, false, false);
		else
			wf_process_queue(row->process, &timers[i]);
	}

	work->user_from = GetCurrentTimestamp();
	work->user_until = work->user_from + wf_batch_time * INT64CONST(1000);
	for (int i = 0; i < n && !stopped; i++)
	{
		/* Its later timers find the queue empty. */
		if (rows[i]->process == NULL)
			continue;
		work->position = i;
		work->timer = timers[i];
		CHECK_FOR_INTERRUPTS();
		done += wf_process_run(stepper, rows[i]->process, time_is_up, work);
		rows[i]->process = NULL;
		stopped = time_is_up(work);
	}
	work->position = n;
	work->fitting = fitting(work, done);
	return done;
}

/*
 * Claim past what other executors of this owner are at; when that is not much
 * any more, from the mark again.
 */
static int
claim(WfWork *work, TimestampTz mark, TimestampTz until, int limit,
	  WfTimerRow **timers, WfRow ***rows)
{
	TimestampTz due = DT_NOBEGIN;
	int64		seq = -1;
	uint64		epoch = 0;
	int			n;

	if (work->entry == NULL)
		return wf_claim(work->owner, mark, -1, until, limit, timers, rows);

	epoch = wf_cursor_read(work->entry, &due, &seq);
	if (due < mark)
	{
		due = mark;
		seq = -1;
	}
	n = wf_claim(work->owner, due, seq, until, limit, timers, rows);
	if (n < limit)
		wf_cursor_reset(work->entry);
	else
		wf_cursor_advance(work->entry, epoch, (*timers)[n - 1].due, (*timers)[n - 1].seq);
	if (n == 0 && seq >= 0)
		n = wf_claim(work->owner, mark, -1, until, limit, timers, rows);
	return n;
}

/*
 * One batch in the present transaction.  *next: the earliest due time left.
 * Returns the number of timers claimed.
 */
static int
batch(WfWork *work, TimestampTz mark, TimestampTz until, uint64 generation,
	  int limit, TimestampTz *next, int *done)
{
	WfStepper  *stepper;
	WfTimerRow *timers;
	WfRow	  **rows;
	TimestampTz inserted = DT_NOEND;

	*done = 0;
	work->claimed = work->position = 0;
	work->user_ran = false;
	work->rested = false;
	(void) wf_user_ran();
	work->subtransactions = MyProc->subxidStatus.count;
	work->claimed = claim(work, mark, until, limit, &timers, &rows);
	if (work->claimed > 0)
	{
		work->timer = timers[0];
		stepper = wf_stepper_new(work->entry != NULL ? work->owner : 0);
		*done = step_claimed(work, stepper, work->claimed, timers, rows);
		inserted = wf_stepper_write(stepper);
		wf_stepper_end(stepper);
	}
	else
		work->pause_over = wf_pause_look() && wf_pause_is_over(work->owner);

	/*
	 * Timers below the mark that this transaction inserted itself (an
	 * absolute due time in the past) are not in the range of the scan.
	 */
	*next = Min(wf_next_due(work->owner, mark), inserted);
	if (work->entry != NULL)
		wf_wake_claimed(work->owner, generation, *next, inserted);
	return work->claimed;
}

/* --- sizes ------------------------------------------------------------- */

/* After a batch went well: the planned next size, or larger. */
static void
grow(WfWork *work)
{
	if (work->then_size > 0)
	{
		work->size = work->then_size;
		work->then_size = 0;
	}
	else if (!work->user_ran)
		work->size = wf_batch_size;
	else
		work->size = Min(wf_batch_size, Min(work->size * 2, work->fitting));
}

/*
 * After user code failed: first what came before it, then it alone.  When the
 * error came from the write-back or the commit (a deferred constraint), any
 * of them may be it: halve.
 */
static void
shrink(WfWork *work)
{
	if (work->position >= work->claimed)
	{
		work->size = Max(1, work->claimed / 2);
		work->then_size = 0;
	}
	else if (work->position > 0)
	{
		work->size = work->position;
		work->then_size = 1;
	}
	else
	{
		work->size = 1;
		work->then_size = 0;
	}
}

/* --- errors ------------------------------------------------------------ */

/* Sessions got into each other's way: nobody's fault. */
static bool
is_conflict(int code)
{
	return code == ERRCODE_T_R_DEADLOCK_DETECTED ||
		code == ERRCODE_T_R_SERIALIZATION_FAILURE ||
		code == ERRCODE_LOCK_NOT_AVAILABLE;
}

/* The server is short of something: not the event's fault either. */
static bool
is_shortage(int code)
{
	return ERRCODE_TO_CATEGORY(code) == ERRCODE_INSUFFICIENT_RESOURCES ||
		ERRCODE_TO_CATEGORY(code) == ERRCODE_SYSTEM_ERROR ||
		code == ERRCODE_READ_ONLY_SQL_TRANSACTION;
}

/* So that those who met do not meet again. */
static TimestampTz
short_delay(void)
{
	return wf_now() + (TimestampTz) (pg_prng_double(&pg_global_prng_state) *
									 SKIP_DELAY_MAX * 1000.0);
}

/*
 * A failure that could not be recorded (the process is locked by now) leaves
 * the event where it was: do not run into it again at once.
 */
static WfWorkResult
after_record(WfWork *work, bool recorded, TimestampTz *next)
{
	if (recorded)
	{
		grow(work);
		return WF_WORK_MORE;
	}
	*next = short_delay();
	return WF_WORK_WAIT;
}

static WfWorkResult
handle_error(WfWork *work, ErrorData *error, TimestampTz *next)
{
	TimestampTz now = GetCurrentTimestamp();

	bool		by_user_code = work->position < work->claimed;

	if (work->claimed == 0 || (is_shortage(error->sqlerrcode) && !by_user_code))
	{
		ereport(LOG,
				(errmsg("workflow executor pauses: %s", error->message)));
		*next = TimestampTzPlusMilliseconds(now, SHORTAGE_DELAY);
		return WF_WORK_WAIT;
	}
	if (is_conflict(error->sqlerrcode))
	{
		if (work->claimed > 1)
		{
			work->size = work->claimed / 2;
			work->then_size = 0;
			return WF_WORK_MORE;
		}
		if (++work->conflicts < MAX_CONFLICTS || work->conflict_seq != work->timer.seq)
		{
			/* Out of the way of the others, for a moment. */
			if (work->conflict_seq != work->timer.seq)
				work->conflicts = 1;
			work->conflict_seq = work->timer.seq;
			return after_record(work, wf_failure_postpone(work->owner, work->extension,
														  &work->timer, short_delay()),
								next);
		}
	}
	if (work->claimed > 1)
	{
		shrink(work);
		return WF_WORK_MORE;
	}
	return after_record(work, wf_failure_record(work->owner, work->extension,
												&work->timer, error), next);
}

/* --- the executor's turn ----------------------------------------------- */

/*
 * A pause has ended: some of those who rested, in a transaction of their own
 * so that no failing step has them brought back once more.  Returns how many.
 */
static int
bring_back(WfWork *work)
{
	int			n = 0;

	if (!wf_begin("workflow after a pause", work->extension))
		return 0;
	if (wf_pause_look())
		n = wf_pause_bring_back(work->owner, BRING_BACK);
	wf_commit();
	return n;
}

/* Claim, step, write, commit; false: the extension is gone. */
static bool
run_transaction(WfWork *work, TimestampTz *next, TimestampTz *until, int *done)
{
	uint64		generation = 0;
	TimestampTz mark = DT_NOBEGIN;
	int			limit = Min(work->size, wf_batch_size);
	bool		step = true;

	*until = DT_NOBEGIN;
	work->claimed = 0;
	if (work->careful == NULL && work->entry != NULL &&
		work->entry->suspect_until != DT_NOBEGIN)
		work->careful = wf_careful_new(work->owner, work->extension);
	if (work->careful != NULL)
	{
		limit = 1;
		if (!wf_careful_next(work->careful, &step))
			work->careful = NULL;
		*next = DT_NOBEGIN;
		if (!step)
			return true;
	}

	/* Read before the snapshot is taken: see wf_mark_advance(). */
	if (work->entry != NULL)
		mark = wf_mark_read(work->entry, &generation);

	if (!wf_begin("workflow batch", work->extension))
		return false;
	*until = wf_due_limit();
	batch(work, mark, *until, generation, limit, next, done);
	wf_commit();
	return true;
}

WfWorkResult
wf_work_batch(WfWork *work, TimestampTz *next, int *done)
{
	MemoryContext outer = CurrentMemoryContext;
	ErrorData  *volatile error = NULL;
	volatile TimestampTz until = DT_NOBEGIN;
	WfWorkResult result;
	volatile bool gone = false;
	volatile int returned = 0;

	*done = 0;
	PG_TRY();
	{
		TimestampTz limit;

		work->claimed = 0;
		if (work->pause_over)
			returned = bring_back(work);
		gone = !run_transaction(work, next, &limit, done);
		until = limit;
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(work->context);
		error = CopyErrorData();
		wf_abort(outer);
		if (work->entry != NULL)
			wf_cursor_reset(work->entry);
	}
	PG_END_TRY();

	if (gone)
		return WF_WORK_GONE;
	if (error == NULL && work->careful != NULL)
		wf_pool_trial_end();
	if (error != NULL)
	{
		*done = 0;
		result = handle_error(work, error, next);
	}
	else if (work->claimed > 0)
	{
		grow(work);
		work->skip_delay = SKIP_DELAY_MIN;
		result = *next <= wf_now() ? WF_WORK_MORE : WF_WORK_WAIT;
	}
	else if (*next <= until)
	{
		/* Due, and all of it locked by others. */
		*next = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), work->skip_delay);
		work->skip_delay = Min(work->skip_delay * 2, SKIP_DELAY_MAX);
		result = WF_WORK_WAIT;
	}
	else
	{
		work->skip_delay = SKIP_DELAY_MIN;
		result = *next <= wf_now() ? WF_WORK_MORE : WF_WORK_WAIT;
	}
	/* Look after a pause once more; what is left of one goes on coming back. */
	if (error == NULL && (work->rested || returned > 0))
		result = WF_WORK_MORE;
	else if (error == NULL && work->pause_over && result == WF_WORK_WAIT)
		*next = Min(*next, short_delay());
	/* Session-level advisory locks of user code end with its batch. */
	if (work->user_ran || error != NULL)
		LockReleaseAll(USER_LOCKMETHOD, true);
	MemoryContextSwitchTo(outer);
	MemoryContextReset(work->context);
	return result;
}

/* --- by hand ----------------------------------------------------------- */

Datum
workflow_work(PG_FUNCTION_ARGS)
{
	int			limit = PG_GETARG_INT32(0);
	WfWork		work = {0};
	TimestampTz next;
	int			done;
	int			claimed = 0;

	if (limit < 1 || limit > WF_BATCH_SIZE_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("max must be between 1 and %d", WF_BATCH_SIZE_MAX)));
	wf_connect_to_write(fcinfo);
	wf_stamp_require();
	work.owner = wf_owner_of_role(GetUserId());
	if (work.owner != 0)
	{
		/* No mark: nothing is known of what this session may see. */
		PushActiveSnapshot(GetTransactionSnapshot());
		if (wf_pause_look())
			(void) wf_pause_bring_back(work.owner, limit);
		claimed = batch(&work, DT_NOBEGIN, wf_due_limit(), 0, limit, &next, &done);
		PopActiveSnapshot();
	}
	SPI_finish();
	PG_RETURN_INT32(claimed);
}
