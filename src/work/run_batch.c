/*-------------------------------------------------------------------------
 *
 * run_batch.c
 *	  One batch of due runs of one owner, in the present transaction.
 *
 * Runs in executors.  What is claimed here is done here: a run is deleted, its
 * command called, and what became of it kept, in one transaction.  What fails is
 * thrown, and bisect.c's to deal with: what was claimed is free again then.
 *
 * Which runs come next, run/run_serve.c says.  The permits that they need are taken
 * before their rows are, and held until the batch ends.
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
#include "cluster/local_member.h"
#include "cluster/member_load.h"
#include "eval/user_context.h"
#include "job/job.h"
#include "job/job_call.h"
#include "job/job_restorer.h"
#include "queue/run_permit.h"
#include "run/run_floor.h"
#include "run/run_inside.h"
#include "run/run_late.h"
#include "run/run_over.h"
#include "run/run_rules.h"
#include "run/run_serve.h"
#include "schedule/schedule_make.h"
#include "shmem/slot.h"
#include "shmem/under_way.h"
#include "shmem/wakeup.h"
#include "shmem/watermark.h"
#include "store/checkpoint.h"
#include "store/run.h"
#include "store/run_request.h"
#include "store/statement.h"
#include "store/timer_claim.h"
#include "store/tenant.h"
#include "work/batch_limit.h"
#include "work/run_batch.h"
#include "work/tracked.h"

/* What is claimed, as it is found. */
typedef struct Claim
{
	WfBatch    *batch;
	WfRunWriter *writer;		/* NULL: nothing was taken yet */
	WfRunRow  **rows;
	int			n;
	int			limit;
	Size		bytes;			/* of parameters, as they will be in memory */
	int32		queue;			/* of the place that is being claimed, */
	int64		part;
	int32		job;
	WfRunPermit permit;			/* and what its runs take */
	bool		alone;			/* that place, and no other one, */
	bool		single;			/* or even one run of it; */
	bool		tracked;		/* that one, which is done afterwards */
	bool		rated;			/* some of them count for rates */
	bool		spared;			/* this server has the role "interface" */
	TimestampTz at;				/* when it was claimed */
	TimestampTz next;			/* when what was not claimed is due first */
} Claim;

/* --- claiming -------------------------------------------------------------- */

/* For run_serve.c: is there no room for more? */
static bool
is_full(void *taker)
{
	const Claim *claim = taker;

	return claim->n >= claim->limit || claim->bytes >= WF_CLAIM_MEMORY || claim->tracked ||
		(claim->single && claim->n > 0);
}

static bool
is_tracked(int32 job)
{
	return wf_job(job)->mode == WF_JOB_TRACKED;
}

/* From now on runs of this place are claimed. */
static void
turn_to(Claim *claim, int32 queue, int64 part, int32 job)
{
	if (claim->queue == queue && claim->part == part && claim->job == job)
		return;
	claim->queue = queue;
	claim->part = part;
	claim->job = job;
	wf_run_permit_of(queue, part, wf_job(job)->limits, NULL, &claim->permit);
	claim->rated = claim->rated || claim->permit.rated;
}

/* Is even one run of the place enough?  A restorer must not wait for what another one thinks. */
static bool
wants_one(const Claim *claim)
{
	return wf_queue(claim->queue)->min_gap > 0 || wf_job_restorer_is(wf_job(claim->job));
}

/* Is nothing else to be claimed with runs of the place for which we have just asked? */
static bool
wants_to_be_alone(const Claim *claim)
{
	return claim->permit.nlimits > 0 || is_tracked(claim->job) || wants_one(claim);
}

/* Does whoever asks for a batch by hand want what is in this place? */
static bool
is_wanted(const WfBatch *batch, const WfRunPlace *place, int32 job)
{
	if (batch->queue != 0 && place->queue != batch->queue)
		return false;
	return !batch->by_hand || !is_tracked(job);
}

/*
 * For run_serve.c: take what the runs of a place need, for this transaction: they are
 * done one after the other.  What others wait for, a named limit or a gap, is not kept
 * while runs are done that do not need it.
 */
static bool
may(void *taker, const WfRunPlace *place, int32 job)
{
	Claim	   *claim = taker;
	TimestampTz retry_at = DT_NOEND;

	if (!is_wanted(claim->batch, place, job) || (claim->spared && is_tracked(job)))
		return false;
	turn_to(claim, place->queue, place->part, job);
	if (claim->alone || (claim->n > 0 && wants_to_be_alone(claim)))
	{
		claim->next = DT_NOBEGIN;
		return false;
	}
	if (!wf_run_permit_take(&claim->permit, claim->batch->owner,
							is_tracked(job) ? WF_PERMIT_TO_ASK : WF_PERMIT_FOR_TRANSACTION, &retry_at))
	{
		claim->next = Min(claim->next, wf_clock_at(retry_at));
		return false;
	}
	claim->alone = wants_to_be_alone(claim);
	claim->single = wants_one(claim);
	return true;
}

/* Was it lost before, perhaps for what it does? */
static bool
is_suspect(const WfRunRow *row)
{
	return DatumGetInt16(row->values[WF_RUN_losses]) > 0;
}

/* Then it has to wait for its trial. */
static bool
may_try(WfBatch *batch, const WfRunRow *row)
{
	if (!is_suspect(row) || batch->on_trial || wf_my_slot == NULL)
		return true;
	batch->on_trial = wf_slot_trial_begin();
	return batch->on_trial;
}

/* Another version of the job may be done in another way, or take something else. */
static bool
is_alike(const Claim *claim, const WfRunRow *row)
{
	int32		job = wf_run_row_job(row);

	return job == claim->job || (!is_tracked(job) && !is_tracked(claim->job) &&
								 wf_job(job)->limits == NULL && claim->permit.nlimits == 0);
}

/*
 * Claim one run whose job is tracked: it is done when this transaction has committed,
 * and nothing else is done in it.
 */
static WfRunServed
take_tracked(Claim *claim, const WfRunRow *found)
{
	TimestampTz retry_at = DT_NOEND;
	WfRunRow	row;

	if (!wf_run_lock(wf_run_row_id(found), false, &row) ||
		DatumGetInt16(row.values[WF_RUN_state]) != WF_RUN_WAITING ||
		!DatumGetBool(row.values[WF_RUN_ready]))
		return WF_RUN_LEFT;
	if (wf_run_late_is(&row, claim->at))
	{
		wf_run_late_expire(&row);
		return WF_RUN_GONE;
	}
	if (!wf_run_permit_take(&claim->permit, claim->batch->owner, WF_PERMIT_FOR_RUN, &retry_at))
	{
		claim->next = Min(claim->next, wf_clock_at(retry_at));
		return WF_RUN_NO_MORE;
	}
	wf_tracked_claim(&row, &claim->permit);
	claim->tracked = true;
	return WF_RUN_TAKEN;
}

/*
 * Is it among what a server does not do that serves calls: what takes long, or comes by
 * itself?  Steps, and runs that somebody has asked for, it does, for nobody else could.
 */
static bool
is_kept(const Claim *claim, const WfRunRow *row)
{
	return claim->spared &&
		(is_tracked(wf_run_row_job(row)) || wf_schedule_make_made(row));
}

static void
add(Claim *claim, const WfRunRow *row)
{
	claim->bytes += toast_raw_datum_size(row->values[WF_RUN_params]);
	claim->rows[claim->n++] = wf_run_row_copy(row);
}

/* For run_serve.c: what becomes of a run that was found. */
static WfRunServed
take(void *taker, int32 job, WfRunRow *row)
{
	Claim	   *claim = taker;
	TimestampTz retry_at = DT_NOEND;

	turn_to(claim, DatumGetInt32(row->values[WF_RUN_queue]), DatumGetInt64(row->values[WF_RUN_part]), job);
	if (!is_alike(claim, row))
	{
		claim->next = DT_NOBEGIN;
		return WF_RUN_NO_MORE;
	}
	if (is_kept(claim, row))
		return WF_RUN_KEPT;
	if (is_tracked(claim->job))
		return take_tracked(claim, row);
	if (!may_try(claim->batch, row))
		return WF_RUN_LEFT;
	if (!wf_run_permit_spend(&claim->permit, &retry_at))
	{
		claim->next = Min(claim->next, wf_clock_at(retry_at));
		return WF_RUN_NO_MORE;
	}
	if (claim->writer == NULL)
		claim->writer = wf_run_writer();
	if (!wf_run_take(claim->writer, row))
	{
		wf_run_permit_unspend(&claim->permit);
		return WF_RUN_LEFT;
	}
	add(claim, row);
	return WF_RUN_TAKEN;
}

/* Claim what is due until then. */
static void
claim_due(Claim *claim, TimestampTz until)
{
	WfRunReadyAsk ask = {.executor = claim->batch->owner,.until = until,.wanted = claim->limit};
	WfRunServe	serve = {
		.may = may,.take = take,.is_full = is_full,.taker = claim
	};

	wf_member_load_if_changed();
	claim->at = GetCurrentTimestamp();
	claim->spared = !claim->batch->by_hand && wf_local_member_role() == WF_MEMBER_INTERFACE;
	claim->rows = palloc(sizeof(WfRunRow *) * claim->limit);
	wf_run_floor_begin(ask.executor);
	wf_statement_push_snapshot();
	(void) wf_run_serve(&ask, &serve, &claim->next);
	if (claim->writer != NULL)
		wf_run_writer_end(claim->writer);
	PopActiveSnapshot();
	if (claim->next == DT_NOBEGIN)
		claim->next = until;
	if (claim->n > 0)
		wf_wakeup_claiming();
}

/* --- running --------------------------------------------------------------- */

/* Is a run not to be done any more?  Otherwise it begins, and finishes, if all goes well. */
static bool
is_not_done(WfRunRow *row, TimestampTz now, WfRunEnd *end)
{
	*end = (WfRunEnd) {.row = row,.state = WF_RUN_FINISHED};
	if (wf_run_late_is(row, now))
		end->state = WF_RUN_EXPIRED;
	else if (wf_run_request_is_unwanted(row))
		end->state = WF_RUN_ABORTED;
	else
		wf_run_row_set(row, WF_RUN_begun, TimestampTzGetDatum(now));
	return end->state != WF_RUN_FINISHED;
}

/*
 * How many of these n runs does one call of their command take: those of the same job,
 * and for the same tenant, that come first.  What may crash the server is called alone.
 */
static int
group(WfRunRow **rows, int n)
{
	int			job = wf_run_row_job(rows[0]);
	Datum		tenant = wf_run_row_tenant(rows[0]);
	int			same = 1;

	if (is_suspect(rows[0]) || (wf_my_slot != NULL && wf_lane_is_apart(wf_my_slot->lane)))
		return 1;
	while (same < n && !is_suspect(rows[same]) && wf_run_row_job(rows[same]) == job &&
		   wf_tenant_same(wf_run_row_tenant(rows[same]), tenant))
		same++;
	return same;
}

/* The span in which its code runs; empty: none. */
static const char *
span_of(const WfRunRow *row)
{
	const char *span = wf_run_row_span(row);

	return span == NULL ? "" : span;
}

/*
 * Call the command of a job for all of its runs that come first, of n; what became of
 * them.  Returns how many.  What is done for several at once is in the span of none of them.
 */
static int
run_many(WfRunRow **rows, int n, TimestampTz now, WfRunEnd *ends)
{
	const WfJob *job = wf_job(wf_run_row_job(rows[0]));
	Datum	   *params = palloc(sizeof(Datum) * n);
	Jsonb	  **results = palloc(sizeof(Jsonb *) * n);
	int			same = group(rows, n);
	WfUserContext bracket = {.tenant = wf_tenant_name(wf_run_row_tenant(rows[0])),
	.trace = same == 1 ? span_of(rows[0]) : ""};
	int			ncalled = 0;
	int64		took;

	for (int i = 0; i < same; i++)
		if (!is_not_done(rows[i], now, &ends[i]))
			params[ncalled++] = rows[i]->values[WF_RUN_params];
	if (ncalled == 0)
		return same;
	wf_job_call_many(job, ncalled, params, results, job->timeout, &bracket);
	wf_user_context_leave(&bracket);
	took = GetCurrentTimestamp() - now;
	for (int i = 0, called = 0; i < same; i++)
		if (ends[i].state == WF_RUN_FINISHED)
		{
			ends[i].result = results[called++];
			ends[i].took = Max(took / ncalled, 1);
		}
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
	WfUserContext bracket = {.tenant = wf_tenant_name(wf_run_row_tenant(row)),.trace = span_of(row)};

	if (is_not_done(row, now, end))
		return true;
	wf_run_inside_begin(row, 0);
	end->result = wf_job_call_one(job, DatumGetJsonbP(row->values[WF_RUN_params]), info,
								  wf_run_rules_timeout(row, job), &bracket);
	wf_run_inside_end();
	wf_user_context_leave(&bracket);
	end->took = Max(GetCurrentTimestamp() - now, 1);
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

/* Those from the n-th on were not done: they are as if they had not been claimed. */
static void
put_back(Claim *claim, int n)
{
	for (int i = n; i < claim->n && claim->rated; i++)
	{
		const WfRunRow *row = claim->rows[i];

		turn_to(claim, DatumGetInt32(row->values[WF_RUN_queue]), DatumGetInt64(row->values[WF_RUN_part]),
				wf_run_row_job(row));
		wf_run_permit_unspend(&claim->permit);
	}
	wf_run_put_back(claim->n - n, claim->rows + n);
}

/* For rates, the n-th run begins now. */
static void
begin(Claim *claim, int n, TimestampTz now)
{
	const WfRunRow *row = claim->rows[n];

	if (!claim->rated)
		return;
	turn_to(claim, DatumGetInt32(row->values[WF_RUN_queue]), DatumGetInt64(row->values[WF_RUN_part]),
			wf_run_row_job(row));
	wf_run_permit_begin(&claim->permit, claim->at, now);
}

/* Do what was claimed; returns how many were done, the others are put back. */
static int
run_claimed(WfBatch *batch, Claim *claim)
{
	WfRunEnd   *ends = palloc(sizeof(WfRunEnd) * claim->n);
	int			n = 0;
	int			nends = 0;
	bool		done;

	wf_batch_limit_start(batch);
	while (n < claim->n && (n == 0 || !wf_batch_limit_is_up(batch)))
	{
		TimestampTz now = GetCurrentTimestamp();

		CHECK_FOR_INTERRUPTS();
		batch->position = n;
		batch->seq = wf_run_row_seq(claim->rows[n]);
		batch->run = *wf_run_row_id(claim->rows[n]);
		begin(claim, n, now);
		wf_under_way_begin(&batch->run);
		wf_slot_run(wf_run_row_job(claim->rows[n]), &batch->run, now);
		if (wf_job(wf_run_row_job(claim->rows[n]))->takes_many)
		{
			int			many = run_many(claim->rows + n, claim->n - n, now, &ends[nends]);

			n += many;
			nends += many;
			continue;
		}
		done = run(claim->rows[n], now, &ends[nends]);
		if (claim->rated)
			wf_run_permit_begun(&claim->permit, now);
		nends += done;
		n++;
		/* one that waits, of an ordered queue, holds those behind it */
		if (!done && DatumGetBool(claim->rows[n - 1]->values[WF_RUN_ordered]))
			break;
	}
	batch->position = claim->n;
	batch->fitting = wf_batch_limit_fitting(batch, n);
	wf_run_over(nends, ends);
	put_back(claim, n);
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
	Claim		claim = {.batch = batch,.limit = limit,.next = DT_NOEND};

	*done = 0;
	batch->on_trial = false;
	wf_batch_limit_begin(batch);
	claim_due(&claim, until);
	/*
	 * What is due, if anything, waits for permits, of which we are told.  Who has
	 * claimed something looks once more: he may put some of it back.
	 */
	if (batch->lane != NULL && claim.n == 0 && !claim.tracked && claim.next > until)
		wf_watermark_looked(batch->lane, generation);
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
