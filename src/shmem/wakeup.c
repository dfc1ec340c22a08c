/*-------------------------------------------------------------------------
 *
 * wakeup.c
 *	  What this transaction will tell the background workers when it ends.
 *
 * Runs in any backend.  What is touched is kept in backend-local memory that
 * is never given back, so that the callbacks at the end of a transaction
 * allocate nothing and throw nothing.
 *
 * The end of a transaction has an order: its rows become visible, and with
 * that its row locks are free; transaction callbacks are called; it sends its
 * invalidations; it releases its other locks; resource owners call back.  We
 * tell in that last moment.  Who is told any earlier could take work with the
 * rights, roles, functions and tables of before, out of caches that nothing
 * has invalidated yet, or run into a lock of ours with NOWAIT; and nobody
 * would tell again.
 *
 * Who is awake anyway may see our rows in between.  Against that nothing helps
 * where the caches are PostgreSQL's: its own sessions are no better off (an
 * action may run once more as it was before CREATE OR REPLACE FUNCTION).  What
 * we keep ourselves, see inval.c, is safe from it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "commands/dbcommands.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/timestamp.h"

#include "shmem/database.h"
#include "shmem/database_alerts.h"
#include "shmem/database_load.h"
#include "shmem/database_walk.h"
#include "shmem/database_watch.h"
#include "shmem/instance.h"
#include "shmem/lane.h"
#include "shmem/owner.h"
#include "shmem/prepared.h"
#include "shmem/wakeup.h"
#include "shmem/wakeup_runs.h"
#include "shmem/watermark.h"

typedef struct Touched
{
	int32		owner;
	WfLaneKind	kind;
	WfLane	   *lane;			/* its own, or that of several owners */
	TimestampTz due;			/* earliest work inserted; infinity: none */
	int			released;		/* holds so many process rows */
	bool		released_silently;	/* held some that a rollback lets go */
	bool		scanned;		/* looked for due timers; then: */
	int			claimed;		/* took so many */
	uint64		generation;
	WfPosition	mark;
	TimestampTz inserted;
} Touched;

static Touched *touched = NULL;
static int	ntouched = 0;
static int	touched_size = 0;

static bool stepped = false;

/* Alerts are made or changed. */
static bool alerts = false;
static bool watches = false;

/* What is done now will be rolled back. */
static bool silent = false;

/* The outermost subtransaction that claimed something, or none. */
static SubTransactionId claimed_in = InvalidSubTransactionId;

/* A database to be looked at anew. */
typedef struct Anew
{
	Oid			dbid;
	NameData	name;
} Anew;

/* All of them, in TopMemoryContext. */
static List *databases = NIL;

/* Databases that are held until this transaction ends, in TopMemoryContext. */
static List *held = NIL;

/* This transaction counts in WfInstance.changing[]. */
static bool changing = false;

/* This transaction changes what roles may. */
static bool roles = false;

/* The identifier under which this transaction is being prepared, or empty. */
static char preparing[GIDSIZE] = "";

/* Between the visible end of a transaction and that of its locks. */
static enum
{
	NOT_ENDING, COMMITTING, ABORTING
}			ending = NOT_ENDING;

/* This transaction's note on a lane; NULL when shared memory is full. */
static Touched *
touch(int32 owner, WfLaneKind kind)
{
	Touched    *touch;

	/* the one touched last is the likeliest */
	for (int i = ntouched - 1; i >= 0; i--)
	{
		if (touched[i].owner == owner && touched[i].kind == kind)
			return &touched[i];
	}

	if (ntouched == touched_size)
	{
		int			size = touched_size ? 2 * touched_size : 16;

		if (touched == NULL)
			touched = MemoryContextAlloc(TopMemoryContext,
										 size * sizeof(Touched));
		else
			touched = repalloc(touched, size * sizeof(Touched));
		touched_size = size;
	}

	touch = &touched[ntouched];
	touch->owner = owner;
	touch->kind = kind;
	touch->lane = wf_database_lane(MyDatabaseId, owner, kind);
	if (touch->lane == NULL)
		return NULL;
	touch->due = DT_NOEND;
	touch->released = 0;
	touch->released_silently = false;
	touch->scanned = false;
	ntouched++;
	return touch;
}

/* This transaction inserted (or made ready) work of `owner` due at `due`. */
void
wf_wakeup_work(int32 owner, WfLaneKind kind, TimestampTz due)
{
	Touched    *mine = silent ? NULL : touch(owner, kind);

	if (mine)
		mine->due = Min(mine->due, due);
}

/* The same for a timer. */
void
wf_wakeup_timer(int32 owner, TimestampTz due)
{
	wf_wakeup_work(owner, WF_LANE_STEPS, due);
}

/*
 * This transaction holds a row of `owner`'s work that an executor may have
 * skipped: when it ends, committed or not, that lane is looked at again if
 * it has due work.
 */
void
wf_wakeup_released_of(int32 owner, WfLaneKind kind)
{
	Touched    *mine = touch(owner, kind);

	if (mine && silent)
		mine->released_silently = true;
	else if (mine)
		mine->released++;
}

/* The same for a process. */
void
wf_wakeup_released(int32 owner)
{
	wf_wakeup_released_of(owner, WF_LANE_STEPS);
}

/*
 * This transaction claimed so much work of `owner` after it read `generation`;
 * a scan of its own found nothing due before `mark`; it inserted work of that
 * lane, the earliest due at `inserted` (infinity: none).  Published at the
 * very commit, so that an executor that ends right after it leaves nothing
 * unannounced.
 */
void
wf_wakeup_claimed(int32 owner, WfLaneKind kind, int claimed, uint64 generation,
				  WfPosition mark, TimestampTz inserted)
{
	Touched    *mine = silent ? NULL : touch(owner, kind);

	if (mine == NULL)
		return;
	mine->scanned = true;
	mine->claimed = claimed;
	mine->generation = generation;
	mine->mark = mark;
	mine->inserted = inserted;
}

/*
 * This transaction claimed work of whatever kind: PREPARE TRANSACTION is
 * refused unless the claim is rolled back to a savepoint.
 */
void
wf_wakeup_claiming(void)
{
	if (claimed_in == InvalidSubTransactionId)
		claimed_in = GetCurrentSubTransactionId();
}

/*
 * What is claimed is being worked by somebody who lives, or is free again: a
 * prepared transaction is neither, for as long as it likes.
 */
static void
refuse_prepare(void)
{
	if (claimed_in != InvalidSubTransactionId)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot PREPARE a transaction that has claimed work"),
				 errdetail("What it claimed could be done by nobody until the transaction is committed or rolled back."),
				 errhint("COMMIT it.")));
}

/* This transaction changed a process: wake await()ers at commit. */
void
wf_wakeup_stepped(void)
{
	stepped = stepped || !silent;
}

/*
 * When runs are due that this transaction has made, of an executor or, 0, of outside
 * workers; -infinity: that is not known.
 */
TimestampTz
wf_wakeup_own_runs(int32 executor)
{
	if (silent)
		return DT_NOBEGIN;
	if (executor == 0)
		return wf_wakeup_runs_outside_at();
	for (int i = 0; i < ntouched; i++)
		if (touched[i].owner == executor && touched[i].kind == WF_LANE_RUNS)
			return touched[i].due;
	return DT_NOEND;
}

/*
 * This transaction makes or changes alerts: they are looked at when it commits.  What is
 * prepared has a step noted, which is enough.
 */
void
wf_wakeup_alerts(void)
{
	alerts = true;
	wf_wakeup_stepped();
}

/*
 * This transaction makes or changes file triggers: who watches looks when it commits; as
 * above.
 */
void
wf_wakeup_watches(void)
{
	watches = true;
	wf_wakeup_stepped();
}

/*
 * A database is to be looked at anew when this transaction commits.  Reads the
 * catalogs.
 */
void
wf_wakeup_database(Oid dbid)
{
	MemoryContext old;
	const char *name;
	Anew	   *anew;
	ListCell   *cell;

	if (silent)
		return;
	foreach(cell, databases)
		if (((Anew *) lfirst(cell))->dbid == dbid)
			return;
	name = get_database_name(dbid);
	old = MemoryContextSwitchTo(TopMemoryContext);
	anew = palloc(sizeof(Anew));
	anew->dbid = dbid;
	namestrcpy(&anew->name, name ? name : "");
	databases = lappend(databases, anew);
	MemoryContextSwitchTo(old);
}

/* This transaction created or dropped the extension: have that seen at commit. */
void
wf_wakeup_extension(void)
{
	wf_wakeup_database(MyDatabaseId);
}

/*
 * A database that is held for a command of this transaction is held until it
 * ends, committed or not: nobody can connect before.
 */
void
wf_wakeup_release(Oid dbid)
{
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);

	held = lappend_oid(held, dbid);
	MemoryContextSwitchTo(old);
}

/*
 * This transaction changes what sessions keep of our tables: until it has told
 * all of them, at its end, WfInstance.changing[] counts it.
 */
void
wf_wakeup_changing(void)
{
	if (changing)
		return;
	changing = true;
	wf_instance_changing_begin();
}

/*
 * This transaction changes what roles may: owners whose work waits for that are
 * looked at again at commit, in all databases.
 */
void
wf_wakeup_roles(void)
{
	roles = true;
}

/* Tell nobody of what is done until the end of the silence.  See wakeup.h. */
void
wf_wakeup_silence_begin(WfWakeupSilence *silence)
{
	silence->outer = silent;
	silence->ntouched = ntouched;
	silent = true;
	wf_wakeup_runs_silence(silent);
}

/*
 * The silence that began with this is over.  What was touched within it is
 * forgotten, unless a silence around it goes on.
 */
void
wf_wakeup_silence_end(const WfWakeupSilence *silence)
{
	silent = silence->outer;
	wf_wakeup_runs_silence(silent);
	if (silent)
		return;
	ntouched = Min(ntouched, silence->ntouched);
	for (int i = 0; i < ntouched; i++)
		touched[i].released_silently = false;
}

static void
forget(void)
{
	ListCell   *cell;

	foreach(cell, held)
		wf_database_end_hold(lfirst_oid(cell));
	list_free(held);
	held = NIL;
	ntouched = 0;
	silent = false;
	stepped = false;
	wf_wakeup_runs_forget();
	alerts = watches = false;
	claimed_in = InvalidSubTransactionId;
	list_free_deep(databases);
	databases = NIL;
	if (changing)
		wf_instance_changing_end();
	changing = false;
	roles = false;
	preparing[0] = '\0';
	ending = NOT_ENDING;
}

/* Has the transaction made or done any work, of which alerts and sums may tell? */
static bool
has_worked(void)
{
	return ntouched > 0 || stepped || wf_wakeup_runs_any();
}

/* The transaction is over. */
static void
tell(bool committed)
{
	for (int i = 0; i < ntouched; i++)
	{
		Touched    *mine = &touched[i];

		if (committed && mine->scanned)
			wf_watermark_publish(mine->lane, mine->claimed, mine->generation,
								 mine->mark, mine->inserted);
		if (committed && !TIMESTAMP_IS_NOEND(mine->due))
		{
			/* What was skipped may be due before what was inserted. */
			if (mine->released > 0)
				wf_watermark_released(mine->lane, mine->released);
			wf_watermark_lower(mine->lane, mine->due);
		}
		else if (mine->released > 0)
			wf_watermark_released(mine->lane, mine->released);
	}
	if (committed && wf_wakeup_runs_tell())
		stepped = true;
	if (stepped && committed)
		wf_database_stepped(MyDatabaseId);
	if (committed && watches)
		wf_database_watch_look(MyDatabaseId);
	if (committed && alerts)
		wf_database_alerts_look(MyDatabaseId);
	else if (committed && has_worked())
		wf_database_alerts_written(MyDatabaseId);
	if (committed && has_worked())
	{
		wf_database_load_written(MyDatabaseId);
		wf_database_walk_written(MyDatabaseId);
	}
	if (committed)
	{
		ListCell   *cell;

		foreach(cell, databases)
		{
			const Anew *anew = lfirst(cell);

			wf_database_wake(anew->dbid, NameStr(anew->name));
		}
	}
	if (committed && roles)
	{
		wf_owner_recheck();
		wf_database_latch_all();
	}
	forget();
}

/*
 * This transaction is going to be prepared under that identifier, unless it
 * fails first.
 */
void
wf_wakeup_preparing(const char *gid)
{
	strlcpy(preparing, gid, sizeof(preparing));
}

/*
 * What this transaction would tell, for prepared.c.  False: it is more than an
 * entry holds.
 */
static bool
describe(WfPrepared *prepared)
{
	ListCell   *cell;

	if (ntouched > WF_PREPARED_LANES ||
		list_length(databases) > WF_PREPARED_DATABASES)
		return false;

	strlcpy(prepared->gid, preparing, sizeof(prepared->gid));
	prepared->stepped = stepped;
	wf_wakeup_runs_describe(prepared);
	prepared->changing = changing;
	prepared->roles = roles;
	prepared->nlanes = ntouched;
	for (int i = 0; i < ntouched; i++)
	{
		/* refuse_prepare() has seen to it that it claimed nothing. */
		prepared->lanes[i].owner = touched[i].owner;
		prepared->lanes[i].kind = touched[i].kind;
		prepared->lanes[i].due = touched[i].due;
		prepared->lanes[i].released = touched[i].released;
	}
	foreach(cell, databases)
		prepared->databases[prepared->ndatabases++] = ((Anew *) lfirst(cell))->dbid;
	return true;
}

/*
 * This transaction is prepared, and until the callbacks are through nobody
 * else can end it.  Without an identifier, or with too much to remember, it
 * must not be taken for one that had the same identifier before.
 */
static void
remember(void)
{
	WfPrepared	prepared = {0};

	if (preparing[0] == '\0')
		return;
	if (describe(&prepared))
		wf_prepared_put(&prepared);
	else
		(void) wf_prepared_remove(preparing, 0);
}

/*
 * This session has ended a prepared transaction: tells what that one would
 * have told.  COMMIT PREPARED and ROLLBACK PREPARED are transactions of their
 * own, which have touched nothing.  The lanes are looked up anew: they may
 * have had no entry, or lost it.
 */
void
wf_wakeup_prepared_ended(const WfPrepared *prepared, bool committed)
{
	for (int i = 0; i < prepared->nlanes; i++)
	{
		const WfPreparedLane *lane = &prepared->lanes[i];
		Touched    *mine = touch(lane->owner, lane->kind);

		if (mine == NULL)
			continue;
		mine->due = lane->due;
		mine->released = lane->released;
	}
	wf_wakeup_runs_prepared(prepared);
	stepped = prepared->stepped;
	alerts = watches = stepped; /* perhaps */
	roles = prepared->roles;
	for (int i = 0; i < prepared->ndatabases; i++)
		wf_wakeup_database(prepared->databases[i]);
	tell(committed);
}

/*
 * The same of a transaction of which nothing is known any more: it was prepared before a
 * restart, or touched too much.  It may have done anything.
 */
void
wf_wakeup_prepared_unknown(void)
{
	const WfPrepared anything = {.stepped = true,.ended = true,.leased = true};

	wf_watermark_forget(MyDatabaseId);
	wf_wakeup_runs_prepared(&anything);
	wf_wakeup_runs_placed();
	stepped = alerts = watches = roles = true;
	tell(true);
}

static void
at_end_of_transaction(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_COMMIT:
			ending = COMMITTING;
			break;
		case XACT_EVENT_ABORT:
			ending = ABORTING;
			break;
		case XACT_EVENT_PREPARE:
			remember();
			forget();
			break;
		case XACT_EVENT_PARALLEL_COMMIT:
		case XACT_EVENT_PARALLEL_ABORT:
			forget();
			break;
		case XACT_EVENT_PRE_PREPARE:
			refuse_prepare();
			break;
		case XACT_EVENT_PRE_COMMIT:
		case XACT_EVENT_PARALLEL_PRE_COMMIT:
			break;
	}
}

/*
 * Called for every resource owner there is, portals' too, phase by phase: in
 * the last phase of the first one all of them are through with the others.
 */
static void
at_release(ResourceReleasePhase phase, bool is_commit, bool is_top, void *arg)
{
	if (ending != NOT_ENDING && is_top && phase == RESOURCE_RELEASE_AFTER_LOCKS)
		tell(ending == COMMITTING);
}

/*
 * A savepoint's row locks are released when it is rolled back.  It has nothing
 * to invalidate with others, and its other locks nobody skips.
 */
static void
at_end_of_subtransaction(SubXactEvent event, SubTransactionId mine,
						 SubTransactionId parent, void *arg)
{
	if (event != SUBXACT_EVENT_ABORT_SUB)
		return;

	/* Claims of those inside of it, which have later ids, went with it. */
	if (claimed_in >= mine)
		claimed_in = InvalidSubTransactionId;
	wf_wakeup_runs_rolled_back();
	for (int i = 0; i < ntouched; i++)
	{
		if (touched[i].released > 0 || touched[i].released_silently)
			wf_watermark_released(touched[i].lane, Max(touched[i].released, 1));
	}
}

/* Registers the callbacks; once per backend, lazily or from _PG_init. */
void
wf_wakeup_init(void)
{
	static bool done = false;

	if (done)
		return;
	done = true;
	RegisterXactCallback(at_end_of_transaction, NULL);
	RegisterSubXactCallback(at_end_of_subtransaction, NULL);
	RegisterResourceReleaseCallback(at_release, NULL);
}
