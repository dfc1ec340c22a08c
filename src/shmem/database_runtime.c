/*-------------------------------------------------------------------------
 *
 * database_runtime.c
 *	  The life of the runtime of a database.
 *
 * Runs in the launcher, which starts it, and in the runtime itself.  What state a database
 * is in stands at the head of database.c.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"

#include "shmem/database_runtime.h"
#include "shmem/instance.h"

/*
 * The launcher is about to start a runtime; not possible: nobody may work in
 * this database any more.  Returns false when the entry is not for that by now.
 * Takes the lock.
 */
bool
wf_database_runtime_begin_start(WfDatabase *database, Oid dbid, bool possible,
								WfDatabaseStart *start)
{
	bool		mine;

	wf_instance_lock(LW_EXCLUSIVE);
	start->dbid = dbid;
	start->state = database->state;
	start->wake = database->wake;
	mine = database->dbid == dbid && database->state != WF_DB_HELD &&
		database->runtime_pid == 0;
	if (mine)
	{
		database->generation++;
		database->wake = false;
		wf_database_set_state_locked(database, possible ? WF_DB_STARTING : WF_DB_ABSENT);
	}
	start->generation = database->generation;
	wf_instance_unlock();
	return mine;
}

/*
 * There is no background worker for the runtime that was to be started: all is
 * as before.  Takes the lock.
 */
void
wf_database_runtime_start_later(WfDatabase *database, const WfDatabaseStart *start)
{
	wf_instance_lock(LW_EXCLUSIVE);
	if (database->dbid == start->dbid && database->state == WF_DB_STARTING &&
		database->runtime_pid == 0)
	{
		database->wake = database->wake || start->wake;
		wf_database_set_state_locked(database, start->state);
	}
	wf_instance_unlock();
}

/*
 * A runtime that was started did not attach: the next one is not started before
 * `not_before` (real time).  Under the lock, exclusive.
 */
void
wf_database_runtime_start_failed_locked(WfDatabase *database, TimestampTz not_before)
{
	database->failures++;
	database->not_before = not_before;
	database->generation++;
	wf_database_set_state_locked(database, WF_DB_UNKNOWN);
}

/*
 * This process is the runtime that was started for the database.  Returns false
 * when the entry is not for it any more.  Takes the lock.
 */
bool
wf_database_runtime_attach(WfDatabase *database, Oid dbid, uint32 generation)
{
	bool		mine;

	wf_instance_lock(LW_EXCLUSIVE);
	mine = database->dbid == dbid && database->state == WF_DB_STARTING &&
		database->generation == generation && database->runtime_pid == 0;
	if (mine)
	{
		database->runtime_pid = MyProcPid;
		database->runtime = MyLatch;
		database->wake = false;
		database->yield_to = DT_NOEND;
	}
	wf_instance_unlock();
	return mine;
}

/*
 * The runtime has found the extension and begins to work.  For the first one
 * after an unclean start, what is due by now (`now`: wf_clock_now()) may be what
 * crashed the server.  Takes the lock.
 */
void
wf_database_runtime_running(WfDatabase *database, Oid extension, TimestampTz now)
{
	wf_instance_lock(LW_EXCLUSIVE);
	if (!database->recovered)
	{
		database->recovered = true;
		database->careful = wf_instance->unclean_start;
		database->careful_until = now;
	}
	database->extension = extension;
	database->foreign = false;
	if (database->state == WF_DB_STARTING)
		wf_database_set_state_locked(database, WF_DB_RUNNING);
	wf_instance_unlock();
}

/*
 * The runtime ends: `next` is the state it leaves behind, unless the database is
 * held.  proved: it has lived long enough, or ended well, so that failures
 * before it do not count any more.  not_before: it ended badly, and the next one
 * is not started earlier (real time); -infinity: it did not.  Takes the lock.
 */
void
wf_database_runtime_detach(WfDatabase *database, WfDatabaseState next, bool proved,
						   TimestampTz not_before)
{
	wf_instance_lock(LW_EXCLUSIVE);
	database->runtime = NULL;
	database->runtime_pid = 0;
	wf_database_waits_for_nothing_locked(database);
	database->yield_to = DT_NOEND;
	if (proved)
		database->failures = 0;
	if (not_before != DT_NOBEGIN)
	{
		database->failures++;
		database->not_before = not_before;
	}
	if (database->state != WF_DB_HELD)
		wf_database_set_state_locked(database, next);
	wf_instance_unlock();
}

/*
 * Does somebody ask the runtime to look at its database anew?  Not asked again
 * for the same wake.  Looks without the lock first: who sets it sets our latch
 * afterwards.
 */
bool
wf_database_runtime_take_wake(WfDatabase *database)
{
	bool		result;

	if (!database->wake)
		return false;
	wf_instance_lock(LW_EXCLUSIVE);
	result = database->wake;
	database->wake = false;
	wf_instance_unlock();
	return result;
}

/*
 * The runtime is to end for somebody who waits since then, if it has no executor
 * and has waited for less long.  Under the lock, exclusive.
 */
void
wf_database_runtime_yield_locked(WfDatabase *database, TimestampTz to)
{
	database->yield_to = to;
	if (database->runtime != NULL)
		SetLatch(database->runtime);
}

/* The runtime was asked to end, and has reasons not to.  Takes the lock. */
void
wf_database_runtime_stays(WfDatabase *database)
{
	wf_instance_lock(LW_EXCLUSIVE);
	database->yield_to = DT_NOEND;
	wf_instance_unlock();
}
