/*-------------------------------------------------------------------------
 *
 * placed.c
 *	  Queues that are placed elsewhere, and when members are to look for their runs.
 *
 * Runs in every process, at the end of transactions among other places, and throws nothing
 * there.  For members it is what watermark.c is for executors: each has a mark, before
 * which no run is due that is placed on it, as far as is known, and a generation.  Every
 * commit of runs in a queue of the list lowers all marks of its database; a look raises the
 * one of its member, if nothing has come since it read the generation, before its snapshot.
 *
 * A queue is in the list from the moment in which it is placed elsewhere, before that has
 * committed, and stays there: who commits runs of it later sees it there, and whose runs
 * were visible before, they are found by who is told of the placement.  What is in the
 * list for nothing costs a look.
 *
 * Locks: all of it is guarded by its own LWLock, under which no other lock is taken.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"

#include "base/clock.h"
#include "base/guc.h"
#include "shmem/instance.h"
#include "shmem/placed.h"

/* So many queues of a database are known one by one; of more, all count as placed. */
#define QUEUES_MAX	64

/* The list of a database. */
typedef struct Queues
{
	Oid			dbid;			/* InvalidOid: not in use */
	bool		known;			/* the table was read */
	int			n;				/* QUEUES_MAX + 1: any */
	int32		queues[QUEUES_MAX];
} Queues;

/* The mark of a member. */
typedef struct Mark
{
	Oid			dbid;			/* InvalidOid: not in use */
	int64		epoch;
	TimestampTz due;
	uint64		generation;
	int64		asked;			/* when it was asked for last; steady */
} Mark;

typedef struct PlacedTable
{
	LWLock		lock;
	Mark		marks[FLEXIBLE_ARRAY_MEMBER];	/* workflow.max_runtimes; behind them the
												 * lists, workflow.max_databases */
} PlacedTable;

static PlacedTable *table = NULL;
static Queues *lists = NULL;

static Size
marks_size(void)
{
	return MAXALIGN(offsetof(PlacedTable, marks) + mul_size(wf_max_runtimes, sizeof(Mark)));
}

/* Bytes of the segment. */
Size
wf_placed_shmem_size(void)
{
	return add_size(marks_size(), mul_size(wf_max_databases, sizeof(Queues)));
}

/* Take the segment, and fill it if it was created just now. */
void
wf_placed_shmem_attach(void *segment, bool created)
{
	table = segment;
	lists = (Queues *) ((char *) segment + marks_size());
	if (created)
		LWLockInitialize(&table->lock, wf_instance->lock->tranche);
}

/* --- queues ------------------------------------------------------------------------ */

/* The list of a database; NULL: there is none.  Under the lock. */
static Queues *
find_list(Oid dbid)
{
	for (int i = 0; i < wf_max_databases; i++)
		if (lists[i].dbid == dbid)
			return &lists[i];
	return NULL;
}

/* That of this database; NULL: there is no place for it.  Under the lock, exclusive. */
static Queues *
my_list(void)
{
	Queues	   *list = find_list(MyDatabaseId);

	if (list == NULL && (list = find_list(InvalidOid)) != NULL)
	{
		memset(list, 0, sizeof(*list));
		list->dbid = MyDatabaseId;
	}
	return list;
}

static bool
has(const Queues *list, int32 queue)
{
	for (int i = 0; i < Min(list->n, QUEUES_MAX); i++)
		if (list->queues[i] == queue)
			return true;
	return list->n > QUEUES_MAX;
}

static void
add(Queues *list, int32 queue)
{
	if (has(list, queue))
		return;
	if (list->n < QUEUES_MAX)
		list->queues[list->n] = queue;
	list->n++;
}

/* This transaction places a queue elsewhere. */
void
wf_placed_queue(int32 queue)
{
	Queues	   *list;

	LWLockAcquire(&table->lock, LW_EXCLUSIVE);
	list = my_list();
	if (list != NULL)
		add(list, queue);
	LWLockRelease(&table->lock);
}

/* These are placed elsewhere, by the table; others may have been. */
void
wf_placed_learn(int n, const int32 *queues)
{
	Queues	   *list;

	LWLockAcquire(&table->lock, LW_EXCLUSIVE);
	list = my_list();
	for (int i = 0; i < n && list != NULL; i++)
		add(list, queues[i]);
	if (list != NULL)
		list->known = true;
	LWLockRelease(&table->lock);
}

/* Are there any, as far as is known?  Under the lock. */
static bool
may_be_any(const Queues *list)
{
	return list == NULL || !list->known || list->n > 0;
}

/* May there be any in a database? */
bool
wf_placed_any(Oid dbid)
{
	bool		any;

	LWLockAcquire(&table->lock, LW_SHARED);
	any = may_be_any(find_list(dbid));
	LWLockRelease(&table->lock);
	return any;
}

/* Is any of these among them, or, n < 0, are there any at all?  Under the lock. */
static bool
has_any(const Queues *list, int n, const int32 *queues)
{
	bool		any = n < 0 || list == NULL || !list->known;

	for (int i = 0; i < n && !any; i++)
		any = has(list, queues[i]);
	return any && may_be_any(list);
}

/* --- marks -------------------------------------------------------------------------- */

/* Under the lock, exclusive. */
static void
lower(Oid dbid, TimestampTz due)
{
	for (int i = 0; i < wf_max_runtimes; i++)
	{
		Mark	   *mark = &table->marks[i];

		if (mark->dbid != dbid)
			continue;
		mark->due = Min(mark->due, due);
		mark->generation++;
	}
}

/*
 * Runs of these queues have come that are due then, or, n < 0, of any: a transaction of
 * this database has committed that has made them ready.  True: the caller has those look
 * who wait.
 */
bool
wf_placed_come(int n, const int32 *queues, TimestampTz due)
{
	bool		placed;

	LWLockAcquire(&table->lock, LW_SHARED);
	placed = has_any(find_list(MyDatabaseId), n, queues);
	LWLockRelease(&table->lock);
	if (!placed)
		return false;
	LWLockAcquire(&table->lock, LW_EXCLUSIVE);
	lower(MyDatabaseId, due);
	LWLockRelease(&table->lock);
	return true;
}

/* All members of a database are to look again.  False: there is nothing to be looked for. */
bool
wf_placed_look(Oid dbid)
{
	if (!wf_placed_any(dbid))
		return false;
	LWLockAcquire(&table->lock, LW_EXCLUSIVE);
	lower(dbid, DT_NOBEGIN);
	LWLockRelease(&table->lock);
	return true;
}

/* The mark of the member of that epoch; NULL: it has none.  Under the lock. */
static Mark *
find_mark(int64 epoch)
{
	for (int i = 0; i < wf_max_runtimes; i++)
		if (table->marks[i].dbid == MyDatabaseId && table->marks[i].epoch == epoch)
			return &table->marks[i];
	return NULL;
}

/* A mark for one that has none, if need be the one that nobody has asked for longest. */
static Mark *
make_mark(int64 epoch)
{
	Mark	   *oldest = &table->marks[0];

	for (int i = 1; i < wf_max_runtimes && OidIsValid(oldest->dbid); i++)
		if (!OidIsValid(table->marks[i].dbid) || table->marks[i].asked < oldest->asked)
			oldest = &table->marks[i];
	*oldest = (Mark) {.dbid = MyDatabaseId,.epoch = epoch,.due = DT_NOBEGIN};
	return oldest;
}

/*
 * When a member of this database, of that epoch, is to look, and the generation of that.
 * Without make, false if it never has: one that does not claim so need not know.
 */
bool
wf_placed_mark(int64 epoch, bool make, TimestampTz *due, uint64 *generation)
{
	Mark	   *mark;

	LWLockAcquire(&table->lock, LW_EXCLUSIVE);
	mark = find_mark(epoch);
	if (mark == NULL && make)
		mark = make_mark(epoch);
	if (mark != NULL)
	{
		mark->asked = wf_clock_steady();
		*due = mark->due;
		*generation = mark->generation;
	}
	LWLockRelease(&table->lock);
	return mark != NULL;
}

/*
 * A member has looked, by a snapshot that is younger than the generation, and there is
 * nothing for it before that.
 */
void
wf_placed_advance(int64 epoch, uint64 generation, TimestampTz due)
{
	Mark	   *mark;

	LWLockAcquire(&table->lock, LW_EXCLUSIVE);
	mark = find_mark(epoch);
	if (mark != NULL && mark->generation == generation)
		mark->due = due;
	LWLockRelease(&table->lock);
}

/* A database was dropped, or has no extension any more. */
void
wf_placed_forget_database(Oid dbid)
{
	LWLockAcquire(&table->lock, LW_EXCLUSIVE);
	for (int i = 0; i < wf_max_databases; i++)
		if (lists[i].dbid == dbid)
			lists[i].dbid = InvalidOid;
	for (int i = 0; i < wf_max_runtimes; i++)
		if (table->marks[i].dbid == dbid)
			table->marks[i].dbid = InvalidOid;
	LWLockRelease(&table->lock);
}
