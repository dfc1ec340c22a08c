/*-------------------------------------------------------------------------
 *
 * api_activity.c
 *	  What background workers are doing, for the views.
 *
 * Runs in client backends.  Copies what it needs of shared memory under
 * wf_instance_lock(LW_SHARED), which every commit may want, and makes rows of it
 * afterwards.  Writes nothing there, and reads no table.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xlog.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/lwlock.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "base/clock.h"
#include "base/guc.h"
#include "bgworker/bgworker.h"
#include "definition/definition.h"
#include "definition/privilege.h"
#include "job/job.h"
#include "shmem/database.h"
#include "shmem/instance.h"
#include "shmem/lane.h"
#include "shmem/owner.h"
#include "shmem/slot.h"
#include "shmem/trouble.h"
#include "shmem/membership.h"
#include "shmem/wakeup.h"
#include "shmem/watermark.h"
#include "store/statement.h"

PG_FUNCTION_INFO_V1(workflow_runtime_activity);
PG_FUNCTION_INFO_V1(workflow_wake);

#define ACTIVITY_COLUMNS	18

/* What the SQL of 0.2.0 knows of. */
#define ACTIVITY_COLUMNS_020	8

#define NO_BGWORKER		"max_worker_processes is exhausted"
#define NOT_ADOPTED		"workflow.adopt() is to be called"
#define NO_LAUNCHER		"the launcher is not running"
#define NO_PLACE		"there are more databases with workflow than workflow.max_databases"

static const char *const database_states[] = {
	[WF_DB_UNKNOWN] = "unknown",
	[WF_DB_ABSENT] = "absent",
	[WF_DB_STARTING] = "starting",
	[WF_DB_RUNNING] = "running",
	[WF_DB_RESTING] = "resting",
	[WF_DB_HELD] = "held"
};

static const char *const executor_states[] = {
	[WF_SLOT_FREE] = "free",
	[WF_SLOT_STARTING] = "starting",
	[WF_SLOT_BUSY] = "busy",
	[WF_SLOT_IDLE] = "idle"
};

static const char *const wait_reasons[] = {
	[WF_WAIT_NONE] = NULL,
	[WF_WAIT_SLOT] = "all executor slots are in use",
	[WF_WAIT_BGWORKER] = NO_BGWORKER,
	[WF_WAIT_ROLE_GONE] = "the owner's role does not exist",
	[WF_WAIT_ROLE_NOLOGIN] = "the owner's role is not permitted to log in",
	[WF_WAIT_ROLE_CONNECT] = "the owner's role lacks CONNECT privilege on the database",
	[WF_WAIT_ROLE_SUPERUSER] = "the owner's role is a superuser and workflow.allow_superuser is off",
	[WF_WAIT_FAILED] = "the last executor ended with an error"
};

/*
 * A row of the result, a copy.  These are shown as null: pid 0, numbers -1, infinite
 * times, NULL, an event without definition and job, trouble without sqlstate.
 */
typedef struct Line
{
	const char *kind;
	pid_t		pid;
	int32		owner;
	const char *state;
	TimestampTz since;
	int64		steps;
	int64		batches;
	int64		looks;
	const char *reason;
	WfSlotEvent event;
	WfTrouble	trouble;
} Line;

typedef struct Lines
{
	int			n;
	Line	   *lines;			/* of as many as there may be */
} Lines;

/* --- what is copied, under the lock -------------------------------------- */

/* A new line; there is room for it. */
static Line *
add(Lines *all, const char *kind)
{
	Line	   *line = &all->lines[all->n++];

	memset(line, 0, sizeof(*line));
	line->kind = kind;
	line->owner = -1;
	line->since = DT_NOBEGIN;
	line->steps = line->batches = line->looks = -1;
	return line;
}

static void
add_launcher(Lines *all)
{
	Line	   *line = add(all, "launcher");

	line->pid = wf_instance->launcher_pid;
	line->state = "running";
	if (line->pid != 0)
		return;
	line->state = "starting";
	if (RecoveryInProgress())
		line->reason = "the server is in recovery";
	else if (!wf_bgworker_is_registered())
	{
		line->state = "absent";
		line->reason = NO_BGWORKER;
	}
}

/*
 * Why this database has no runtime, or its runtime does not do what it should;
 * NULL: there is no reason to think so.
 */
static const char *
reason_of_runtime(const WfDatabase *database)
{
	if (database == NULL && !wf_database_has_room_locked())
		return NO_PLACE;
	if (database != NULL && database->foreign)
		return NOT_ADOPTED;
	if (database != NULL && database->runtime_pid != 0)
		return database->blind ? "the last look at the tables ended with an error" : NULL;
	if (wf_instance->launcher_pid == 0)
		return NO_LAUNCHER;
	if (database == NULL ? wf_database_wants_any_bgworker_locked() : database->wants_bgworker)
		return NO_BGWORKER;
	if (database != NULL && database->failures > 0)
		return "the last runtime ended with an error";
	return NULL;
}

static void
add_runtime(Lines *all, const WfDatabase *database)
{
	Line	   *line = add(all, "runtime");

	line->reason = reason_of_runtime(database);
	line->state = database_states[database ? database->state : WF_DB_UNKNOWN];
	if (database == NULL)
		return;
	line->pid = database->runtime_pid;
	line->since = database->since;
	line->trouble = database->trouble;
}

static void
add_housekeeping(Lines *all, const WfDatabase *database)
{
	const WfChores *chores = &database->chores;
	Line	   *line;

	if (chores->since == 0)
		return;					/* never since the start of the server */
	line = add(all, "housekeeping");
	line->state = chores->busy ? "busy" : chores->failures > 0 ? "waiting" : "idle";
	line->since = chores->since;
	if (chores->failures > 0)
		line->reason = chores->locked ? "rows or tables are in use" :
			"the last attempt ended with an error";
	line->trouble = chores->trouble;
}

/* A line for each executor of this database. */
static void
add_executors(Lines *all)
{
	for (int i = 0; i < wf_slot_count(); i++)
	{
		const WfSlot *slot = &wf_slots[i];
		Line	   *line;

		if (slot->state == WF_SLOT_FREE || slot->dbid != MyDatabaseId)
			continue;
		line = add(all, "executor");
		line->pid = slot->pid;
		line->owner = slot->owner;
		line->state = executor_states[slot->state];
		line->since = slot->since;
		line->steps = slot->steps;
		line->batches = slot->batches;
		line->looks = slot->looks;
		if (!wf_slot_event_read(slot, &line->event))
			line->event.definition = line->event.job = 0;
	}
}

/* Why no executor works for an owner that has due work of that kind. */
static const char *
reason_of(const WfOwner *entry, WfLaneKind kind, const WfDatabase *database)
{
	const char *reason = reason_of_runtime(database);

	if (!wf_enabled)
		return "workflow.enabled is off";
	if (wf_max_executors == 0)
		return "workflow.max_executors is 0";
	if (kind == WF_LANE_RUNS && wf_max_job_executors == 0)
		return "workflow.max_job_executors is 0";
	if (reason != NULL && (entry->reason == WF_WAIT_NONE || database == NULL ||
						   database->runtime_pid == 0))
		return reason;
	if (entry->reason == WF_WAIT_NONE)
		return "an executor is being started";
	return wait_reasons[entry->reason];
}

/* When the earliest due work of an owner without executors is due, and of what kind it is. */
static TimestampTz
waits_since(WfOwner *entry, WfLaneKind *waiting)
{
	TimestampTz since = DT_NOEND;

	for (WfLaneKind kind = 0; kind < WF_LANE_KINDS; kind++)
	{
		uint64		generation;
		TimestampTz due;

		if (entry->lanes[kind].executors > 0)
			continue;
		due = wf_watermark_read(&entry->lanes[kind], &generation).due;
		if (due >= since)
			continue;
		since = due;
		*waiting = kind;
	}
	return since;
}

/* A line for each owner whose due work waits for an executor. */
static void
add_owners(Lines *all, const WfDatabase *database)
{
	TimestampTz now = wf_clock_now();

	for (int i = 0; i < wf_max_owners; i++)
	{
		WfOwner    *entry = &wf_owners[i];
		WfLaneKind	kind = WF_LANE_STEPS;
		TimestampTz since;
		Line	   *line;

		if (entry->dbid != MyDatabaseId)
			continue;
		since = waits_since(entry, &kind);
		if (since > now)
			continue;
		line = add(all, "owner");
		line->state = "waiting";
		line->since = since;
		line->owner = entry->owner;
		line->reason = reason_of(entry, kind, database);
	}
}

/* --- rows ---------------------------------------------------------------- */

static void
set_text(Datum *values, bool *nulls, int column, const char *text)
{
	nulls[column] = text == NULL;
	if (text != NULL)
		values[column] = CStringGetTextDatum(text);
}

static void
set_time(Datum *values, bool *nulls, int column, TimestampTz at)
{
	nulls[column] = TIMESTAMP_NOT_FINITE(at);
	values[column] = TimestampTzGetDatum(at);
}

/*
 * May the current user know which event or run this is?  The definition may have been
 * dropped since: then nobody needs to.
 */
static bool
may_know(const WfSlotEvent *event)
{
	if (event->job != 0)
		return wf_job_may(wf_job(event->job), "read");
	return event->definition != 0 && wf_definition_exists(event->definition) &&
		wf_privilege_may_by_id(event->definition, "read");
}

/* Add a row to the result, which has all columns, or those of 0.2.0. */
static void
put(ReturnSetInfo *result, Line *line, bool may)
{
	Datum		values[ACTIVITY_COLUMNS];
	bool		nulls[ACTIVITY_COLUMNS] = {false};
	bool		at_run = line->event.job != 0;
	bool		at_event = line->event.definition != 0;
	bool		troubled = line->trouble.sqlstate != 0;

	set_text(values, nulls, 0, line->kind);
	values[1] = Int32GetDatum((int32) line->pid);
	nulls[1] = line->pid == 0;
	values[2] = Int32GetDatum(line->owner);
	nulls[2] = line->owner < 0;
	set_text(values, nulls, 3, line->state);
	set_time(values, nulls, 4, line->since);
	values[5] = Int64GetDatum(line->steps);
	nulls[5] = line->steps < 0;
	values[6] = Int64GetDatum(line->batches);
	nulls[6] = line->batches < 0;
	set_text(values, nulls, 7, line->reason);
	values[8] = UUIDPGetDatum(&line->event.process);
	values[9] = Int32GetDatum(line->event.definition);
	nulls[8] = nulls[9] = !may || at_run;
	set_text(values, nulls, 10, may && !at_run ? line->event.name : NULL);
	set_time(values, nulls, 11, at_event || at_run ? line->event.since : DT_NOBEGIN);
	set_text(values, nulls, 12, troubled ? unpack_sql_state(line->trouble.sqlstate) : NULL);
	set_text(values, nulls, 13, troubled ? line->trouble.message : NULL);
	set_time(values, nulls, 14, troubled ? line->trouble.at : DT_NOBEGIN);
	values[15] = Int64GetDatum(line->looks);
	nulls[15] = line->looks < 0;
	values[16] = UUIDPGetDatum(&line->event.process);
	values[17] = Int32GetDatum(line->event.job);
	nulls[16] = nulls[17] = !may || !at_run;
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/*
 * SQL functions workflow.workers() and workflow.runtime_activity() of
 * sql/parts/activity.sql: the background workers that serve this database, and
 * owners whose due work waits for an executor.  What an executor is at is shown to
 * those who may read the definition.  Locks nothing.
 */
Datum
workflow_runtime_activity(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Lines		all = {0};
	const WfDatabase *database;
	bool		older;

	InitMaterializedSRF(fcinfo, 0);
	older = result->setDesc->natts == ACTIVITY_COLUMNS_020;
	all.lines = palloc(sizeof(Line) * (3 + wf_slot_count() + wf_max_owners));

	wf_instance_lock(LW_SHARED);
	database = wf_database_entry_locked(MyDatabaseId, false);
	add_launcher(&all);
	add_runtime(&all, database);
	if (database != NULL && !older)
		add_housekeeping(&all, database);
	add_executors(&all);
	add_owners(&all, database);
	wf_instance_unlock();

	if (!older)
		wf_statement_connect();
	for (int i = 0; i < all.n; i++)
		put(result, &all.lines[i], !older && may_know(&all.lines[i].event));
	if (!older)
		SPI_finish();
	return (Datum) 0;
}

/*
 * SQL function workflow.wake() of sql/parts/finish.sql, the last statement of
 * CREATE EXTENSION: at commit the launcher looks at this database.  On a runtime of another
 * server the files are looked at that it has of that.
 */
Datum
workflow_wake(PG_FUNCTION_ARGS)
{
	wf_wakeup_extension();
	wf_membership_look_at_files();
	PG_RETURN_VOID();
}
