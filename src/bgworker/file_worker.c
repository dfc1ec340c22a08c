/*-------------------------------------------------------------------------
 *
 * file_worker.c
 *	  The process that writes the files of a database.
 *
 * A background worker, started by the runtime of the database when files were changed, or
 * when one is to be tried again, if workflow.file_directory is set; disks may be slow, and
 * nobody waits for them here.  Connected as the bootstrap superuser; runs no user code.
 * It ends when it has done what there was, so that a database at rest has none.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/latch.h"
#include "storage/lwlock.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/guc.h"
#include "bgworker/bgworker.h"
#include "bgworker/file_worker.h"
#include "file/file_take.h"
#include "shmem/database_files.h"
#include "shmem/membership.h"

/* While one is at work the runtime looks again after this (us). */
#define LOOK_AGAIN		(500 * INT64CONST(1000))

/* After one has failed, or could not be started, so much later (us). */
#define FAILED_PAUSE	(10 * USECS_PER_SEC)

/* That this runtime has started. */
static BackgroundWorkerHandle *handle = NULL;

/* --- in the runtime ----------------------------------------------------------------- */

/*
 * Files may have to be written: start a worker, unless one is at work, or none is to do
 * that.  What the directory has on a runtime of another server is that one's.
 */
void
wf_file_worker_wanted(WfDatabase *database, Oid extension)
{
	WfBgworkerArgs args = {.kind = WF_BGWORKER_FILES,.dbid = MyDatabaseId,.extension = extension};
	bool		known;

	wf_database_files_looking(database);
	if (wf_file_directory[0] == '\0')
		return;
	if (!wf_membership_files_are_ours(&known))
	{
		if (!known)
			wf_database_files_again(MyDatabaseId, wf_clock_now() + FAILED_PAUSE);
		return;
	}
	if (wf_bgworker_is_there(&handle))
	{
		wf_database_files_again(MyDatabaseId, wf_clock_now() + LOOK_AGAIN);
		return;
	}
	args.slot = database - wf_databases;
	handle = wf_bgworker_start(&args);
	if (handle == NULL)
		wf_database_files_again(MyDatabaseId, wf_clock_now() + FAILED_PAUSE);
}

/* --- the worker --------------------------------------------------------------------- */

/* before_shmem_exit: somebody is to try again. */
static void
leave(int code, Datum arg)
{
	const WfBgworkerArgs *args = wf_bgworker_args();

	LWLockReleaseAll();
	wf_database_files_detach(&wf_databases[args->slot]);
	if (code != 0)
		wf_database_files_again(args->dbid, wf_clock_now() + FAILED_PAUSE);
}

/* Entry point. */
void
wf_file_worker_main(Datum arg)
{
	const WfBgworkerArgs *args = wf_bgworker_args();
	TimestampTz again = wf_clock_now() + LOOK_AGAIN;

	wf_bgworker_prepare(leave);
	wf_bgworker_connect();

	/* one of a runtime that has ended meanwhile may be at it still */
	if (wf_database_files_attach(&wf_databases[args->slot], args->dbid))
		wf_file_take(args->extension, &again);
	if (again != DT_NOEND)
		wf_database_files_again(MyDatabaseId, again);
	proc_exit(0);
}
