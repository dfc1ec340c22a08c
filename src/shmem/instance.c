/*-------------------------------------------------------------------------
 *
 * instance.c
 *	  What is there once in a PostgreSQL instance: the lock, the launcher, how
 *	  the server was started.
 *
 * Runs in every process.  The lock guards which entries of databases, owners,
 * lanes and slots are in use, who holds them, and every change of their state;
 * README.md says what is read and written without it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_control.h"
#include "common/controldata_utils.h"
#include "miscadmin.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/fence.h"
#include "shmem/instance.h"

WfInstance *wf_instance = NULL;

/* How often this postmaster has filled the segment: again after each crash. */
static int	times_filled = 0;

/* Bytes of the segment. */
Size
wf_instance_shmem_size(void)
{
	return sizeof(WfInstance);
}

/*
 * Was the server not shut down cleanly before this start?  Asked before
 * recovery touches the control file.  A standby counts as unclean: why the
 * primary that it may replace went away, nobody knows.
 */
static bool
start_is_unclean(void)
{
	ControlFileData *control;
	bool		crc_ok;
	bool		clean;

	if (times_filled++ > 0)
		return true;

	control = get_controlfile(DataDir, &crc_ok);
	clean = crc_ok && control->state == DB_SHUTDOWNED;
	pfree(control);
	return !clean;
}

/* Take the segment, and fill it if it was created just now. */
void
wf_instance_shmem_attach(void *segment, bool created)
{
	wf_instance = segment;
	if (!created)
		return;
	wf_instance->lock = &GetNamedLWLockTranche(WF_INSTANCE_TRANCHE)->lock;
	wf_instance->unclean_start = start_is_unclean();
	wf_instance->epoch = wf_fence_make();
	for (int i = 0; i < WF_INSTANCE_CHANGING; i++)
		pg_atomic_init_u32(&wf_instance->changing[i], 0);
}

/*
 * Take the lock of the instance.  A lane's spinlock may be taken after it, never
 * before.
 */
void
wf_instance_lock(LWLockMode mode)
{
	LWLockAcquire(wf_instance->lock, mode);
}

/* Release the lock of the instance. */
void
wf_instance_unlock(void)
{
	LWLockRelease(wf_instance->lock);
}

/* --- the launcher -------------------------------------------------------- */

/* This process is the launcher from now on.  Takes the lock. */
void
wf_instance_launcher_attach(void)
{
	wf_instance_lock(LW_EXCLUSIVE);
	wf_instance->launcher = MyLatch;
	wf_instance->launcher_pid = MyProcPid;
	wf_instance_unlock();
}

/* The launcher ends.  Takes the lock. */
void
wf_instance_launcher_detach(void)
{
	wf_instance_lock(LW_EXCLUSIVE);
	wf_instance->launcher = NULL;
	wf_instance->launcher_pid = 0;
	wf_instance_unlock();
}

/*
 * Set the launcher's latch, if there is a launcher.  Without a lock: latches are
 * those of PGPROC entries, which never go away, and one more wake does no harm.
 */
void
wf_instance_launcher_wake(void)
{
	Latch	   *latch = wf_instance->launcher;

	if (latch != NULL)
		SetLatch(latch);
}

/*
 * Is a complaint due about a lack of background workers?  Once in an interval
 * (ms) for the whole instance; under the lock, exclusive.
 */
bool
wf_instance_complains_locked(TimestampTz now, int interval)
{
	if (!wf_clock_is_over(wf_instance->complain_after, interval))
		return false;
	wf_instance->complain_after = TimestampTzPlusMilliseconds(now, interval);
	return true;
}

/* --- changes of what sessions keep --------------------------------------- */

/* How many transactions of this session's database do so; see inval.c. */
pg_atomic_uint32 *
wf_instance_changing(void)
{
	return &wf_instance->changing[MyDatabaseId & (WF_INSTANCE_CHANGING - 1)];
}

/* A transaction begins to change what sessions keep of our tables. */
void
wf_instance_changing_begin(void)
{
	pg_atomic_fetch_add_u32(wf_instance_changing(), 1);
}

/* It has told all sessions, or was rolled back. */
void
wf_instance_changing_end(void)
{
	pg_atomic_fetch_sub_u32(wf_instance_changing(), 1);
}
