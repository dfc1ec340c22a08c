/*-------------------------------------------------------------------------
 *
 * bulk_row.c
 *	  The table workflow.bulk: reads rows into memory, locks and writes them.
 *
 * Runs in any backend.  Whoever does a slice of an operation, or pauses or ends it, holds
 * its row until the end of the transaction: so a slice and the place it has come to are one.
 * Executors skip rows that are locked; who locks one elsewhere tells them at its end.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/array.h"
#include "base/version.h"
#include "bulk/bulk_act.h"
#include "bulk/bulk_row.h"
#include "shmem/wakeup.h"
#include "store/found.h"
#include "store/given.h"
#include "store/statement.h"

/* What it was made with, with the types of the columns. */
#define GIVEN_LIST(C) \
	C(id, UUIDOID) C(owner, INT4OID) C(act, TEXTOID) C(kind, TEXTOID) C(filter, JSONBOID) C(changes, JSONBOID) \
	C(scope, TEXTARRAYOID) C(keep_all, BOOLOID) C(role, TEXTOID) C(login, TEXTOID) C(actor, TEXTOID) \
	C(note, TEXTOID) C(made_at, TIMESTAMPTZOID) C(tenant, TEXTOID)

/* How it stands. */
#define STATE_LIST(C) \
	C(state, TEXTOID) C(reason, TEXTOID) C(due, TIMESTAMPTZOID) C(phase, INT2OID) C(source, INT2OID) \
	C(position, UUIDOID) C(total, INT8OID) C(done, INT8OID) C(skipped, INT8OID) C(refused, INT8OID) \
	C(failed, INT8OID) C(locked, INT8OID) C(begun_at, TIMESTAMPTZOID) C(last_at, TIMESTAMPTZOID) \
	C(paced_at, TIMESTAMPTZOID) C(paced_from, INT8OID) C(losses, INT2OID) C(alone, INT4OID) \
	C(attempts, INT2OID) C(ended_at, TIMESTAMPTZOID)

#define NAME(column, type) "\"" #column "\", "
#define QUALIFIED(column, type) "b.\"" #column "\", "
#define TYPE(column, type) type,
#define NUMBER(column, type) COLUMN_##column,

/* The positions of columns in what is read. */
enum
{
	GIVEN_LIST(NUMBER)
	STATE_LIST(NUMBER)
	NCOLUMNS
};

#define NGIVEN		(COLUMN_tenant + 1)
#define NSTATE		(NCOLUMNS - NGIVEN)

/* As an attempt is counted that does not end. */
#define MOST_ATTEMPTS	30000

#define READ \
	"SELECT " GIVEN_LIST(QUALIFIED) STATE_LIST(QUALIFIED) "NULL FROM workflow.bulk b"

static WfStatement insert_statement = {
	.sql = "INSERT INTO workflow.bulk (" GIVEN_LIST(NAME) "due, phase, total)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)",
	WF_ARGS(GIVEN_LIST(TYPE) TIMESTAMPTZOID, INT2OID, INT8OID)
};

StaticAssertDecl(NGIVEN == 14, "insert_statement has another number");

static WfStatement find_statement = {
	.sql = READ " WHERE b.id OPERATOR(pg_catalog.=) $1",
	WF_ARGS(UUIDOID)
};

static WfStatement lock_statement = {
	.sql = READ " WHERE b.id OPERATOR(pg_catalog.=) $1 FOR UPDATE OF b",
	WF_ARGS(UUIDOID),
	.latest = true
};

static WfStatement lock_free_statement = {
	.sql = READ " WHERE b.id OPERATOR(pg_catalog.=) $1 FOR UPDATE OF b SKIP LOCKED",
	WF_ARGS(UUIDOID),
	.latest = true
};

/* By the index bulk_due. */
static WfStatement claim_statement = {
	.sql = READ " WHERE b.owner OPERATOR(pg_catalog.=) $1 AND b.due OPERATOR(pg_catalog.<=) $2"
	" ORDER BY b.due, b.id LIMIT 1 FOR UPDATE OF b SKIP LOCKED",
	WF_ARGS(INT4OID, TIMESTAMPTZOID)
};

static WfStatement next_due_statement = {
	.sql = "SELECT b.due FROM workflow.bulk b WHERE b.owner OPERATOR(pg_catalog.=) $1 AND b.due IS NOT NULL"
	" ORDER BY b.owner, b.due LIMIT 1",
	WF_ARGS(INT4OID)
};

static WfStatement update_statement = {
	.sql = "UPDATE workflow.bulk SET (" STATE_LIST(NAME) "id) ="
	" ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, id)"
	" WHERE id OPERATOR(pg_catalog.=) $21",
	WF_ARGS(STATE_LIST(TYPE) UUIDOID),
	.latest = true
};

StaticAssertDecl(NSTATE == 20, "update_statement has another number");

/* One that somebody is at now was not to blame. */
static WfStatement suspect_statement = {
	.sql = "UPDATE workflow.bulk u SET losses = u.losses OPERATOR(pg_catalog.+) 1, alone = $3"
	" WHERE u.id OPERATOR(pg_catalog.=) ANY (ARRAY(SELECT b.id FROM workflow.bulk b"
	"  WHERE b.owner OPERATOR(pg_catalog.=) $1 AND b.due OPERATOR(pg_catalog.<=) $2 FOR UPDATE SKIP LOCKED))",
	WF_ARGS(INT4OID, TIMESTAMPTZOID, INT4OID)
};

static const char *const state_names[] = {
	[WF_BULK_WAITING] = "waiting",
	[WF_BULK_RUNNING] = "running",
	[WF_BULK_PAUSED] = "paused",
	[WF_BULK_STOPPED] = "stopped",
	[WF_BULK_CANCELLED] = "cancelled",
	[WF_BULK_FINISHED] = "finished"
};

/* The word for a state, as it is stored and shown. */
const char *
wf_bulk_row_state_name(WfBulkState state)
{
	return state_names[state];
}

/* So many items are dealt with for good. */
int64
wf_bulk_row_processed(const WfBulk *bulk)
{
	int64		n = 0;

	for (int i = 0; i < WF_BULK_LOCKED; i++)
		n += bulk->counts[i];
	return n;
}

/* Has it come to its end? */
bool
wf_bulk_row_is_over(const WfBulk *bulk)
{
	return bulk->state == WF_BULK_CANCELLED || bulk->state == WF_BULK_FINISHED;
}

/* --- reading ---------------------------------------------------------------------- */

static void
read_given(const WfFound *found, WfBulk *bulk)
{
	bool		isnull;
	Datum		scope = wf_found_column(found, COLUMN_scope, &isnull);

	bulk->scope = isnull ? NULL : (ArrayType *) PG_DETOAST_DATUM_COPY(scope);
	bulk->id = *DatumGetUUIDP(wf_found_column(found, COLUMN_id, &isnull));
	bulk->owner = DatumGetInt32(wf_found_column(found, COLUMN_owner, &isnull));
	bulk->act = wf_bulk_act_by_name(wf_found_text(found, COLUMN_act), wf_found_text(found, COLUMN_kind));
	bulk->filter = wf_found_jsonb(found, COLUMN_filter);
	bulk->changes = wf_found_jsonb(found, COLUMN_changes);
	bulk->keep_all = DatumGetBool(wf_found_column(found, COLUMN_keep_all, &isnull));
	bulk->role = wf_found_text(found, COLUMN_role);
	bulk->login = wf_found_text(found, COLUMN_login);
	bulk->actor = wf_found_text(found, COLUMN_actor);
	bulk->note = wf_found_text(found, COLUMN_note);
	bulk->made_at = wf_found_time(found, COLUMN_made_at, DT_NOBEGIN);
	bulk->tenant = wf_found_text(found, COLUMN_tenant);
}

static WfBulkState
state_of(const char *word)
{
	int			state = WF_BULK_WAITING;

	while (state < WF_BULK_FINISHED && strcmp(state_names[state], word) != 0)
		state++;
	return state;
}

static void
read_counts(const WfFound *found, WfBulk *bulk)
{
	bool		isnull;
	Datum		total = wf_found_column(found, COLUMN_total, &isnull);

	bulk->total = isnull ? -1 : DatumGetInt64(total);
	for (int i = 0; i < WF_BULK_RESULTS; i++)
		bulk->counts[i] = DatumGetInt64(wf_found_column(found, COLUMN_done + i, &isnull));
	bulk->paced_from = DatumGetInt64(wf_found_column(found, COLUMN_paced_from, &isnull));
	bulk->losses = DatumGetInt16(wf_found_column(found, COLUMN_losses, &isnull));
	bulk->alone = DatumGetInt32(wf_found_column(found, COLUMN_alone, &isnull));
	bulk->attempts = DatumGetInt16(wf_found_column(found, COLUMN_attempts, &isnull));
}

/* The row that a statement has found. */
static void
read_row(WfBulk *bulk)
{
	WfFound		found = wf_found(0);
	bool		isnull;

	memset(bulk, 0, sizeof(WfBulk));
	read_given(&found, bulk);
	read_counts(&found, bulk);
	bulk->state = state_of(wf_found_text(&found, COLUMN_state));
	bulk->reason = wf_found_text(&found, COLUMN_reason);
	bulk->phase = DatumGetInt16(wf_found_column(&found, COLUMN_phase, &isnull));
	bulk->source = DatumGetInt16(wf_found_column(&found, COLUMN_source, &isnull));
	bulk->position = *DatumGetUUIDP(wf_found_column(&found, COLUMN_position, &isnull));
	bulk->due = wf_found_time(&found, COLUMN_due, DT_NOEND);
	bulk->begun_at = wf_found_time(&found, COLUMN_begun_at, DT_NOBEGIN);
	bulk->last_at = wf_found_time(&found, COLUMN_last_at, DT_NOBEGIN);
	bulk->paced_at = wf_found_time(&found, COLUMN_paced_at, DT_NOBEGIN);
	bulk->ended_at = wf_found_time(&found, COLUMN_ended_at, DT_NOEND);
}

static bool
read_by(WfStatement *statement, const pg_uuid_t *id, WfBulk *bulk)
{
	Datum		value = UUIDPGetDatum(id);

	if (wf_statement_execute(statement, &value, NULL, 0) == 0)
		return false;
	read_row(bulk);
	return true;
}

/* Read an operation; false: there is none with this id.  SPI must be connected, as for all of these. */
bool
wf_bulk_row_find(const pg_uuid_t *id, WfBulk *bulk)
{
	return read_by(&find_statement, id, bulk);
}

/* The same, and lock it.  Executors hear when the transaction ends. */
bool
wf_bulk_row_lock(const pg_uuid_t *id, WfBulk *bulk)
{
	if (!read_by(&lock_statement, id, bulk))
		return false;
	wf_wakeup_released_of(bulk->owner, WF_LANE_BULKS);
	return true;
}

/* The same; false also if another transaction has it. */
bool
wf_bulk_row_lock_if_free(const pg_uuid_t *id, WfBulk *bulk)
{
	return read_by(&lock_free_statement, id, bulk);
}

/*
 * Lock the operation of an owner that is due until then and has waited longest, of those
 * that nobody has locked.  False: there is none.
 */
bool
wf_bulk_row_claim(int32 owner, TimestampTz until, WfBulk *bulk)
{
	Datum		values[2] = {Int32GetDatum(owner), TimestampTzGetDatum(until)};

	if (!wf_version_has_column("bulk", "id") ||
		wf_statement_execute(&claim_statement, values, NULL, 0) == 0)
		return false;
	read_row(bulk);
	return true;
}

/* When the next slice of an owner is due; infinity: none is. */
TimestampTz
wf_bulk_row_next_due(int32 owner)
{
	Datum		value = Int32GetDatum(owner);
	bool		isnull;

	if (!wf_version_has_column("bulk", "id") ||
		wf_statement_execute(&next_due_statement, &value, NULL, 1) == 0)
		return DT_NOEND;
	return DatumGetTimestampTz(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
}

/* --- writing ---------------------------------------------------------------------- */

/* In the order of GIVEN_LIST. */
static void
add_given(WfGiven *parameters, const WfBulk *bulk)
{
	wf_given_add(parameters, UUIDPGetDatum(&bulk->id), false);
	wf_given_add(parameters, Int32GetDatum(bulk->owner), false);
	wf_given_text(parameters, wf_bulk_act_name(bulk->act));
	wf_given_text(parameters, wf_bulk_act_kind(bulk->act));
	wf_given_add(parameters, JsonbPGetDatum(bulk->filter), false);
	wf_given_add(parameters, JsonbPGetDatum(bulk->changes), bulk->changes == NULL);
	wf_given_add(parameters, PointerGetDatum(bulk->scope), bulk->scope == NULL);
	wf_given_add(parameters, BoolGetDatum(bulk->keep_all), false);
	wf_given_text(parameters, bulk->role);
	wf_given_text(parameters, bulk->login);
	wf_given_text(parameters, bulk->actor);
	wf_given_text(parameters, bulk->note);
	wf_given_time(parameters, bulk->made_at);
	wf_given_text(parameters, bulk->tenant);
}

/* In the order of STATE_LIST. */
static void
add_state(WfGiven *parameters, const WfBulk *bulk)
{
	wf_given_text(parameters, state_names[bulk->state]);
	wf_given_text(parameters, bulk->reason);
	wf_given_time(parameters, bulk->due);
	wf_given_add(parameters, Int16GetDatum(bulk->phase), false);
	wf_given_add(parameters, Int16GetDatum(bulk->source), false);
	wf_given_add(parameters, UUIDPGetDatum(&bulk->position), false);
	wf_given_add(parameters, Int64GetDatum(bulk->total), bulk->total < 0);
	for (int i = 0; i < WF_BULK_RESULTS; i++)
		wf_given_add(parameters, Int64GetDatum(bulk->counts[i]), false);
	wf_given_time(parameters, bulk->begun_at);
	wf_given_time(parameters, bulk->last_at);
	wf_given_time(parameters, bulk->paced_at);
	wf_given_add(parameters, Int64GetDatum(bulk->paced_from), false);
	wf_given_add(parameters, Int16GetDatum(bulk->losses), false);
	wf_given_add(parameters, Int32GetDatum(bulk->alone), false);
	wf_given_add(parameters, Int16GetDatum(Min(bulk->attempts, MOST_ATTEMPTS)), false);
	wf_given_time(parameters, bulk->ended_at);
}

/* Its executors are to know when it is due, and who waits for its end that it has come. */
static void
announce(const WfBulk *bulk)
{
	if (!TIMESTAMP_NOT_FINITE(bulk->due))
		wf_wakeup_work(bulk->owner, WF_LANE_BULKS, bulk->due);
	else
		wf_wakeup_stepped();
}

/* Insert a new operation. */
void
wf_bulk_row_insert(const WfBulk *bulk)
{
	WfGiven		parameters = {.n = 0};

	add_given(&parameters, bulk);
	wf_given_time(&parameters, bulk->due);
	wf_given_add(&parameters, Int16GetDatum(bulk->phase), false);
	wf_given_add(&parameters, Int64GetDatum(bulk->total), bulk->total < 0);
	(void) wf_statement_execute(&insert_statement, parameters.values, parameters.nulls, 0);
	announce(bulk);
}

/* Write how an operation stands, which is locked. */
void
wf_bulk_row_update(const WfBulk *bulk)
{
	WfGiven		parameters = {.n = 0};

	add_state(&parameters, bulk);
	wf_given_add(&parameters, UUIDPGetDatum(&bulk->id), false);
	(void) wf_statement_execute(&update_statement, parameters.values, parameters.nulls, 0);
	announce(bulk);
}

/*
 * The server ended while operations of an owner may have been under way that are due until
 * then: they have a loss more, and the next items are done one by one.
 */
void
wf_bulk_row_suspect(int32 owner, TimestampTz until, int alone)
{
	Datum		values[3] = {Int32GetDatum(owner), TimestampTzGetDatum(until), Int32GetDatum(alone)};

	if (wf_version_has_column("bulk", "id"))
		(void) wf_statement_execute(&suspect_statement, values, NULL, 0);
}
