/*-------------------------------------------------------------------------
 *
 * run_floor.c
 *	  Where the runs of a level of a queue begin, as this process remembers it.
 *
 * Runs in executors and in the sessions of outside workers.  What was taken leaves its
 * entries in the indexes until a vacuum that nobody's snapshot holds up, and who reads from
 * the beginning passes all of them, each time.  So a look begins where the one before has
 * found the first run, unless something came since that is due before: shmem/arrivals.c
 * says so, and why nothing is missed.
 *
 * A floor is before every run that is ready and may be seen by others.  It is forgotten
 * when a transaction is rolled back in which it was found beside changes of its own: what
 * those have taken away is there again.  And every now and then, so that a row which
 * nobody has announced, because a superuser has written it, is found all the same.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "miscadmin.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "run/run_floor.h"
#include "shmem/arrivals.h"
#include "shmem/database.h"
#include "shmem/lane.h"
#include "shmem/wakeup.h"
#include "shmem/watermark.h"

/* Of so many levels a process remembers where they begin, */
#define FLOORS_MAX		256

/* and for so long at most (us). */
#define LIFE			(5 * USECS_PER_SEC)

typedef struct Floor
{
	int32		queue;
	int16		level;
	WfPosition	first;
} Floor;

/* All of them are of one executor, and in order. */
static struct
{
	int32		executor;
	Oid			table;			/* another one when the extension was created anew */
	WfArrivals *arrivals;
	uint64		seen;			/* of those */
	TimestampTz until;			/* real time */
	WfPosition	own;			/* before that, work of this transaction's own may be */
	bool		risky;			/* some were found beside changes of its own */
	int			n;
	Floor		floors[FLOORS_MAX];
}			known = {0};

/* --- the end of transactions ---------------------------------------------------- */

static void
at_end_of_transaction(XactEvent event, void *arg)
{
	if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT && event != XACT_EVENT_PREPARE)
		return;
	if (event != XACT_EVENT_COMMIT && known.risky)
		known.n = 0;
	known.risky = false;
}

static void
at_end_of_subtransaction(SubXactEvent event, SubTransactionId mine, SubTransactionId parent, void *arg)
{
	if (event == SUBXACT_EVENT_ABORT_SUB && known.risky)
		known.n = 0;
}

static void
listen(void)
{
	static bool listening = false;

	if (listening)
		return;
	listening = true;
	RegisterXactCallback(at_end_of_transaction, NULL);
	RegisterSubXactCallback(at_end_of_subtransaction, NULL);
}

/* --- floors -------------------------------------------------------------------- */

/* Where one of a level is, or would be. */
static int
place_of(const WfRunPlace *level)
{
	int			low = 0;
	int			high = known.n;

	while (low < high)
	{
		int			middle = (low + high) / 2;
		const Floor *floor = &known.floors[middle];

		if (floor->queue < level->queue || (floor->queue == level->queue && floor->level < level->level))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static Floor *
find(const WfRunPlace *level)
{
	int			at = place_of(level);
	Floor	   *floor = &known.floors[at];

	return at < known.n && floor->queue == level->queue && floor->level == level->level ? floor : NULL;
}

/* What has come lies on the floor. */
static void
lower(TimestampTz due)
{
	if (due == DT_NOBEGIN)
		known.n = 0;
	for (int i = 0; i < known.n && due != DT_NOEND; i++)
		known.floors[i].first = wf_position_first(known.floors[i].first, WF_POSITION(due));
}

/* Where those note what comes for this executor, or for outside workers; or NULL. */
static WfArrivals *
arrivals_of(int32 executor)
{
	WfDatabase *database;
	WfLane	   *lane;

	if (executor == 0)
	{
		database = wf_database_entry(MyDatabaseId, true);
		return database == NULL ? NULL : &database->overflow->lanes[WF_LANE_RUNS].arrivals;
	}
	lane = wf_database_lane(MyDatabaseId, executor, WF_LANE_RUNS);
	return lane == NULL ? NULL : &lane->arrivals;
}

/*
 * Before the snapshot is taken with which is looked for runs of an executor, or of
 * outside workers: 0.  In READ COMMITTED.
 */
void
wf_run_floor_begin(int32 executor)
{
	WfArrivals *arrivals = arrivals_of(executor);
	Oid			table = get_relname_relid("run", get_namespace_oid("workflow", false));
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz due;

	listen();
	if (arrivals == NULL || arrivals != known.arrivals || executor != known.executor ||
		table != known.table || now >= known.until || now < known.until - LIFE)
	{
		known.n = 0;
		known.until = now + LIFE;
	}
	known.executor = executor;
	known.table = table;
	known.arrivals = arrivals;
	if (arrivals == NULL)
		return;
	due = wf_arrivals_since(arrivals, &known.seen);
	lower(due);
	known.own = WF_POSITION(wf_wakeup_own_runs(executor));
}

/* No run of this level that is ready is before that. */
WfPosition
wf_run_floor_of(const WfRunPlace *level)
{
	const Floor *floor = level->executor == known.executor ? find(level) : NULL;

	return floor == NULL ? WF_POSITION(DT_NOBEGIN) : wf_position_first(floor->first, known.own);
}

/* The first one of this level is there, or there is none: WF_RUN_FLOOR_NOTHING. */
void
wf_run_floor_set(const WfRunPlace *level, WfPosition first)
{
	int			at = place_of(level);
	Floor	   *floor = find(level);

	if (level->executor != known.executor || known.arrivals == NULL || IsolationUsesXactSnapshot())
		return;
	if (floor == NULL)
	{
		if (known.n == FLOORS_MAX)
			known.n = at = 0;
		floor = &known.floors[at];
		memmove(floor + 1, floor, sizeof(Floor) * (known.n++ - at));
		*floor = (Floor) {level->queue, level->level, first};
	}
	floor->first = first;
	known.risky = known.risky || TransactionIdIsValid(GetTopTransactionIdIfAny());
}

/* The next level behind this one that is known and has something; false: none is. */
bool
wf_run_floor_next(const WfRunPlace *level, WfRunPlace *next)
{
	WfRunPlace	behind = *level;

	if (level->executor != known.executor)
		return false;
	behind.level = Min(level->level, PG_INT16_MAX - 1) + 1;
	for (int at = place_of(&behind); at < known.n; at++)
		if (wf_position_first(known.floors[at].first, known.own).due != DT_NOEND)
		{
			*next = WF_RUN_FIRST_PLACE_OF_LEVEL(level->executor, known.floors[at].queue, known.floors[at].level);
			return true;
		}
	return false;
}
