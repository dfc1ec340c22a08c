/*-------------------------------------------------------------------------
 *
 * published.c
 *	  The tables workflow.awaited and workflow.published: events for whoever waits for
 *	  them.
 *
 * Runs in any backend.  Rows of awaited belong to whoever holds the process row.  Who
 * begins to wait inserts its row first, and then looks for what is kept, under a snapshot
 * of then: so an event that it does not see was not committed when its own transaction
 * had begun to write, and the runtime, which looks until all transactions of that time
 * have ended, sees the row.  Neither locks anything of the other.
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

#include "base/clock.h"
#include "base/version.h"
#include "store/published.h"
#include "store/statement.h"

/* So many are settled, or expire, at a time. */
#define PIECE	100

/* With this begins what is kept of an event that was delivered. */
#define ONCE	"published "

static WfStatement await_statement = {
	.sql = "INSERT INTO workflow.awaited (process, state, event, correlation) VALUES ($1, $2, $3, $4)"
	" ON CONFLICT DO NOTHING",
	WF_ARGS(UUIDOID, TEXTOID, TEXTOID, TEXTOID)
};

static WfStatement leave_statement = {
	.sql = "DELETE FROM workflow.awaited WHERE process OPERATOR(pg_catalog.=) $1"
	" AND ($2 IS NULL OR state OPERATOR(pg_catalog.=) $2)",
	WF_ARGS(UUIDOID, TEXTOID)
};

static WfStatement awaiters_statement = {
	.sql = "SELECT DISTINCT d.name, o.role FROM workflow.awaited a, workflow.process p, workflow.definition d, workflow.owner o"
	" WHERE a.event OPERATOR(pg_catalog.=) $1 AND a.correlation OPERATOR(pg_catalog.=) $2"
	" AND p.id OPERATOR(pg_catalog.=) a.process AND d.id OPERATOR(pg_catalog.=) p.definition"
	" AND o.id OPERATOR(pg_catalog.=) d.owner AND ($3 IS NULL OR p.tenant OPERATOR(pg_catalog.=) $3)",
	WF_ARGS(TEXTOID, TEXTOID, TEXTOID)
};

#define PUBLISHED_COLUMNS "id, event, correlation, published_by, actor, data, looked, pg_catalog.pg_current_snapshot(), tenant, traceparent"

static WfStatement kept_statement = {
	.sql = "SELECT " PUBLISHED_COLUMNS " FROM workflow.published"
	" WHERE event OPERATOR(pg_catalog.=) $1 AND correlation OPERATOR(pg_catalog.=) $2"
	" AND until OPERATOR(pg_catalog.>) $3 AND (tenant IS NULL OR tenant OPERATOR(pg_catalog.=) $4) ORDER BY id",
	WF_ARGS(TEXTOID, TEXTOID, TIMESTAMPTZOID, TEXTOID),
	.latest = true
};

static WfStatement keep_statement = {
	.sql = "INSERT INTO workflow.published (event, correlation, until, published_by, actor, data, tenant, traceparent)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id",
	WF_ARGS(TEXTOID, TEXTOID, TIMESTAMPTZOID, TEXTOID, TEXTOID, JSONBOID, TEXTOID, TEXTOID)
};

/* Those that were looked at longest ago: one transaction may hold up more than a piece of them. */
static WfStatement unsettled_statement = {
	.sql = "SELECT " PUBLISHED_COLUMNS " FROM workflow.published WHERE NOT settled"
	" ORDER BY pg_catalog.pg_snapshot_xmax(looked), id LIMIT $1",
	WF_ARGS(INT8OID)
};

/* A horizon of the future is that of another place, whose transactions are none here. */
static WfStatement looked_statement = {
	.sql = "UPDATE workflow.published SET looked = $2,"
	" horizon = COALESCE(horizon, pg_catalog.pg_snapshot_xmax($2)),"
	" settled = pg_catalog.pg_snapshot_xmin($2) OPERATOR(pg_catalog.>=) COALESCE(horizon, pg_catalog.pg_snapshot_xmax($2))"
	"  OR COALESCE(horizon OPERATOR(pg_catalog.>) pg_catalog.pg_snapshot_xmax($2), false)"
	" WHERE id OPERATOR(pg_catalog.=) $1 RETURNING settled",
	WF_ARGS(INT8OID, PG_SNAPSHOTOID)
};

static WfStatement expire_statement = {
	.sql = "DELETE FROM workflow.published d USING"
	" (SELECT e.ctid AS tid FROM workflow.published e WHERE e.until OPERATOR(pg_catalog.<=) $1"
	"  ORDER BY e.until LIMIT $2 FOR UPDATE SKIP LOCKED) e"
	" WHERE d.ctid OPERATOR(pg_catalog.=) e.tid",
	WF_ARGS(TIMESTAMPTZOID, INT8OID)
};

/* --- who waits ------------------------------------------------------------------ */

/* The process waits for these.  SPI must be connected, as for all of these. */
void
wf_published_await(const pg_uuid_t *process, int n, const WfAwaited *awaited)
{
	for (int i = 0; i < n; i++)
	{
		Datum		values[4] = {UUIDPGetDatum(process), CStringGetTextDatum(awaited[i].state),
			CStringGetTextDatum(awaited[i].event), CStringGetTextDatum(awaited[i].correlation)
		};

		wf_statement_execute(&await_statement, values, NULL, 0);
	}
}

/* A state of the process, or, NULL, any, waits for nothing any more. */
void
wf_published_leave(const pg_uuid_t *process, const char *state)
{
	Datum		values[2] = {UUIDPGetDatum(process), state == NULL ? (Datum) 0 : CStringGetTextDatum(state)};

	wf_statement_execute(&leave_statement, values, state == NULL ? " n" : NULL, 0);
}

/* The definitions whose processes wait for an event.  Returns how many. */
int
wf_published_awaiters(const WfPublished *published, WfAwaiter **awaiters)
{
	Datum		values[3] = {CStringGetTextDatum(published->event), CStringGetTextDatum(published->correlation),
	published->tenant};
	uint64		n = wf_statement_execute(&awaiters_statement, values,
										 DatumGetPointer(published->tenant) == NULL ? "  n" : NULL, 0);
	bool		isnull;

	*awaiters = palloc(sizeof(WfAwaiter) * (n + 1));
	for (uint64 i = 0; i < n; i++)
	{
		(*awaiters)[i].definition = SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1);
		(*awaiters)[i].role = DatumGetObjectId(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 2,
															 &isnull));
	}
	return n;
}

/* --- what is kept ----------------------------------------------------------------- */

/* A value of a row of the last result, copied into the current memory context. */
static Datum
copy_at(uint64 row, int column, bool *isnull)
{
	Datum		value = SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column, isnull);

	return *isnull ? (Datum) 0 : datumCopy(value, false, -1);
}

/* Read the rows of the last result, which are PUBLISHED_COLUMNS. */
static WfPublished *
read_published(uint64 n)
{
	WfPublished *published = palloc0(sizeof(WfPublished) * (n + 1));
	TupleDesc	desc = SPI_tuptable->tupdesc;
	bool		isnull;

	for (uint64 i = 0; i < n; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];
		Datum		data;

		published[i].id = DatumGetInt64(SPI_getbinval(row, desc, 1, &isnull));
		published[i].event = SPI_getvalue(row, desc, 2);
		published[i].correlation = SPI_getvalue(row, desc, 3);
		published[i].role = SPI_getvalue(row, desc, 4);
		published[i].actor = SPI_getvalue(row, desc, 5);
		data = SPI_getbinval(row, desc, 6, &isnull);
		published[i].data = isnull ? NULL : DatumGetJsonbPCopy(data);
		published[i].looked = copy_at(i, 7, &isnull);
		published[i].now = copy_at(i, 8, &isnull);
		published[i].tenant = copy_at(i, 9, &isnull);
		published[i].trace = SPI_getvalue(row, desc, 10);
	}
	return published;
}

/*
 * What is kept for somebody of this tenant, a text or 0, who waits for this, the oldest
 * first.  Returns how many.
 */
int
wf_published_kept(const WfAwaited *awaited, Datum tenant, TimestampTz now, WfPublished **kept)
{
	Datum		values[4] = {CStringGetTextDatum(awaited->event), CStringGetTextDatum(awaited->correlation),
	TimestampTzGetDatum(now), tenant};
	uint64		n = wf_statement_execute(&kept_statement, values,
										 DatumGetPointer(tenant) == NULL ? "   n" : NULL, 0);

	*kept = read_published(n);
	return n;
}

/* By this id each process gets it once. */
char *
wf_published_once(int64 id)
{
	return psprintf(ONCE INT64_FORMAT, id);
}

/* Is this what wf_published_once() has made? */
bool
wf_published_is_kept(const char *once)
{
	return strncmp(once, ONCE, strlen(ONCE)) == 0;
}

/* Keep an event.  Returns its number. */
int64
wf_published_keep(const WfPublished *published, TimestampTz until)
{
	Datum		values[8] = {
		CStringGetTextDatum(published->event), CStringGetTextDatum(published->correlation),
		TimestampTzGetDatum(until), CStringGetTextDatum(published->role),
		published->actor == NULL ? (Datum) 0 : CStringGetTextDatum(published->actor),
		JsonbPGetDatum(published->data), published->tenant,
		published->trace == NULL ? (Datum) 0 : CStringGetTextDatum(published->trace)
	};
	char		nulls[9] = "        ";
	bool		isnull;

	nulls[4] = published->actor == NULL ? 'n' : ' ';
	nulls[5] = published->data == NULL ? 'n' : ' ';
	nulls[6] = DatumGetPointer(published->tenant) == NULL ? 'n' : ' ';
	nulls[7] = published->trace == NULL ? 'n' : ' ';
	wf_statement_execute(&keep_statement, values, nulls, 0);
	return DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
}

/* Some of those that others may not have seen who began to wait.  Returns how many. */
int
wf_published_unsettled(WfPublished **published)
{
	Datum		value = Int64GetDatum(PIECE);
	uint64		n;

	if (!wf_version_has_column("published", "settled"))
		return 0;
	n = wf_statement_execute(&unsettled_statement, &value, NULL, 0);
	*published = read_published(n);
	return n;
}

/* Who had begun to wait when it was read has it.  Returns whether all have it by now. */
bool
wf_published_looked(const WfPublished *published)
{
	Datum		values[2] = {Int64GetDatum(published->id), published->now};
	bool		isnull;

	if (wf_statement_execute(&looked_statement, values, NULL, 0) == 0)
		return true;
	return DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
}

/* Delete what is kept no longer, some of it; true: there may be more. */
bool
wf_published_expire(void)
{
	Datum		values[2] = {TimestampTzGetDatum(wf_clock_now()), Int64GetDatum(PIECE)};

	if (!wf_version_has_column("published", "settled"))
		return false;
	return wf_statement_execute(&expire_statement, values, NULL, 0) == PIECE;
}
