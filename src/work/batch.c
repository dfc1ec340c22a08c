/*-------------------------------------------------------------------------
 *
 * batch.c
 *	  One batch of due timers of one owner, in the present transaction.
 *
 * Runs in executors and in the session that calls workflow.work().  The
 * processes claimed stay locked until the end of the transaction; what fails
 * is thrown, and the caller's to deal with.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/timestamp.h"

#include "base/guc.h"
#include "definition/pause.h"
#include "process/process.h"
#include "process/step.h"
#include "process/step_mail.h"
#include "process/step_write.h"
#include "process/stepper.h"
#include "shmem/held.h"
#include "shmem/lane.h"
#include "shmem/slot.h"
#include "shmem/wakeup.h"
#include "shmem/watermark.h"
#include "store/change_sets.h"
#include "store/changes.h"
#include "store/process_row.h"
#include "store/status.h"
#include "store/timer.h"
#include "store/timer_claim.h"
#include "work/batch.h"
#include "work/batch_limit.h"
#include "work/quarantine.h"

/*
 * What is due next is asked for after so many full batches at least: so many rows,
 * some of them dead, are walked over by whoever starts at the mark again.
 */
#define UNASKED_MAX		16

/* --- what is not stepped ------------------------------------------------ */

/* A process that is about to start in this batch need not be waited for. */
static bool
must_park(const WfRow *row, const WfTimerRow *timer)
{
	bool		starts = row->status == WF_INITIALIZED && !row->suspended &&
		wf_step_mail_any(row->process);

	return !starts && wf_timer_parks(row, timer);
}

/*
 * Goes back as it is: others of its process come first (see take_timers()),
 * or somebody got hold of the suspect that this batch is for.
 */
static bool
must_wait(const WfBatch *batch, const WfRow *row, const WfTimerRow *timer)
{
	return row->overtaken ||
		(batch->quarantine != NULL && !wf_quarantine_begin(batch->quarantine, timer));
}

/*
 * Waits for unpause(), which has to find it.  To set a whole batch parked by one
 * UPDATE would be no cheaper: what costs is a new version of each row, with its
 * entries in the indexes, either way.
 */
static void
park_over_pause(WfBatch *batch, WfChanges *out, const WfRow *row, const WfTimerRow *timer)
{
	if (!batch->rested)
		wf_pause_noting(batch->owner);
	batch->rested = true;
	wf_changes_arm(out, timer, batch->owner, true, false);
	wf_changes_rest(out, wf_process_definition(row->process)->name, &row->id);
}

/* --- stepping what was claimed ----------------------------------------- */

/*
 * Give each timer to its process, which is made here, or back.  Also what is
 * not stepped is known from now on: an action may resume() it.
 */
static void
queue_claimed(WfBatch *batch, WfStepper *stepper, int n, WfTimerRow *timers, WfRow **rows)
{
	WfChanges  *out = wf_stepper_changes(stepper);
	bool		pauses = wf_pause_look();

	batch->pause_over = pauses && wf_pause_is_over(batch->owner);
	if (batch->pause_over)
		wf_pause_overtaken(batch->owner, n, rows);
	for (int i = 0; i < n; i++)
	{
		WfRow	   *row = rows[i];
		int32		owner;

		if (wf_process_row_is_over(row))
		{
			wf_changes_settled(out, &timers[i]);
			continue;
		}
		if (row->process == NULL)
			row->process = wf_stepper_add(stepper, row);
		owner = wf_process_definition(row->process)->owner;
		if (must_park(row, &timers[i]))
		{
			wf_step_mail_parked(row->process);
			wf_changes_arm(out, &timers[i], owner, true, false);
		}
		/* Handed over meanwhile: its executors fire it, as another role. */
		else if (owner != batch->owner)
			wf_changes_arm(out, &timers[i], owner, false, false);
		else if (pauses && wf_pause_is_on(wf_process_definition(row->process)))
			park_over_pause(batch, out, row, &timers[i]);
		else if (must_wait(batch, row, &timers[i]))
			wf_changes_arm(out, &timers[i], batch->owner, false, false);
		else
			wf_step_mail(row->process, &timers[i]);
	}
}

/*
 * Step the claimed timers, process by process in the order of their first
 * timer.  Returns how many events were taken off.
 */
static int
step_claimed(WfBatch *batch, WfStepper *stepper, int n, WfTimerRow *timers, WfRow **rows)
{
	int			done = 0;
	bool		stopped = false;

	queue_claimed(batch, stepper, n, timers, rows);

	wf_batch_limit_start(batch);
	for (int i = 0; i < n && !stopped; i++)
	{
		/* Its later timers find the queue empty. */
		if (rows[i]->process == NULL)
			continue;
		batch->position = i;
		batch->timer = timers[i];
		batch->seq = timers[i].seq;
		CHECK_FOR_INTERRUPTS();
		done += wf_step_mail_deliver(stepper, rows[i]->process, wf_batch_limit_is_up, batch);
		rows[i]->process = NULL;
		stopped = wf_batch_limit_is_up(batch);
	}
	batch->position = n;
	wf_slot_event_done();
	batch->fitting = wf_batch_limit_fitting(batch, done);
	return done;
}

/* --- claiming ----------------------------------------------------------- */

/* The position behind a timer. */
static WfPosition
after(const WfTimerRow *timer)
{
	return (WfPosition) {timer->due, timer->seq + 1};
}

/*
 * If it is time, claim from what was locked when it was looked at last (held.c):
 * from a part of it.
 */
static int
claim_held(WfBatch *batch, WfPosition mark, int limit, WfClaim *claim)
{
	WfHeldPart	part;
	WfPosition	end;
	int			rows;
	int			n;

	if (!wf_held_walk(batch->lane, wf_my_slot, mark, &part))
		return 0;
	end = wf_timer_claim_part_end(batch->owner, part.from, part.to, part.rows, &rows);
	n = rows == 0 ? 0 : wf_timer_claim(batch->owner, part.from, end, limit, true, claim);
	if (n > 0 && !claim->complete)
	{
		/* the rest of it comes next */
		end = after(&claim->timers[n - 1]);
		rows = n;
	}
	wf_held_walked(batch->lane, &part, end, rows, n);
	claim->complete = false;
	return n;
}

/*
 * Claim past what other executors of this lane are at; when that is not much
 * any more, from where all is that is not locked.
 */
static int
claim_free(WfBatch *batch, WfPosition mark, WfPosition to, int limit, WfClaim *claim)
{
	WfPosition	head = wf_held_head(batch->lane, mark);
	WfPosition	from = wf_position_before(mark, head) ? head : mark;
	WfPosition	cursor;
	uint64		epoch = wf_watermark_cursor_read(batch->lane, &cursor);
	bool		past_others = wf_position_before(from, cursor);
	int			n = wf_timer_claim(batch->owner, past_others ? cursor : from, to, limit, true, claim);

	/* Fewer than asked for may be because others were faster, or for their size. */
	bool		enough = n == limit || (n > 0 && !claim->complete);

	batch->past_others = past_others && enough;
	batch->saw_all = claim->complete && !past_others;
	claim->complete = claim->complete && !enough;

	if (enough)
		wf_watermark_cursor_advance(batch->lane, epoch, after(&claim->timers[n - 1]));
	else
		wf_watermark_cursor_reset(batch->lane);
	if (n == 0 && (past_others || !claim->complete))
		n = wf_timer_claim(batch->owner, from, to, limit, true, claim);
	return n;
}

static int
claim(WfBatch *batch, WfPosition mark, TimestampTz until, int limit, WfClaim *claim)
{
	WfPosition	to = WF_TIMER_CLAIM_BEHIND(until);
	int			n;

	/* a suspect is the first that can be claimed at all */
	if (batch->lane == NULL || batch->quarantine != NULL)
		return wf_timer_claim(batch->owner, mark, to, limit, batch->lane != NULL, claim);
	n = claim_held(batch, mark, limit, claim);
	return n > 0 ? n : claim_free(batch, mark, to, limit, claim);
}

/* --- the batch --------------------------------------------------------- */

/* When the first timer is due that is not before the head; first: that there is. */
static TimestampTz
due_behind_head(WfBatch *batch, WfPosition first)
{
	WfPosition	head = wf_held_head(batch->lane, first);

	return head.due == DT_NOBEGIN ? first.due :
		wf_timer_claim_next(batch->owner, head).due;
}

/*
 * When there is something to do next, in due time.  first: the earliest timer
 * there is.  If some are due behind the head and could not be claimed, they are
 * all locked: the head moves behind them, and what comes after that counts.
 */
static TimestampTz
next_due(WfBatch *batch, WfPosition first, TimestampTz until, uint64 generation,
		 bool complete)
{
	TimestampTz due;

	if (batch->lane == NULL || batch->quarantine != NULL || first.due > until)
		return first.due;
	due = due_behind_head(batch, first);
	if (due > until || !complete)
		return due;
	wf_held_set(batch->lane, generation, until);
	return due_behind_head(batch, first);
}

/*
 * Is it known without asking that there is more to do?  After a full batch the
 * next one begins at the cursor, and the mark can stay as it is: all that costs is
 * that whoever starts there once more walks over what was done since.
 */
static bool
goes_on(WfBatch *batch)
{
	if (batch->past_others && ++batch->unasked < UNASKED_MAX)
		return true;
	batch->unasked = 0;
	return false;
}

/*
 * The first timer that is left.  The claim has met it, unless it began elsewhere;
 * what came since is seen by the next one.
 */
static WfPosition
first_left(const WfBatch *batch, WfPosition mark, const WfClaim *claimed)
{
	if (claimed->left_stays && claimed->from.due == mark.due && claimed->from.seq == mark.seq)
		return claimed->left;
	return wf_timer_claim_next(batch->owner, mark);
}

/*
 * Claim up to `limit` timers from `mark` on (-infinity: from the first) due until
 * `until`, step them and write what comes of it.  `generation`: of the mark
 * when it was read, before the snapshot was taken; it is advanced here.  Needs
 * SPI and a transaction, to whose end the processes claimed stay locked; those
 * that others have locked are left out.  Throws what user code throws.
 *
 * Returns the number of timers claimed.  *next: the earliest due time left, but
 * for what is known to be locked (held.c); NULL when nobody asks.
 * *done: events taken off, which is fewer where steps took their time: the
 * rest is put back.
 */
int
wf_batch(WfBatch *batch, WfPosition mark, TimestampTz until, uint64 generation,
		 int limit, TimestampTz *next, int *done)
{
	WfStepper  *stepper;
	WfClaim		claimed = {0};
	TimestampTz inserted = DT_NOEND;
	WfPosition	first;

	*done = 0;
	wf_batch_limit_begin(batch);
	batch->rested = false;
	batch->past_others = batch->saw_all = false;
	batch->claimed = claim(batch, mark, until, limit, &claimed);
	if (batch->saw_all)
		wf_watermark_looked(batch->lane, generation);
	if (batch->claimed > 0)
	{
		batch->timer = claimed.timers[0];
		batch->seq = batch->timer.seq;
		batch->first = (WfPosition) {batch->timer.due, batch->timer.seq};
		stepper = wf_stepper_new(batch->lane != NULL ? batch->owner : 0);
		wf_stepper_is_batch(stepper);
		*done = step_claimed(batch, stepper, batch->claimed, claimed.timers, claimed.rows);
		inserted = wf_step_write(stepper);
		wf_stepper_end(stepper);
	}
	else
		batch->pause_over = wf_pause_look() && wf_pause_is_over(batch->owner);

	if (next == NULL)
		return batch->claimed;

	/*
	 * Timers below the mark that this transaction inserted itself (an
	 * absolute due time in the past) are not in the range of the scan.
	 */
	if (goes_on(batch))
	{
		first = mark;
		*next = Min(claimed.timers[batch->claimed - 1].due, inserted);
	}
	else
	{
		first = first_left(batch, mark, &claimed);
		*next = Min(next_due(batch, first, until, generation, claimed.complete), inserted);
	}
	first = wf_position_first(first, WF_POSITION(inserted));
	if (batch->lane != NULL)
		wf_wakeup_claimed(batch->owner, WF_LANE_STEPS, batch->claimed, generation, first, inserted);
	return batch->claimed;
}
