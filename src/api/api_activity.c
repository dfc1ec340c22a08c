/*-------------------------------------------------------------------------
 *
 * api_activity.c
 *	  What background workers are doing, for the views.
 *
 * Runs in client backends.  Reads shared memory under
 * wf_instance_lock(LW_SHARED), writes nothing there, and reads no table.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/lwlock.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/guc.h"
#include "shmem/database.h"
#include "shmem/instance.h"
#include "shmem/lane.h"
#include "shmem/owner.h"
#include "shmem/slot.h"
#include "shmem/wakeup.h"
#include "shmem/watermark.h"

PG_FUNCTION_INFO_V1(workflow_runtime_activity);
PG_FUNCTION_INFO_V1(workflow_wake);

#define ACTIVITY_COLUMNS	8

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
	[WF_WAIT_BGWORKER] = "max_worker_processes is exhausted",
	[WF_WAIT_ROLE_GONE] = "the owner's role does not exist",
	[WF_WAIT_ROLE_NOLOGIN] = "the owner's role is not permitted to log in",
	[WF_WAIT_ROLE_CONNECT] = "the owner's role lacks CONNECT privilege on the database",
	[WF_WAIT_ROLE_SUPERUSER] = "the owner's role is a superuser and workflow.allow_superuser is off",
	[WF_WAIT_FAILED] = "the last executor ended with an error"
};

/* A row of the result.  These are shown as null: pid 0, numbers -1, NULL. */
typedef struct Line
{
	const char *kind;
	pid_t		pid;
	int32		owner;
	const char *state;
	TimestampTz since;
	int64		steps;
	int64		batches;
	const char *reason;
} Line;

/* Add a row to the result. */
static void
put(ReturnSetInfo *result, const Line *line)
{
	Datum		values[ACTIVITY_COLUMNS];
	bool		nulls[ACTIVITY_COLUMNS] = {false};

	values[0] = CStringGetTextDatum(line->kind);
	values[1] = Int32GetDatum((int32) line->pid);
	nulls[1] = line->pid == 0;
	values[2] = Int32GetDatum(line->owner);
	nulls[2] = line->owner < 0;
	nulls[3] = line->state == NULL;
	if (line->state)
		values[3] = CStringGetTextDatum(line->state);
	values[4] = TimestampTzGetDatum(line->since);
	nulls[4] = TIMESTAMP_NOT_FINITE(line->since);
	values[5] = Int64GetDatum(line->steps);
	nulls[5] = line->steps < 0;
	values[6] = Int64GetDatum(line->batches);
	nulls[6] = line->batches < 0;
	nulls[7] = line->reason == NULL;
	if (line->reason)
		values[7] = CStringGetTextDatum(line->reason);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* Add the rows of the launcher and of this database's runtime. */
static void
put_runtime(ReturnSetInfo *result)
{
	WfDatabase *database = wf_database_entry_locked(MyDatabaseId, false);
	Line		line = {.owner = -1, .steps = -1, .batches = -1};

	line.kind = "launcher";
	line.pid = wf_instance->launcher_pid;
	line.state = wf_instance->launcher_pid ? "running" : "starting";
	line.since = DT_NOBEGIN;
	put(result, &line);

	if (database == NULL)
		return;
	line.kind = "runtime";
	line.pid = database->runtime_pid;
	line.state = database_states[database->state];
	line.since = database->since;
	put(result, &line);
}

/* Why no executor works for an owner that has due work. */
static const char *
reason_of(const WfOwner *entry)
{
	if (!wf_enabled)
		return "workflow.enabled is off";
	if (wf_max_executors == 0)
		return "workflow.max_executors is 0";
	if (entry->reason == WF_WAIT_NONE)
		return "an executor is being started";
	return wait_reasons[entry->reason];
}

/* Add a row for each executor of this database. */
static void
put_executors(ReturnSetInfo *result)
{
	for (int i = 0; i < wf_max_executors; i++)
	{
		const WfSlot *slot = &wf_slots[i];
		Line		line = {
			.kind = "executor",
			.pid = slot->pid,
			.owner = slot->owner,
			.state = executor_states[slot->state],
			.since = slot->since,
			.steps = slot->steps,
			.batches = slot->batches
		};

		if (slot->state != WF_SLOT_FREE && slot->dbid == MyDatabaseId)
			put(result, &line);
	}
}

/* When the earliest due work of an owner without executors is due. */
static TimestampTz
waits_since(WfOwner *entry)
{
	TimestampTz since = DT_NOEND;
	uint64		generation;

	for (int kind = 0; kind < WF_LANE_KINDS; kind++)
		if (entry->lanes[kind].executors == 0)
			since = Min(since, wf_watermark_read(&entry->lanes[kind], &generation).due);
	return since;
}

/* Add a row for each owner whose due work waits for an executor. */
static void
put_owners(ReturnSetInfo *result)
{
	TimestampTz now = wf_clock_now();

	for (int i = 0; i < wf_max_owners; i++)
	{
		WfOwner    *entry = &wf_owners[i];
		Line		line = {.kind = "owner", .state = "waiting", .steps = -1, .batches = -1};

		if (entry->dbid != MyDatabaseId)
			continue;
		line.since = waits_since(entry);
		if (line.since > now)
			continue;
		line.owner = entry->owner;
		line.reason = reason_of(entry);
		put(result, &line);
	}
}

/*
 * SQL function workflow.runtime_activity() of sql/parts/activity.sql: the
 * background workers that serve this database, and owners whose due work waits
 * for an executor.  Reads no table.
 */
Datum
workflow_runtime_activity(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	wf_instance_lock(LW_SHARED);
	put_runtime(result);
	put_executors(result);
	put_owners(result);
	wf_instance_unlock();
	return (Datum) 0;
}

/*
 * SQL function workflow.wake() of sql/parts/finish.sql, the last statement of
 * CREATE EXTENSION: at commit the launcher looks at this database.
 */
Datum
workflow_wake(PG_FUNCTION_ARGS)
{
	wf_wakeup_extension();
	PG_RETURN_VOID();
}
