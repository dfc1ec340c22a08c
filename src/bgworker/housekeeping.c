/*-------------------------------------------------------------------------
 *
 * housekeeping.c
 *	  What a runtime does for the tables, behind the feed of executors.
 *
 * Runs in the runtime of a database: a sweep wants it, and it is done when
 * everybody who waits for an executor has been served, a piece at a time, each in
 * transactions of its own.  Nobody's work depends on it.  So an error in it is a
 * line in the log, and the next attempt comes later and later, up to a minute; and
 * it waits for rows and tables that others hold only for a moment.  What becomes of
 * one of its parts does not keep the others from theirs.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <signal.h>

#include "miscadmin.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "alert/alert_look.h"
#include "base/clock.h"
#include "base/guc.h"
#include "base/version.h"
#include "bgworker/bgworker.h"
#include "bgworker/file_worker.h"
#include "bgworker/housekeeping.h"
#include "bgworker/settle.h"
#include "cluster/local_member.h"
#include "definition/definition_log.h"
#include "definition/handover.h"
#include "definition/privilege.h"
#include "definition/publication.h"
#include "file/file_take.h"
#include "metrics/load_sum.h"
#include "queue/permit_audit.h"
#include "queue/queue_notify.h"
#include "run/run_late.h"
#include "run/run_lease.h"
#include "run/run_lost.h"
#include "run/run_unwanted.h"
#include "shmem/database_alerts.h"
#include "shmem/database_load.h"
#include "shmem/database_runs.h"
#include "shmem/trouble.h"
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

/* So long (ms) it waits for a lock, and so long owners wait for us then. */
#define LOCK_TIMEOUT	"50ms"

/* Where something expires, a runtime comes so often (min), if not for more. */
#define COMES_BACK_MIN	1
#define COMES_BACK_MAX	(24 * 60)

/* Workers are notified so often at most (ms). */
#define NOTIFY_PAUSE	50

/* Runtimes that were found silent are looked at again after this (ms). */
#define MEMBERS_PAUSE	1000

/* When they were notified last. */
static TimestampTz notified_at = DT_NOBEGIN;

/* Permits are compared with runs so often (us), and have been last. */
#define AUDIT_PAUSE		USECS_PER_MINUTE
static TimestampTz audited_at = DT_NOBEGIN;

/* When runtimes were looked at; real. */
static TimestampTz looked_at_members = DT_NOBEGIN;

/* One part of it. */
typedef struct Chore
{
	const char *what;			/* for the log */

	/* a piece of it; *more: there is more to be done; false: the extension is gone */
	bool		(*run) (Oid extension, bool *more);

	bool		wanted;
	bool		locked;			/* the last attempt met something in use */
	int			failures;		/* in a row */
	TimestampTz not_before;		/* real time */
} Chore;

/* --- the parts ----------------------------------------------------------- */

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
	if (!wf_transaction_begin("recovering runs that were lost", extension))
		return false;
	if (wf_origin_is_certain())
		*more = wf_run_lost_recover();
	wf_transaction_commit();
	wf_run_lost_report();
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
	audited_at = GetCurrentTimestamp();
	return true;
}

/*
 * What was published, for who was about to wait for it; runs that are not wanted any
 * more, or were not started in time; and runs whose workers have let their leases end.
 * When the server has started, those that were running get theirs anew: nobody could
 * extend it meanwhile.
 */
static bool
end_leases(Oid extension, bool *more)
{
	WfDatabase *database = wf_database_entry(MyDatabaseId, true);

	if (!wf_transaction_begin("ending leases", extension))
		return false;
	if (database != NULL && wf_origin_is_certain())
	{
		wf_database_runs_leases_looked_for(database);
		if (!database->leases_renewed)
			wf_run_lease_renew();
		wf_database_runs_lease(database, wf_run_lease_end(more));
		wf_database_runs_lease(database, wf_run_late_end(more));
		wf_database_runs_lease(database, wf_run_unwanted_settle(more));
		wf_database_runs_lease(database, wf_publication_settle(more));
	}
	wf_transaction_commit();
	wf_run_lost_report();
	if (database != NULL)
		wf_database_runs_leases_renewed(database);
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
		database->notifies = wf_queue_notify_any();
		if (database->notifies)
			next = wf_queue_notify(wf_clock_now());
	}
	wf_transaction_commit();
	notified_at = GetCurrentTimestamp();
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
		(void) wf_load_sum(more);
		if (worked)
			wf_load_sum_look();
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

	if (!wf_transaction_begin("looking after other runtimes", extension))
		return false;
	if (wf_origin_is_certain())
		*more = wf_local_member_cycle(first);
	wf_transaction_commit();
	looked_at_members = GetCurrentTimestamp();
	first = false;
	return true;
}

static Chore members = {.what = "looking after other runtimes",.run = look_after_members,.wanted = true};
static Chore notifications = {.what = "notifying workers",.run = notify_workers,.wanted = true};
static Chore leases = {.what = "ending leases of workers",.run = end_leases,.wanted = true};

/* wanted: what was known of them is forgotten when the server starts */
static Chore alerts = {.what = "looking at alerts",.run = look_at_alerts,.wanted = true};

/* wanted: the server may have ended before it was summed */
static Chore load = {.what = "summing what was done",.run = sum_load,.wanted = true};

/* wanted: what was changed while there was no runtime, and on the disk */
static Chore writing = {.what = "writing files",.run = write_files,.wanted = true};

/* wanted: none that this runtime knows of is at what was running before it came */
static Chore lost = {.what = "recovering runs that were lost",.run = recover_runs,.wanted = true};
static Chore permits = {.what = "comparing permits with runs",.run = audit_permits};
static Chore settle = {.what = "telling runs that wait for others",.run = wf_settle,.wanted = true};
static Chore handover = {.what = "handing timers over",.run = follow_owners};
static Chore gone = {.what = "forgetting roles and definitions that are gone",.run = forget_what_is_gone};
static Chore strays = {.what = "deleting timers of processes that do not exist",.run = remove_strays};
static Chore erasures = {.what = "settling erasures",.run = settle_erasures};
static Chore checkpoints = {.what = "deleting checkpoints of nobody",.run = forget_checkpoints};
static Chore files = {.what = "forgetting files that were deleted",.run = forget_files};
static Chore early = {.what = "deleting events that nobody came for",.run = expire_early};
static Chore cached = {.what = "deleting cached results",.run = expire_cached};
static Chore outcomes = {.what = "deleting outcomes of runs of another server",.run = expire_outcomes};
static Chore retention = {.what = "expiring what is over",.run = wf_retention_cycle};

static Chore *const chores[] = {&settle, &lost, &permits, &leases, &members, &notifications, &alerts, &writing, &load, &handover, &gone, &strays, &erasures, &checkpoints, &files, &early, &cached, &outcomes, &retention};

/*
 * A sweep was made.  Where nobody writes none is, and nothing is late that anybody
 * would miss.  overdue: some timers are so for long.
 */
void
wf_housekeeping_wanted(bool overdue)
{
	if (overdue)
		strays.wanted = true;
	if (GetCurrentTimestamp() - AUDIT_PAUSE >= audited_at)
		permits.wanted = true;
	wf_settle_all();
	settle.wanted = true;
	handover.wanted = true;
	gone.wanted = true;
	erasures.wanted = true;
	checkpoints.wanted = true;
	files.wanted = true;
	early.wanted = true;
	cached.wanted = true;
	retention.wanted = true;	/* there may be rules */
	outcomes.wanted = true;
	members.wanted = true;
}

/* An executor has ended amid a run. */
void
wf_housekeeping_recover(void)
{
	lost.wanted = permits.wanted = true;
}

/* Runs have ended that others may wait for. */
void
wf_housekeeping_settle(void)
{
	settle.wanted = true;
}

/* The lease of a worker may be over. */
void
wf_housekeeping_leases(void)
{
	leases.wanted = true;
}

/*
 * When a runtime has said nothing for too long: by then wf_housekeeping_members() is to be
 * called.  With a pause, for its row may be locked.
 */
TimestampTz
wf_housekeeping_members_at(void)
{
	TimestampTz pause_over = looked_at_members == DT_NOBEGIN ? DT_NOBEGIN :
		wf_clock_at(TimestampTzPlusMilliseconds(looked_at_members, MEMBERS_PAUSE));

	return Max(wf_local_member_silence_at(MyDatabaseId), pause_over);
}

/* A runtime has. */
void
wf_housekeeping_members(void)
{
	members.wanted = true;
}

/*
 * When workers are to be notified, of work that is there or comes: by then
 * wf_housekeeping_notify() is to be called.
 */
TimestampTz
wf_housekeeping_notify_at(WfDatabase *database)
{
	TimestampTz pause_over = notified_at == DT_NOBEGIN ? DT_NOBEGIN :
		wf_clock_at(TimestampTzPlusMilliseconds(notified_at, NOTIFY_PAUSE));

	return Max(wf_database_runs_notify_at(database), pause_over);
}

/* Workers are to be notified. */
void
wf_housekeeping_notify(void)
{
	notifications.wanted = true;
}

/* Alerts are to be looked at. */
void
wf_housekeeping_alerts(void)
{
	alerts.wanted = true;
}

/* A minute is over in which something was done. */
void
wf_housekeeping_load(void)
{
	load.wanted = true;
}

/* Files are to be written. */
void
wf_housekeeping_files(void)
{
	writing.wanted = true;
}

/*
 * Somebody asks to look anew: what has failed is not held back any more, and files may have
 * another directory now, or have been changed in it.
 */
void
wf_housekeeping_try_again(void)
{
	writing.wanted = true;
	for (int i = 0; i < (int) lengthof(chores); i++)
		chores[i]->not_before = DT_NOBEGIN;
}

/* --- an attempt ---------------------------------------------------------- */

static bool
is_due(const Chore *chore)
{
	return chore->wanted && wf_clock_is_over(chore->not_before, WF_OWNER_BACK_OFF_MAX);
}

static void
set_lock_timeout(const char *value)
{
	SetConfigOption("lock_timeout", value, PGC_SUSET, PGC_S_OVERRIDE);
}

/* For its lines in the log. */
static void
error_context(void *arg)
{
	errcontext("%s", ((const Chore *) arg)->what);
}

/*
 * After an error: back to work.  What is in use by others is no news, anything else
 * goes to the log.
 */
static void
failed(WfDatabase *database, Chore *chore)
{
	ErrorData  *error;
	WfChores	state = database->chores;

	MemoryContextSwitchTo(TopMemoryContext);
	error = CopyErrorData();
	chore->locked = error->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE;
	if (!chore->locked)
	{
		EmitErrorReport();
		wf_trouble_fill(&state.trouble, error);
		wf_database_chores(database, &state);
	}
	wf_transaction_abort(TopMemoryContext);
	FreeErrorData(error);
	chore->not_before = wf_bgworker_back_off(++chore->failures);
}

/* A piece of one part; false: the extension is gone. */
static bool
attempt(WfDatabase *database, Oid extension, Chore *chore)
{
	ErrorContextCallback callback = {error_context_stack, error_context, chore};
	volatile bool there = true;
	bool		more = false;

	set_lock_timeout(LOCK_TIMEOUT);
	pqsignal(SIGINT, StatementCancelHandler);	/* by which a lock timeout comes */
	error_context_stack = &callback;
	PG_TRY();
	{
		there = chore->run(extension, &more);
		chore->wanted = more;
		chore->locked = false;
		chore->failures = 0;
	}
	PG_CATCH();
	{
		failed(database, chore);
	}
	PG_END_TRY();
	error_context_stack = callback.previous;
	pqsignal(SIGINT, SIG_IGN);
	QueryCancelPending = false;
	set_lock_timeout("0");
	return there;
}

/* --- all of them --------------------------------------------------------- */

/* Tell how it stands. */
static void
tell(WfDatabase *database, bool busy)
{
	WfChores	state = database->chores;

	state.failures = 0;
	state.locked = false;
	state.not_before = DT_NOEND;
	for (int i = 0; i < (int) lengthof(chores); i++)
	{
		if (!chores[i]->wanted || chores[i]->failures == 0)
			continue;
		state.failures += chores[i]->failures;
		state.locked = state.locked || chores[i]->locked;
		state.not_before = Min(state.not_before, chores[i]->not_before);
	}
	state.busy = busy;
	state.since = GetCurrentTimestamp();
	wf_database_chores(database, &state);
}

/*
 * A piece of each part that is wanted and not held back.  To be called when all who
 * wait for an executor were served, with no transaction open.  Returns false when the
 * extension is gone; throws nothing.
 */
bool
wf_housekeeping(WfDatabase *database, Oid extension)
{
	bool		there = true;
	bool		any = false;

	for (int i = 0; i < (int) lengthof(chores) && there; i++)
	{
		if (!is_due(chores[i]))
			continue;
		if (!any)
			tell(database, true);
		any = true;
		there = attempt(database, extension, chores[i]);
	}
	if (any)
		tell(database, false);
	return there;
}

/* When there is something to do, by the real clock; infinity: a sweep will tell. */
TimestampTz
wf_housekeeping_due(void)
{
	TimestampTz due = DT_NOEND;

	for (int i = 0; i < (int) lengthof(chores); i++)
	{
		if (chores[i]->wanted)
			due = Min(due, is_due(chores[i]) ? DT_NOBEGIN : chores[i]->not_before);
	}
	return due;
}

/*
 * When a runtime is to come for housekeeping alone, if the one that asks leaves now,
 * by wf_clock_now(); infinity: never.  Commands leave no work for a runtime, and what
 * they have ended is to expire nevertheless.
 */
TimestampTz
wf_housekeeping_comes_back(void)
{
	int64		pace = wf_retention_pace();
	int64		minutes = pace / USECS_PER_MINUTE / (WF_RETENTION_SLOTS - 1);

	if (pace == 0)
		return DT_NOEND;
	minutes = Max(COMES_BACK_MIN, Min(minutes, COMES_BACK_MAX));
	return wf_clock_now() + minutes * USECS_PER_MINUTE;
}
