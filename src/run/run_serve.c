/*-------------------------------------------------------------------------
 *
 * run_serve.c
 *	  In which order runs that are due are served.
 *
 * Runs in executors and in the sessions of outside workers; the callbacks lock what
 * they take.  The most urgent level comes first.  Of one level partitions take turns,
 * each by its weight: one that has had more than its share comes behind the others,
 * also from one call to the next.  Of one partition, whatever jobs they are of, runs
 * come in the order in which they are due; in a queue that is not fair all partitions
 * are one.  In a queue that is ordered there is only the order of run_turn.c.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/pg_prng.h"
#include "lib/binaryheap.h"
#include "miscadmin.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "job/job.h"
#include "queue/run_permit.h"
#include "run/run_serve.h"
#include "run/run_turn.h"
#include "shmem/watermark.h"

/* Turns of so many partitions are remembered. */
#define TURNS_MAX		10000

/* Whose runs were not seen for so long had nothing to do (us). */
#define IDLE_TIME		(10 * USECS_PER_SEC)

/* Who can leave no word looks again so soon (ms). */
#define NO_WORD_PAUSE	100

/* Whose turn it is: a partition, or a queue that is not fair. */
typedef struct TurnKey
{
	int64		part;
	int32		queue;
	int32		padding;
} TurnKey;

/*
 * What it has had, each run counted as 1 divided by the weight.  What a call adds
 * counts from the next one on, unless that was rolled back: a batch that fails is
 * worked again in the same order.
 */
typedef struct Turn
{
	TurnKey		key;			/* first */
	double		had;
	double		had_then;		/* with what the call `call` gives */
	uint64		call;			/* 0: none */
	TimestampTz seen;			/* when it had something to do */
} Turn;

/* What is served in turn: lanes of one partition, the one whose run is due first first. */
typedef struct LaneGroup
{
	TurnKey		key;
	double		had;
	double		weight;
	binaryheap *lanes;
} LaneGroup;

/* A call. */
typedef struct Serving
{
	const WfRunReadyAsk *ask;
	const WfRunServe *serve;
	WfRunReady *ready;
	int			level;
	int			taken;
	TimestampTz next;			/* when what was left may be had */
} Serving;

/* What this process remembers of turns. */
static HTAB *turns = NULL;
static double served_up_to = 0; /* whoever comes newly has had so much */
static uint64 calls = 0;
static uint64 forgotten = 0;	/* the last call that was rolled back */

/* --- turns ------------------------------------------------------------------- */

static void
make_turns(void)
{
	HASHCTL		control = {.keysize = sizeof(TurnKey),.entrysize = sizeof(Turn),.hcxt = TopMemoryContext};

	if (turns != NULL && hash_get_num_entries(turns) > TURNS_MAX)
	{
		hash_destroy(turns);
		turns = NULL;
	}
	if (turns == NULL)
		turns = hash_create("workflow turns", 256, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

/* Who comes newly, or again after a while, has had as much as the others. */
static void
join(Turn *turn, bool is_new, double weight, TimestampTz now)
{
	if (is_new)
	{
		/*
		 * Sessions that claim once each remember nothing: there chance says who has
		 * the first turn, the greater its weight, the likelier.  It is one turn.
		 */
		turn->had = served_up_to + pg_prng_double(&pg_global_prng_state) / weight;
		turn->call = 0;
	}
	else if (now - turn->seen > IDLE_TIME)
		turn->had = Max(turn->had, served_up_to);
	turn->seen = now;
}

/* What it has had. */
static double
had(const TurnKey *key, double weight, TimestampTz now)
{
	bool		found;
	Turn	   *turn = hash_search(turns, key, HASH_ENTER, &found);

	join(turn, !found, weight, now);
	if (turn->call == calls)
		return turn->had_then;
	if (turn->call != 0 && turn->call != forgotten)
		turn->had = turn->had_then;
	turn->call = 0;
	return turn->had;
}

/* It gets so many. */
static void
has_got(const LaneGroup *group, int n)
{
	Turn	   *turn = hash_search(turns, &group->key, HASH_FIND, NULL);

	if (turn->call != calls)
		turn->had_then = turn->had;
	turn->had_then += n / group->weight;
	turn->call = calls;
	served_up_to = Max(served_up_to, group->had);
}

/* The transaction of the last call was rolled back: what it gave was not had. */
void
wf_run_serve_forget(void)
{
	forgotten = calls;
}

/* --- one place ---------------------------------------------------------------- */

static bool
is_full(const Serving *serving)
{
	return serving->taken >= serving->ask->wanted || serving->serve->is_full(serving->serve->taker);
}

/* May runs of the lane be taken? */
static bool
may(Serving *serving, WfRunLane *lane)
{
	if (!lane->asked)
	{
		lane->asked = true;
		lane->done = !serving->serve->may(serving->serve->taker, &lane->place, lane->job);
	}
	return !lane->done;
}

static WfRunServed
offer(Serving *serving, const WfRunLane *lane, WfRunRow *row)
{
	WfRunServed served;

	if (!wf_run_ready_is_wanted(serving->ask, row))
		return WF_RUN_LEFT;
	served = serving->serve->take(serving->serve->taker, lane->job, row);

	if (served == WF_RUN_TAKEN)
		serving->taken++;
	else if (served == WF_RUN_LEFT)
		serving->next = Min(serving->next, wf_run_row_due(row));
	return served;
}

/*
 * Take runs of a lane, until the count is `until`, of those that stand before `limit`.
 * What is younger than its level is left for a later one.
 */
static void
serve_lane(Serving *serving, WfRunLane *lane, WfPosition limit, int until)
{
	TimestampTz now = serving->ask->until;
	WfRunRow	row;

	wf_run_scan_begin(serving->ready->by_place, &lane->place, lane->head, now);
	while (!lane->done)
	{
		CHECK_FOR_INTERRUPTS();
		if (!wf_run_scan_next(serving->ready->by_place, &row))
		{
			lane->done = true;
			return;
		}
		lane->head = (WfPosition) {wf_run_row_due(&row), wf_run_row_seq(&row)};
		if (serving->taken >= until || is_full(serving) || !wf_position_before(lane->head, limit) ||
			wf_run_ready_level(lane, now) > serving->level)
			return;
		lane->done = offer(serving, lane, &row) == WF_RUN_NO_MORE;
	}
}

/* --- one place of an ordered queue --------------------------------------------- */

/* Is it a run for whom we serve, placed as those of the lane are? */
static bool
is_for_us(const Serving *serving, const WfRunLane *lane, const WfRunRow *row)
{
	return DatumGetInt32(row->values[WF_RUN_executor]) == serving->ask->executor &&
		WF_RUN_PASSED(DatumGetInt16(row->values[WF_RUN_level])) == WF_RUN_PASSED(lane->place.level) &&
		wf_run_ready_is_wanted(serving->ask, row);
}

/* Does it wait for nothing but its turn besides? */
static bool
may_begin(const Serving *serving, const WfRunLane *lane, const WfRunRow *row)
{
	return wf_run_turn_may_begin(row, serving->ask->until) && is_for_us(serving, lane, row);
}

/* Is it ours to begin with the partition of this lane, now? */
static bool
is_ours(Serving *serving, WfRunLane *lane)
{
	WfRunRow	first;

	if (!wf_run_turn_first(lane->place.queue, lane->place.part, &first) || !is_for_us(serving, lane, &first))
		return false;
	lane->job = wf_run_row_job(&first);
	if (DatumGetBool(first.values[WF_RUN_ready]) && wf_run_row_due(&first) > serving->ask->until)
		serving->next = Min(serving->next, wf_run_row_due(&first));
	return may_begin(serving, lane, &first);
}

/*
 * The same; if not, we hear when that may have changed, which is looked at once more:
 * it may have been while we left word.
 */
static bool
is_our_turn(Serving *serving, WfRunLane *lane)
{
	if (is_ours(serving, lane))
		return true;
	if (!wf_run_permit_wait(lane->place.queue, lane->place.part,
							serving->ask->member == NULL ? serving->ask->executor : 0))
		serving->next = Min(serving->next,
							TimestampTzPlusMilliseconds(serving->ask->until, NO_WORD_PAUSE));
	return is_ours(serving, lane);
}

/* The first run that is due of a lane is not read in order yet: let it. */
static void
enter(Serving *serving, const WfRunLane *lane)
{
	WfRunRow	row;

	wf_run_scan_begin(serving->ready->by_place, &lane->place, lane->head, serving->ask->until);
	if (wf_run_scan_next(serving->ready->by_place, &row) && !DatumGetBool(row.values[WF_RUN_ordered]))
		wf_run_turn_enter(&row);
}

/* Take runs of the partition in their order, whichever of its lanes they are in. */
static void
serve_ordered(Serving *serving, WfRunLane *lane, int until)
{
	WfRunTurn  *turn;
	WfRunRow	row;
	WfRunServed served;
	bool		go_on = true;
	bool		one;			/* of the partition, and it is not free before its end */

	enter(serving, lane);
	if (lane->asked || !is_our_turn(serving, lane) || !may(serving, lane))
	{
		lane->done = true;
		return;
	}
	one = serving->serve->one_each || wf_job(lane->job)->mode == WF_JOB_TRACKED;
	turn = wf_run_turn_begin(lane->place.queue, lane->place.part);
	while (go_on && wf_run_turn_next(turn, &row) && may_begin(serving, lane, &row))
	{
		CHECK_FOR_INTERRUPTS();
		if (serving->taken >= until || is_full(serving))
		{
			/* what is left of it is had by the next call */
			serving->next = Min(serving->next, serving->ask->until);
			break;
		}
		served = offer(serving, lane, &row);
		go_on = served == WF_RUN_GONE || (served == WF_RUN_TAKEN && !one);
	}
	wf_run_turn_end(turn);
	lane->done = true;
}

/* --- one group ------------------------------------------------------------------- */

/* For binaryheap: what is due first is the largest. */
static int
compare_heads(Datum a, Datum b, void *arg)
{
	const WfRunLane *left = (const WfRunLane *) DatumGetPointer(a);
	const WfRunLane *right = (const WfRunLane *) DatumGetPointer(b);

	return wf_position_before(left->head, right->head) ? 1 :
		wf_position_before(right->head, left->head) ? -1 : 0;
}

/* Before this another lane of the group has nothing. */
static WfPosition
first_of(const LaneGroup *group)
{
	if (binaryheap_empty(group->lanes))
		return (WfPosition) {DT_NOEND, PG_INT64_MAX};
	return ((const WfRunLane *) DatumGetPointer(binaryheap_first(group->lanes)))->head;
}

/* Take up to `share` runs of a group. */
static void
serve_group(Serving *serving, LaneGroup *group, int share)
{
	int			before = serving->taken;
	int			until = before + share;

	while (serving->taken < until && !is_full(serving) && !binaryheap_empty(group->lanes))
	{
		WfRunLane  *lane = (WfRunLane *) DatumGetPointer(binaryheap_remove_first(group->lanes));

		if (lane->ordered)
			serve_ordered(serving, lane, until);
		else if (may(serving, lane))
			serve_lane(serving, lane, first_of(group), until);
		if (!lane->done && wf_run_ready_level(lane, serving->ask->until) <= serving->level)
			binaryheap_add(group->lanes, PointerGetDatum(lane));
	}
	if (serving->taken > before)
		has_got(group, serving->taken - before);
}

/* --- one level -------------------------------------------------------------------- */

static TurnKey
key_of(const WfRunLane *lane)
{
	TurnKey		key = {.queue = lane->place.queue,.part = lane->fair ? lane->place.part : 0};

	return key;
}

static int
compare_groups_of_lanes(const void *a, const void *b)
{
	const TurnKey left = key_of(*(WfRunLane *const *) a);
	const TurnKey right = key_of(*(WfRunLane *const *) b);

	if (left.queue != right.queue)
		return left.queue < right.queue ? -1 : 1;
	return left.part < right.part ? -1 : left.part > right.part;
}

/* Who has had less comes first. */
static int
compare_groups(const void *a, const void *b)
{
	const LaneGroup *left = a;
	const LaneGroup *right = b;

	return left->had < right->had ? -1 : left->had > right->had;
}

/* The lanes of the present level, those of one group beside each other. */
static int
lanes_of_level(const Serving *serving, WfRunLane **lanes)
{
	int			n = 0;

	for (int i = 0; i < serving->ready->n; i++)
	{
		WfRunLane  *lane = &serving->ready->lanes[i];

		if (!lane->done && wf_run_ready_level(lane, serving->ask->until) <= serving->level)
			lanes[n++] = lane;
	}
	qsort(lanes, n, sizeof(WfRunLane *), compare_groups_of_lanes);
	return n;
}

/* A group of the first of so many lanes; returns of how many. */
static int
make_group(LaneGroup *group, WfRunLane **lanes, int n, TimestampTz now)
{
	int			size = 1;

	while (size < n && compare_groups_of_lanes(&lanes[0], &lanes[size]) == 0)
		size++;
	group->key = key_of(lanes[0]);
	group->weight = lanes[0]->fair ? lanes[0]->weight : 1;
	group->had = had(&group->key, group->weight, now);
	group->lanes = binaryheap_allocate(size, compare_heads, NULL);
	for (int i = 0; i < size; i++)
		binaryheap_add_unordered(group->lanes, PointerGetDatum(lanes[i]));
	binaryheap_build(group->lanes);
	return size;
}

/* The groups of the present level, in the order in which they are served. */
static int
make_groups(Serving *serving, LaneGroup *groups)
{
	WfRunLane **lanes = palloc(sizeof(WfRunLane *) * serving->ready->n);
	int			nlanes = lanes_of_level(serving, lanes);
	int			n = 0;

	for (int i = 0; i < nlanes;)
		i += make_group(&groups[n++], &lanes[i], nlanes - i, serving->ask->until);
	qsort(groups, n, sizeof(LaneGroup), compare_groups);
	pfree(lanes);
	return n;
}

/* Each group gets its share of what is still wanted. */
static void
serve_round(Serving *serving, LaneGroup *groups, int n)
{
	double		weight = 0;

	for (int i = 0; i < n; i++)
		weight += groups[i].weight;
	for (int i = 0; i < n && !is_full(serving); i++)
	{
		double		share = (serving->ask->wanted - serving->taken) * groups[i].weight / weight;

		weight -= groups[i].weight;
		serve_group(serving, &groups[i], Max((int) share, 1));
	}
}

/* Rounds through the groups of a level, until nothing more comes of them. */
static void
serve_level(Serving *serving)
{
	LaneGroup  *groups = palloc(sizeof(LaneGroup) * serving->ready->n);
	int			n = make_groups(serving, groups);
	int			before;

	do
	{
		before = serving->taken;
		serve_round(serving, groups, n);
	} while (serving->taken > before && !is_full(serving));
	for (int i = 0; i < n; i++)
		binaryheap_free(groups[i].lanes);
	pfree(groups);
}

/* --- all of them -------------------------------------------------------------------- */

/* What was found and is left. */
static void
note_left(Serving *serving)
{
	for (int i = 0; i < serving->ready->n; i++)
		if (!serving->ready->lanes[i].done)
			serving->next = Min(serving->next, serving->ready->lanes[i].head.due);
}

/*
 * Offer runs that are due, in their order, and return how many were taken.  *next is
 * lowered to when there is something to be had that was not; what the callbacks refuse
 * for good, they know themselves when it comes.  SPI must be connected, and a snapshot
 * active that stays.
 */
int
wf_run_serve(const WfRunReadyAsk *ask, const WfRunServe *serve, TimestampTz *next)
{
	Serving		serving = {.ask = ask,.serve = serve,.next = DT_NOEND};

	calls++;
	make_turns();
	serving.ready = wf_run_ready_begin(ask);
	while (!is_full(&serving) && wf_run_ready_find(serving.ready))
	{
		for (serving.level = WF_RUN_FIRST_LEVEL; serving.level <= WF_RUN_LAST_LEVEL; serving.level++)
			if (!is_full(&serving))
				serve_level(&serving);
		note_left(&serving);
		if (serving.taken > 0)
			break;
	}
	*next = Min(*next, Min(serving.next, serving.ready->next));
	if (serving.ready->more)
		*next = Min(*next, ask->until);
	wf_run_ready_end(serving.ready);
	return serving.taken;
}

/* Has a lane a run that is wanted?  Others of its job may be of other versions. */
static bool
has_wanted(Serving *serving, WfRunLane *lane)
{
	WfRunRow	row;

	if (serving->ask->njobs == 0 && serving->ask->tenant == (Datum) 0)
		return true;
	wf_run_scan_begin(serving->ready->by_place, &lane->place, lane->head, serving->ask->until);
	while (wf_run_scan_next(serving->ready->by_place, &row))
	{
		CHECK_FOR_INTERRUPTS();
		if (!wf_run_ready_is_wanted(serving->ask, &row))
			continue;
		lane->job = wf_run_row_job(&row);
		return true;
	}
	return false;
}

/*
 * Is there anything to be had?  Of `serve` only may() is called.  If not, *next is
 * lowered to when there may be without anybody telling.
 */
bool
wf_run_serve_any(const WfRunReadyAsk *ask, const WfRunServe *serve, TimestampTz *next)
{
	Serving		serving = {.ask = ask,.serve = serve,.next = DT_NOEND};
	bool		any = false;

	serving.ready = wf_run_ready_begin(ask);
	while (!any && wf_run_ready_find(serving.ready))
		for (int i = 0; i < serving.ready->n && !any; i++)
		{
			WfRunLane  *lane = &serving.ready->lanes[i];

			any = (lane->ordered ? is_our_turn(&serving, lane) : has_wanted(&serving, lane)) &&
				may(&serving, lane);
		}
	*next = Min(*next, Min(serving.next, serving.ready->next));
	wf_run_ready_end(serving.ready);
	return any;
}
