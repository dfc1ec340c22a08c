/*-------------------------------------------------------------------------
 *
 * watcher.c
 *	  The process that looks for files that make runs.
 *
 * A background worker, started by the runtime of the database when there are file triggers
 * that this server looks for; disks may be slow, and nobody waits for them here.  Connected
 * as the bootstrap superuser; runs no user code.  It stays, as long as there are any, also
 * when there is no runtime: where nothing changes in the directories it writes nothing.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "pgstat.h"
#include "storage/latch.h"
#include "storage/lwlock.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/compat.h"
#include "base/guc.h"
#include "bgworker/bgworker.h"
#include "bgworker/watcher.h"
#include "shmem/database_watch.h"
#include "watch/watch_round.h"

/* Until one that was started watches, the runtime looks again after this (us). */
#define LOOK_AGAIN		(500 * INT64CONST(1000))

/* After one has failed, or could not be started, so much later (us). */
#define FAILED_PAUSE	(10 * USECS_PER_SEC)

/* That this runtime has started. */
static BackgroundWorkerHandle *handle = NULL;

/* Of the worker. */
static WfDatabase *database = NULL;

/* --- in the runtime ----------------------------------------------------------------- */

/* Triggers have changed: tell who watches; start a worker if nobody does, and there are any. */
void
wf_watcher_wanted(WfDatabase *entry, Oid extension, bool any)
{
	WfBgworkerArgs args = {.kind = WF_BGWORKER_WATCHER,.dbid = MyDatabaseId,.extension = extension};

	if (wf_database_watch_tell(entry) || !any || wf_trigger_directories[0] == '\0')
		return;
	if (wf_bgworker_is_there(&handle))
	{
		wf_database_watch_again(MyDatabaseId, wf_clock_now() + LOOK_AGAIN);
		return;
	}
	args.slot = entry - wf_databases;
	handle = wf_bgworker_start(&args);

	/* one that was started may end before it watches */
	wf_database_watch_again(MyDatabaseId, wf_clock_now() + (handle == NULL ? FAILED_PAUSE : LOOK_AGAIN));
}

/* --- the worker --------------------------------------------------------------------- */

/* before_shmem_exit: somebody else is to watch, unless there is nothing to be watched. */
static void
leave(int code, Datum arg)
{
	LWLockReleaseAll();
	if (database == NULL)
		return;
	wf_database_watch_detach(database);
	if (code != 0 || wf_bgworker_terminated())
		wf_database_watch_again(wf_bgworker_args()->dbid, wf_clock_now() + FAILED_PAUSE);
}

/*
 * There is nothing to watch.  What comes after this looks is told to the runtime, which
 * finds nobody then; what came before is found here.
 */
pg_noreturn static void
end(void)
{
	wf_database_watch_detach(database);
	if (wf_watch_round_any(wf_bgworker_args()->extension))
		wf_database_watch_look(MyDatabaseId);
	proc_exit(0);
}

/* Entry point. */
void
wf_watcher_main(Datum arg)
{
	const WfBgworkerArgs *args = wf_bgworker_args();

	wf_bgworker_prepare(leave);
	wf_bgworker_connect();
	if (!wf_database_watch_attach(&wf_databases[args->slot], args->dbid))
		proc_exit(0);
	database = &wf_databases[args->slot];
	for (;;)
	{
		TimestampTz next = DT_NOEND;

		ResetLatch(MyLatch);
		wf_bgworker_interrupts();
		if (wf_enabled && !wf_watch_round(args->extension, &next))
			end();

		/* statistics kept back would wait until the next transaction */
		pgstat_report_stat(true);
		(void) wf_clock_wait(next, WaitEventExtensionNew("WorkflowWatcherIdle"));
	}
}
