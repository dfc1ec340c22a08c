/*-------------------------------------------------------------------------
 *
 * schedule_row.c
 *	  The table workflow.schedule: reads rows into memory, locks and writes them.
 *
 * Runs in any backend.  Whoever fires a schedule, or changes it, holds its row until
 * the end of the transaction: so an occurrence is made once.  Executors skip rows that
 * are locked; who locks one elsewhere tells them at its end.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/timestamp.h"

#include "base/array.h"
#include "base/clock.h"
#include "base/uuid.h"
#include "base/version.h"
#include "schedule/schedule_row.h"
#include "schedule/schedule_word.h"
#include "shmem/wakeup.h"
#include "store/found.h"
#include "store/given.h"
#include "store/statement.h"

/* What it was made with, with the types of the columns. */
#define GIVEN_LIST(C) \
	C(job, TEXTOID) C(definition, TEXTOID) C(cron, TEXTOID) C(rule, TEXTOID) C(every, INTERVALOID) \
	C(anchor, TIMESTAMPTZOID) C(zone, TEXTOID) C(params, JSONBOID) C(starts, TIMESTAMPTZOID) \
	C(ends, TIMESTAMPTZOID) C(overlap, TEXTOID) C(catch_up, TEXTOID) C(gap, TEXTOID) C(fold, TEXTOID) \
	C(jitter, INTERVALOID) C(calendar, TEXTOID) C(priority, INT2OID) C(engine, TEXTOID)

/* How it stands. */
#define STATE_LIST(C) \
	C(paused, BOOLOID) C(note, TEXTOID) C(next, TIMESTAMPTZOID) C(due, TIMESTAMPTZOID) C(attempts, INT2OID) \
	C(losses, INT2OID) C(error, JSONBOID) C(suspended_at, TIMESTAMPTZOID) C(last, TIMESTAMPTZOID) \
	C(last_at, TIMESTAMPTZOID) C(last_made, UUIDOID) C(active, UUIDARRAYOID) C(made, INT8OID) C(skipped, INT8OID) \
	C(queued, TIMESTAMPTZOID)

#define NAME(column, type) #column ", "
#define QUALIFIED(column, type) "s." #column ", "
#define TYPE(column, type) type,
#define NUMBER(column, type) COLUMN_##column,

/* The positions of columns in what is read. */
enum
{
	GIVEN_LIST(NUMBER)
	STATE_LIST(NUMBER)
	COLUMN_id, COLUMN_name, COLUMN_owner, COLUMN_role, COLUMN_tenant, NCOLUMNS
};

#define NGIVEN		(COLUMN_engine + 1)
#define NSTATE		(COLUMN_queued + 1 - NGIVEN)

#define READ \
	"SELECT " GIVEN_LIST(QUALIFIED) STATE_LIST(QUALIFIED) "s.id, s.name, s.owner," \
	" (SELECT o.role FROM workflow.owner o WHERE o.id OPERATOR(pg_catalog.=) s.owner)," \
	" s.tenant FROM workflow.schedule s"

static WfStatement insert_statement = {
	.sql = "INSERT INTO workflow.schedule (" GIVEN_LIST(NAME) "name, owner, created_at, next, due, tenant)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23,"
	" $24)"
	" ON CONFLICT (name) DO NOTHING RETURNING id",
	WF_ARGS(GIVEN_LIST(TYPE) TEXTOID, INT4OID, TIMESTAMPTZOID, TIMESTAMPTZOID, TIMESTAMPTZOID, TEXTOID)
};

StaticAssertDecl(NGIVEN == 18, "insert_statement and change_statement have another number");

static WfStatement find_statement = {
	.sql = READ " WHERE s.name OPERATOR(pg_catalog.=) $1",
	WF_ARGS(TEXTOID)
};

static WfStatement lock_statement = {
	.sql = READ " WHERE s.name OPERATOR(pg_catalog.=) $1 FOR UPDATE OF s",
	WF_ARGS(TEXTOID),
	.latest = true
};

static WfStatement lock_free_statement = {
	.sql = READ " WHERE s.id OPERATOR(pg_catalog.=) $1 FOR UPDATE OF s SKIP LOCKED",
	WF_ARGS(INT4OID),
	.latest = true
};

/* By the index schedule_due. */
static WfStatement claim_statement = {
	.sql = READ " WHERE s.owner OPERATOR(pg_catalog.=) $1 AND s.due OPERATOR(pg_catalog.<=) $2"
	" ORDER BY s.due, s.id LIMIT $3 FOR UPDATE OF s SKIP LOCKED",
	WF_ARGS(INT4OID, TIMESTAMPTZOID, INT8OID)
};

static WfStatement next_due_statement = {
	.sql = "SELECT s.due FROM workflow.schedule s WHERE s.owner OPERATOR(pg_catalog.=) $1 AND s.due IS NOT NULL"
	" ORDER BY s.owner, s.due LIMIT 1",
	WF_ARGS(INT4OID)
};

static WfStatement update_statement = {
	.sql = "UPDATE workflow.schedule SET (" STATE_LIST(NAME) "id) ="
	" ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, id) WHERE id OPERATOR(pg_catalog.=) $16",
	WF_ARGS(STATE_LIST(TYPE) INT4OID),
	.latest = true
};

StaticAssertDecl(NSTATE == 15, "update_statement has another number");

static WfStatement change_statement = {
	.sql = "UPDATE workflow.schedule SET (" GIVEN_LIST(NAME) "id) ="
	" ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, id)"
	" WHERE id OPERATOR(pg_catalog.=) $19",
	WF_ARGS(GIVEN_LIST(TYPE) INT4OID),
	.latest = true
};

static WfStatement delete_statement = {
	.sql = "DELETE FROM workflow.schedule WHERE id OPERATOR(pg_catalog.=) $1",
	WF_ARGS(INT4OID),
	.latest = true
};

/*
 * Of those that are due, the first one that was under way before was alone, and is to
 * blame once more; any of the others may be.
 */
static WfStatement suspect_statement = {
	.sql = "UPDATE workflow.schedule u SET losses = u.losses OPERATOR(pg_catalog.+) 1"
	" WHERE u.owner OPERATOR(pg_catalog.=) $1 AND u.due OPERATOR(pg_catalog.<=) $2"
	" AND (u.losses OPERATOR(pg_catalog.=) 0 OR u.id OPERATOR(pg_catalog.=)"
	" (SELECT f.id FROM workflow.schedule f WHERE f.owner OPERATOR(pg_catalog.=) $1 AND f.due OPERATOR(pg_catalog.<=) $2"
	"  AND f.losses OPERATOR(pg_catalog.>) 0 ORDER BY f.due, f.id LIMIT 1))",
	WF_ARGS(INT4OID, TIMESTAMPTZOID)
};

/* --- reading ---------------------------------------------------------------------- */

static int
word_of(const WfFound *found, int number, WfScheduleWords words)
{
	return wf_schedule_word_value(words, wf_found_text(found, number));
}

static void
read_given(const WfFound *found, WfSchedule *schedule)
{
	bool		isnull;

	schedule->job = wf_found_text(found, COLUMN_job);
	schedule->definition = wf_found_text(found, COLUMN_definition);
	schedule->cron = wf_found_text(found, COLUMN_cron);
	schedule->rule = wf_found_text(found, COLUMN_rule);
	schedule->every = wf_found_interval(found, COLUMN_every);
	schedule->anchor = wf_found_time(found, COLUMN_anchor, DT_NOBEGIN);
	schedule->zone = wf_found_text(found, COLUMN_zone);
	schedule->params = wf_found_jsonb(found, COLUMN_params);
	schedule->starts = wf_found_time(found, COLUMN_starts, DT_NOBEGIN);
	schedule->ends = wf_found_time(found, COLUMN_ends, DT_NOEND);
	schedule->overlap = word_of(found, COLUMN_overlap, WF_WORDS_OVERLAP);
	schedule->catch_up = word_of(found, COLUMN_catch_up, WF_WORDS_CATCH_UP);
	schedule->gap = word_of(found, COLUMN_gap, WF_WORDS_GAP);
	schedule->fold = word_of(found, COLUMN_fold, WF_WORDS_FOLD);
	schedule->jitter = wf_found_interval(found, COLUMN_jitter);
	schedule->calendar = wf_found_text(found, COLUMN_calendar);
	schedule->priority = DatumGetInt16(wf_found_column(found, COLUMN_priority, &isnull));
	schedule->has_priority = !isnull;
	schedule->engine = wf_found_text(found, COLUMN_engine);
}

static void
read_active(const WfFound *found, WfSchedule *schedule)
{
	bool		isnull;
	Datum		array = wf_found_column(found, COLUMN_active, &isnull);
	Datum	   *items;

	deconstruct_array(DatumGetArrayTypeP(array), UUIDOID, UUID_LEN, false, TYPALIGN_CHAR,
					  &items, NULL, &schedule->nactive);
	schedule->active = palloc(sizeof(pg_uuid_t) * (schedule->nactive + 1));
	for (int i = 0; i < schedule->nactive; i++)
		schedule->active[i] = *DatumGetUUIDP(items[i]);
}

static void
read_state(const WfFound *found, WfSchedule *schedule)
{
	bool		isnull;
	Datum		last_made = wf_found_column(found, COLUMN_last_made, &isnull);

	if (!isnull)
		schedule->last_made = *DatumGetUUIDP(last_made);
	schedule->paused = DatumGetBool(wf_found_column(found, COLUMN_paused, &isnull));
	schedule->note = wf_found_text(found, COLUMN_note);
	schedule->next = wf_found_time(found, COLUMN_next, DT_NOEND);
	schedule->due = wf_found_time(found, COLUMN_due, DT_NOEND);
	schedule->attempts = DatumGetInt16(wf_found_column(found, COLUMN_attempts, &isnull));
	schedule->losses = DatumGetInt16(wf_found_column(found, COLUMN_losses, &isnull));
	schedule->error = wf_found_jsonb(found, COLUMN_error);
	schedule->suspended_at = wf_found_time(found, COLUMN_suspended_at, DT_NOEND);
	schedule->last = wf_found_time(found, COLUMN_last, DT_NOBEGIN);
	schedule->last_at = wf_found_time(found, COLUMN_last_at, DT_NOBEGIN);
	read_active(found, schedule);
	schedule->made = DatumGetInt64(wf_found_column(found, COLUMN_made, &isnull));
	schedule->skipped = DatumGetInt64(wf_found_column(found, COLUMN_skipped, &isnull));
	schedule->queued = wf_found_time(found, COLUMN_queued, DT_NOEND);
}

/* The n-th row that a statement has found. */
static void
read_row(int n, WfSchedule *schedule)
{
	WfFound		found = wf_found(n);
	bool		isnull;

	memset(schedule, 0, sizeof(WfSchedule));
	schedule->id = DatumGetInt32(wf_found_column(&found, COLUMN_id, &isnull));
	schedule->name = wf_found_text(&found, COLUMN_name);
	schedule->owner = DatumGetInt32(wf_found_column(&found, COLUMN_owner, &isnull));
	schedule->role = DatumGetObjectId(wf_found_column(&found, COLUMN_role, &isnull));
	schedule->tenant = wf_found_column(&found, COLUMN_tenant, &isnull);
	if (!isnull)
		schedule->tenant = datumCopy(schedule->tenant, false, -1);
	read_given(&found, schedule);
	read_state(&found, schedule);
}

/* Read a schedule; false: there is none of this name.  SPI must be connected, as for all of these. */
bool
wf_schedule_row_find(const char *name, WfSchedule *schedule)
{
	Datum		value = CStringGetTextDatum(name);

	if (wf_statement_execute(&find_statement, &value, NULL, 1) == 0)
		return false;
	read_row(0, schedule);
	return true;
}

/* The same, and lock it.  Its executors hear when the transaction ends. */
bool
wf_schedule_row_lock(const char *name, WfSchedule *schedule)
{
	Datum		value = CStringGetTextDatum(name);

	if (wf_statement_execute(&lock_statement, &value, NULL, 0) == 0)
		return false;
	read_row(0, schedule);
	wf_wakeup_released_of(schedule->owner, WF_LANE_SCHEDULES);
	return true;
}

/* Lock a schedule by its number; false: it is gone, or another transaction has it. */
bool
wf_schedule_row_lock_if_free(int32 id, WfSchedule *schedule)
{
	Datum		value = Int32GetDatum(id);

	if (wf_statement_execute(&lock_free_statement, &value, NULL, 0) == 0)
		return false;
	read_row(0, schedule);
	return true;
}

/*
 * Lock schedules of an owner that are due until then, as many as `limit`, the first ones
 * first, and leave out those that are locked.  Returns how many.
 */
int
wf_schedule_row_claim(int32 owner, TimestampTz until, int limit, WfSchedule *schedules)
{
	Datum		values[3] = {Int32GetDatum(owner), TimestampTzGetDatum(until), Int64GetDatum(limit)};
	int			n;

	if (!wf_version_has_column("schedule", "id"))
		return 0;
	n = (int) wf_statement_execute(&claim_statement, values, NULL, 0);
	for (int i = 0; i < n; i++)
		read_row(i, &schedules[i]);
	return n;
}

/* When the next schedule of an owner is due; infinity: none is. */
TimestampTz
wf_schedule_row_next_due(int32 owner)
{
	Datum		value = Int32GetDatum(owner);
	bool		isnull;

	if (!wf_version_has_column("schedule", "id") ||
		wf_statement_execute(&next_due_statement, &value, NULL, 1) == 0)
		return DT_NOEND;
	return DatumGetTimestampTz(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
}

/* --- writing ---------------------------------------------------------------------- */

/* In the order of GIVEN_LIST. */
static void
add_given(WfGiven *parameters, const WfSchedule *schedule)
{
	wf_given_text(parameters, schedule->job);
	wf_given_text(parameters, schedule->definition);
	wf_given_text(parameters, schedule->cron);
	wf_given_text(parameters, schedule->rule);
	wf_given_add(parameters, IntervalPGetDatum(schedule->every), schedule->every == NULL);
	wf_given_time(parameters, schedule->anchor);
	wf_given_text(parameters, schedule->zone);
	wf_given_add(parameters, JsonbPGetDatum(schedule->params), false);
	wf_given_time(parameters, schedule->starts);
	wf_given_time(parameters, schedule->ends);
	wf_given_text(parameters, wf_schedule_word(WF_WORDS_OVERLAP, schedule->overlap));
	wf_given_text(parameters, wf_schedule_word(WF_WORDS_CATCH_UP, schedule->catch_up));
	wf_given_text(parameters, wf_schedule_word(WF_WORDS_GAP, schedule->gap));
	wf_given_text(parameters, wf_schedule_word(WF_WORDS_FOLD, schedule->fold));
	wf_given_add(parameters, IntervalPGetDatum(schedule->jitter), schedule->jitter == NULL);
	wf_given_text(parameters, schedule->calendar);
	wf_given_add(parameters, Int16GetDatum(schedule->priority), !schedule->has_priority);
	wf_given_text(parameters, schedule->engine);
}

static ArrayType *
active_of(const WfSchedule *schedule)
{
	Datum	   *ids = palloc(sizeof(Datum) * (schedule->nactive + 1));

	for (int i = 0; i < schedule->nactive; i++)
		ids[i] = UUIDPGetDatum(&schedule->active[i]);
	return wf_uuid_array(ids, schedule->nactive);
}

/* In the order of STATE_LIST. */
static void
add_state(WfGiven *parameters, const WfSchedule *schedule)
{
	wf_given_add(parameters, BoolGetDatum(schedule->paused), false);
	wf_given_text(parameters, schedule->note);
	wf_given_time(parameters, schedule->next);
	wf_given_time(parameters, schedule->due);
	wf_given_add(parameters, Int16GetDatum(schedule->attempts), false);
	wf_given_add(parameters, Int16GetDatum(schedule->losses), false);
	wf_given_add(parameters, JsonbPGetDatum(schedule->error), schedule->error == NULL);
	wf_given_time(parameters, schedule->suspended_at);
	wf_given_time(parameters, schedule->last);
	wf_given_time(parameters, schedule->last_at);
	wf_given_add(parameters, UUIDPGetDatum(&schedule->last_made), TIMESTAMP_NOT_FINITE(schedule->last_at));
	wf_given_add(parameters, PointerGetDatum(active_of(schedule)), false);
	wf_given_add(parameters, Int64GetDatum(schedule->made), false);
	wf_given_add(parameters, Int64GetDatum(schedule->skipped), false);
	wf_given_time(parameters, schedule->queued);
}

/* Its executors are to know when it is due. */
static void
announce(const WfSchedule *schedule)
{
	if (!TIMESTAMP_NOT_FINITE(schedule->due))
		wf_wakeup_work(schedule->owner, WF_LANE_SCHEDULES, schedule->due);
}

/*
 * Insert a new schedule, which gets its number.  False: there is one of this name.  Waits
 * for a transaction that makes one.
 */
bool
wf_schedule_row_insert(WfSchedule *schedule)
{
	WfGiven		parameters = {.n = 0};
	bool		isnull;

	add_given(&parameters, schedule);
	wf_given_text(&parameters, schedule->name);
	wf_given_add(&parameters, Int32GetDatum(schedule->owner), false);
	wf_given_time(&parameters, wf_clock_now());
	wf_given_time(&parameters, schedule->next);
	wf_given_time(&parameters, schedule->due);
	wf_given_add(&parameters, schedule->tenant, schedule->tenant == (Datum) 0);
	if (wf_statement_execute(&insert_statement, parameters.values, parameters.nulls, 0) == 0)
		return false;
	schedule->id = DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	announce(schedule);
	return true;
}

/* Write how a schedule stands, which is locked. */
void
wf_schedule_row_update(const WfSchedule *schedule)
{
	WfGiven		parameters = {.n = 0};

	add_state(&parameters, schedule);
	wf_given_add(&parameters, Int32GetDatum(schedule->id), false);
	(void) wf_statement_execute(&update_statement, parameters.values, parameters.nulls, 0);
	announce(schedule);
}

/* The same for what it is made with; its name, number and owner stay. */
void
wf_schedule_row_change(const WfSchedule *schedule)
{
	WfGiven		parameters = {.n = 0};

	add_given(&parameters, schedule);
	wf_given_add(&parameters, Int32GetDatum(schedule->id), false);
	(void) wf_statement_execute(&change_statement, parameters.values, parameters.nulls, 0);
}

/* Delete a schedule that is locked. */
void
wf_schedule_row_delete(int32 id)
{
	Datum		value = Int32GetDatum(id);

	(void) wf_statement_execute(&delete_statement, &value, NULL, 0);
}

/*
 * The server ended while schedules of an owner may have been fired that are due until
 * then: they have a loss more.  Returns how many.
 */
int
wf_schedule_row_suspect(int32 owner, TimestampTz until)
{
	Datum		values[2] = {Int32GetDatum(owner), TimestampTzGetDatum(until)};

	return wf_version_has_column("schedule", "id") ?
		(int) wf_statement_execute(&suspect_statement, values, NULL, 0) : 0;
}
