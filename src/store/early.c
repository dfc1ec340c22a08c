/*-------------------------------------------------------------------------
 *
 * early.c
 *	  The table workflow.early: events that came before their processes.
 *
 * Runs in sessions that post events by key and that start processes, and in
 * runtimes, which delete what nobody came for.  Whoever inserts or takes rows of a
 * key has taken the key (key.c), and has it until the end of the transaction: so
 * nobody starts the process between the look for it and the insert, and whoever
 * starts it later sees the row.
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
#include "store/early.h"
#include "store/statement.h"
#include "store/tenant.h"

/* An event with the id of another one takes its place. */
static WfStatement replace_statement = {
	.sql = "DELETE FROM workflow.early WHERE definition OPERATOR(pg_catalog.=) $1"
	" AND key OPERATOR(pg_catalog.=) $2 AND name OPERATOR(pg_catalog.=) $3"
	" AND tenant OPERATOR(pg_catalog.=) $4",
	WF_ARGS(TEXTOID, TEXTOID, TEXTOID, TEXTOID),
	.latest = true
};

static WfStatement keep_statement = {
	.sql = "INSERT INTO workflow.early (definition, key, until, due, event, name, actor, once, data, tenant, traceparent)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
	WF_ARGS(TEXTOID, TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, JSONBOID, TEXTOID,
			TEXTOID)
};

static WfStatement take_statement = {
	.sql = "WITH taken AS (DELETE FROM workflow.early e USING pg_catalog.unnest($2) u(key)"
	"  WHERE e.definition OPERATOR(pg_catalog.=) $1 AND e.key OPERATOR(pg_catalog.=) u.key"
	"  AND e.tenant OPERATOR(pg_catalog.=) $4 RETURNING e.*)"
	" SELECT key, due, event, name, actor, once, data, traceparent FROM taken"
	" WHERE until OPERATOR(pg_catalog.>) $3 ORDER BY seq",
	WF_ARGS(TEXTOID, TEXTARRAYOID, TIMESTAMPTZOID, TEXTOID),
	.latest = true
};

static WfStatement drop_statement = {
	.sql = "DELETE FROM workflow.early WHERE definition OPERATOR(pg_catalog.=) $1",
	WF_ARGS(TEXTOID),
	.latest = true
};

/* So many expire at a time. */
#define EXPIRE_AT_ONCE 1000

/* What is locked is being taken, or has been. */
static WfStatement expire_statement = {
	.sql = "DELETE FROM workflow.early d USING"
	" (SELECT e.ctid AS tid FROM workflow.early e WHERE e.until OPERATOR(pg_catalog.<=) $1"
	"  ORDER BY e.until LIMIT $2 FOR UPDATE SKIP LOCKED) e"
	" WHERE d.ctid OPERATOR(pg_catalog.=) e.tid",
	WF_ARGS(TIMESTAMPTZOID, INT8OID)
};

static Datum
text_datum(const char *text, char *null)
{
	*null = text == NULL ? 'n' : ' ';
	return text == NULL ? (Datum) 0 : CStringGetTextDatum(text);
}

/*
 * Keep an event for the process that will be started with its key, by the same tenant,
 * until then at most.  The caller has taken the key.  SPI must be connected.
 */
void
wf_early_keep(const char *definition, const WfEarly *early, TimestampTz until)
{
	const WfTimerRow *timer = &early->timer;
	char		nulls[12] = "           ";
	Datum		values[11] = {
		CStringGetTextDatum(definition), CStringGetTextDatum(early->key),
		TimestampTzGetDatum(until), TimestampTzGetDatum(timer->due),
		CStringGetTextDatum(timer->event)
	};

	values[5] = text_datum(timer->name, &nulls[5]);
	values[6] = text_datum(timer->actor, &nulls[6]);
	values[7] = text_datum(timer->once, &nulls[7]);
	values[8] = JsonbPGetDatum(timer->data);
	nulls[8] = timer->data == NULL ? 'n' : ' ';
	values[9] = wf_tenant_keys();
	values[10] = text_datum(timer->trace, &nulls[10]);
	if (timer->name != NULL)
	{
		Datum		replaced[4] = {values[0], values[1], values[5], values[9]};

		wf_statement_execute(&replace_statement, replaced, NULL, 0);
	}
	wf_statement_execute(&keep_statement, values, nulls, 0);
}

/*
 * Take what was kept for these keys, in the order in which it came, without what
 * has expired.  Returns how many there are; *events is in the current memory
 * context.  The caller has taken the keys.  SPI must be connected.
 */
int
wf_early_take(const char *definition, ArrayType *keys, WfEarly **events)
{
	Datum		args[4] = {CStringGetTextDatum(definition), PointerGetDatum(keys),
	TimestampTzGetDatum(wf_clock_now()), wf_tenant_keys()};
	int			n = wf_statement_execute(&take_statement, args, NULL, 0);
	TupleDesc	desc = SPI_tuptable->tupdesc;

	*events = palloc0(sizeof(WfEarly) * (n + 1));
	for (int i = 0; i < n; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];
		WfEarly    *early = &(*events)[i];
		bool		isnull;
		Datum		data = SPI_getbinval(row, desc, 7, &isnull);

		early->timer.data = isnull ? NULL : DatumGetJsonbPCopy(data);
		early->key = SPI_getvalue(row, desc, 1);
		early->timer.due = DatumGetTimestampTz(SPI_getbinval(row, desc, 2, &isnull));
		early->timer.event = SPI_getvalue(row, desc, 3);
		early->timer.name = SPI_getvalue(row, desc, 4);
		early->timer.actor = SPI_getvalue(row, desc, 5);
		early->timer.once = SPI_getvalue(row, desc, 6);
		early->timer.trace = SPI_getvalue(row, desc, 8);
	}
	return n;
}

/*
 * Delete what nobody came for in time, some of it; true: there may be more.  Locks
 * nothing but those rows, and waits for nobody.  Does nothing where the SQL is older
 * than 0.3.0.
 */
bool
wf_early_expire(void)
{
	Datum		values[] = {TimestampTzGetDatum(wf_clock_now()), Int64GetDatum(EXPIRE_AT_ONCE)};

	if (!wf_version_has_column("early", "until"))
		return false;
	return wf_statement_execute(&expire_statement, values, NULL, 0) == EXPIRE_AT_ONCE;
}

/*
 * Forget the events of a definition that is gone: whoever takes its name must not
 * get them.  SPI must be connected.
 */
void
wf_early_drop(const char *definition)
{
	Datum		value = CStringGetTextDatum(definition);

	if (wf_version_has_column("early", "until"))
		(void) wf_statement_execute(&drop_statement, &value, NULL, 0);
}
