/*-------------------------------------------------------------------------
 *
 * run_ready.c
 *	  Places with runs that are due: which there are.
 *
 * Runs in executors and in the sessions of outside workers, and locks nothing.  Of
 * each level of each queue the runs that are due are read in order of due, a few of
 * them, from where they begin (run_floor.c).  If those are all, their places are all there are, however many others have
 * runs that are due later.  Otherwise the places are walked through one by one,
 * however many runs each has; where there are many places, the next look goes on
 * behind where this one has stopped.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/timestamp.h"

#include "job/job.h"
#include "queue/queue.h"
#include "run/run_floor.h"
#include "run/run_ready.h"
#include "shmem/watermark.h"
#include "store/tenant.h"

/* So many runs of a level of a queue are read one by one. */
#define READ_MAX		64

/* A look finds so many places at most, and reads so many levels of queues. */
#define LANES_MAX		4096
#define LARGE_MAX		1024

/* Where the last walk of this process has stopped. */
static WfRunPlace stopped_at;

/* --- lanes ------------------------------------------------------------------- */

/* May runs of this job be among those that are looked for? */
static bool
is_wanted_job(const WfRunReadyAsk *ask, int32 root)
{
	for (int i = 0; i < ask->njobs; i++)
		if (ask->jobs[i].root == root)
			return true;
	return ask->njobs == 0;
}

/* Is a run, by its job and version and tenant, among those that are looked for? */
bool
wf_run_ready_is_wanted(const WfRunReadyAsk *ask, const WfRunRow *row)
{
	int32		root = DatumGetInt32(row->values[WF_RUN_root]);

	if (!wf_tenant_reaches(ask->tenant, wf_run_row_tenant(row)))
		return false;
	for (int i = 0; i < ask->njobs; i++)
	{
		const WfRunReadyJob *wanted = &ask->jobs[i];
		int			version;

		if (wanted->root != root)
			continue;
		version = wf_job(wf_run_row_job(row))->version;
		if (version >= wanted->from && version <= wanted->to)
			return true;
	}
	return ask->njobs == 0;
}

/*
 * The level of a lane, by its first run: who waits gains one each `ageing`, from when
 * the run was due, up to the most urgent.  In ordered queues all are alike.
 */
int
wf_run_ready_level(const WfRunLane *lane, TimestampTz now)
{
	int			level = WF_RUN_URGENCY(lane->place.level);
	int			most = level - WF_RUN_FIRST_LEVEL;
	int64		gained;

	if (lane->ordered)
		return 0;
	if (lane->ageing == 0 || lane->head.due >= now)
		return level;
	gained = (now - lane->head.due) / lane->ageing;
	return level - (int) Min(gained, most);
}

static void
add(WfRunReady *ready, const WfRunPlace *place, int32 job, WfPosition head)
{
	const WfQueue *queue;

	if (!is_wanted_job(ready->ask, place->root))
		return;
	/* what was handed over follows its job to other executors */
	if (ready->ask->executor != 0 && wf_job(job)->owner != ready->ask->executor)
		return;
	queue = wf_queue(place->queue);
	ready->lanes[ready->n++] = (WfRunLane) {
		.place = *place,.job = job,.head = head,.ageing = queue->ageing,.ordered = queue->ordered,
		.fair = queue->fair,.weight = wf_queue_weight(queue, place->part)
	};
}

static int
compare_lanes(const void *a, const void *b)
{
	const WfRunLane *left = a;
	const WfRunLane *right = b;

	if (wf_run_scan_is_behind(&left->place, &right->place))
		return 1;
	if (wf_run_scan_is_behind(&right->place, &left->place))
		return -1;
	return wf_position_before(left->head, right->head) ? -1 : 1;
}

/* Each place once, with its first run. */
static void
unite(WfRunReady *ready)
{
	int			n = 0;

	qsort(ready->lanes, ready->n, sizeof(WfRunLane), compare_lanes);
	for (int i = 0; i < ready->n; i++)
		if (n == 0 || wf_run_scan_is_behind(&ready->lanes[i].place, &ready->lanes[n - 1].place))
			ready->lanes[n++] = ready->lanes[i];
	ready->n = n;
}

/* --- run by run ---------------------------------------------------------------- */

static WfRunPlace
place_of(const WfRunRow *row, const WfRunPlace *level)
{
	WfRunPlace	place = *level;

	place.root = DatumGetInt32(row->values[WF_RUN_root]);
	place.part = DatumGetInt64(row->values[WF_RUN_part]);
	return place;
}

static WfPosition
position_of(const WfRunRow *row)
{
	return (WfPosition) {wf_run_row_due(row), wf_run_row_seq(row)};
}

/*
 * Add the places of the first runs of a level, from where they begin.  False: there are
 * more that are due.
 */
static bool
read_from(WfRunReady *ready, const WfRunPlace *level, WfPosition from)
{
	WfRunPlace	last = *level;
	WfPosition	first = WF_RUN_FLOOR_NOTHING;
	bool		more = false;
	WfRunRow	row;

	wf_run_scan_begin_level(ready->by_due, level, from);
	for (int i = 0; wf_run_scan_next(ready->by_due, &row); i++)
	{
		WfRunPlace	place = place_of(&row, level);

		if (i == 0)
			first = position_of(&row);
		more = i == READ_MAX || ready->n == LANES_MAX;
		if (wf_run_row_due(&row) > ready->ask->until)
		{
			ready->next = Min(ready->next, wf_run_row_due(&row));
			more = false;
			break;
		}
		if (more)
			break;
		if (wf_run_scan_is_behind(&place, &last) || wf_run_scan_is_behind(&last, &place))
			add(ready, &place, wf_run_row_job(&row), position_of(&row));
		last = place;
	}
	wf_run_floor_set(level, first);
	return !more;
}

static bool
read_level(WfRunReady *ready, const WfRunPlace *level)
{
	WfPosition	from = wf_run_floor_of(level);

	return from.due == DT_NOEND || read_from(ready, level, from);
}

/*
 * The level behind this one: the next that we know of, or one before that which has come
 * newly, or has come to nothing.
 */
static bool
find_level(WfRunReady *ready, WfRunPlace *level)
{
	const WfRunReadyAsk *ask = ready->ask;
	WfRunPlace	next = ask->queue == 0 ? WF_RUN_LAST_PLACE(ask->executor) :
		WF_RUN_LAST_PLACE_OF_QUEUE(ask->executor, ask->queue);
	WfRunPlace	known;
	bool		knows = wf_run_floor_next(level, &known) && !wf_run_scan_is_behind(&known, &next);

	if (wf_run_scan_level(ready->by_due, level, knows ? &known : &next))
		return true;
	if (knows)
		*level = known;
	return knows;
}

/*
 * Is the queue of a level not paused, nor placed elsewhere?  If it is, the level becomes the last
 * one of which that can be said.
 */
static bool
is_open(const WfRunReadyAsk *ask, WfRunPlace *level)
{
	const WfQueue *queue = wf_queue(level->queue);
	const WfPlacementAsker asker = {
		.outside = ask->executor == 0,.member = ask->member,.passed = WF_RUN_PASSED(level->level)
	};

	if (!queue->paused && wf_placement_is_for(&queue->placement, &asker))
		return true;
	level->level = queue->paused ? PG_INT16_MAX : WF_RUN_LAST_OF_PASSED(level->level);
	return false;
}

/* The level to be read behind this one, of a queue that is open. */
static bool
next_level(WfRunReady *ready, WfRunPlace *level)
{
	while (find_level(ready, level))
		if (is_open(ready->ask, level))
			return true;
	return false;
}

static void
read_levels(WfRunReady *ready)
{
	const WfRunReadyAsk *ask = ready->ask;
	WfRunPlace	level = ask->queue == 0 ? WF_RUN_FIRST_PLACE(ask->executor) :
		WF_RUN_FIRST_PLACE_OF_QUEUE(ask->executor, ask->queue);

	while (next_level(ready, &level))
	{
		CHECK_FOR_INTERRUPTS();
		if (read_level(ready, &level))
			continue;
		ready->more = true;
		if (ready->nlarge < LARGE_MAX)
			ready->large[ready->nlarge++] = WF_RUN_FIRST_PLACE_OF_LEVEL(ask->executor, level.queue,
																		 level.level);
	}
}

/* --- place by place -------------------------------------------------------------- */

static bool
is_of_level(const WfRunPlace *place, const WfRunPlace *level)
{
	return place->queue == level->queue && place->level == level->level;
}

/* The first of the places that were read, which are in order, behind this one; or NULL. */
static const WfRunPlace *
next_read(const WfRunReady *ready, const WfRunPlace *place)
{
	int			low = 0;
	int			high = ready->nread;

	while (low < high)
	{
		int			middle = (low + high) / 2;

		if (wf_run_scan_is_behind(&ready->lanes[middle].place, place))
			high = middle;
		else
			low = middle + 1;
	}
	return low < ready->nread ? &ready->lanes[low].place : NULL;
}

/* Add a place of a level that was not read, unless no run of it may be seen. */
static void
add_found(WfRunReady *ready, const WfRunPlace *place, WfRunRow *row, bool seen)
{
	if (!seen)
	{
		wf_run_scan_begin(ready->by_place, place, wf_run_floor_of(place), DT_NOEND);
		if (!wf_run_scan_next(ready->by_place, row))
			return;
	}
	if (wf_run_row_due(row) > ready->ask->until)
		ready->next = Min(ready->next, wf_run_row_due(row));
	else
		add(ready, place, wf_run_row_job(row), position_of(row));
}

/*
 * Go on with a large level, up to where the walk began if it has come round.  False:
 * there is no room for more.
 */
static bool
walk_level(WfRunReady *ready, const WfRunPlace *level)
{
	WfRunPlace	place = wf_run_scan_is_behind(level, &ready->at) ? *level : ready->at;
	WfRunPlace	end = WF_RUN_LAST_PLACE_OF_LEVEL(level->executor, level->queue, level->level);

	for (;;)
	{
		const WfRunPlace *read = next_read(ready, &place);
		bool		is_read = read != NULL && !wf_run_scan_is_behind(read, &end);
		WfRunRow	row;
		bool		seen;
		bool		found = wf_run_scan_place(ready->by_place, &place, is_read ? read : &end, &row, &seen);

		CHECK_FOR_INTERRUPTS();
		if (!found && !is_read)
			return true;
		if (!found)
			place = *read;
		if (ready->wrapped && wf_run_scan_is_behind(&place, &ready->start))
			return true;
		ready->at = place;
		if (found)
			add_found(ready, &place, &row, seen);
		if (ready->n >= ready->enough)
			return false;
	}
}

/* Has the walk left a level behind, or will it come round before that? */
static bool
is_passed(const WfRunReady *ready, const WfRunPlace *level)
{
	if (ready->wrapped && wf_run_scan_is_behind(level, &ready->start))
		return true;
	return !is_of_level(&ready->at, level) && wf_run_scan_is_behind(&ready->at, level);
}

/* Go on with the large levels.  False: there is no room for more. */
static bool
walk(WfRunReady *ready)
{
	for (;;)
	{
		for (int i = 0; i < ready->nlarge; i++)
			if (!is_passed(ready, &ready->large[i]) && !walk_level(ready, &ready->large[i]))
				return false;
		if (ready->wrapped)
			return true;
		ready->wrapped = true;
		ready->at = WF_RUN_FIRST_PLACE(ready->ask->executor);
	}
}

/* --- a look ------------------------------------------------------------------------ */

/*
 * Begin a look under the active snapshot, which stays until it ends, and was taken after
 * wf_run_floor_begin().  SPI must be connected.
 */
WfRunReady *
wf_run_ready_begin(const WfRunReadyAsk *ask)
{
	WfRunReady *ready = palloc0(sizeof(WfRunReady));

	ready->ask = ask;
	ready->by_due = wf_run_scan_open(WF_RUN_BY_DUE);
	ready->lanes = palloc(sizeof(WfRunLane) * (LANES_MAX + READ_MAX));
	ready->large = palloc(sizeof(WfRunPlace) * LARGE_MAX);
	ready->next = DT_NOEND;
	return ready;
}

static void
begin_walk(WfRunReady *ready)
{
	const WfRunReadyAsk *ask = ready->ask;

	ready->by_place = wf_run_scan_open(WF_RUN_BY_PLACE);
	ready->start = WF_RUN_FIRST_PLACE(ask->executor);
	if (stopped_at.executor == ask->executor)
		ready->start = stopped_at;
	ready->at = ready->start;
}

/*
 * Find places, at first, or behind those that were found before.  False: there are no
 * others.
 */
bool
wf_run_ready_find(WfRunReady *ready)
{
	ready->n = ready->nread = 0;
	if (ready->by_place == NULL)
	{
		read_levels(ready);
		unite(ready);
		ready->nread = ready->n;
		begin_walk(ready);
	}
	else if (!ready->more)
		return false;
	ready->enough = Min(ready->n + Max(ready->ask->wanted, READ_MAX), LANES_MAX);
	ready->more = ready->nlarge > 0 && !walk(ready);
	if (ready->more)
		stopped_at = ready->at;
	unite(ready);
	return ready->n > 0;
}

/* An error ends it, too. */
void
wf_run_ready_end(WfRunReady *ready)
{
	wf_run_scan_close(ready->by_due);
	if (ready->by_place != NULL)
		wf_run_scan_close(ready->by_place);
	pfree(ready->lanes);
	pfree(ready->large);
	pfree(ready);
}
