/*-------------------------------------------------------------------------
 *
 * key.c
 *	  The table workflow.key: processes by the names that users gave them.
 *
 * Runs in any backend.  A key belongs to one process of a definition, whatever
 * its version, among those of one tenant (tenant.c), or of none.  Rows are inserted before their processes, and go with them
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
#include "store/tenant.h"

static const char *const found_columns[] = {"process"};

static WfHeapFind find_key = {
	.watch.table = "key",
	.nkeys = 3,
	.keys = {"definition", "key", "tenant"},
	.ncolumns = lengthof(found_columns),
	.columns = found_columns
};

static WfHeapFind find_older_key = {
	.watch.table = "key",
	.nkeys = 2,
	.keys = {"definition", "key"},
	.ncolumns = lengthof(found_columns),
	.columns = found_columns
};

/*
 * What is said to the table.  $1 is the definition, $2 the key or keys, the last parameter
 * the tenant: `own` compares with that, `scope` is among the columns that are inserted, and
 * `ours` what is.  In versions before 0.3.0 there are no tenants.
 */
typedef struct KeyStatements
{
	WfStatement take;
	WfStatement renew;
	WfStatement find_many;
	WfStatement find_early;
	WfStatement find_processes;
	WfStatement hold;
	WfStatement let_go;
	WfStatement settle;
} KeyStatements;

/* The keys of $2 for the processes of $3, each once, in the order of all. */
#define EACH_KEY(ours) \
	" SELECT DISTINCT ON (u.key COLLATE pg_catalog.\"C\") $1, u.key, u.process" ours \
	" FROM ROWS FROM (pg_catalog.unnest($2), pg_catalog.unnest($3)) WITH ORDINALITY u(key, process, at)" \
	" WHERE u.key IS NOT NULL" \
	" ORDER BY u.key COLLATE pg_catalog.\"C\", u.at"

#define TAKE(scope, ours) \
	"INSERT INTO workflow.key (definition, key, process" scope ")" EACH_KEY(ours) \
	" ON CONFLICT DO NOTHING"

/*
 * The same, but for a process that is over its key is given to the new one.
 * Locks the rows of keys that are there, so that two sessions do not both do so.
 */
#define RENEW(scope, ours) \
	"INSERT INTO workflow.key AS k (definition, key, process" scope ")" EACH_KEY(ours) \
	" ON CONFLICT (definition, key" scope ") DO UPDATE SET process = EXCLUDED.process" \
	" WHERE EXISTS (SELECT FROM workflow.process p" \
	"  WHERE p.id OPERATOR(pg_catalog.=) k.process AND" WF_PROCESS_ROW_IS_OVER("p") ")"

#define FIND_MANY(early, own) \
	"SELECT u.at, k.process" early \
	" FROM pg_catalog.unnest($2) WITH ORDINALITY u(key, at) CROSS JOIN LATERAL" \
	" (SELECT w.process FROM workflow.key w WHERE w.definition OPERATOR(pg_catalog.=) $1" \
	"  AND w.key OPERATOR(pg_catalog.=) u.key" own("w", "$3") \
	/* Never the other way round: all keys of the definition, and each of ours. */ \
	"  OFFSET 0) k"

/* And whether events were kept for the process (early.c). */
#define FIND_EARLY(own) \
	FIND_MANY(", EXISTS (SELECT FROM workflow.early e WHERE e.definition OPERATOR(pg_catalog.=) $1" \
			  " AND e.key OPERATOR(pg_catalog.=) u.key" own("e", "$3") ")", own)

/* Those of processes that are not over. */
#define FIND_PROCESSES(own) \
	"SELECT u.at, p.id, p.definition FROM pg_catalog.unnest($2) WITH ORDINALITY u(key, at)" \
	" CROSS JOIN LATERAL (SELECT k.process FROM workflow.key k WHERE k.definition OPERATOR(pg_catalog.=) $1" \
	"  AND k.key OPERATOR(pg_catalog.=) u.key" own("k", "$3") " OFFSET 0) k" \
	" JOIN workflow.process p ON p.id OPERATOR(pg_catalog.=) k.process" \
	" WHERE NOT (" WF_PROCESS_ROW_IS_OVER("p") ")"

/* A row for no process, which is deleted in the same transaction. */
#define HOLD(scope, ours) \
	"INSERT INTO workflow.key (definition, key, process" scope ")" \
	" VALUES ($1, $2, '00000000-0000-0000-0000-000000000000'" ours ") ON CONFLICT DO NOTHING"

#define IS_KEY(own) \
	" WHERE k.definition OPERATOR(pg_catalog.=) $1 AND k.key OPERATOR(pg_catalog.=) $2" own("k", "$3")

#define STATEMENTS(scope, ours, ours_alone, own) \
{ \
	.take = {.sql = TAKE(scope, ours), WF_ARGS(TEXTOID, TEXTARRAYOID, UUIDARRAYOID, TEXTOID)}, \
	.renew = {.sql = RENEW(scope, ours), WF_ARGS(TEXTOID, TEXTARRAYOID, UUIDARRAYOID, TEXTOID)}, \
	.find_many = {.sql = FIND_MANY("", own), WF_ARGS(TEXTOID, TEXTARRAYOID, TEXTOID),.latest = true}, \
	.find_early = {.sql = FIND_EARLY(own), WF_ARGS(TEXTOID, TEXTARRAYOID, TEXTOID),.latest = true}, \
	.find_processes = {.sql = FIND_PROCESSES(own), WF_ARGS(TEXTOID, TEXTARRAYOID, TEXTOID),.latest = true}, \
	.hold = {.sql = HOLD(scope, ours_alone), WF_ARGS(TEXTOID, TEXTOID, TEXTOID)}, \
	.let_go = {.sql = "DELETE FROM workflow.key k" IS_KEY(own), WF_ARGS(TEXTOID, TEXTOID, TEXTOID)}, \
	.settle = {.sql = "SELECT k.process FROM workflow.key k" IS_KEY(own) " FOR SHARE", \
	WF_ARGS(TEXTOID, TEXTOID, TEXTOID)} \
}

#define ANY_TENANT(alias, tenant)
#define OF_TENANT(alias, tenant) " AND " alias ".tenant OPERATOR(pg_catalog.=) " tenant

static KeyStatements older_statements = STATEMENTS("", "", "", ANY_TENANT);
static KeyStatements present_statements = STATEMENTS(", tenant", ", $4", ", $3", OF_TENANT);

static WfStatement over_statement = {
	.sql = "SELECT FROM workflow.process p"
	" WHERE p.id OPERATOR(pg_catalog.=) ANY ($1) AND" WF_PROCESS_ROW_IS_OVER("p"),
	WF_ARGS(UUIDARRAYOID)
};

static KeyStatements *
statements(void)
{
	return wf_tenant_is_known() ? &present_statements : &older_statements;
}

/*
 * The process of a definition with this key; false when there is none.  Takes no
 * lock.
 */
bool
wf_key_find(const char *definition, const char *key, pg_uuid_t *process)
{
	Datum		keys[3] = {CStringGetTextDatum(definition), CStringGetTextDatum(key), wf_tenant_keys()};
	Datum		found;
	bool		isnull;

	if (!wf_heap_find(wf_tenant_is_known() ? &find_key : &find_older_key, keys, &found, &isnull))
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
	Datum		values[3] = {CStringGetTextDatum(definition), PointerGetDatum(keys), wf_tenant_keys()};
	int			n = wf_statement_execute(&statements()->find_processes, values, NULL, 0);
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

/*
 * Find out who has the keys; see wf_key_take(), whose parameters these are.  Returns how
 * many of them somebody has.
 */
static uint64
find_holders(const Datum *taken, bool *early, pg_uuid_t *ids, bool *is_new)
{
	Datum		values[3] = {taken[0], taken[1], taken[3]};
	uint64		found = wf_statement_execute(early ? &statements()->find_early : &statements()->find_many,
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
	WfStatement *take = renew ? &statements()->renew : &statements()->take;
	Datum		values[4];
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
	values[3] = wf_tenant_keys();
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
	Datum		values[3] = {CStringGetTextDatum(definition), CStringGetTextDatum(key), wf_tenant_keys()};

	return wf_statement_execute(&statements()->hold, values, NULL, 0) > 0;
}

/*
 * Delete the row that wf_key_hold() has made.  Others still wait for the end of
 * this transaction before they take the key.
 */
void
wf_key_let_go(const char *definition, const char *key)
{
	Datum		values[3] = {CStringGetTextDatum(definition), CStringGetTextDatum(key), wf_tenant_keys()};

	wf_statement_execute(&statements()->let_go, values, NULL, 0);
}

/*
 * As wf_key_find(), and nobody gives the key to another process before this
 * transaction ends.  Waits for one that is about to.
 */
bool
wf_key_settle(const char *definition, const char *key, pg_uuid_t *process)
{
	Datum		values[3] = {CStringGetTextDatum(definition), CStringGetTextDatum(key), wf_tenant_keys()};
	bool		isnull;

	if (wf_statement_execute(&statements()->settle, values, NULL, 1) == 0)
		return false;
	*process = *DatumGetUUIDP(SPI_getbinval(SPI_tuptable->vals[0],
											SPI_tuptable->tupdesc, 1, &isnull));
	return true;
}
