/*-------------------------------------------------------------------------
 *
 * watermark.c
 *	  Where the work of an owner begins: marks and cursors.
 *
 * Used by every backend, at the end of transactions among other places: each
 * function holds an owner's spinlock for a few assignments and throws nothing.
 * shmem.c says why no wake is lost.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/lwlock.h"
#include "utils/timestamp.h"

#include "base/guc.h"
#include "shmem/database.h"
#include "shmem/owner.h"
#include "shmem/shmem.h"
#include "shmem/slot.h"
#include "shmem/watermark.h"

/* Mark and generation at one moment. */
TimestampTz
wf_watermark_read(WfOwner *entry, uint64 *generation)
{
	TimestampTz mark;

	SpinLockAcquire(&entry->mutex);
	mark = entry->mark;
	*generation = entry->generation;
	SpinLockRelease(&entry->mutex);
	return mark;
}

/*
 * Raise (or lower) the mark to what a scan found, unless somebody inserted
 * meanwhile (generation moved).  Returns whether it was set.
 */
bool
wf_watermark_advance(WfOwner *entry, uint64 generation, TimestampTz mark)
{
	bool		same;

	SpinLockAcquire(&entry->mutex);
	same = (entry->generation == generation);
	if (same)
		entry->mark = mark;
	SpinLockRelease(&entry->mutex);
	return same;
}

/* Under the spinlock: claims start at the mark again. */
static void
set_cursor_back(WfOwner *entry)
{
	entry->cursor_due = DT_NOBEGIN;
	entry->cursor_seq = -1;
	entry->cursor_epoch++;
}

/*
 * The same at the commit of a transaction that claimed timers of the owner
 * and inserted some itself, the earliest due at `inserted` (infinity: none).
 * `mark` was scanned by that transaction and covers its own timers; other
 * scans may not have seen them, so the generation moves.
 */
void
wf_watermark_publish(WfOwner *entry, uint64 generation, TimestampTz mark,
					 TimestampTz inserted)
{
	SpinLockAcquire(&entry->mutex);
	if (entry->generation == generation)
		entry->mark = mark;
	else
		entry->mark = Min(entry->mark, inserted);
	if (inserted != DT_NOEND)
		entry->generation++;
	if (inserted <= entry->cursor_due)
		set_cursor_back(entry);
	SpinLockRelease(&entry->mutex);
}

/*
 * Where the next claim starts when several executors work for one owner: past
 * what the others have claimed, so that nobody walks over timers of processes
 * that are locked anyway.  A hint: between mark and cursor everything is being
 * worked by somebody, or was skipped.  Whatever may leave something there (an
 * abort, a timer put back, a lock released, a new timer) sets it back, which
 * moves the epoch; a claim that finds less than it wanted goes back, too.
 */
uint64
wf_watermark_cursor_read(WfOwner *entry, TimestampTz *due, int64 *seq)
{
	uint64		epoch;

	SpinLockAcquire(&entry->mutex);
	*due = entry->cursor_due;
	*seq = entry->cursor_seq;
	epoch = entry->cursor_epoch;
	SpinLockRelease(&entry->mutex);
	return epoch;
}

/* A claim got so far, unless something was left behind meanwhile. */
void
wf_watermark_cursor_advance(WfOwner *entry, uint64 epoch, TimestampTz due, int64 seq)
{
	SpinLockAcquire(&entry->mutex);
	if (entry->cursor_epoch == epoch &&
		(due > entry->cursor_due ||
		 (due == entry->cursor_due && seq > entry->cursor_seq)))
	{
		entry->cursor_due = due;
		entry->cursor_seq = seq;
	}
	SpinLockRelease(&entry->mutex);
}

/* Something may be left behind. */
void
wf_watermark_cursor_reset(WfOwner *entry)
{
	SpinLockAcquire(&entry->mutex);
	set_cursor_back(entry);
	SpinLockRelease(&entry->mutex);
}

/*
 * Work of this owner may be due at `due`: lowers the mark, moves the
 * generation, and if anybody has to look earlier than planned sets the latch
 * of an executor of this owner (an idle one first), else of the runtime, else
 * of the launcher.  Never throws: called at the end of transactions.
 */
void
wf_watermark_lower(WfOwner *entry, TimestampTz due)
{
	TimestampTz old;

	SpinLockAcquire(&entry->mutex);
	old = entry->mark;
	entry->mark = Min(old, due);
	entry->generation++;
	if (due <= entry->cursor_due)
		set_cursor_back(entry);
	SpinLockRelease(&entry->mutex);

	/*
	 * Somebody will look at the old mark anyway.  Unless that is past: then
	 * they may have looked, found everything locked, and wait for the locks.
	 */
	if (due < old || old <= GetCurrentTimestamp())
		wf_watermark_wake(entry);
}

/*
 * A lock on a process of this owner was released, which an executor may have
 * skipped: wakes as wf_watermark_lower() does if anything is due.  Never throws.
 */
void
wf_watermark_released(WfOwner *entry)
{
	uint64		generation;

	wf_watermark_cursor_reset(entry);
	if (wf_watermark_read(entry, &generation) <= GetCurrentTimestamp())
		wf_watermark_wake(entry);
}

/*
 * All owners of a database: mark -infinity, wake.  After a prepared transaction
 * has ended of which nothing is known.
 */
void
wf_watermark_forget(Oid dbid)
{
	WfDatabase *database;

	LWLockAcquire(wf_shared->lock, LW_SHARED);
	for (int i = 0; i < wf_shared->nowners; i++)
	{
		WfOwner    *entry = &wf_shared->owners[i];

		if (entry->dbid == dbid)
			wf_watermark_lower(entry, DT_NOBEGIN);
	}
	database = wf_database_entry_locked(dbid, false);
	if (database)
		wf_watermark_lower(&database->others, DT_NOBEGIN);
	LWLockRelease(wf_shared->lock);
}

/* The earliest mark of the owners of a database. */
TimestampTz
wf_watermark_of_database(Oid dbid)
{
	TimestampTz earliest = DT_NOEND;
	WfDatabase *database;
	uint64		others;

	LWLockAcquire(wf_shared->lock, LW_SHARED);
	for (int i = 0; i < wf_shared->nowners; i++)
	{
		WfOwner    *entry = &wf_shared->owners[i];
		uint64		generation;

		if (entry->dbid == dbid)
			earliest = Min(earliest, wf_watermark_read(entry, &generation));
	}
	database = wf_database_entry_locked(dbid, false);
	if (database)
		earliest = Min(earliest, wf_watermark_read(&database->others, &others));
	LWLockRelease(wf_shared->lock);
	return earliest;
}

/* Set the latch of whoever should look after an owner now.  Never throws. */
void
wf_watermark_wake(WfOwner *entry)
{
	Latch	   *busy[WF_MAX_EXECUTORS_MAX];
	int			nbusy = 0;
	bool		attended = false;

	/*
	 * If we are an executor of this owner: we go on until nothing is left,
	 * and ask for help when that is more than we can do.
	 */
	if (wf_my_executor && wf_my_executor->dbid == entry->dbid &&
		wf_my_executor->owner == entry->owner)
	{
		SetLatch(MyLatch);
		return;
	}

	/* pairs with the barrier of an executor that goes BUSY */
	pg_memory_barrier();

	for (int i = 0; i < wf_shared->nexecutors; i++)
	{
		WfExecutor *slot = &wf_shared->executors[i];
		Latch	   *latch = slot->latch;
		WfExecutorState state = slot->state;

		if (state == WF_EXEC_FREE || slot->owner != entry->owner ||
			slot->dbid != entry->dbid)
			continue;

		if (state == WF_EXEC_IDLE && latch != NULL && !slot->evict)
		{
			SetLatch(latch);
			return;
		}
		if (latch != NULL)
			busy[nbusy++] = latch;
		if (!slot->stalled)
			attended = true;
	}

	for (int i = 0; i < nbusy; i++)
		SetLatch(busy[i]);
	if (!attended)
		wf_database_latch(entry->dbid);
}
