/*-------------------------------------------------------------------------
 *
 * key.c
 *	  The table workflow.key: processes by the names that users gave them.
 *
 * Runs in any backend.  A key belongs to one process of a definition, whatever
 * its version.  Rows are inserted before their processes, and nobody changes
 * them; they go with the process (erase(), retention.c).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "base/uuid.h"
#include "store/key.h"
#include "store/statement.h"

static WfStatement find_statement = {
	.sql = "SELECT process FROM workflow.key"
	" WHERE definition OPERATOR(pg_catalog.=) $1 AND key OPERATOR(pg_catalog.=) $2",
	WF_ARGS(TEXTOID, TEXTOID)
};

static WfStatement take_statement = {
	.sql = "INSERT INTO workflow.key (definition, key, process)"
	" SELECT $1, u.key, u.process"
	" FROM ROWS FROM (pg_catalog.unnest($2), pg_catalog.unnest($3)) u(key, process)"
	" WHERE u.key IS NOT NULL"
	" ORDER BY u.key"			/* calls with the same keys take turns */
	" ON CONFLICT DO NOTHING",
	WF_ARGS(TEXTOID, TEXTARRAYOID, UUIDARRAYOID)
};

static WfStatement find_many_statement = {
	.sql = "SELECT u.at, k.process"
	" FROM pg_catalog.unnest($2) WITH ORDINALITY u(key, at) CROSS JOIN LATERAL"
	" (SELECT process FROM workflow.key WHERE definition OPERATOR(pg_catalog.=) $1"
	"  AND key OPERATOR(pg_catalog.=) u.key"
	/* Never the other way round: all keys of the definition, and each of ours. */
	"  OFFSET 0) k",
	WF_ARGS(TEXTOID, TEXTARRAYOID)
};

/*
 * The process of a definition with this key; false when there is none.  Takes no
 * lock.  SPI must be connected.
 */
bool
wf_key_find(const char *definition, const char *key, pg_uuid_t *process)
{
	Datum		values[2] = {CStringGetTextDatum(definition), CStringGetTextDatum(key)};
	bool		isnull;

	if (wf_statement_execute(&find_statement, values, NULL, 1) == 0)
		return false;
	*process = *DatumGetUUIDP(SPI_getbinval(SPI_tuptable->vals[0],
											SPI_tuptable->tupdesc, 1, &isnull));
	return true;
}

/*
 * Give each of n new processes its key, a text, or find out who has it: ids[i]
 * becomes that of the process which has keys[i], and is_new[i] tells whether it
 * is the one that was given; true where nulls[i].  Waits for transactions that
 * have taken one of the keys and are not over.  SPI must be connected.
 */
void
wf_key_take(const char *definition, int n, Datum *keys, bool *nulls,
			pg_uuid_t *ids, bool *is_new)
{
	Datum		values[3];
	Datum	   *id_datums = palloc(sizeof(Datum) * n);
	int			dims[1] = {n};
	int			lower[1] = {1};
	uint64		found;

	for (int i = 0; i < n; i++)
	{
		id_datums[i] = UUIDPGetDatum(&ids[i]);
		is_new[i] = nulls[i];
	}
	values[0] = CStringGetTextDatum(definition);
	values[1] = PointerGetDatum(construct_md_array(keys, nulls, 1, dims, lower,
												   TEXTOID, -1, false, TYPALIGN_INT));
	values[2] = PointerGetDatum(wf_uuid_array(id_datums, n));
	wf_statement_execute(&take_statement, values, NULL, 0);
	found = wf_statement_execute(&find_many_statement, values, NULL, 0);
	for (uint64 i = 0; i < found; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];
		bool		isnull;
		int			at = DatumGetInt64(SPI_getbinval(row, SPI_tuptable->tupdesc, 1, &isnull)) - 1;
		pg_uuid_t  *holder = DatumGetUUIDP(SPI_getbinval(row, SPI_tuptable->tupdesc, 2, &isnull));

		is_new[at] = memcmp(holder, &ids[at], UUID_LEN) == 0;
		ids[at] = *holder;
	}
}
