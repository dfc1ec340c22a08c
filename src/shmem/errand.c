/*-------------------------------------------------------------------------
 *
 * errand.c
 *	  Errands: runs of another server, and the executors of this one that do them.
 *
 * Runs in the courier, which gives them, and in the executors that it has started.
 *
 *		FREE  --given to a new executor-->  GIVEN
 *		GIVEN  --it begins-->  BUSY  --the outcome is known-->  DONE
 *		DONE  --the courier has seen that-->  IDLE  --given once more-->  GIVEN
 *		IDLE  --dismissed, or idle for too long-->  LEAVING
 *		any  --the executor ends, or never came-->  FREE
 *
 * The courier sees a place that is FREE where it has given something: its executor has
 * gone, and what is not in the table of outcomes did not happen.  On a standby, which has
 * no such table, the executor leaves the outcome in its place, in a segment that outlives
 * it.
 *
 * Locks: its own LWLock, for moments.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <signal.h>

#include "miscadmin.h"
#include "storage/latch.h"
#include "storage/lwlock.h"

#include "base/guc.h"
#include "shmem/errand.h"
#include "shmem/instance.h"
#include "shmem/membership.h"

typedef struct ErrandTable
{
	LWLock		lock;
	WfErrand	errands[FLEXIBLE_ARRAY_MEMBER]; /* workflow.max_remote_executors */
} ErrandTable;

static ErrandTable *table = NULL;

/* That of this executor; NULL: none. */
static WfErrand *mine = NULL;

/* Bytes of the segment. */
Size
wf_errand_shmem_size(void)
{
	return add_size(offsetof(ErrandTable, errands), mul_size(wf_max_remote_executors, sizeof(WfErrand)));
}

/* Take the segment, and fill it if it was created just now. */
void
wf_errand_shmem_attach(void *segment, bool created)
{
	table = segment;
	if (created)
	{
		LWLockInitialize(&table->lock, wf_instance->lock->tranche);
		for (int i = 0; i < wf_max_remote_executors; i++)
			table->errands[i].outcome = DSM_HANDLE_INVALID;
	}
}

/* --- the courier -------------------------------------------------------------------- */

/* How a place stands, and whose it is. */
WfErrandState
wf_errand_look(int place, Oid *role)
{
	WfErrandState state;

	LWLockAcquire(&table->lock, LW_SHARED);
	state = table->errands[place].state;
	if (role != NULL)
		*role = table->errands[place].role;
	LWLockRelease(&table->lock);
	return state;
}

/* A free place gets a run, for an executor that is to be started with this generation. */
uint32
wf_errand_give_new(int place, Oid role, dsm_handle run)
{
	WfErrand   *errand = &table->errands[place];
	uint32		generation;

	LWLockAcquire(&table->lock, LW_EXCLUSIVE);
	Assert(errand->state == WF_ERRAND_FREE);
	errand->state = WF_ERRAND_GIVEN;
	errand->role = role;
	errand->run = run;
	errand->pid = 0;
	errand->latch = NULL;
	generation = ++errand->generation;
	LWLockRelease(&table->lock);
	return generation;
}

/* An idle executor gets a run; false: it is not idle any more. */
bool
wf_errand_give(int place, dsm_handle run)
{
	WfErrand   *errand = &table->errands[place];
	bool		idle;

	LWLockAcquire(&table->lock, LW_EXCLUSIVE);
	idle = errand->state == WF_ERRAND_IDLE;
	if (idle)
	{
		errand->state = WF_ERRAND_GIVEN;
		errand->run = run;
		SetLatch(errand->latch);
	}
	LWLockRelease(&table->lock);
	return idle;
}

/* An idle executor is to leave its place to another one. */
void
wf_errand_dismiss(int place)
{
	WfErrand   *errand = &table->errands[place];

	LWLockAcquire(&table->lock, LW_EXCLUSIVE);
	if (errand->state == WF_ERRAND_IDLE)
	{
		errand->state = WF_ERRAND_LEAVING;
		SetLatch(errand->latch);
	}
	LWLockRelease(&table->lock);
}

/* An executor that never came does not come any more. */
void
wf_errand_take_back(int place)
{
	WfErrand   *errand = &table->errands[place];

	LWLockAcquire(&table->lock, LW_EXCLUSIVE);
	if (errand->pid == 0)
	{
		errand->generation++;
		errand->state = WF_ERRAND_FREE;
	}
	LWLockRelease(&table->lock);
}

/* Has the executor ended its run?  Then it waits for the next one. */
bool
wf_errand_settled(int place)
{
	WfErrand   *errand = &table->errands[place];
	bool		done;

	LWLockAcquire(&table->lock, LW_EXCLUSIVE);
	done = errand->state == WF_ERRAND_DONE;
	if (done)
		errand->state = WF_ERRAND_IDLE;
	LWLockRelease(&table->lock);
	return done;
}

/* On a standby: the outcome that was left in a place, which is the caller's now. */
dsm_handle
wf_errand_take_outcome(int place)
{
	WfErrand   *errand = &table->errands[place];
	dsm_handle	outcome;

	LWLockAcquire(&table->lock, LW_EXCLUSIVE);
	outcome = errand->outcome;
	errand->outcome = DSM_HANDLE_INVALID;
	LWLockRelease(&table->lock);
	return outcome;
}

/* On a standby: did its recovery not let the run of a place be done?  That is said once. */
bool
wf_errand_take_conflict(int place)
{
	WfErrand   *errand = &table->errands[place];
	bool		conflict;

	LWLockAcquire(&table->lock, LW_EXCLUSIVE);
	conflict = errand->conflict;
	errand->conflict = false;
	LWLockRelease(&table->lock);
	return conflict;
}

/* How far the run of a place is; false: it has not told. */
bool
wf_errand_progress_read(int place, const pg_uuid_t *run, WfProgress *progress)
{
	return wf_progress_read(&table->errands[place].progress, run, progress);
}

/* Send a signal to the executor that is at a run; a pid in shared memory is alive under the lock. */
void
wf_errand_signal(int place, int signal)
{
	WfErrand   *errand = &table->errands[place];

	LWLockAcquire(&table->lock, LW_SHARED);
	if (errand->pid != 0 && (errand->state == WF_ERRAND_BUSY || errand->state == WF_ERRAND_GIVEN))
		kill(errand->pid, signal);
	LWLockRelease(&table->lock);
}

/* The same to all of them that there are, whatever they do. */
void
wf_errand_signal_all(int signal)
{
	LWLockAcquire(&table->lock, LW_SHARED);
	for (int i = 0; i < wf_max_remote_executors; i++)
		if (table->errands[i].pid != 0)
			kill(table->errands[i].pid, signal);
	LWLockRelease(&table->lock);
}

/* How many executors there are, or are about to be. */
int
wf_errand_count(void)
{
	int			n = 0;

	LWLockAcquire(&table->lock, LW_SHARED);
	for (int i = 0; i < wf_max_remote_executors; i++)
		n += table->errands[i].state != WF_ERRAND_FREE;
	LWLockRelease(&table->lock);
	return n;
}

/* --- an executor ---------------------------------------------------------------------- */

/* This process is the executor of that place; false: it is not any more. */
bool
wf_errand_attach(int place, uint32 generation)
{
	WfErrand   *errand = &table->errands[place];

	LWLockAcquire(&table->lock, LW_EXCLUSIVE);
	if (errand->generation == generation && errand->state == WF_ERRAND_GIVEN && errand->pid == 0)
	{
		errand->pid = MyProcPid;
		errand->latch = MyLatch;
		mine = errand;
	}
	LWLockRelease(&table->lock);
	return mine != NULL;
}

/* It ends. */
void
wf_errand_detach(void)
{
	if (mine == NULL)
		return;
	LWLockAcquire(&table->lock, LW_EXCLUSIVE);
	mine->state = WF_ERRAND_FREE;
	mine->pid = 0;
	mine->latch = NULL;
	LWLockRelease(&table->lock);
	mine = NULL;
	wf_membership_courier_wake();
}

/* Begin what was given; false: there is nothing. */
bool
wf_errand_begin(dsm_handle *run)
{
	bool		given;

	LWLockAcquire(&table->lock, LW_EXCLUSIVE);
	given = mine->state == WF_ERRAND_GIVEN;
	if (given)
	{
		mine->state = WF_ERRAND_BUSY;
		wf_progress_clear(&mine->progress);
		*run = mine->run;
	}
	LWLockRelease(&table->lock);
	return given;
}

/* How far the run is that this executor is at; total, note: or NULL. */
void
wf_errand_progress(const pg_uuid_t *run, int64 done, const int64 *total, const char *note)
{
	wf_progress_tell(&mine->progress, run, done, total, note);
}

/* On a standby: leave what has become of it; false: there is something already. */
bool
wf_errand_leave_outcome(dsm_handle outcome)
{
	bool		free;

	LWLockAcquire(&table->lock, LW_EXCLUSIVE);
	free = mine->outcome == DSM_HANDLE_INVALID;
	if (free)
		mine->outcome = outcome;
	LWLockRelease(&table->lock);
	return free;
}

/* On a standby: its recovery does not let the run be done. */
void
wf_errand_conflict(void)
{
	LWLockAcquire(&table->lock, LW_EXCLUSIVE);
	mine->conflict = true;
	LWLockRelease(&table->lock);
}

/* It has ended, and the outcome is where the courier finds it. */
void
wf_errand_done(void)
{
	LWLockAcquire(&table->lock, LW_EXCLUSIVE);
	mine->state = WF_ERRAND_DONE;
	LWLockRelease(&table->lock);
	wf_membership_courier_wake();
}

/* Is this executor to end? */
bool
wf_errand_is_dismissed(void)
{
	bool		dismissed;

	LWLockAcquire(&table->lock, LW_SHARED);
	dismissed = mine->state == WF_ERRAND_LEAVING;
	LWLockRelease(&table->lock);
	return dismissed;
}

/*
 * This executor ends, for it has been idle for too long; false: it has been given a run, or
 * nobody has seen yet that the last one has ended.
 */
bool
wf_errand_leave(void)
{
	bool		idle;

	LWLockAcquire(&table->lock, LW_EXCLUSIVE);
	idle = mine->state == WF_ERRAND_IDLE;
	if (idle)
		mine->state = WF_ERRAND_LEAVING;
	LWLockRelease(&table->lock);
	return idle;
}
