/*-------------------------------------------------------------------------
 *
 * file_wait.c
 *	  How many files each runtime has still to take over.
 *
 * Runs in the sessions of runtimes, and at the end of transactions that have changed files.
 * A beat tells the number, and touches no table for it.  It is counted in the tables by who
 * pulls or confirms, and what is changed meanwhile is added: never too few, for who counts
 * has looked at `changes` before.  What is not here is counted anew, so that a place may
 * be lost at any time.
 *
 * Locks: all of it is guarded by its own LWLock, under which no other lock is taken.
 * Nothing throws under it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"

#include "base/guc.h"
#include "shmem/file_wait.h"
#include "shmem/instance.h"

typedef struct Place
{
	Oid			dbid;			/* InvalidOid: free */
	char		id[WF_RUNTIME_ID_MAX + 1];
	int			waiting;
	uint64		used;			/* when it was written last, for who needs a place */
} Place;

typedef struct WaitTable
{
	LWLock		lock;
	uint64		changes;		/* of files, of all databases */
	uint64		writes;
	Place		places[FLEXIBLE_ARRAY_MEMBER];	/* workflow.max_runtimes */
} WaitTable;

static WaitTable *table = NULL;

/* Bytes of the segment. */
Size
wf_file_wait_shmem_size(void)
{
	return add_size(offsetof(WaitTable, places), mul_size(wf_max_runtimes, sizeof(Place)));
}

/* Take the segment, and fill it if it was created just now. */
void
wf_file_wait_shmem_attach(void *segment, bool created)
{
	table = segment;
	if (created)
		LWLockInitialize(&table->lock, wf_instance->lock->tranche);
}

/* The place of a runtime of this database, or NULL.  Under the lock. */
static Place *
find(const char *id)
{
	for (int i = 0; i < wf_max_runtimes; i++)
		if (table->places[i].dbid == MyDatabaseId && strcmp(table->places[i].id, id) == 0)
			return &table->places[i];
	return NULL;
}

/* A place for one that has none: a free one, or that which was not written for longest. */
static Place *
take(const char *id)
{
	Place	   *place = &table->places[0];

	for (int i = 0; i < wf_max_runtimes; i++)
	{
		if (!OidIsValid(table->places[i].dbid))
		{
			place = &table->places[i];
			break;
		}
		if (table->places[i].used < place->used)
			place = &table->places[i];
	}
	place->dbid = MyDatabaseId;
	strlcpy(place->id, id, sizeof(place->id));
	return place;
}

/* How many files a runtime of this database has still to take over; -1: that is to be counted. */
int
wf_file_wait(const char *id)
{
	const Place *place;
	int			waiting;

	LWLockAcquire(&table->lock, LW_SHARED);
	place = find(id);
	waiting = place == NULL ? -1 : place->waiting;
	LWLockRelease(&table->lock);
	return waiting;
}

/* How many changes have committed; to be asked before a snapshot is taken by which they are counted. */
uint64
wf_file_wait_changes(void)
{
	uint64		changes;

	LWLockAcquire(&table->lock, LW_SHARED);
	changes = table->changes;
	LWLockRelease(&table->lock);
	return changes;
}

/* So many files of this database were changed by a transaction that has committed. */
void
wf_file_wait_changed(int n)
{
	LWLockAcquire(&table->lock, LW_EXCLUSIVE);
	table->changes += n;
	for (int i = 0; i < wf_max_runtimes; i++)
		if (table->places[i].dbid == MyDatabaseId)
			table->places[i].waiting = (int) Min((int64) table->places[i].waiting + n, PG_INT32_MAX);
	LWLockRelease(&table->lock);
}

/* So many were left to a runtime when so many changes had been made. */
void
wf_file_wait_left(const char *id, int left, uint64 changes)
{
	Place	   *place;

	LWLockAcquire(&table->lock, LW_EXCLUSIVE);
	place = find(id);
	if (place == NULL)
		place = take(id);
	place->waiting = (int) Min((int64) left + (int64) (table->changes - changes), PG_INT32_MAX);
	place->used = ++table->writes;
	LWLockRelease(&table->lock);
}

/* A database was dropped, or has no extension any more. */
void
wf_file_wait_forget_database(Oid dbid)
{
	LWLockAcquire(&table->lock, LW_EXCLUSIVE);
	for (int i = 0; i < wf_max_runtimes; i++)
		if (table->places[i].dbid == dbid)
			table->places[i].dbid = InvalidOid;
	LWLockRelease(&table->lock);
}
