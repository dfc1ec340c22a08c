/*-------------------------------------------------------------------------
 *
 * checkpoint.c
 *	  The table workflow.checkpoint: what runs keep for their next attempts.
 *
 * Runs in the sessions of workers and in executors, which have the run locked, and in
 * the runtime, which deletes what belongs to runs that nobody remembers.  Of runs of
 * another server that are done here it is not known whether they come again.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/uuid.h"
#include "base/version.h"
#include "store/checkpoint.h"
#include "store/heap.h"
#include "store/statement.h"

/* So long what runs of another server have kept is there after the last time. */
#define PLACED_KEPT_FOR	(90 * USECS_PER_DAY)

/* So many characters of what a run has kept are given to another server. */
#define GIVEN_MAX		(1024 * 1024)

#define INSERT_INTO \
	"INSERT INTO workflow.checkpoint (run, name, value, saved_at, placed) VALUES ($1, $2, $3, $4, $5)"

static WfStatement save_statement = {
	.sql = INSERT_INTO " ON CONFLICT (run, name) DO UPDATE"
	" SET value = EXCLUDED.value, saved_at = EXCLUDED.saved_at, placed = EXCLUDED.placed",
	WF_ARGS(UUIDOID, TEXTOID, JSONBOID, TIMESTAMPTZOID, BOOLOID)
};

static WfStatement add_statement = {
	.sql = INSERT_INTO " ON CONFLICT (run, name) DO NOTHING",
	WF_ARGS(UUIDOID, TEXTOID, JSONBOID, TIMESTAMPTZOID, BOOLOID)
};

static WfStatement all_statement = {
	.sql = "SELECT CASE WHEN s.length OPERATOR(pg_catalog.<=) $2 THEN (SELECT pg_catalog.jsonb_object_agg(c.name, c.value)"
	"  FROM workflow.checkpoint c WHERE c.run OPERATOR(pg_catalog.=) $1)"
	" WHEN s.length OPERATOR(pg_catalog.>) $2 THEN 'false'::pg_catalog.jsonb END"
	" FROM (SELECT pg_catalog.sum(pg_catalog.length(c.value::pg_catalog.text)) AS length"
	"  FROM workflow.checkpoint c WHERE c.run OPERATOR(pg_catalog.=) $1) s",
	WF_ARGS(UUIDOID, INT8OID)
};

static WfStatement find_statement = {
	.sql = "SELECT c.value FROM workflow.checkpoint c WHERE c.run OPERATOR(pg_catalog.=) $1"
	" AND c.name OPERATOR(pg_catalog.=) $2",
	WF_ARGS(UUIDOID, TEXTOID)
};

static WfStatement forget_statement = {
	.sql = "DELETE FROM workflow.checkpoint WHERE run OPERATOR(pg_catalog.=) ANY ($1)",
	WF_ARGS(UUIDARRAYOID)
};

/*
 * A piece of the table, of those behind $1; returns where it ends, null: at the end of
 * the table.  A run of more names than that is passed, and looked at in the next walk.
 */
static WfStatement sweep_statement = {
	.sql = "WITH piece AS (SELECT c.run, c.name FROM workflow.checkpoint c"
	"  WHERE c.run OPERATOR(pg_catalog.>) $1 ORDER BY c.run, c.name LIMIT 1000),"
	" gone AS (DELETE FROM workflow.checkpoint d USING piece p"
	"  WHERE d.run OPERATOR(pg_catalog.=) p.run AND d.name OPERATOR(pg_catalog.=) p.name"
	"  AND (NOT d.placed OR d.saved_at OPERATOR(pg_catalog.<) $2)"
	"  AND NOT EXISTS (SELECT FROM workflow.run r WHERE r.id OPERATOR(pg_catalog.=) d.run)"
	"  AND NOT EXISTS (SELECT FROM workflow.run_history h WHERE h.run OPERATOR(pg_catalog.=) d.run))"
	" SELECT p.run FROM piece p ORDER BY p.run OFFSET 999",
	WF_ARGS(UUIDOID, TIMESTAMPTZOID)
};

static uint64
write_value(WfStatement *statement, const pg_uuid_t *run, const char *name, Jsonb *value, bool placed)
{
	Datum		values[5] = {
		UUIDPGetDatum(run), CStringGetTextDatum(name), JsonbPGetDatum(value),
		TimestampTzGetDatum(wf_clock_now()), BoolGetDatum(placed)
	};

	return wf_statement_execute(statement, values, NULL, 0);
}

/*
 * Keep a value, also instead of another one.  placed: the run is one of another server.  SPI
 * must be connected, as for all of these.
 */
void
wf_checkpoint_save(const pg_uuid_t *run, const char *name, Jsonb *value, bool placed)
{
	(void) write_value(&save_statement, run, name, value, placed);
}

/* Keep the first value of this name.  False: there is one. */
bool
wf_checkpoint_add(const pg_uuid_t *run, const char *name, Jsonb *value)
{
	return write_value(&add_statement, run, name, value, false) == 1;
}

/* The value of this name, in the current memory context; NULL: there is none. */
Jsonb *
wf_checkpoint_find(const pg_uuid_t *run, const char *name)
{
	Datum		values[2] = {UUIDPGetDatum(run), CStringGetTextDatum(name)};
	MemoryContext caller = CurrentMemoryContext;
	bool		isnull;

	if (wf_statement_execute(&find_statement, values, NULL, 1) == 0)
		return NULL;
	MemoryContextSwitchTo(caller);	/* SPI has left its own */
	return DatumGetJsonbPCopy(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
}

/*
 * All that a run has kept, by name, in the current memory context; NULL: nothing; false: it is
 * too much to be given to another server.
 */
Jsonb *
wf_checkpoint_all(const pg_uuid_t *run)
{
	Datum		values[2] = {UUIDPGetDatum(run), Int64GetDatum(GIVEN_MAX)};
	MemoryContext caller = CurrentMemoryContext;
	Datum		all;
	bool		any;
	bool		isnull;

	wf_heap_have("checkpoint", "checkpoint_pkey", 1, &run, &any);
	if (!any)
		return NULL;
	(void) wf_statement_execute(&all_statement, values, NULL, 1);
	MemoryContextSwitchTo(caller);	/* SPI has left its own */
	all = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	return isnull ? NULL : DatumGetJsonbPCopy(all);
}

/*
 * These runs have ended, and do not come again.  Costs a look at an index where they
 * have kept nothing.
 */
void
wf_checkpoint_forget(int n, const pg_uuid_t *const *runs)
{
	bool	   *found = palloc(sizeof(bool) * n);
	Datum	   *ids = palloc(sizeof(Datum) * n);
	int			nids = 0;

	wf_heap_have("checkpoint", "checkpoint_pkey", n, runs, found);
	for (int i = 0; i < n; i++)
		if (found[i])
			ids[nids++] = UUIDPGetDatum(runs[i]);
	if (nids > 0)
	{
		Datum		value = PointerGetDatum(wf_uuid_array(ids, nids));

		(void) wf_statement_execute(&forget_statement, &value, NULL, 0);
	}
	pfree(found);
	pfree(ids);
}

/*
 * For the runtime: delete what belongs to runs that are not remembered any more, in
 * the next piece of the table.
 */
void
wf_checkpoint_sweep(void)
{
	static pg_uuid_t walked_to;
	Datum		values[2] = {
		UUIDPGetDatum(&walked_to), TimestampTzGetDatum(wf_clock_now() - PLACED_KEPT_FOR)
	};
	bool		isnull;

	if (!wf_version_has_column("checkpoint", "run"))
		return;
	if (wf_statement_execute(&sweep_statement, values, NULL, 0) == 0)
		memset(&walked_to, 0, sizeof(walked_to));
	else
		walked_to = *DatumGetUUIDP(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
}
