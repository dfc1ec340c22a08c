/*-------------------------------------------------------------------------
 *
 * alert_row.c
 *	  The table workflow.alert: reads rows into memory, locks and writes them.
 *
 * Runs in sessions that make and change alerts, and in the runtime, which looks at them.
 * Who changes one has its row locked; who looks skips those that are locked, and is told
 * at the end of the transaction that has them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "alert/alert_row.h"
#include "base/clock.h"
#include "shmem/wakeup.h"
#include "store/found.h"
#include "store/statement.h"

/* What it was made with, and how it stands, with the types of the columns. */
#define GIVEN_LIST(C) \
	C(filter, JSONBOID) C(threshold, FLOAT8OID) C(within, INTERVALOID) C(lasting, INTERVALOID) \
	C(keep, INTERVALOID) C(job, TEXTOID) C(paused, BOOLOID) C(note, TEXTOID)
#define STATE_LIST(C) \
	C(state, TEXTOID) C(since, TIMESTAMPTZOID) C(below, TIMESTAMPTZOID) C(value, FLOAT8OID) \
	C(looked_at, TIMESTAMPTZOID) C(reason, TEXTOID) C(last_run, UUIDOID)

#define NAME(column, type) #column ", "
#define QUALIFIED(column, type) "a." #column ", "
#define TYPE(column, type) type,
#define NUMBER(column, type) COLUMN_##column,

enum
{
	GIVEN_LIST(NUMBER)
	STATE_LIST(NUMBER)
	COLUMN_id, COLUMN_name, COLUMN_owner, COLUMN_kind, COLUMN_role
};

#define NGIVEN		(COLUMN_note + 1)
#define NSTATE		(COLUMN_last_run + 1 - NGIVEN)

#define READ \
	"SELECT " GIVEN_LIST(QUALIFIED) STATE_LIST(QUALIFIED) "a.id, a.name, a.owner, a.kind," \
	" (SELECT o.role FROM workflow.owner o WHERE o.id OPERATOR(pg_catalog.=) a.owner)" \
	" FROM workflow.alert a"

static WfStatement insert_statement = {
	.sql = "INSERT INTO workflow.alert (" GIVEN_LIST(NAME) "name, owner, kind, created_at, since)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12)"
	" ON CONFLICT (name) DO NOTHING RETURNING id",
	WF_ARGS(GIVEN_LIST(TYPE) TEXTOID, INT4OID, TEXTOID, TIMESTAMPTZOID)
};

StaticAssertDecl(NGIVEN == 8, "insert_statement and change_statement have another number");

static WfStatement find_statement = {
	.sql = READ " WHERE a.name OPERATOR(pg_catalog.=) $1",
	WF_ARGS(TEXTOID)
};

static WfStatement lock_statement = {
	.sql = READ " WHERE a.name OPERATOR(pg_catalog.=) $1 FOR UPDATE OF a",
	WF_ARGS(TEXTOID),
	.latest = true
};

/* $1: 0 for those of all owners. */
static WfStatement claim_statement = {
	.sql = READ " WHERE NOT a.paused AND ($1 OPERATOR(pg_catalog.=) 0 OR a.owner OPERATOR(pg_catalog.=) $1)"
	" ORDER BY a.id FOR UPDATE OF a SKIP LOCKED",
	WF_ARGS(INT4OID)
};

static WfStatement change_statement = {
	.sql = "UPDATE workflow.alert SET (" GIVEN_LIST(NAME) "id) ="
	" ($1, $2, $3, $4, $5, $6, $7, $8, id) WHERE id OPERATOR(pg_catalog.=) $9",
	WF_ARGS(GIVEN_LIST(TYPE) INT4OID),
	.latest = true
};

static WfStatement update_statement = {
	.sql = "UPDATE workflow.alert SET (" STATE_LIST(NAME) "id) ="
	" ($1, $2, $3, $4, $5, $6, $7, id) WHERE id OPERATOR(pg_catalog.=) $8",
	WF_ARGS(STATE_LIST(TYPE) INT4OID),
	.latest = true
};

StaticAssertDecl(NSTATE == 7, "update_statement has another number");

static WfStatement delete_statement = {
	.sql = "DELETE FROM workflow.alert WHERE id OPERATOR(pg_catalog.=) $1",
	WF_ARGS(INT4OID),
	.latest = true
};

/* --- words ------------------------------------------------------------------------- */

static const char *const kinds[] = {
	[WF_ALERT_LAG] = "lag",
	[WF_ALERT_FAILURES] = "failures",
	[WF_ALERT_WAITING] = "waiting",
	[WF_ALERT_SILENT] = "silent",
	[WF_ALERT_BUSY] = "busy",
	[WF_ALERT_P95] = "p95",
	[WF_ALERT_P99] = "p99",
	[WF_ALERT_FAILURE_RATE] = "failure_rate"
};

static const char *const states[] = {
	[WF_ALERT_QUIET] = "quiet",
	[WF_ALERT_PENDING] = "pending",
	[WF_ALERT_FIRING] = "firing"
};

/* The name of a kind. */
const char *
wf_alert_row_kind_name(WfAlertKind kind)
{
	return kinds[kind];
}

/* The kind of this name; false: there is none. */
bool
wf_alert_row_kind(const char *name, WfAlertKind *kind)
{
	for (int i = 0; i < (int) lengthof(kinds); i++)
		if (strcmp(kinds[i], name) == 0)
		{
			*kind = i;
			return true;
		}
	return false;
}

static WfAlertState
state_of(const char *name)
{
	for (int i = 0; i < (int) lengthof(states); i++)
		if (strcmp(states[i], name) == 0)
			return i;
	return WF_ALERT_QUIET;
}

/* --- reading ---------------------------------------------------------------------- */

static void
read_given(const WfFound *found, WfAlert *alert)
{
	bool		isnull;

	alert->filter = wf_found_jsonb(found, COLUMN_filter);
	alert->threshold = DatumGetFloat8(wf_found_column(found, COLUMN_threshold, &isnull));
	alert->within = wf_found_interval(found, COLUMN_within);
	alert->lasting = wf_found_interval(found, COLUMN_lasting);
	alert->keep = wf_found_interval(found, COLUMN_keep);
	alert->job = wf_found_text(found, COLUMN_job);
	alert->paused = DatumGetBool(wf_found_column(found, COLUMN_paused, &isnull));
	alert->note = wf_found_text(found, COLUMN_note);
}

static void
read_state(const WfFound *found, WfAlert *alert)
{
	bool		isnull;
	Datum		id;

	alert->state = state_of(wf_found_text(found, COLUMN_state));
	alert->since = wf_found_time(found, COLUMN_since, DT_NOBEGIN);
	alert->below = wf_found_time(found, COLUMN_below, DT_NOEND);
	alert->value = DatumGetFloat8(wf_found_column(found, COLUMN_value, &isnull));
	alert->measured = !isnull;
	alert->looked_at = wf_found_time(found, COLUMN_looked_at, DT_NOBEGIN);
	alert->reason = wf_found_text(found, COLUMN_reason);
	id = wf_found_column(found, COLUMN_last_run, &isnull);
	alert->has_run = !isnull;
	if (!isnull)
		alert->last_run = *DatumGetUUIDP(id);
}

/* Read a row that a statement has found, into the current memory context. */
static void
read_row(uint64 row, WfAlert *alert)
{
	WfFound		found = wf_found(row);
	bool		isnull;

	memset(alert, 0, sizeof(*alert));
	alert->id = DatumGetInt32(wf_found_column(&found, COLUMN_id, &isnull));
	alert->name = wf_found_text(&found, COLUMN_name);
	alert->owner = DatumGetInt32(wf_found_column(&found, COLUMN_owner, &isnull));
	alert->role = DatumGetObjectId(wf_found_column(&found, COLUMN_role, &isnull));
	if (!wf_alert_row_kind(wf_found_text(&found, COLUMN_kind), &alert->kind))
		elog(ERROR, "alert \"%s\" is of no kind", alert->name);
	read_given(&found, alert);
	read_state(&found, alert);
}

/*
 * Read the alert of this name, and lock it; false: there is none.  SPI must be connected,
 * as for all of these.
 */
bool
wf_alert_row_find(const char *name, bool lock, WfAlert *alert)
{
	Datum		value = CStringGetTextDatum(name);

	if (wf_statement_execute(lock ? &lock_statement : &find_statement, &value, NULL, 1) == 0)
		return false;
	read_row(0, alert);
	return true;
}

/* Lock all that nobody else has locked, of this owner (0: of all).  Returns a list of WfAlert *. */
List *
wf_alert_row_claim(int32 owner)
{
	Datum		value = Int32GetDatum(owner);
	uint64		n = wf_statement_execute(&claim_statement, &value, NULL, 0);
	List	   *alerts = NIL;

	for (uint64 i = 0; i < n; i++)
	{
		WfAlert    *alert = palloc(sizeof(WfAlert));

		read_row(i, alert);
		alerts = lappend(alerts, alert);
	}
	return alerts;
}

/* --- writing ---------------------------------------------------------------------- */

static void
set_text(const char *text, Datum *value, char *null)
{
	*value = text == NULL ? (Datum) 0 : CStringGetTextDatum(text);
	*null = text == NULL ? 'n' : ' ';
}

static void
fill_given(const WfAlert *alert, Datum *values, char *nulls)
{
	values[COLUMN_filter] = JsonbPGetDatum(alert->filter);
	values[COLUMN_threshold] = Float8GetDatum(alert->threshold);
	values[COLUMN_within] = IntervalPGetDatum(alert->within);
	values[COLUMN_lasting] = IntervalPGetDatum(alert->lasting);
	values[COLUMN_keep] = IntervalPGetDatum(alert->keep);
	set_text(alert->job, &values[COLUMN_job], &nulls[COLUMN_job]);
	values[COLUMN_paused] = BoolGetDatum(alert->paused);
	set_text(alert->note, &values[COLUMN_note], &nulls[COLUMN_note]);
}

/* Store a new one, and fill in its number; false: there is one of this name. */
bool
wf_alert_row_insert(WfAlert *alert)
{
	Datum		values[NGIVEN + 4];
	char		nulls[] = "            ";
	bool		isnull;

	fill_given(alert, values, nulls);
	values[NGIVEN] = CStringGetTextDatum(alert->name);
	values[NGIVEN + 1] = Int32GetDatum(alert->owner);
	values[NGIVEN + 2] = CStringGetTextDatum(kinds[alert->kind]);
	values[NGIVEN + 3] = TimestampTzGetDatum(wf_clock_now());
	if (wf_statement_execute(&insert_statement, values, nulls, 0) == 0)
		return false;
	alert->id = DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	wf_wakeup_alerts();
	return true;
}

/* Write what it is told to look at.  The runtime looks at once. */
void
wf_alert_row_change(const WfAlert *alert)
{
	Datum		values[NGIVEN + 1];
	char		nulls[] = "         ";

	fill_given(alert, values, nulls);
	values[NGIVEN] = Int32GetDatum(alert->id);
	(void) wf_statement_execute(&change_statement, values, nulls, 0);
	wf_wakeup_alerts();
}

/* Write how it stands. */
void
wf_alert_row_update(const WfAlert *alert)
{
	Datum		values[] = {
		CStringGetTextDatum(states[alert->state]),
		TimestampTzGetDatum(alert->since),
		TimestampTzGetDatum(alert->below),
		Float8GetDatum(alert->value),
		TimestampTzGetDatum(alert->looked_at),
		(Datum) 0,
		UUIDPGetDatum(&alert->last_run),
		Int32GetDatum(alert->id)
	};
	char		nulls[] = "        ";

	nulls[2] = alert->below == DT_NOEND ? 'n' : ' ';
	nulls[3] = alert->measured ? ' ' : 'n';
	nulls[4] = alert->looked_at == DT_NOBEGIN ? 'n' : ' ';
	set_text(alert->reason, &values[5], &nulls[5]);
	nulls[6] = alert->has_run ? ' ' : 'n';
	(void) wf_statement_execute(&update_statement, values, nulls, 0);
}

/* Delete one that is locked. */
void
wf_alert_row_delete(int32 id)
{
	Datum		value = Int32GetDatum(id);

	(void) wf_statement_execute(&delete_statement, &value, NULL, 0);
}
