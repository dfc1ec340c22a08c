/*-------------------------------------------------------------------------
 *
 * bulk_slice.c
 *	  One slice of a bulk operation, in the present transaction.
 *
 * Runs in executors, logged in as the role that has asked for the operation, and in
 * sessions of that role that work by hand.  The caller has locked the row of the operation.
 * What is done to the items of a slice and how far the operation has come are one
 * transaction: so an item is done once, whatever ends between.
 *
 * Each item has a subtransaction, so that its error undoes nothing else; a slice has fewer
 * of them than shared memory has room for in a transaction (PGPROC_MAX_CACHED_SUBXIDS).
 * The lock of an item is taken in there, so that lock and change have one transaction id,
 * and no multixact is made of each item.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/errcodes.h"
#include "base/guc.h"
#include "bulk/bulk_act.h"
#include "bulk/bulk_slice.h"
#include "bulk/bulk_state.h"
#include "bulk/bulk_walk.h"
#include "store/act.h"

/* Items that others have locked are tried again so soon (ms) at first, and so late at last. */
#define RETURN_FIRST	50
#define RETURN_LAST		5000

/* An item that got into others' way so often has an error. */
#define MOST_TRIES		20

/* So many times in a row one item may end the server. */
#define MOST_LOSSES		3

/* The operation a slice of which is under way in this session; NULL: none. */
static const WfBulk *under_way = NULL;

/* --- one item ---------------------------------------------------------------------- */

/* Where to go back to after an item. */
typedef struct Outside
{
	MemoryContext context;
	ResourceOwner owner;
} Outside;

static void
leave(const Outside *outside, bool good)
{
	if (good)
		ReleaseCurrentSubTransaction();
	else
		RollbackAndReleaseCurrentSubTransaction();
	MemoryContextSwitchTo(outside->context);
	CurrentResourceOwner = outside->owner;
}

/* An item that is not there, or does not fit any more. */
static void
note_missing(const WfBulkWalk *walk, WfBulkOutcome *outcome)
{
	outcome->result = WF_BULK_SKIPPED;
	if (walk->filter.nids < 0)
		return;
	/* Who has named it wants to know. */
	outcome->result = WF_BULK_REFUSED;
	outcome->message = wf_bulk_act_is_of_runs(walk->bulk->act) ?
		"there is no such run, or it does not fit the filter" :
		"there is no such process, or it does not fit the filter";
}

/* Lock an item, and do it. */
static void
do_held(const WfBulkWalk *walk, const pg_uuid_t *id, WfBulkOutcome *outcome)
{
	memset(outcome, 0, sizeof(WfBulkOutcome));
	switch (wf_bulk_walk_hold(walk, id))
	{
		case WF_BULK_FOUND_FREE:
			wf_bulk_act_do(walk->bulk, id, outcome);
			break;
		case WF_BULK_FOUND_TAKEN:
			outcome->result = WF_BULK_LOCKED;
			break;
		case WF_BULK_FOUND_OTHER:
		case WF_BULK_FOUND_NONE:
			note_missing(walk, outcome);
			break;
	}
}

/* Is the server short of something, or told to stop?  Then the item is not to blame. */
static bool
is_shortage(int code)
{
	return ERRCODE_TO_CATEGORY(code) == ERRCODE_INSUFFICIENT_RESOURCES ||
		ERRCODE_TO_CATEGORY(code) == ERRCODE_SYSTEM_ERROR;
}

/* Do an item in a subtransaction, which an error undoes; what that says goes to *outcome. */
static void
do_item(const WfBulkWalk *walk, const pg_uuid_t *id, WfBulkOutcome *outcome)
{
	Outside		outside = {CurrentMemoryContext, CurrentResourceOwner};
	bool		before = wf_act_of_many(true);

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(outside.context);
	PG_TRY();
	{
		do_held(walk, id, outcome);
		leave(&outside, true);
		(void) wf_act_of_many(before);
	}
	PG_CATCH();
	{
		ErrorData  *error;

		(void) wf_act_of_many(before);
		MemoryContextSwitchTo(outside.context);
		error = CopyErrorData();
		FlushErrorState();
		leave(&outside, false);
		if (is_shortage(error->sqlerrcode))
			ReThrowError(error);
		wf_bulk_act_explain(walk->bulk, error, outcome);
	}
	PG_END_TRY();
}

/* One that gets into others' way, rather than being locked, does not do so for ever. */
static void
bound_tries(const WfBulk *bulk, const pg_uuid_t *id, WfBulkOutcome *outcome)
{
	int			tries;

	if (bulk->phase == WF_BULK_RETURNS && outcome->result == WF_BULK_LOCKED && outcome->code != NULL &&
		wf_bulk_item_is_locked(bulk, id, &tries) && tries >= MOST_TRIES)
		outcome->result = WF_BULK_FAILED;
}

/* It has ended the server again and again: it is left. */
static void
give_up(WfBulkOutcome *outcome)
{
	memset(outcome, 0, sizeof(WfBulkOutcome));
	outcome->result = WF_BULK_FAILED;
	outcome->code = pstrdup(unpack_sql_state(ERRCODE_CRASH_SHUTDOWN));
	outcome->message = "the server ended while it was done, again and again";
}

/* Was an item refused because a right was taken away?  Then the operation stops, and it is not done. */
static bool
stops_over(WfBulk *bulk, const WfBulkOutcome *outcome)
{
	const char *lost;

	if (outcome->code == NULL || strcmp(outcome->code, "WF002") != 0)
		return false;
	lost = wf_bulk_scope_lost(bulk);
	if (lost != NULL)
		wf_bulk_state_stop(bulk, lost);
	return lost != NULL;
}

/* --- a slice of them --------------------------------------------------------------- */

/* Do items, until it is time to commit.  Returns how many. */
static int
do_items(WfBulk *bulk, const WfBulkWalk *walk, int n, const pg_uuid_t *items, WfBulkIsUp is_up, void *arg)
{
	int			done = 0;

	while (done < n && (done == 0 || !is_up(arg)))
	{
		WfBulkOutcome outcome;

		CHECK_FOR_INTERRUPTS();
		if (bulk->losses >= MOST_LOSSES)
			give_up(&outcome);
		else
			do_item(walk, &items[done], &outcome);
		if (stops_over(bulk, &outcome))
			break;
		bound_tries(bulk, &items[done], &outcome);
		wf_bulk_item_record(bulk, &items[done], &outcome);
		bulk->position = items[done++];
		bulk->losses = 0;
		bulk->alone = Max(bulk->alone - 1, 0);
	}
	return done;
}

/* A phase, or the walk through one of the tables, has come to its end. */
static void
go_to(WfBulk *bulk, WfBulkPhase phase, int source)
{
	bulk->phase = phase;
	bulk->source = source;
	bulk->attempts = 0;
	memset(&bulk->position, 0, UUID_LEN);
}

/* The walk through a table is over. */
static void
end_table(WfBulk *bulk)
{
	if (bulk->source + 1 < wf_bulk_walk_sources(bulk->act))
		go_to(bulk, bulk->phase, bulk->source + 1);
	else if (bulk->phase == WF_BULK_COUNTS)
		go_to(bulk, WF_BULK_DOES, 0);
	else if (bulk->counts[WF_BULK_LOCKED] > 0)
		go_to(bulk, WF_BULK_RETURNS, 0);
	else
		wf_bulk_state_finish(bulk);
}

static int
count(WfBulk *bulk, const WfBulkWalk *walk)
{
	WfBulkStretch stretch;

	wf_bulk_walk_next(walk, WF_BULK_WALK_MOST, &stretch);
	bulk->total = Max(bulk->total, 0) + stretch.n;
	bulk->position = stretch.last;
	if (stretch.end)
		end_table(bulk);
	return 1;
}

static int
advance(WfBulk *bulk, const WfBulkWalk *walk, int limit, WfBulkIsUp is_up, void *arg)
{
	WfBulkStretch stretch;
	int			done;

	if (bulk->paced_at == DT_NOBEGIN)
	{
		bulk->paced_at = wf_clock_now();
		bulk->paced_from = wf_bulk_row_processed(bulk);
	}
	wf_bulk_walk_next(walk, limit, &stretch);
	done = do_items(bulk, walk, stretch.n, stretch.items, is_up, arg);
	if (done < stretch.n)
		return done;
	bulk->position = stretch.last;
	if (stretch.end)
		end_table(bulk);
	return Max(done, 1);
}

/* Try items again that others had locked; the next round comes later if none of this one got free. */
static int
come_back(WfBulk *bulk, const WfBulkWalk *walk, int limit, WfBulkIsUp is_up, void *arg)
{
	pg_uuid_t  *items = palloc(sizeof(pg_uuid_t) * limit);
	int64		locked = bulk->counts[WF_BULK_LOCKED];
	int			n = wf_bulk_item_locked(bulk, limit, items);
	int			done = do_items(bulk, walk, n, items, is_up, arg);

	if (bulk->counts[WF_BULK_LOCKED] < locked)
		bulk->attempts = 0;
	if (n < limit && done == n)
	{
		memset(&bulk->position, 0, UUID_LEN);
		bulk->attempts++;
		bulk->due = TimestampTzPlusMilliseconds(wf_clock_now(),
												Min(RETURN_FIRST << Min(bulk->attempts - 1, 10), RETURN_LAST));
		/* Asked of the table: some may have been erased. */
		if (wf_bulk_item_locked(bulk, 1, items) == 0)
		{
			bulk->counts[WF_BULK_LOCKED] = 0;
			wf_bulk_state_finish(bulk);
		}
	}
	return Max(done, 1);
}

static int
do_slice(WfBulk *bulk, int limit, WfBulkIsUp is_up, void *arg)
{
	const char *lost = wf_bulk_scope_lost(bulk);
	WfBulkWalk	walk;
	int			done = 1;

	if (lost != NULL)
	{
		wf_bulk_state_stop(bulk, lost);
		wf_bulk_row_update(bulk);
		return 1;
	}
	limit = bulk->alone > 0 || bulk->losses > 0 ? 1 : limit;
	wf_bulk_walk_begin(bulk, &walk);
	wf_bulk_state_go(bulk);
	switch (bulk->phase)
	{
		case WF_BULK_COUNTS:
			done = count(bulk, &walk);
			break;
		case WF_BULK_DOES:
			done = advance(bulk, &walk, limit, is_up, arg);
			break;
		case WF_BULK_RETURNS:
			done = come_back(bulk, &walk, limit, is_up, arg);
			break;
	}
	bulk->last_at = wf_clock_now();
	wf_bulk_row_update(bulk);
	return done;
}

/*
 * Error WF005 if this session is doing a slice of an operation, of this one, or, NULL, of any:
 * code of an item is at it, and what it did to the row would be overwritten.
 */
void
wf_bulk_slice_refuse_inside(const pg_uuid_t *id)
{
	if (under_way != NULL && (id == NULL || memcmp(&under_way->id, id, UUID_LEN) == 0))
		ereport(ERROR,
				(errcode(WF_ERR_BUSY),
				 errmsg("a bulk operation is being done by this very session")));
}

/*
 * Have the session work for a tenant, or, NULL, for nobody in particular, until the nest
 * level of settings that is returned ends; an error ends it, too.
 */
static int
work_for(const char *tenant)
{
	int			level = NewGUCNestLevel();

	if (tenant == NULL)
		tenant = "";
	if (strcmp(wf_tenant, tenant) != 0)
		(void) set_config_option("workflow.tenant", tenant, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	return level;
}

/*
 * Do the next slice, of up to `limit` items, of an operation that is locked, as the current
 * user, who has asked for it; and write how it stands.  Returns how many items were done, or
 * 1 for a slice that only looks.  Error WF005 in the middle of another one.  SPI must be
 * connected.
 */
int
wf_bulk_slice(WfBulk *bulk, int limit, WfBulkIsUp is_up, void *arg)
{
	volatile int done = 0;
	volatile int level;

	wf_bulk_slice_refuse_inside(NULL);
	under_way = bulk;
	level = work_for(bulk->tenant);
	PG_TRY();
	{
		done = do_slice(bulk, limit, is_up, arg);
	}
	PG_FINALLY();
	{
		under_way = NULL;
	}
	PG_END_TRY();
	AtEOXact_GUC(false, level);
	return done;
}

/*
 * A slice has failed, outside of its items; nothing of it is left.  It is tried again when
 * the shortage may be over; else the operation stops.  Writes how it stands.
 */
void
wf_bulk_slice_failed(WfBulk *bulk, const ErrorData *error, bool shortage)
{
	if (shortage)
	{
		bulk->attempts++;
		bulk->due = TimestampTzPlusMilliseconds(wf_clock_now(), 1000);
	}
	else
		wf_bulk_state_stop(bulk, error->message);
	wf_bulk_row_update(bulk);
}
