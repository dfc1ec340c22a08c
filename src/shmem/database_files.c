/*-------------------------------------------------------------------------
 *
 * database_files.c
 *	  When files of a database are to be written, and who does that.
 *
 * Runs in every process: sessions say at their commits that there is something to write,
 * the worker that writes says when it is to come again.  When, that is without a lock, in a
 * single word; who, under the lock of the instance.  Nothing here throws.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/timestamp.h"

#include "shmem/database.h"
#include "shmem/database_files.h"
#include "shmem/instance.h"

/* Somebody is to look at that time, which is told if it is earlier than what was known. */
void
wf_database_files_again(Oid dbid, TimestampTz at)
{
	WfDatabase *database = wf_database_peek(dbid);

	if (database != NULL)
		wf_database_lower(database, &database->files_at, at);
}

/* When somebody is to look, by wf_clock_now(); infinity: when somebody tells. */
TimestampTz
wf_database_files_at(WfDatabase *database)
{
	return (TimestampTz) pg_atomic_read_u64(&database->files_at);
}

/* Somebody is about to look: what is changed from now on is told again. */
void
wf_database_files_looking(WfDatabase *database)
{
	pg_atomic_write_u64(&database->files_at, (uint64) DT_NOEND);
	pg_memory_barrier();
}

/*
 * This process writes them from now on; false: another one does, or nobody is to be in the
 * database.  Takes the lock.
 */
bool
wf_database_files_attach(WfDatabase *database, Oid dbid)
{
	bool		mine;

	wf_instance_lock(LW_EXCLUSIVE);
	mine = database->dbid == dbid && database->files_pid == 0 && database->state != WF_DB_HELD;
	if (mine)
		database->files_pid = MyProcPid;
	wf_instance_unlock();
	return mine;
}

/* It does not any more, if it did.  Takes the lock. */
void
wf_database_files_detach(WfDatabase *database)
{
	wf_instance_lock(LW_EXCLUSIVE);
	if (database->files_pid == MyProcPid)
		database->files_pid = 0;
	wf_instance_unlock();
}
