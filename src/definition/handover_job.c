/*-------------------------------------------------------------------------
 *
 * handover_job.c
 *	  Jobs, queues, limits, schedules, triggers, alerts and files of a role become another role's;
 *	  retention rules go with what they are for.
 *
 * Runs in the session that hands over.  The rows of a job say whose it is; its runs have
 * the owner, too, because executors find them by it: as timers of definitions, a piece
 * of them goes along, the others follow (handover.c), and an executor does no run of a
 * job that is not its owner's.  The local queue of a job goes with it.
 * What is kept for those who call it is not found by the new owner: others' rights were
 * at work there.
 *
 * Locks the name of a job, as create_job() does, then the rows.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "definition/definition_row.h"
#include "executor/spi.h"
#include "utils/builtins.h"

#include "base/clock.h"
#include "base/errcodes.h"
#include "base/quote.h"
#include "definition/handover_job.h"
#include "definition/owner_role.h"
#include "shmem/inval.h"
#include "shmem/wakeup.h"
#include "store/job_cache.h"
#include "store/keep.h"
#include "store/run_sweep.h"
#include "store/statement.h"

/* Runs that a change of the owner takes along. */
#define PIECE 10000

/* Whose caches these are, job.c, queue.c and table/table_trigger.c say. */
static WfInval jobs = {.table = "job"};
static WfInval queues = {.table = "queue"};
static WfInval limits = {.table = "rate_limit"};
static WfInval triggers = {.table = "table_trigger"};

#define FIND(table, rest) \
	"SELECT w.owner, o.role, o.name FROM workflow." table " w" \
	" JOIN workflow.owner o ON o.id OPERATOR(pg_catalog.=) w.owner" \
	" WHERE w.name OPERATOR(pg_catalog.=) $1" rest " LIMIT 1"

static WfStatement find_job_statement = {
	.sql = FIND("job", " AND w.dropped_at IS NULL ORDER BY w.version DESC"),
	WF_ARGS(TEXTOID),
	.latest = true
};

static WfStatement find_queue_statement = {
	.sql = FIND("queue", ""),
	WF_ARGS(TEXTOID),
	.latest = true
};

static WfStatement find_limit_statement = {
	.sql = FIND("rate_limit", ""),
	WF_ARGS(TEXTOID),
	.latest = true
};

static WfStatement find_schedule_statement = {
	.sql = FIND("schedule", ""),
	WF_ARGS(TEXTOID),
	.latest = true
};

/* By its path. */
static WfStatement find_file_statement = {
	.sql = "SELECT f.owner, o.role, o.name FROM workflow.file f"
	" JOIN workflow.owner o ON o.id OPERATOR(pg_catalog.=) f.owner"
	" WHERE f.path OPERATOR(pg_catalog.=) $1 AND f.newest AND f.size IS NOT NULL",
	WF_ARGS(TEXTOID),
	.latest = true
};

static WfStatement find_alert_statement = {
	.sql = FIND("alert", ""),
	WF_ARGS(TEXTOID),
	.latest = true
};

static WfStatement find_watch_statement = {
	.sql = FIND("file_trigger", ""),
	WF_ARGS(TEXTOID),
	.latest = true
};

/* Of one name. */
#define GIVE(table) \
	"UPDATE workflow." table " SET owner = $2 WHERE name OPERATOR(pg_catalog.=) $1" \
	" AND owner OPERATOR(pg_catalog.<>) $2"

static WfStatement give_job_statement = {
	.sql = GIVE("job"),
	WF_ARGS(TEXTOID, INT4OID),
	.latest = true
};

static WfStatement give_queue_statement = {
	.sql = GIVE("queue"),
	WF_ARGS(TEXTOID, INT4OID),
	.latest = true
};

static WfStatement give_limit_statement = {
	.sql = GIVE("rate_limit"),
	WF_ARGS(TEXTOID, INT4OID),
	.latest = true
};

static WfStatement give_schedule_statement = {
	.sql = GIVE("schedule"),
	WF_ARGS(TEXTOID, INT4OID),
	.latest = true
};

/* With all versions that are kept. */
static WfStatement give_file_statement = {
	.sql = "UPDATE workflow.file SET owner = $2 WHERE path OPERATOR(pg_catalog.=) $1"
	" AND owner OPERATOR(pg_catalog.<>) $2",
	WF_ARGS(TEXTOID, INT4OID),
	.latest = true
};

static WfStatement give_alert_statement = {
	.sql = GIVE("alert"),
	WF_ARGS(TEXTOID, INT4OID),
	.latest = true
};

static WfStatement give_watch_statement = {
	.sql = GIVE("file_trigger"),
	WF_ARGS(TEXTOID, INT4OID),
	.latest = true
};

/* Of one owner. */
#define GIVE_ALL(table) \
	"UPDATE workflow." table " SET owner = $2 WHERE owner OPERATOR(pg_catalog.=) $1"

static WfStatement all_jobs_statement = {
	.sql = GIVE_ALL("job"),
	WF_ARGS(INT4OID, INT4OID),
	.latest = true
};

static WfStatement all_queues_statement = {
	.sql = GIVE_ALL("queue"),
	WF_ARGS(INT4OID, INT4OID),
	.latest = true
};

static WfStatement all_limits_statement = {
	.sql = GIVE_ALL("rate_limit"),
	WF_ARGS(INT4OID, INT4OID),
	.latest = true
};

static WfStatement all_schedules_statement = {
	.sql = GIVE_ALL("schedule"),
	WF_ARGS(INT4OID, INT4OID),
	.latest = true
};

/* The rights of one role do not go over to another one: what was asked for with them ends. */
static WfStatement end_bulks_statement = {
	.sql = "UPDATE workflow.bulk SET state = 'cancelled', reason = 'what the role owned was given to another one',"
	" due = NULL, ended_at = $2 WHERE owner OPERATOR(pg_catalog.=) $1 AND ended_at IS NULL",
	WF_ARGS(INT4OID, TIMESTAMPTZOID),
	.latest = true
};

static WfStatement all_triggers_statement = {
	.sql = GIVE_ALL("table_trigger"),
	WF_ARGS(INT4OID, INT4OID),
	.latest = true
};

/* What the new owner may not read they tell as their reason. */
static WfStatement all_alerts_statement = {
	.sql = GIVE_ALL("alert"),
	WF_ARGS(INT4OID, INT4OID),
	.latest = true
};

/* What the new owner may not do they are suspended for. */
static WfStatement all_watches_statement = {
	.sql = GIVE_ALL("file_trigger"),
	WF_ARGS(INT4OID, INT4OID),
	.latest = true
};

static WfStatement all_files_statement = {
	.sql = GIVE_ALL("file"),
	WF_ARGS(INT4OID, INT4OID),
	.latest = true
};

/* What differs from kind to kind; those that no cache keeps have no watch. */
static const struct
{
	const char *what;
	WfStatement *find;
	WfStatement *give;
	WfInval    *watch;
}			kinds[] = {
	[WF_PRIVILEGE_JOB] = {"job", &find_job_statement, &give_job_statement, &jobs},
	[WF_PRIVILEGE_QUEUE] = {"queue", &find_queue_statement, &give_queue_statement, &queues},
	[WF_PRIVILEGE_SCHEDULE] = {"schedule", &find_schedule_statement, &give_schedule_statement, NULL},
	[WF_PRIVILEGE_LIMIT] = {"limit", &find_limit_statement, &give_limit_statement, &limits},
	[WF_PRIVILEGE_ALERT] = {"alert", &find_alert_statement, &give_alert_statement, NULL},
	[WF_PRIVILEGE_FILE] = {"file", &find_file_statement, &give_file_statement, NULL},
	[WF_PRIVILEGE_FILE_TRIGGER] = {"file_trigger", &find_watch_statement, &give_watch_statement, NULL}
};

static uint64
give(WfStatement *statement, const char *name, int32 to)
{
	Datum		values[2] = {CStringGetTextDatum(name), Int32GetDatum(to)};

	return wf_statement_execute(statement, values, NULL, 0);
}

/* What such an object is called. */
const char *
wf_handover_job_kind(WfPrivilegeKind kind)
{
	return kinds[kind].what;
}

/*
 * Who owns the job, queue, limit, schedule, alert or file of this name.  Error WF010 if there is none.
 * SPI must be connected, as for all of these.
 */
void
wf_handover_job_find(WfPrivilegeKind kind, const char *name, WfOwned *owned)
{
	Datum		value = CStringGetTextDatum(name);
	bool		isnull;

	if (kind == WF_PRIVILEGE_DIRECTORY)
		ereport(ERROR,
				(errcode(WF_ERR_NO_JOB),
				 errmsg("directory \"%s\" belongs to nobody", wf_quote(name))));
	if (wf_statement_execute(kinds[kind].find, &value, NULL, 1) == 0)
		ereport(ERROR,
				(errcode(WF_ERR_NO_JOB),
				 errmsg("%s \"%s\" does not exist", kinds[kind].what, wf_quote(name))));
	owned->name = name;
	owned->owner = DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	owned->role = DatumGetObjectId(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2, &isnull));
	owned->role_name = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 3);
}

/* Runs of jobs that were handed over by this owner go along, as many as are free. */
static void
take_runs_along(int32 from, int32 to)
{
	wf_owner_role_handed_over(from);
	(void) wf_run_sweep_follow(from, PIECE);
	wf_wakeup_work(to, WF_LANE_RUNS, DT_NOBEGIN);
}

/*
 * Give a job with all its versions, a queue, a limit, a schedule, an alert or a file to another owner.  False:
 * it is that one's already.  The caller has checked rights.
 */
bool
wf_handover_job(WfPrivilegeKind kind, const char *name, const WfOwned *owned, int32 to)
{
	if (kind == WF_PRIVILEGE_JOB)
		wf_definition_row_lock_name(psprintf("job:%s", name));
	if (kinds[kind].watch != NULL)
		wf_inval_changing(kinds[kind].watch);
	if (give(kinds[kind].give, name, to) == 0)
		return false;
	wf_keep_hand_over(kinds[kind].what, name, to);
	if (kind == WF_PRIVILEGE_JOB)
	{
		wf_inval_changing(&queues);
		wf_job_cache_forget(name);
		(void) give(&give_queue_statement, psprintf("job:%s", name), to);
		wf_keep_hand_over(WF_KEEP_QUEUE, psprintf("job:%s", name), to);
		take_runs_along(owned->owner, to);
	}
	if (kind == WF_PRIVILEGE_SCHEDULE)
		wf_wakeup_work(to, WF_LANE_SCHEDULES, DT_NOBEGIN);
	if (kind == WF_PRIVILEGE_ALERT)
		wf_wakeup_alerts();
	if (kind == WF_PRIVILEGE_FILE_TRIGGER)
		wf_wakeup_watches();
	return true;
}

/* Give all of an owner to another one. */
void
wf_handover_job_all(int32 from, int32 to)
{
	Datum		values[2] = {Int32GetDatum(from), Int32GetDatum(to)};
	Datum		ends[2] = {Int32GetDatum(from), TimestampTzGetDatum(wf_clock_now())};

	wf_inval_changing(&jobs);
	wf_inval_changing(&queues);
	wf_inval_changing(&limits);
	wf_inval_changing(&triggers);
	(void) wf_statement_execute(&all_triggers_statement, values, NULL, 0);
	if (wf_statement_execute(&all_alerts_statement, values, NULL, 0) > 0)
		wf_wakeup_alerts();
	if (wf_statement_execute(&all_watches_statement, values, NULL, 0) > 0)
		wf_wakeup_watches();
	(void) wf_statement_execute(&end_bulks_statement, ends, NULL, 0);
	wf_keep_hand_over_all(from, to);
	(void) wf_statement_execute(&all_files_statement, values, NULL, 0);
	(void) wf_statement_execute(&all_queues_statement, values, NULL, 0);
	(void) wf_statement_execute(&all_limits_statement, values, NULL, 0);
	if (wf_statement_execute(&all_schedules_statement, values, NULL, 0) > 0)
		wf_wakeup_work(to, WF_LANE_SCHEDULES, DT_NOBEGIN);
	if (wf_statement_execute(&all_jobs_statement, values, NULL, 0) > 0)
		take_runs_along(from, to);
}
