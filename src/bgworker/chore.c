/*-------------------------------------------------------------------------
 *
 * chore.c
 *	  The parts of housekeeping, and when each of them is wanted.
 *
 * Runs in the runtime of a database.  Each part does a piece of its work, in transactions
 * of its own, and says whether there is more; housekeeping.c decides when, and what comes
 * of its errors.  The table at the end has all of them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/timestamp.h"

#include "alert/alert_look.h"
#include "base/clock.h"
#include "base/guc.h"
#include "base/version.h"
#include "bgworker/chore.h"
#include "bgworker/file_worker.h"
#include "bgworker/settle.h"
#include "bgworker/watcher.h"
#include "cluster/local_member.h"
#include "definition/definition_log.h"
#include "definition/handover.h"
#include "definition/privilege.h"
#include "definition/publication.h"
#include "file/file_take.h"
#include "metrics/load_sum.h"
#include "queue/permit_audit.h"
#include "queue/queue_notify.h"
#include "run/run_asked.h"
#include "run/run_late.h"
#include "run/run_lease.h"
#include "run/run_lost.h"
#include "shmem/database_alerts.h"
#include "shmem/database_files.h"
#include "shmem/database_load.h"
#include "shmem/database_members.h"
#include "shmem/database_runs.h"
#include "shmem/database_watch.h"
#include "store/bulk_sweep.h"
#include "store/checkpoint.h"
#include "store/early.h"
#include "store/erasure.h"
#include "store/file_request.h"
#include "store/file_row.h"
#include "store/file_upload.h"
#include "store/job_cache.h"
#include "store/origin.h"
#include "store/outcome.h"
#include "store/published.h"
#include "store/retention.h"
#include "store/timer_sweep.h"
#include "store/transaction.h"
#include "watch/watch_row.h"

/* While a run that was lost is locked by others, this runtime looks again after this (us). */
#define LOCKED_PAUSE	USECS_PER_SEC

/* When it does; infinity: none is. */
static TimestampTz recover_again = DT_NOEND;

/* Timers of processes that do not exist. */
static bool
remove_strays(Oid extension, bool *more)
{
	if (!wf_transaction_begin("deleting timers of nobody", extension))
		return false;
	if (wf_origin_is_certain())
		wf_timer_sweep_strays();
	wf_transaction_commit();
	return true;
}

/* Events that were posted to processes while they were erased. */
static bool
settle_erasures(Oid extension, bool *more)
{
	if (!wf_transaction_begin("deleting what was posted to erased processes", extension))
		return false;
	if (wf_origin_is_certain())
		wf_erasure_settle();
	wf_transaction_commit();
	return true;
}

/* Events that came early, and for which no process came. */
static bool
expire_early(Oid extension, bool *more)
{
	if (!wf_transaction_begin("deleting events that nobody came for", extension))
		return false;
	if (wf_origin_is_ours())
		*more = wf_early_expire() | wf_published_expire();
	wf_transaction_commit();
	return true;
}

/* Files that are to be written on this server. */
static bool
write_files(Oid extension, bool *more)
{
	WfDatabase *database = wf_database_entry(MyDatabaseId, true);

	if (database != NULL)
		wf_file_worker_wanted(database, extension);
	return true;
}

/* Files of others that make runs: is there anybody who looks for them? */
static bool
watch_files(Oid extension, bool *more)
{
	WfDatabase *database = wf_database_entry(MyDatabaseId, true);
	bool		any = false;

	if (database == NULL)
		return true;
	wf_database_watch_looking(database);
	if (!wf_transaction_begin("looking for file triggers", extension))
		return false;
	if (wf_origin_is_ours())
		any = wf_watch_row_any();
	wf_transaction_commit();
	wf_watcher_wanted(database, extension, any);
	return true;
}

/* Files that were deleted long ago, uploads that nobody ends, and what was changed in files. */
static bool
forget_files(Oid extension, bool *more)
{
	if (!wf_transaction_begin("forgetting files that were deleted", extension))
		return false;
	if (wf_origin_is_certain() && wf_version_has_column("file_cursor", "runtime"))
	{
		wf_file_take_end();
		*more = wf_file_row_expire() | wf_file_upload_expire() | wf_file_request_expire();
	}
	wf_transaction_commit();
	return true;
}

/* What runs have kept that are not remembered any more. */
static bool
forget_checkpoints(Oid extension, bool *more)
{
	if (!wf_transaction_begin("deleting checkpoints of nobody", extension))
		return false;
	if (wf_origin_is_certain())
		wf_checkpoint_sweep();
	wf_transaction_commit();
	return true;
}

/* What another server has heard of for long. */
static bool
expire_outcomes(Oid extension, bool *more)
{
	if (!wf_transaction_begin("deleting outcomes of runs of another server", extension))
		return false;
	if (wf_origin_is_ours())
		*more = wf_outcome_expire();
	wf_transaction_commit();
	return true;
}

/* Results of jobs that are too old, or too many. */
static bool
expire_cached(Oid extension, bool *more)
{
	if (!wf_transaction_begin("deleting cached results", extension))
		return false;
	if (wf_origin_is_ours())
		*more = wf_job_cache_expire();
	wf_transaction_commit();
	return true;
}

/* Grants of roles that were dropped, and what definitions that were dropped have left. */
static bool
forget_what_is_gone(Oid extension, bool *more)
{
	if (!wf_transaction_begin("forgetting roles and definitions that are gone", extension))
		return false;
	wf_privilege_forget_gone();
	if (wf_retention > 0 && wf_origin_is_ours())
	{
		wf_definition_log_expire(wf_clock_now() - wf_retention * USECS_PER_MINUTE);
		*more = wf_bulk_sweep_expire(wf_clock_now() - wf_retention * USECS_PER_MINUTE);
	}
	wf_transaction_commit();
	return true;
}

/* Timers that have still to follow their definitions to another owner. */
static bool
follow_owners(Oid extension, bool *more)
{
	if (!wf_transaction_begin("handing timers over", extension))
		return false;
	*more = wf_handover_follow();
	wf_transaction_commit();
	return true;
}

/* Runs whose executors have ended without a word. */
static bool
recover_runs(Oid extension, bool *more)
{
	bool		locked = false;

	/* an error has its own pause */
	recover_again = DT_NOEND;
	if (!wf_transaction_begin("recovering runs that were lost", extension))
		return false;
	if (wf_origin_is_certain())
		*more = wf_run_lost_recover(&locked);
	wf_transaction_commit();
	wf_run_lost_report();
	if (locked)
		recover_again = wf_clock_now() + LOCKED_PAUSE;
	return true;
}

/* Permits that are counted as taken, and are not, or the other way round. */
static bool
audit_permits(Oid extension, bool *more)
{
	if (!wf_transaction_begin("comparing permits with runs", extension))
		return false;
	if (wf_origin_is_certain())
		wf_permit_audit();
	wf_transaction_commit();
	return true;
}

/*
 * Runs whose workers have let their leases end.  When the server has started, those that were
 * running get theirs anew: nobody could extend it meanwhile.
 */
static TimestampTz
lose_leases(bool *more)
{
	WfDatabase *database = wf_database_peek(MyDatabaseId);

	if (!database->leases_renewed)
		wf_run_lease_renew();
	return wf_run_lease_end(more);
}

/* What is due at times that are told as ends of leases; each says when it comes again. */
static TimestampTz (*const duties[]) (bool *more) = {
	lose_leases,

	/* runs that were not started in time, */
	wf_run_late_end,

	/* or were asked something while others were at them */
	wf_run_asked_settle,

	/* what was published, for who was about to wait for it */
	wf_publication_settle
};

/* One of them; false: the extension is gone. */
static bool
do_duty(int which, WfDatabase *database, Oid extension, bool *more)
{
	if (!wf_transaction_begin("ending leases", extension))
		return false;
	if (wf_origin_is_certain())
		wf_database_runs_lease(database, duties[which] (more));
	wf_transaction_commit();
	wf_run_lost_report();
	return true;
}

/*
 * All of them, in transactions of their own.  After an error the next attempt begins with the
 * one behind it, so that none keeps the others from being done.
 */
static bool
end_leases(Oid extension, bool *more)
{
	static int	next = 0;
	WfDatabase *database = wf_database_entry(MyDatabaseId, true);

	if (database == NULL)
		return true;
	wf_database_runs_leases_looked_for(database);
	for (int i = 0; i < (int) lengthof(duties); i++)
	{
		int			which = next;

		next = (next + 1) % (int) lengthof(duties);
		if (!do_duty(which, database, extension, more))
			return false;
		if (duties[which] == lose_leases)
			wf_database_runs_leases_renewed(database);
	}
	return true;
}

/* Workers of queues that have work, and want to hear of it. */
static bool
notify_workers(Oid extension, bool *more)
{
	WfDatabase *database = wf_database_entry(MyDatabaseId, true);
	TimestampTz next = DT_NOEND;

	if (!wf_transaction_begin("notifying workers", extension))
		return false;
	if (database != NULL && wf_origin_is_ours())
	{
		wf_database_runs_notifying(database);
		wf_database_runs_notifies(database, wf_queue_notify_any());
		if (database->notifies)
			next = wf_queue_notify(wf_clock_now());
	}
	wf_transaction_commit();
	if (database != NULL)
		wf_database_runs_notify(database, next);
	return true;
}

/* What is late, fails or waits too long. */
static bool
look_at_alerts(Oid extension, bool *more)
{
	WfDatabase *database = wf_database_entry(MyDatabaseId, true);
	WfAlertNext next = {.at = DT_NOEND,.after = -1};

	if (!wf_transaction_begin("looking at alerts", extension))
		return false;
	if (database != NULL)
		wf_database_alerts_looking(database);
	if (database != NULL && wf_origin_is_ours())
		(void) wf_alert_look(0, &next);
	wf_transaction_commit();
	if (database != NULL)
		wf_database_alerts_looked(database, next.at, next.after);
	return true;
}

/*
 * What was done in the minutes that are over.  At the start of the server nothing more is
 * done than was not before: an idle database stays as it is.
 */
static bool
sum_load(Oid extension, bool *more)
{
	WfDatabase *database = wf_database_entry(MyDatabaseId, true);
	bool		worked = database != NULL && wf_database_load_at(database) <= wf_clock_now();

	if (!wf_transaction_begin("summing what was done", extension))
		return false;
	if (worked)
		wf_database_load_summing(database);
	if (wf_origin_is_certain())
	{
		int64		summed = wf_load_sum(more);

		if (worked)
			wf_load_sum_look(summed > 0);
		wf_load_sum_expire();
	}
	wf_transaction_commit();
	return true;
}

/*
 * The instance is registered in this database, once something is stored here: where
 * another database is replicated to, the rows of the table come from there.  Others who
 * have gone are recovered.  The first time, what came before the start of the server is
 * looked at.
 */
static bool
look_after_members(Oid extension, bool *more)
{
	static bool first = true;
	WfDatabase *database = wf_database_entry(MyDatabaseId, true);
	bool		locked = false;

	if (database != NULL)
		wf_database_members_looking(database);
	if (!wf_transaction_begin("looking after other runtimes", extension))
		return false;
	if (wf_origin_is_certain())
		*more = wf_local_member_cycle(first, &locked);
	wf_transaction_commit();
	first = false;
	if (locked)
		wf_database_members_look(MyDatabaseId);
	return true;
}

/* --- when they are due ------------------------------------------------------------- */

static TimestampTz
ends_to_tell(WfDatabase *database)
{
	return wf_settle_due();
}

static TimestampTz
lost_are_free(WfDatabase *database)
{
	return recover_again;
}

/* When a runtime has said nothing for too long, or something about them has changed. */
static TimestampTz
members_change(WfDatabase *database)
{
	return Min(wf_local_member_silence_at(database->dbid), wf_database_members_at(database));
}

/* --- all of them -------------------------------------------------------------------- */

/* In the order in which they are done. */
static const WfChore chores[] = {
	{.what = "telling runs that wait for others",.run = wf_settle,
	.due = ends_to_tell,.at_start = true,.at_sweep = WF_CHORE_EACH_SWEEP},

	/* at start: none that this runtime knows of is at what was running before it came */
	{.what = "recovering runs that were lost",.run = recover_runs,
	.due = lost_are_free,.at_start = true,.at_loss = true},
	{.what = "comparing permits with runs",.run = audit_permits,
	.at_loss = true,.at_sweep = WF_CHORE_SWEEP_OF_MINUTE},
	{.what = "ending leases of workers",.run = end_leases,
	.due = wf_database_runs_leases_at,.at_start = true},

	/* a pause: the row of the one that has gone, or a run that it had, may be locked */
	{.what = "looking after other runtimes",.run = look_after_members,
	.due = members_change,.pause = 1000,.at_start = true,.at_sweep = WF_CHORE_EACH_SWEEP},
	{.what = "notifying workers",.run = notify_workers,
	.due = wf_database_runs_notify_at,.pause = 50,.at_start = true},

	/* at start: what was known of them is forgotten when the server starts */
	{.what = "looking at alerts",.run = look_at_alerts,
	.due = wf_database_alerts_at,.at_start = true},

	/* at start: what was changed while there was no runtime, and on the disk */
	{.what = "writing files",.run = write_files,
	.due = wf_database_files_at,.at_start = true,.at_request = true},

	/* at start: nobody watches when the server has started */
	{.what = "watching for files",.run = watch_files,
	.due = wf_database_watch_at,.at_start = true,.at_request = true},

	/* at start: the server may have ended before it was summed */
	{.what = "summing what was done",.run = sum_load,
	.due = wf_database_load_at,.at_start = true},
	{.what = "handing timers over",.run = follow_owners,.at_sweep = WF_CHORE_EACH_SWEEP},
	{.what = "forgetting roles and definitions that are gone",.run = forget_what_is_gone,
	.at_sweep = WF_CHORE_EACH_SWEEP},
	{.what = "deleting timers of processes that do not exist",.run = remove_strays,
	.at_sweep = WF_CHORE_SWEEP_WITH_OVERDUE},
	{.what = "settling erasures",.run = settle_erasures,.at_sweep = WF_CHORE_EACH_SWEEP},
	{.what = "deleting checkpoints of nobody",.run = forget_checkpoints,.at_sweep = WF_CHORE_EACH_SWEEP},
	{.what = "forgetting files that were deleted",.run = forget_files,.at_sweep = WF_CHORE_EACH_SWEEP},
	{.what = "deleting events that nobody came for",.run = expire_early,.at_sweep = WF_CHORE_EACH_SWEEP},
	{.what = "deleting cached results",.run = expire_cached,.at_sweep = WF_CHORE_EACH_SWEEP},
	{.what = "deleting outcomes of runs of another server",.run = expire_outcomes,
	.at_sweep = WF_CHORE_EACH_SWEEP},

	/* at each sweep: there may be rules */
	{.what = "expiring what is over",.run = wf_retention_cycle,
	.due = wf_retention_next,.at_sweep = WF_CHORE_EACH_SWEEP}
};

StaticAssertDecl(lengthof(chores) == WF_CHORES, "there are another number of chores");

const WfChore *const wf_chores = chores;
