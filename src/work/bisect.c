/*-------------------------------------------------------------------------
 *
 * bisect.c
 *	  How large the next batch is: after one that went well, and after one
 *	  that failed.
 *
 * Runs in executors, with no transaction open.  When user code fails in a
 * batch of several, the batch was undone and is worked again in parts, so
 * that the event at fault comes to stand alone; alone, it gets an attempt
 * (attempt.c).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/pg_prng.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/guc.h"
#include "shmem/held.h"
#include "store/timer.h"
#include "work/attempt.h"
#include "work/batch.h"
#include "work/bisect.h"
#include "work/work.h"
#include "work/work_state.h"

/* Definitions that run user code begin with batches of this size. */
#define FIRST_BATCH			50

/* Pause when the server is short of something (ms). */
#define SHORTAGE_DELAY		1000

/*
 * So many events in a row that meet a shortage in their own code are none of
 * the code's: then there is a short pause after each.
 */
#define SHORTAGES_FREE		3

/* At most so long (ms) those who met keep out of each other's way. */
#define SHORT_DELAY_MAX		50

/* A lone event that meets a lock or deadlock so often has an error. */
#define MAX_CONFLICTS		20

/* --- sizes ------------------------------------------------------------- */

/* The size of the first batch. */
void
wf_bisect_begin_small(WfWork *work)
{
	work->size = FIRST_BATCH;
}

/* After a batch went well, or its failure was recorded: the next size. */
void
wf_bisect_grow(WfWork *work)
{
	if (work->then_size > 0)
	{
		work->size = work->then_size;
		work->then_size = 0;
	}
	else if (!work->batch.user_ran)
		work->size = wf_batch_size;
	else
		work->size = Min(wf_batch_size, Min(work->size * 2, work->batch.fitting));
}

static void
plan(WfWork *work, int size, int then_size)
{
	work->size = size;
	work->then_size = then_size;
}

/*
 * After user code failed: first what came before it, then it alone.  When the
 * error came from the write-back or the commit (a deferred constraint), any
 * of them may be it: halve.
 */
static void
shrink(WfWork *work)
{
	const WfBatch *batch = &work->batch;

	if (batch->position >= batch->claimed)
		plan(work, Max(1, batch->claimed / 2), 0);
	else if (batch->position > 0)
		plan(work, batch->position, 1);
	else
		plan(work, 1, 0);
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

/* The server is short of something, or takes no writes. */
static bool
is_shortage(int code)
{
	return wf_attempt_is_shortage(code) || code == ERRCODE_READ_ONLY_SQL_TRANSACTION;
}

/* A moment from now, by chance: so that those who met do not meet again. */
TimestampTz
wf_bisect_short_delay(void)
{
	return wf_clock_now() + (TimestampTz) (pg_prng_double(&pg_global_prng_state) *
										   SHORT_DELAY_MAX * 1000.0);
}

static WfWorkResult
pause_for(TimestampTz *next, int ms)
{
	*next = TimestampTzPlusMilliseconds(wf_clock_now(), ms);
	return WF_WORK_PAUSE;
}

/*
 * A failure that was not recorded leaves the event where it was: do not run
 * into it again at once.  If the process is locked by now that is over soon; if
 * an error kept us from it, there may be no room to write to, and neither is
 * there for the next line in the log.  What comes after it need not wait for it.
 */
static WfWorkResult
after_record(WfWork *work, WfRecord recorded, TimestampTz *next)
{
	switch (recorded)
	{
		case WF_RECORD_DONE:
			wf_bisect_grow(work);
			return WF_WORK_MORE;
		case WF_RECORD_FAILED:
			if (work->batch.lane != NULL)
				wf_held_aside(work->batch.lane, work->batch.first);
			return pause_for(next, SHORTAGE_DELAY);
		case WF_RECORD_TAKEN:
			break;
	}
	*next = wf_bisect_short_delay();
	return WF_WORK_WAIT;
}

/* The event, alone, failed by itself. */
static WfWorkResult
record(WfWork *work, const ErrorData *error, TimestampTz *next)
{
	WfWorkResult result = after_record(work,
									   work->kind->failed(&work->batch, work->extension, error),
									   next);

	if (!wf_attempt_is_shortage(error->sqlerrcode))
		work->shortages = 0;
	else if (++work->shortages > SHORTAGES_FREE && result == WF_WORK_MORE)
		result = pause_for(next, SHORT_DELAY_MAX);
	return result;
}

/*
 * Events that met others go on in halves; one that met them alone steps out
 * of their way for a moment.  False: it has done so often enough.
 */
static bool
give_way(WfWork *work, WfWorkResult *result, TimestampTz *next)
{
	if (work->batch.claimed > 1)
	{
		plan(work, work->batch.claimed / 2, 0);
		*result = WF_WORK_MORE;
		return true;
	}

	if (work->conflict_seq != work->batch.seq)
		work->conflicts = 0;
	work->conflict_seq = work->batch.seq;
	if (++work->conflicts >= MAX_CONFLICTS)
		return false;
	*result = after_record(work,
						   work->kind->postpone(&work->batch, work->extension,
												wf_bisect_short_delay()),
						   next);
	return true;
}

/*
 * The batch failed and was undone.  Decides in what portions its events are
 * tried again; one that failed alone gets an attempt or, if it was in
 * somebody's way, a short rest, in a transaction of its own.  Throws nothing.
 * *next is set for WF_WORK_WAIT and WF_WORK_PAUSE.
 */
WfWorkResult
wf_bisect_failed(WfWork *work, const ErrorData *error, TimestampTz *next)
{
	const WfBatch *batch = &work->batch;
	bool		by_user_code = batch->position < batch->claimed;
	WfWorkResult result;

	if (batch->claimed == 0 || (is_shortage(error->sqlerrcode) && !by_user_code))
	{
		ereport(LOG,
				(errmsg("workflow executor pauses: %s", error->message)));
		return pause_for(next, SHORTAGE_DELAY);
	}
	if (is_conflict(error->sqlerrcode) && give_way(work, &result, next))
		return result;
	if (batch->claimed > 1)
	{
		shrink(work);
		return WF_WORK_MORE;
	}
	return record(work, error, next);
}
