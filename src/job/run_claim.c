/*-------------------------------------------------------------------------
 *
 * run_claim.c
 *	  Runs that outside workers claim.
 *
 * Runs in the sessions of workers.  A claim walks through the places of a queue that
 * have runs which are due, most urgent ones first, and takes a share of each, so that a
 * partition with a million runs keeps no other from being served.  It begins among
 * those of one level where the session's last claim ended, or anywhere.
 *
 * Locks the runs, and skips those that are locked.  Permits are taken under the lock of
 * their run.  A run for which there are none stays locked until the transaction ends;
 * so it is asked before that whether there may be any.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "common/pg_prng.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "job/run_claim.h"
#include "job/run_over.h"
#include "job/run_fence.h"
#include "queue/run_permit.h"
#include "shmem/wakeup.h"
#include "store/run.h"
#include "store/run_scan.h"
#include "store/statement.h"

/* Outside workers, as run.executor. */
#define OUTSIDE			0

/* A claim looks at so many places; the next one of the session begins behind them. */
#define PLACES_MAX		4096

/* When permits are missing, we look again so soon (us): a gap may be over then. */
#define FULL_PAUSE		USECS_PER_SEC

/* No priority is higher. */
#define FIRST_LEVEL		(-2)

/* A place with runs that are due. */
typedef struct Ready
{
	WfRunPlace	place;
	WfRunHead	head;
	int			level;			/* with what it has gained by waiting */
	int			turn;			/* among those of a level */
	WfPosition	from;			/* what is before it was looked at */
	bool		done;			/* nothing else is to be had there */
} Ready;

/* A claim that is under way. */
typedef struct Claim
{
	const WfRunClaim *wanted;
	TimestampTz now;			/* what is due by then */
	WfRunScan  *scan;
	Ready	   *ready;
	int			nready;
	WfRunRow  **rows;
	int			n;
} Claim;

/* Where the last claim of this session ended. */
static WfRunPlace last_place;

/* --- places ---------------------------------------------------------------------- */

static bool
is_wanted(const WfRunClaim *wanted, int32 root)
{
	for (int i = 0; i < wanted->nroots; i++)
		if (wanted->roots[i] == root)
			return true;
	return wanted->nroots == 0;
}

/* Whoever waits gains a level each `ageing`; in order of due all are of one level. */
static int
level_of(const WfQueue *queue, const WfRunPlace *place, TimestampTz due, TimestampTz now)
{
	int64		gained = queue->ageing > 0 ? (now - due) / queue->ageing : 0;

	if (queue->ordered)
		return 0;
	return Max(place->level - (int) Min(gained, 2 * -FIRST_LEVEL), FIRST_LEVEL);
}

/*
 * Add the places between two that have runs which are due, behind the first and up to
 * the second.
 */
static void
find_between(Claim *claim, WfRunPlace place, const WfRunPlace *end)
{
	WfQueue		queue = *wf_queue(claim->wanted->queue);
	WfRunHead	head;

	while (claim->nready < PLACES_MAX && wf_run_scan_place(claim->scan, &place, &head) &&
		   place.queue == claim->wanted->queue && (end == NULL || !wf_run_scan_is_behind(&place, end)))
	{
		CHECK_FOR_INTERRUPTS();
		if (head.due > claim->now || !is_wanted(claim->wanted, place.root))
			continue;
		claim->ready[claim->nready] = (Ready) {
			.place = place,.head = head,
			.level = level_of(&queue, &place, head.due, claim->now),
			.turn = claim->nready,.from = WF_POSITION(DT_NOBEGIN)
		};
		claim->nready++;
	}
}

/* The most urgent first; of one level in turn, in an ordered queue what is due first. */
static int
compare_ready(const void *a, const void *b)
{
	const Ready *left = a;
	const Ready *right = b;

	if (left->level != right->level)
		return left->level < right->level ? -1 : 1;
	return left->turn - right->turn;
}

static int
compare_due(const void *a, const void *b)
{
	const Ready *left = a;
	const Ready *right = b;

	return left->head.due < right->head.due ? -1 : left->head.due > right->head.due;
}

/* Sessions that claim once each, in which no turn is remembered, must not all begin alike. */
static void
begin_anywhere(Claim *claim)
{
	int			first = claim->nready == 0 ? 0 :
		(int) pg_prng_uint64_range(&pg_global_prng_state, 0, claim->nready - 1);

	for (int i = 0; i < claim->nready; i++)
		claim->ready[i].turn = (i + claim->nready - first) % claim->nready;
}

/* Find the places that are ready, in the order in which they are served. */
static void
find_ready(Claim *claim)
{
	int32		queue = claim->wanted->queue;

	claim->ready = palloc(sizeof(Ready) * PLACES_MAX);
	if (last_place.queue == queue)
	{
		find_between(claim, last_place, NULL);
		find_between(claim, WF_RUN_FIRST_PLACE_OF_QUEUE(OUTSIDE, queue), &last_place);
	}
	else
	{
		find_between(claim, WF_RUN_FIRST_PLACE_OF_QUEUE(OUTSIDE, queue), NULL);
		begin_anywhere(claim);
	}
	qsort(claim->ready, claim->nready, sizeof(Ready),
		  wf_queue(queue)->ordered ? compare_due : compare_ready);
}

/* --- one run ---------------------------------------------------------------------- */

/* What a run of this version of a job takes in a place. */
static void
permits_of(int32 job, const WfRunPlace *place, WfRunPermit *permit)
{
	wf_run_permit_of(place->queue, place->part, wf_job(job)->limits, permit);
}

static bool
is_late(const WfRunRow *row, TimestampTz now)
{
	return !row->nulls[WF_RUN_start_by] && DatumGetTimestampTz(row->values[WF_RUN_start_by]) < now;
}

/* A run that is locked was not started in time. */
static void
expire(WfRunRow *row)
{
	WfRunEnd	end = {.row = row,.state = WF_RUN_EXPIRED};

	wf_run_delete(row);
	wf_run_over(1, &end);
}

/* The worker has a run that is locked, and for which permits were taken. */
static void
give(Claim *claim, WfRunRow *row)
{
	const WfRunClaim *wanted = claim->wanted;

	wf_run_fence_claim(row, wf_run_fence_make(), wf_clock_now());
	wf_run_row_set(row, WF_RUN_worker, CStringGetTextDatum(wanted->worker));
	if (wanted->actor != NULL)
		wf_run_row_set(row, WF_RUN_actor, CStringGetTextDatum(wanted->actor));
	wf_run_fence_lease(row, wanted->lease);
	wf_run_update(row);
	claim->rows[claim->n++] = wf_run_row_copy(row);
}

/* What becomes of a run of the place that was found.  False: no more of the place. */
static bool
take(Claim *claim, const WfRunRow *found)
{
	WfRunRow	row;
	WfRunPermit permit;
	TimestampTz retry_at = DT_NOEND;

	if (!wf_run_lock(wf_run_row_id(found), false, &row) ||
		DatumGetInt16(row.values[WF_RUN_state]) != WF_RUN_WAITING ||
		!DatumGetBool(row.values[WF_RUN_ready]))
		return true;
	if (is_late(&row, claim->now))
	{
		expire(&row);
		return true;
	}
	permits_of(wf_run_row_job(&row), &(WfRunPlace) {
		.queue = claim->wanted->queue,.part = DatumGetInt64(row.values[WF_RUN_part])
	}, &permit);
	if (!wf_run_permit_take(&permit, OUTSIDE, WF_PERMIT_FOR_RUN, &retry_at))
		return false;
	give(claim, &row);
	return true;
}

/* --- all of them ------------------------------------------------------------------- */

/* What is claimed of one place; up to `share` runs. */
static void
claim_place(Claim *claim, Ready *ready, int share)
{
	int			until = Min(claim->n + share, claim->wanted->n);
	WfRunPermit permit;
	WfRunRow	found;

	permits_of(ready->head.job, &ready->place, &permit);
	ready->done = !wf_run_permit_is_free(&permit, NULL);
	wf_run_scan_begin(claim->scan, &ready->place, ready->from, claim->now);
	while (claim->n < until && !ready->done)
	{
		CHECK_FOR_INTERRUPTS();
		if (!wf_run_scan_next(claim->scan, &found))
		{
			ready->done = true;
			break;
		}
		ready->from = (WfPosition) {wf_run_row_due(&found), wf_run_row_seq(&found) + 1};
		ready->done = !take(claim, &found);
	}
	last_place = ready->place;
}

/* A round through the places from this one on that are of its level. */
static void
claim_round(Claim *claim, int first, int n)
{
	int			left = n;

	for (int i = first; i < first + n; i++, left--)
	{
		int			share = (claim->wanted->n - claim->n) / left;

		if (claim->n == claim->wanted->n)
			return;
		if (!claim->ready[i].done)
			claim_place(claim, &claim->ready[i], Max(share, 1));
	}
}

/* Rounds through the places of one level, until nothing more comes of them. */
static void
claim_level(Claim *claim, int first, int n)
{
	int			before;

	do
	{
		before = claim->n;
		claim_round(claim, first, n);
	} while (claim->n > before && claim->n < claim->wanted->n);
}

/*
 * Claim runs of a queue, that are due and free, for an outside worker.  Returns how
 * many, and their rows as they are now.  The caller has checked rights.  SPI must be
 * connected.
 */
int
wf_run_claim(const WfRunClaim *wanted, WfRunRow ***rows)
{
	Claim		claim = {.wanted = wanted,.now = wf_clock_now()};

	if (wf_queue(wanted->queue)->paused)
		return 0;
	wf_statement_push_snapshot();
	claim.scan = wf_run_scan_open();
	claim.rows = palloc(sizeof(WfRunRow *) * wanted->n);
	find_ready(&claim);
	for (int first = 0, n; first < claim.nready; first += n)
	{
		for (n = 1; first + n < claim.nready && claim.ready[first + n].level == claim.ready[first].level;)
			n++;
		claim_level(&claim, first, n);
	}
	wf_run_scan_close(claim.scan);
	PopActiveSnapshot();
	*rows = claim.rows;
	if (claim.n > 0)
	{
		wf_wakeup_claiming();
		ForceSyncCommit();		/* whoever is told of it is at it from now on */
	}
	return claim.n;
}

/*
 * Is there anything to be claimed in a queue?  If not, *next becomes when that may be
 * without anybody telling; infinity: never.  SPI must be connected.
 */
bool
wf_run_claim_is_ready(int32 queue, TimestampTz *next)
{
	WfRunPlace	place = WF_RUN_FIRST_PLACE_OF_QUEUE(OUTSIDE, queue);
	WfRunScan  *scan;
	WfRunHead	head;
	TimestampTz now = wf_clock_now();
	bool		ready = false;

	*next = DT_NOEND;
	if (wf_queue(queue)->paused)
		return false;
	wf_statement_push_snapshot();
	scan = wf_run_scan_open();
	for (int i = 0; !ready && i < PLACES_MAX && wf_run_scan_place(scan, &place, &head) && place.queue == queue; i++)
	{
		WfRunPermit permit;

		CHECK_FOR_INTERRUPTS();
		if (head.due > now)
		{
			*next = Min(*next, head.due);
			continue;
		}
		permits_of(head.job, &place, &permit);
		ready = wf_run_permit_is_free(&permit, NULL);
		if (!ready)
			*next = Min(*next, now + FULL_PAUSE);
	}
	wf_run_scan_close(scan);
	PopActiveSnapshot();
	return ready;
}
