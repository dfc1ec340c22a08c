/*-------------------------------------------------------------------------
 *
 * schedule_batch.c
 *	  One batch of due schedules of one owner, in the present transaction.
 *
 * Runs in executors, logged in as the owner of the schedules.  What an occurrence makes,
 * and when the next one is due, is one transaction, in which the row of the schedule is
 * locked.  What fails is thrown, and bisect.c's to deal with.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/guc.h"
#include "schedule/schedule_fire.h"
#include "schedule/schedule_suspend.h"
#include "shmem/slot.h"
#include "shmem/suspects.h"
#include "shmem/wakeup.h"
#include "shmem/watermark.h"
#include "store/transaction.h"
#include "work/batch_limit.h"
#include "work/record.h"
#include "work/schedule_batch.h"

/* Schedules that are locked at a time. */
#define MOST_SCHEDULES	100

/*
 * How many of n schedules are fired in this transaction: one that may have ended the
 * server is so alone.
 */
static int
count_together(const WfSchedule *schedules, int n)
{
	int			together = 0;

	while (together < n && schedules[together].losses == 0)
		together++;
	return Max(together, Min(n, 1));
}

/* Fire what was claimed.  Returns how many were fired; the others are free after this. */
static int
fire_claimed(WfBatch *batch, WfSchedule *schedules, TimestampTz now)
{
	int			n = 0;
	int64		made = 0;

	wf_batch_limit_start(batch);
	while (n < batch->claimed && (n == 0 || (made < wf_batch_size && !wf_batch_limit_is_up(batch))))
	{
		int64		before = schedules[n].made;

		CHECK_FOR_INTERRUPTS();
		batch->position = n;
		batch->seq = schedules[n].id;
		if (!wf_schedule_suspend_lost(&schedules[n]))
			wf_schedule_fire(&schedules[n], now);
		made += schedules[n].made - before;
		n++;
	}
	batch->position = batch->claimed;
	batch->fitting = wf_batch_limit_fitting(batch, n);
	return n;
}

/*
 * Claim up to `limit` schedules of an owner that are due until `until`, and fire them.  The
 * contract is that of wf_batch(), which see.
 */
int
wf_schedule_batch(WfBatch *batch, WfPosition mark, TimestampTz until, uint64 generation,
				  int limit, TimestampTz *next, int *done)
{
	WfSchedule *schedules;

	*done = 0;
	wf_batch_limit_begin(batch);
	limit = Min(limit, MOST_SCHEDULES);
	schedules = palloc(sizeof(WfSchedule) * limit);
	batch->claimed = count_together(schedules, wf_schedule_row_claim(batch->owner, until, limit, schedules));
	if (batch->claimed > 0)
	{
		batch->first = (WfPosition) {schedules[0].due, schedules[0].id};
		batch->seq = schedules[0].id;
		wf_wakeup_claiming();
		*done = fire_claimed(batch, schedules, until);
	}
	*next = wf_schedule_row_next_due(batch->owner);
	/* Who has fired something looks once more: what it took aside is due soon. */
	if (batch->lane != NULL && batch->claimed == 0 && *next > until)
		wf_watermark_looked(batch->lane, generation);
	if (batch->lane != NULL)
		wf_wakeup_claimed(batch->owner, WF_LANE_SCHEDULES, batch->claimed, generation,
						  WF_POSITION(*next), DT_NOEND);
	return batch->claimed;
}

/* --- what has failed ----------------------------------------------------------------- */

/* What has failed; error NULL: only the due time moves. */
typedef struct Failed
{
	int32		schedule;
	const ErrorData *error;
	TimestampTz due;
} Failed;

static bool
record(void *arg)
{
	const Failed *failed = arg;
	WfSchedule	schedule;

	if (!wf_schedule_row_lock_if_free(failed->schedule, &schedule) || schedule.due == DT_NOEND)
		return false;
	if (failed->error != NULL)
	{
		(void) wf_schedule_suspend_failed(&schedule, failed->error);
		return true;
	}
	schedule.due = failed->due;
	wf_schedule_row_update(&schedule);
	return true;
}

/*
 * Note that the schedule a batch was at, alone, failed with `error`: it is tried again
 * later, or suspended.  Nothing happens when somebody else has it.  Throws nothing: what goes
 * wrong here is logged.
 */
WfRecord
wf_schedule_batch_failed(const WfBatch *batch, Oid extension, const ErrorData *error)
{
	Failed		failed = {.schedule = (int32) batch->seq,.error = error};

	return wf_record(extension, record, &failed);
}

/* The same without an attempt: only the due time moves. */
WfRecord
wf_schedule_batch_postpone(const WfBatch *batch, Oid extension, TimestampTz due)
{
	Failed		failed = {.schedule = (int32) batch->seq,.due = due};

	return wf_record(extension, record, &failed);
}

/*
 * The server, or an executor, has ended while schedules of an owner may have been fired:
 * count that, in a transaction of its own; they are suspects no more then.  With no
 * transaction open.
 */
void
wf_schedule_batch_clear_suspects(int32 owner, Oid extension)
{
	WfLane	   *lane = wf_my_slot->lane;

	if (!wf_transaction_begin("workflow suspects", extension))
		return;
	(void) wf_schedule_row_suspect(owner, wf_clock_now());
	wf_transaction_commit();

	/* What stands for several owners is cleared by the runtime. */
	if (lane->owner == owner)
		wf_suspects_clear(&lane->suspects);
}
