/*-------------------------------------------------------------------------
 *
 * key.c
 *	  The table workflow.key: processes by the names that users gave them.
 *
 * Runs in any backend.  A key belongs to one process of a definition, whatever
 * its version.  Rows are inserted before their processes, and go with them
 * (erase(), retention.c).  The key of a process that is over may be given to a
 * new one: then the old process keeps its name and is not found by it any more.
 *
 * Whoever takes several keys takes them in the order of their bytes, one after
 * the other, so that nobody waits for each other in a circle.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "base/uuid.h"
#include "store/heap_find.h"
#include "store/key.h"
#include "store/process_row.h"
#include "store/statement.h"

static const char *const found_columns[] = {"process"};

static WfHeapFind find_key = {
	.watch.table = "key",
	.nkeys = 2,
	.keys = {"definition", "key"},
	.ncolumns = lengthof(found_columns),
	.columns = found_columns
};

/* The keys of $2 for the processes of $3, each once, in the order of all. */
#define EACH_KEY \
	" SELECT DISTINCT ON (u.key COLLATE pg_catalog.\"C\") $1, u.key, u.process" \
	" FROM ROWS FROM (pg_catalog.unnest($2), pg_catalog.unnest($3)) WITH ORDINALITY u(key, process, at)" \
	" WHERE u.key IS NOT NULL" \
	" ORDER BY u.key COLLATE pg_catalog.\"C\", u.at"

static WfStatement take_statement = {
	.sql = "INSERT INTO workflow.key (definition, key, process)" EACH_KEY
	" ON CONFLICT DO NOTHING",
	WF_ARGS(TEXTOID, TEXTARRAYOID, UUIDARRAYOID)
};

/*
 * The same, but for a process that is over its key is given to the new one.
 * Locks the rows of keys that are there, so that two sessions do not both do so.
 */
static WfStatement renew_statement = {
	.sql = "INSERT INTO workflow.key AS k (definition, key, process)" EACH_KEY
	" ON CONFLICT (definition, key) DO UPDATE SET process = EXCLUDED.process"
	" WHERE EXISTS (SELECT FROM workflow.process p"
	"  WHERE p.id OPERATOR(pg_catalog.=) k.process AND" WF_PROCESS_ROW_IS_OVER("p") ")",
	WF_ARGS(TEXTOID, TEXTARRAYOID, UUIDARRAYOID)
};

static WfStatement over_statement = {
	.sql = "SELECT FROM workflow.process p"
	" WHERE p.id OPERATOR(pg_catalog.=) ANY ($1) AND" WF_PROCESS_ROW_IS_OVER("p"),
	WF_ARGS(UUIDARRAYOID)
};

#define FIND_MANY(early) \
	"SELECT u.at, k.process" early \
	" FROM pg_catalog.unnest($2) WITH ORDINALITY u(key, at) CROSS JOIN LATERAL" \
	" (SELECT process FROM workflow.key WHERE definition OPERATOR(pg_catalog.=) $1" \
	"  AND key OPERATOR(pg_catalog.=) u.key" \
	/* Never the other way round: all keys of the definition, and each of ours. */ \
	"  OFFSET 0) k"

static WfStatement find_many_statement = {
	.sql = FIND_MANY(""),
	WF_ARGS(TEXTOID, TEXTARRAYOID),
	.latest = true
};

/* The same, and whether events were kept for the process (early.c). */
static WfStatement find_early_statement = {
	.sql = FIND_MANY(", EXISTS (SELECT FROM workflow.early e WHERE e.definition OPERATOR(pg_catalog.=) $1"
					 " AND e.key OPERATOR(pg_catalog.=) u.key)"),
	WF_ARGS(TEXTOID, TEXTARRAYOID),
	.latest = true
};

/* Those of processes that are not over. */
static WfStatement find_processes_statement = {
	.sql = "SELECT u.at, p.id, p.definition FROM pg_catalog.unnest($2) WITH ORDINALITY u(key, at)"
	" CROSS JOIN LATERAL (SELECT k.process FROM workflow.key k WHERE k.definition OPERATOR(pg_catalog.=) $1"
	"  AND k.key OPERATOR(pg_catalog.=) u.key OFFSET 0) k"
	" JOIN workflow.process p ON p.id OPERATOR(pg_catalog.=) k.process"
	" WHERE NOT (" WF_PROCESS_ROW_IS_OVER("p") ")",
	WF_ARGS(TEXTOID, TEXTARRAYOID),
	.latest = true
};

/* A row for no process, which is deleted in the same transaction. */
static WfStatement hold_statement = {
	.sql = "INSERT INTO workflow.key (definition, key, process)"
	" VALUES ($1, $2, '00000000-0000-0000-0000-000000000000') ON CONFLICT DO NOTHING",
	WF_ARGS(TEXTOID, TEXTOID)
};

static WfStatement let_go_statement = {
	.sql = "DELETE FROM workflow.key"
	" WHERE definition OPERATOR(pg_catalog.=) $1 AND key OPERATOR(pg_catalog.=) $2",
	WF_ARGS(TEXTOID, TEXTOID)
};

static WfStatement settle_statement = {
	.sql = "SELECT process FROM workflow.key"
	" WHERE definition OPERATOR(pg_catalog.=) $1 AND key OPERATOR(pg_catalog.=) $2 FOR SHARE",
	WF_ARGS(TEXTOID, TEXTOID)
};

/*
 * The process of a definition with this key; false when there is none.  Takes no
 * lock.
 */
bool
wf_key_find(const char *definition, const char *key, pg_uuid_t *process)
{
	Datum		keys[2] = {CStringGetTextDatum(definition), CStringGetTextDatum(key)};
	Datum		found;
	bool		isnull;

	if (!wf_heap_find(&find_key, keys, &found, &isnull))
		return false;
	*process = *DatumGetUUIDP(found);
	return true;
}

/*
 * The processes of a definition with these keys, but those that are over.  Returns how
 * many.  Takes no lock.  SPI must be connected.
 */
int
wf_key_find_many(const char *definition, ArrayType *keys, WfKeyFound **found)
{
	Datum		values[2] = {CStringGetTextDatum(definition), PointerGetDatum(keys)};
	int			n = wf_statement_execute(&find_processes_statement, values, NULL, 0);
	TupleDesc	desc = SPI_tuptable->tupdesc;
	bool		isnull;

	*found = palloc(sizeof(WfKeyFound) * Max(n, 1));
	for (int i = 0; i < n; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];

		(*found)[i].at = DatumGetInt64(SPI_getbinval(row, desc, 1, &isnull)) - 1;
		(*found)[i].process = *DatumGetUUIDP(SPI_getbinval(row, desc, 2, &isnull));
		(*found)[i].definition = DatumGetInt32(SPI_getbinval(row, desc, 3, &isnull));
	}
	return n;
}

/* Find out who has the keys; see wf_key_take().  Returns how many of them somebody has. */
static uint64
find_holders(Datum *values, bool *early, pg_uuid_t *ids, bool *is_new)
{
	uint64		found = wf_statement_execute(early ? &find_early_statement : &find_many_statement,
											 values, NULL, 0);

	for (uint64 i = 0; i < found; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];
		bool		isnull;
		int			at = DatumGetInt64(SPI_getbinval(row, SPI_tuptable->tupdesc, 1, &isnull)) - 1;
		pg_uuid_t  *holder = DatumGetUUIDP(SPI_getbinval(row, SPI_tuptable->tupdesc, 2, &isnull));

		is_new[at] = memcmp(holder, &ids[at], UUID_LEN) == 0;
		ids[at] = *holder;
		if (early != NULL)
			*early = *early || DatumGetBool(SPI_getbinval(row, SPI_tuptable->tupdesc, 3, &isnull));
	}
	return found;
}

/* Is one of these processes, but for those that are new, over? */
static bool
any_over(int n, pg_uuid_t *ids, const bool *is_new)
{
	Datum	   *old = palloc(sizeof(Datum) * n);
	Datum		value;
	int			nold = 0;

	for (int i = 0; i < n; i++)
		if (!is_new[i])
			old[nold++] = UUIDPGetDatum(&ids[i]);
	if (nold == 0)
		return false;
	value = PointerGetDatum(wf_uuid_array(old, nold));
	return wf_statement_execute(&over_statement, &value, NULL, 1) > 0;
}

/*
 * Give each of n new processes its key, a text, or find out who has it: ids[i]
 * becomes that of the process which has keys[i], and is_new[i] tells whether it
 * is the one that was given; true where nulls[i].  renew: a process that is over
 * loses its key to the new one.  *early, unless early is NULL, becomes true if
 * events were kept for one of the keys (early.c).  Waits for transactions that have taken one of
 * the keys, or with renew locked it, and are not over.  SPI must be connected.
 */
void
wf_key_take(const char *definition, int n, Datum *keys, bool *nulls, bool renew,
			bool *early, pg_uuid_t *ids, bool *is_new)
{
	WfStatement *take = renew ? &renew_statement : &take_statement;
	Datum		values[3];
	Datum	   *id_datums = palloc(sizeof(Datum) * n);
	pg_uuid_t  *wanted = palloc(sizeof(pg_uuid_t) * n);
	int			dims[1] = {n};
	int			lower[1] = {1};
	uint64		nkeys = 0;
	uint64		found;

	memcpy(wanted, ids, sizeof(pg_uuid_t) * n);
	for (int i = 0; i < n; i++)
	{
		id_datums[i] = UUIDPGetDatum(&wanted[i]);
		is_new[i] = nulls[i];
		nkeys += nulls[i] ? 0 : 1;
	}
	values[0] = CStringGetTextDatum(definition);
	values[1] = PointerGetDatum(construct_md_array(keys, nulls, 1, dims, lower,
												   TEXTOID, -1, false, TYPALIGN_INT));
	values[2] = PointerGetDatum(wf_uuid_array(id_datums, n));
	wf_statement_execute(take, values, NULL, 0);
	found = find_holders(values, early, ids, is_new);

	/*
	 * One that was erased since it kept us from its key has left it to nobody.  One
	 * that has ended while we waited for its key did not look so to the statement.
	 */
	while (found < nkeys || (renew && any_over(n, ids, is_new)))
	{
		CHECK_FOR_INTERRUPTS();
		memcpy(ids, wanted, sizeof(pg_uuid_t) * n);
		wf_statement_execute(take, values, NULL, 0);
		found = find_holders(values, early, ids, is_new);
	}
}

/*
 * Take a key for no process, so that nobody starts one with it before this
 * transaction ends; false: some process has it.  wf_key_let_go() comes before the
 * end.  Waits for transactions that have taken the key and are not over.  SPI must
 * be connected.
 */
bool
wf_key_hold(const char *definition, const char *key)
{
	Datum		values[2] = {CStringGetTextDatum(definition), CStringGetTextDatum(key)};

	return wf_statement_execute(&hold_statement, values, NULL, 0) > 0;
}

/*
 * Delete the row that wf_key_hold() has made.  Others still wait for the end of
 * this transaction before they take the key.
 */
void
wf_key_let_go(const char *definition, const char *key)
{
	Datum		values[2] = {CStringGetTextDatum(definition), CStringGetTextDatum(key)};

	wf_statement_execute(&let_go_statement, values, NULL, 0);
}

/*
 * As wf_key_find(), and nobody gives the key to another process before this
 * transaction ends.  Waits for one that is about to.
 */
bool
wf_key_settle(const char *definition, const char *key, pg_uuid_t *process)
{
	Datum		values[2] = {CStringGetTextDatum(definition), CStringGetTextDatum(key)};
	bool		isnull;

	if (wf_statement_execute(&settle_statement, values, NULL, 1) == 0)
		return false;
	*process = *DatumGetUUIDP(SPI_getbinval(SPI_tuptable->vals[0],
											SPI_tuptable->tupdesc, 1, &isnull));
	return true;
}
