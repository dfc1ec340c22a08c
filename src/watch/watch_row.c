/*-------------------------------------------------------------------------
 *
 * watch_row.c
 *	  The table workflow.file_trigger: reads rows into memory, locks and writes them.
 *
 * Runs in sessions that make and change triggers, or report files, and in the watcher.  Who
 * changes one, or writes to its files, has its row locked to the end of the transaction.
 * The watcher skips those that are locked: who has one tells at its end.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/version.h"
#include "shmem/wakeup.h"
#include "store/found.h"
#include "store/given.h"
#include "store/statement.h"
#include "watch/watch_row.h"

/* What it was made with, and how it stands. */
#define GIVEN \
	"directory, pattern, \"check\", \"interval\", settle, job, priority, starts, ends, enabled, note"
#define STATE \
	"suspended_at, reason, revision, inode, skipped, made, last_at, last_file, last_run"

/* Their positions in what is read. */
enum
{
	COLUMN_directory, COLUMN_pattern, COLUMN_check, COLUMN_interval, COLUMN_settle, COLUMN_job, COLUMN_priority,
	COLUMN_starts, COLUMN_ends, COLUMN_enabled, COLUMN_note,
	COLUMN_suspended_at, COLUMN_reason, COLUMN_revision, COLUMN_inode, COLUMN_skipped, COLUMN_made, COLUMN_last_at,
	COLUMN_last_file, COLUMN_last_run,
	COLUMN_id, COLUMN_name, COLUMN_owner, COLUMN_tenant, COLUMN_role
};

#define GIVEN_TYPES \
	TEXTOID, TEXTOID, TEXTOID, INTERVALOID, INTERVALOID, TEXTOID, INT2OID, TIMESTAMPTZOID, TIMESTAMPTZOID, \
	BOOLOID, TEXTOID
#define STATE_TYPES \
	TIMESTAMPTZOID, TEXTOID, INT8OID, INT8OID, INT8OID, INT8OID, TIMESTAMPTZOID, TEXTOID, UUIDOID

#define READ \
	"SELECT " GIVEN ", " STATE ", w.id, w.name, w.owner, w.tenant," \
	" (SELECT o.role FROM workflow.owner o WHERE o.id = w.owner)" \
	" FROM workflow.file_trigger w"

/* Those that somebody may have to look for. */
#define WATCHED "w.enabled AND w.suspended_at IS NULL AND w.directory >= '/' AND w.directory < '0'"

static WfStatement any_statement = {
	.sql = "SELECT FROM workflow.file_trigger w WHERE " WATCHED " LIMIT 1"
};

static WfStatement list_statement = {
	.sql = READ " WHERE " WATCHED " ORDER BY w.id"
};

static WfStatement find_statement = {
	.sql = READ " WHERE w.name = $1",
	WF_ARGS(TEXTOID)
};

static WfStatement lock_statement = {
	.sql = READ " WHERE w.name = $1 FOR UPDATE OF w",
	WF_ARGS(TEXTOID),
	.latest = true
};

static WfStatement claim_statement = {
	.sql = READ " WHERE w.id = $1 AND " WATCHED " FOR UPDATE OF w SKIP LOCKED",
	WF_ARGS(INT4OID),
	.latest = true
};

static WfStatement insert_statement = {
	.sql = "INSERT INTO workflow.file_trigger (" GIVEN ", name, owner, tenant, created_at)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)"
	" ON CONFLICT (name) DO NOTHING RETURNING id",
	WF_ARGS(GIVEN_TYPES, TEXTOID, INT4OID, TEXTOID, TIMESTAMPTZOID)
};

static WfStatement change_statement = {
	.sql = "UPDATE workflow.file_trigger SET (" GIVEN ") = ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
	" WHERE id = $12",
	WF_ARGS(GIVEN_TYPES, INT4OID),
	.latest = true
};

static WfStatement update_statement = {
	.sql = "UPDATE workflow.file_trigger SET (" STATE ") = ($1, $2, $3, $4, $5, $6, $7, $8, $9) WHERE id = $10",
	WF_ARGS(STATE_TYPES, INT4OID),
	.latest = true
};

static WfStatement delete_statement = {
	.sql = "DELETE FROM workflow.file_trigger WHERE id = $1",
	WF_ARGS(INT4OID),
	.latest = true
};

/* --- words ------------------------------------------------------------------------- */

static const char *const checks[] = {
	[WF_WATCH_NEW] = "new",
	[WF_WATCH_MODIFIED] = "modified",
	[WF_WATCH_CONTENT] = "content"
};

/* What a check is called. */
const char *
wf_watch_row_check_name(WfWatchCheck check)
{
	return checks[check];
}

/* The check of this name; false: there is none. */
bool
wf_watch_row_check(const char *name, WfWatchCheck *check)
{
	for (int i = 0; i < (int) lengthof(checks); i++)
		if (strcmp(checks[i], name) == 0)
		{
			*check = i;
			return true;
		}
	return false;
}

/* --- reading ---------------------------------------------------------------------- */

static void
read_given(const WfFound *found, WfWatch *watch)
{
	bool		isnull;

	watch->directory = wf_found_text(found, COLUMN_directory);
	watch->pattern = wf_found_text(found, COLUMN_pattern);
	if (!wf_watch_row_check(wf_found_text(found, COLUMN_check), &watch->check))
		elog(ERROR, "file trigger \"%s\" has no check", watch->name);
	watch->interval = wf_found_interval(found, COLUMN_interval);
	watch->settle = wf_found_interval(found, COLUMN_settle);
	watch->job = wf_found_text(found, COLUMN_job);
	watch->priority = DatumGetInt16(wf_found_column(found, COLUMN_priority, &isnull));
	watch->has_priority = !isnull;
	watch->starts = wf_found_time(found, COLUMN_starts, DT_NOBEGIN);
	watch->ends = wf_found_time(found, COLUMN_ends, DT_NOEND);
	watch->enabled = DatumGetBool(wf_found_column(found, COLUMN_enabled, &isnull));
	watch->note = wf_found_text(found, COLUMN_note);
}

static int64
number_of(const WfFound *found, int column)
{
	bool		isnull;

	return DatumGetInt64(wf_found_column(found, column, &isnull));
}

static void
read_state(const WfFound *found, WfWatch *watch)
{
	bool		isnull;
	Datum		run;

	watch->suspended_at = wf_found_time(found, COLUMN_suspended_at, DT_NOEND);
	watch->reason = wf_found_text(found, COLUMN_reason);
	watch->revision = number_of(found, COLUMN_revision);
	watch->inode = number_of(found, COLUMN_inode);
	watch->skipped = number_of(found, COLUMN_skipped);
	watch->made = number_of(found, COLUMN_made);
	watch->last_at = wf_found_time(found, COLUMN_last_at, DT_NOBEGIN);
	watch->last_file = wf_found_text(found, COLUMN_last_file);
	run = wf_found_column(found, COLUMN_last_run, &isnull);
	watch->has_run = !isnull;
	if (!isnull)
		watch->last_run = *DatumGetUUIDP(run);
}

/* Read a row that a statement has found, into the current memory context. */
static void
read_row(uint64 row, WfWatch *watch)
{
	WfFound		found = wf_found(row);
	bool		isnull;

	memset(watch, 0, sizeof(*watch));
	watch->id = DatumGetInt32(wf_found_column(&found, COLUMN_id, &isnull));
	watch->name = wf_found_text(&found, COLUMN_name);
	watch->owner = DatumGetInt32(wf_found_column(&found, COLUMN_owner, &isnull));
	watch->role = DatumGetObjectId(wf_found_column(&found, COLUMN_role, &isnull));
	watch->tenant = wf_found_text(&found, COLUMN_tenant);
	read_given(&found, watch);
	read_state(&found, watch);
}

/*
 * Is there any that somebody has to look for?  SPI must be connected, as for all of these.
 */
bool
wf_watch_row_any(void)
{
	return wf_version_has_column("file_trigger", "id") &&
		wf_statement_execute(&any_statement, NULL, NULL, 1) > 0;
}

/* Read the trigger of this name, and lock it; false: there is none. */
bool
wf_watch_row_find(const char *name, bool lock, WfWatch *watch)
{
	Datum		value = CStringGetTextDatum(name);

	if (wf_statement_execute(lock ? &lock_statement : &find_statement, &value, NULL, 1) == 0)
		return false;
	read_row(0, watch);
	return true;
}

/* Lock one that somebody has to look for; false: it is not one any more, or is locked. */
bool
wf_watch_row_claim(int32 id, WfWatch *watch)
{
	Datum		value = Int32GetDatum(id);

	if (wf_statement_execute(&claim_statement, &value, NULL, 1) == 0)
		return false;
	read_row(0, watch);
	return true;
}

/* All that somebody has to look for.  Returns a list of WfWatch *, in that memory context. */
List *
wf_watch_row_list(MemoryContext context)
{
	uint64		n;
	List	   *watches = NIL;
	MemoryContext old;

	if (!wf_version_has_column("file_trigger", "id"))
		return NIL;
	n = wf_statement_execute(&list_statement, NULL, NULL, 0);
	old = MemoryContextSwitchTo(context);
	for (uint64 i = 0; i < n; i++)
	{
		WfWatch    *watch = palloc(sizeof(WfWatch));

		read_row(i, watch);
		watches = lappend(watches, watch);
	}
	MemoryContextSwitchTo(old);
	return watches;
}

/* --- writing ---------------------------------------------------------------------- */

static void
give_given(const WfWatch *watch, WfGiven *given)
{
	wf_given_text(given, watch->directory);
	wf_given_text(given, watch->pattern);
	wf_given_text(given, checks[watch->check]);
	wf_given_add(given, IntervalPGetDatum(watch->interval), false);
	wf_given_add(given, IntervalPGetDatum(watch->settle), false);
	wf_given_text(given, watch->job);
	wf_given_add(given, Int16GetDatum(watch->priority), !watch->has_priority);
	wf_given_time(given, watch->starts);
	wf_given_time(given, watch->ends);
	wf_given_add(given, BoolGetDatum(watch->enabled), false);
	wf_given_text(given, watch->note);
}

/* Store a new one, and fill in its number; false: there is one of this name. */
bool
wf_watch_row_insert(WfWatch *watch)
{
	WfGiven		given = {0};
	WfFound		found;
	bool		isnull;

	give_given(watch, &given);
	wf_given_text(&given, watch->name);
	wf_given_add(&given, Int32GetDatum(watch->owner), false);
	wf_given_text(&given, watch->tenant);
	wf_given_time(&given, wf_clock_now());
	if (wf_statement_execute(&insert_statement, given.values, given.nulls, 0) == 0)
		return false;
	found = wf_found(0);
	watch->id = DatumGetInt32(wf_found_column(&found, 0, &isnull));
	wf_wakeup_watches();
	return true;
}

/* Write what one that is locked is told to do.  Who watches is told. */
void
wf_watch_row_change(const WfWatch *watch)
{
	WfGiven		given = {0};

	give_given(watch, &given);
	wf_given_add(&given, Int32GetDatum(watch->id), false);
	(void) wf_statement_execute(&change_statement, given.values, given.nulls, 0);
	wf_wakeup_watches();
}

/* Write how one that is locked stands. */
void
wf_watch_row_update(const WfWatch *watch)
{
	WfGiven		given = {0};

	wf_given_time(&given, watch->suspended_at);
	wf_given_text(&given, watch->reason);
	wf_given_add(&given, Int64GetDatum(watch->revision), false);
	wf_given_add(&given, Int64GetDatum(watch->inode), watch->inode == 0);
	wf_given_add(&given, Int64GetDatum(watch->skipped), false);
	wf_given_add(&given, Int64GetDatum(watch->made), false);
	wf_given_time(&given, watch->last_at);
	wf_given_text(&given, watch->last_file);
	wf_given_add(&given, UUIDPGetDatum(&watch->last_run), !watch->has_run);
	wf_given_add(&given, Int32GetDatum(watch->id), false);
	(void) wf_statement_execute(&update_statement, given.values, given.nulls, 0);
}

/* Delete one that is locked. */
void
wf_watch_row_delete(int32 id)
{
	Datum		value = Int32GetDatum(id);

	(void) wf_statement_execute(&delete_statement, &value, NULL, 0);
}
