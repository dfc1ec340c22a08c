/*-------------------------------------------------------------------------
 *
 * run_batch.c
 *	  One batch of due runs of one owner, in the present transaction.
 *
 * Runs in executors.  What is claimed here is done here: a run is deleted, its
 * command called, and what became of it kept, in one transaction.  What fails is
 * thrown, and bisect.c's to deal with: what was claimed is free again then.
 *
 * Runs of one level are served place by place, each its share of the batch, so that
 * one with a million runs keeps no other from being served.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/detoast.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "eval/user_context.h"
#include "job/job.h"
#include "job/job_call.h"
#include "job/run_inside.h"
#include "job/run_over.h"
#include "store/run_request.h"
#include "job/run_rules.h"
#include "queue/run_permit.h"
#include "shmem/slot.h"
#include "shmem/under_way.h"
#include "shmem/wakeup.h"
#include "store/checkpoint.h"
#include "store/run.h"
#include "store/run_scan.h"
#include "store/statement.h"
#include "store/timer_claim.h"
#include "work/batch_limit.h"
#include "work/run_batch.h"
#include "work/tracked.h"

/* A batch looks at so many places; what is in others waits for the next one. */
#define PLACES_MAX	4096

/* What is claimed, as it is found. */
typedef struct Claim
{
	WfRunRow  **rows;
	int			n;
	int			limit;
	Size		bytes;			/* of parameters, as they will be in memory */
	bool		alone;			/* of one place, and nothing else, */
	bool		single;			/* or even one run of it; */
	bool		tracked;		/* that one, which is done afterwards */
	TimestampTz next;			/* when what was not claimed is due first */
} Claim;

/* A place with runs that are due. */
typedef struct Ready
{
	WfRunPlace	place;
	WfRunHead	head;
} Ready;

/* --- places ---------------------------------------------------------------- */

/* The most urgent first; of one level, what is due first. */
static int
compare_ready(const void *a, const void *b)
{
	const Ready *left = a;
	const Ready *right = b;

	if (left->place.level != right->place.level)
		return left->place.level < right->place.level ? -1 : 1;
	if (left->head.due != right->head.due)
		return left->head.due < right->head.due ? -1 : 1;
	return 0;
}

/*
 * Find the places of the owner with runs that are due, in the order in which they are
 * served; those of queues that are paused are none.  Returns how many; claim->next
 * becomes when the others are due.
 */
static int
find_ready(WfRunScan *scan, const WfBatch *batch, TimestampTz until, Ready **found,
		   Claim *claim)
{
	Ready	   *ready = palloc(sizeof(Ready) * PLACES_MAX);
	WfRunPlace	place = WF_RUN_FIRST_PLACE(batch->owner);
	WfRunHead	head;
	int			n = 0;

	while (n < PLACES_MAX && wf_run_scan_place(scan, &place, &head))
	{
		CHECK_FOR_INTERRUPTS();
		if (wf_queue(place.queue)->paused)
			continue;
		if (head.due <= until)
			ready[n++] = (Ready) {place, head};
		else
			claim->next = Min(claim->next, head.due);
	}
	if (n == PLACES_MAX)
		claim->next = Min(claim->next, until);
	qsort(ready, n, sizeof(Ready), compare_ready);
	*found = ready;
	return n;
}

/* How many of the places from the first on are of its level? */
static int
of_one_level(const Ready *ready, int n)
{
	int			same = 1;

	while (same < n && ready[same].place.level == ready[0].place.level)
		same++;
	return same;
}

/* --- claiming -------------------------------------------------------------- */

static bool
is_full(const Claim *claim)
{
	return claim->n >= claim->limit || claim->bytes >= WF_CLAIM_MEMORY;
}

static void
add(Claim *claim, const WfRunRow *row)
{
	claim->bytes += toast_raw_datum_size(row->values[WF_RUN_params]);
	claim->rows[claim->n++] = wf_run_row_copy(row);
}

/* What was lost before, perhaps for what it does, has to wait for its trial. */
static bool
may_try(WfBatch *batch, const WfRunRow *row)
{
	if (DatumGetInt16(row->values[WF_RUN_losses]) == 0 || batch->on_trial || wf_my_slot == NULL)
		return true;
	batch->on_trial = wf_slot_trial_begin();
	return batch->on_trial;
}

/*
 * Claim up to `share` runs of one place.  Those that another transaction has are left
 * out, and come back when it ends.
 */
static void
claim_place(Claim *claim, WfBatch *batch, WfRunScan *scan, WfRunWriter *writer,
			const Ready *ready, TimestampTz until, int share)
{
	WfRunRow	row;
	int			taken = 0;

	wf_run_scan_begin(scan, &ready->place, WF_POSITION(DT_NOBEGIN), until);
	while (wf_run_scan_next(scan, &row))
	{
		CHECK_FOR_INTERRUPTS();
		if (taken < share && !is_full(claim) && may_try(batch, &row) &&
			wf_run_take(writer, &row))
		{
			add(claim, &row);
			taken++;
			continue;
		}
		claim->next = Min(claim->next, wf_run_row_due(&row));
		if (taken == share || is_full(claim))
			return;
	}
}

/*
 * Take what the runs of a place need, for this transaction: they are done one after
 * the other.  False: nothing is to be claimed here now.
 */
static bool
may_claim(Claim *claim, const WfBatch *batch, const Ready *ready)
{
	WfRunPermit permit;
	TimestampTz retry_at = DT_NOEND;
	bool		may;

	wf_run_permit_of(ready->place.queue, ready->place.part, wf_job(ready->head.job)->limits,
					 &permit);
	/* what others wait for is not kept while runs are done that do not need it */
	if (permit.nlimits > 0 && claim->n > 0)
	{
		claim->next = Min(claim->next, ready->head.due);
		return false;
	}
	claim->alone = permit.nlimits > 0;
	claim->single = wf_queue(ready->place.queue)->min_gap > 0;
	may = wf_run_permit_take(&permit, batch->owner, WF_PERMIT_FOR_TRANSACTION, &retry_at);
	if (!may)
		claim->next = Min(claim->next, wf_clock_at(retry_at));
	return may;
}

/*
 * Claim one run of a place whose job is tracked: it is done when this transaction has
 * committed, and nothing else is done in it.
 */
static void
claim_tracked(Claim *claim, WfRunScan *scan, const WfBatch *batch, const Ready *ready,
			  TimestampTz until)
{
	WfRunPermit permit;
	TimestampTz retry_at = DT_NOEND;
	WfRunRow	found;
	WfRunRow	row;

	wf_run_permit_of(ready->place.queue, ready->place.part, wf_job(ready->head.job)->limits,
					 &permit);
	wf_run_scan_begin(scan, &ready->place, WF_POSITION(DT_NOBEGIN), until);
	while (wf_run_scan_next(scan, &found))
	{
		claim->next = Min(claim->next, wf_run_row_due(&found));
		if (claim->tracked)
			return;
		if (!wf_run_lock(wf_run_row_id(&found), false, &row) ||
			DatumGetInt16(row.values[WF_RUN_state]) != WF_RUN_WAITING ||
			!DatumGetBool(row.values[WF_RUN_ready]))
			continue;
		claim->next = DT_NOEND;
		if (!wf_run_permit_take(&permit, batch->owner, WF_PERMIT_FOR_RUN, &retry_at))
		{
			claim->next = Min(claim->next, wf_clock_at(retry_at));
			return;
		}
		wf_tracked_claim(&row, &permit);
		claim->tracked = claim->alone = true;
	}
}

/* Claim what is due until then. */
static void
claim_due(Claim *claim, WfBatch *batch, TimestampTz until)
{
	WfRunScan  *scan;
	WfRunWriter *writer;
	Ready	   *ready;
	int			left;

	wf_statement_push_snapshot();
	scan = wf_run_scan_open();
	left = find_ready(scan, batch, until, &ready, claim);
	claim->rows = palloc(sizeof(WfRunRow *) * claim->limit);
	writer = left > 0 ? wf_run_writer() : NULL;
	for (; left > 0; ready++, left--)
	{
		int			share = (claim->limit - claim->n) / of_one_level(ready, left);

		bool		tracked = wf_job(ready->head.job)->mode == WF_JOB_TRACKED;

		if (claim->alone || is_full(claim) || (tracked && claim->n > 0))
			claim->next = Min(claim->next, ready->head.due);
		else if (tracked)
			claim_tracked(claim, scan, batch, ready, until);
		else if (may_claim(claim, batch, ready))
			claim_place(claim, batch, scan, writer, ready, until, claim->single ? 1 : Max(share, 1));
	}
	if (writer != NULL)
		wf_run_writer_end(writer);
	wf_run_scan_close(scan);
	PopActiveSnapshot();
	if (claim->n > 0)
		wf_wakeup_claiming();
}

/* --- running --------------------------------------------------------------- */

/* Is a run not to be done any more?  Otherwise it begins, and finishes, if all goes well. */
static bool
is_not_done(WfRunRow *row, TimestampTz now, WfRunEnd *end)
{
	*end = (WfRunEnd) {.row = row,.state = WF_RUN_FINISHED};
	if (!row->nulls[WF_RUN_start_by] && DatumGetTimestampTz(row->values[WF_RUN_start_by]) < now)
		end->state = WF_RUN_EXPIRED;
	else if (wf_run_request_has(row))
		end->state = WF_RUN_ABORTED;
	else
		wf_run_row_set(row, WF_RUN_begun, TimestampTzGetDatum(now));
	return end->state != WF_RUN_FINISHED;
}

/*
 * Call the command of a job for all of its runs that come first, of n; what became of
 * them.  Returns how many.
 */
static int
run_many(WfRunRow **rows, int n, TimestampTz now, WfRunEnd *ends)
{
	const WfJob *job = wf_job(wf_run_row_job(rows[0]));
	Datum	   *params = palloc(sizeof(Datum) * n);
	Jsonb	  **results = palloc(sizeof(Jsonb *) * n);
	WfUserContext bracket = {0};
	int			same = 0;
	int			ncalled = 0;

	for (; same < n && wf_run_row_job(rows[same]) == job->id; same++)
		if (!is_not_done(rows[same], now, &ends[same]))
			params[ncalled++] = rows[same]->values[WF_RUN_params];
	if (ncalled == 0)
		return same;
	wf_job_call_many(job, ncalled, params, results, job->timeout, &bracket);
	wf_user_context_leave(&bracket);
	for (int i = 0, called = 0; i < same; i++)
		if (ends[i].state == WF_RUN_FINISHED)
			ends[i].result = results[called++];
	return same;
}

/*
 * Call the command of a run; what became of it.  False: it waits, as its code has said.
 */
static bool
run(WfRunRow *row, TimestampTz now, WfRunEnd *end)
{
	const WfJob *job = wf_job(wf_run_row_job(row));
	Jsonb	   *info = job->takes_run ? wf_run_inside_describe(job, row) : NULL;
	WfUserContext bracket = {0};

	if (is_not_done(row, now, end))
		return true;
	wf_run_inside_begin(row, 0);
	end->result = wf_job_call_one(job, DatumGetJsonbP(row->values[WF_RUN_params]), info,
								  wf_run_rules_timeout(row, job), &bracket);
	wf_run_inside_end();
	wf_user_context_leave(&bracket);
	wf_run_inside_keep(row);
	if (wf_run_inside_parked() == NULL)
	{
		const pg_uuid_t *id = wf_run_row_id(row);

		if (wf_run_inside_saved())
			wf_checkpoint_forget(1, &id);
		return true;
	}
	wf_run_park(row, wf_run_inside_parked(), true);
	return false;
}

/* Do what was claimed; returns how many were done, the others are put back. */
static int
run_claimed(WfBatch *batch, const Claim *claim)
{
	WfRunEnd   *ends = palloc(sizeof(WfRunEnd) * claim->n);
	int			n = 0;
	int			nends = 0;

	wf_batch_limit_start(batch);
	while (n < claim->n && (n == 0 || !wf_batch_limit_is_up(batch)))
	{
		batch->position = n;
		batch->seq = wf_run_row_seq(claim->rows[n]);
		batch->run = *wf_run_row_id(claim->rows[n]);
		CHECK_FOR_INTERRUPTS();
		wf_under_way_begin(&batch->run);
		if (wf_job(wf_run_row_job(claim->rows[n]))->takes_many)
		{
			int			many = run_many(claim->rows + n, claim->n - n, GetCurrentTimestamp(), &ends[nends]);

			n += many;
			nends += many;
			continue;
		}
		nends += run(claim->rows[n], GetCurrentTimestamp(), &ends[nends]);
		n++;
	}
	batch->position = claim->n;
	batch->fitting = wf_batch_limit_fitting(batch, n);
	wf_run_over(nends, ends);
	wf_run_put_back(claim->n - n, claim->rows + n);
	return n;
}

/*
 * Claim up to `limit` runs of an owner that are due until `until`, and do them.  The
 * contract is that of wf_batch(), which see.
 */
int
wf_run_batch(WfBatch *batch, WfPosition mark, TimestampTz until, uint64 generation,
			 int limit, TimestampTz *next, int *done)
{
	Claim		claim = {.limit = limit,.next = DT_NOEND};

	*done = 0;
	batch->on_trial = false;
	wf_batch_limit_begin(batch);
	claim_due(&claim, batch, until);
	batch->claimed = claim.n;
	if (claim.tracked)
		batch->claimed = batch->position = 1;
	if (claim.n > 0)
	{
		batch->first = (WfPosition) {wf_run_row_due(claim.rows[0]), wf_run_row_seq(claim.rows[0])};
		batch->seq = batch->first.seq;
		batch->run = *wf_run_row_id(claim.rows[0]);
		*done = run_claimed(batch, &claim);
	}
	*next = claim.next;
	if (batch->lane != NULL)
		wf_wakeup_claimed(batch->owner, WF_LANE_RUNS, batch->claimed, generation,
						  WF_POSITION(claim.next), DT_NOEND);
	return batch->claimed;
}
