/*-------------------------------------------------------------------------
 *
 * bulk_item.c
 *	  The table workflow.bulk_item: what came of the items of bulk operations.
 *
 * Runs where slices are done, with the row of the operation locked.  Only what was refused,
 * has failed, or is locked by others has a row, unless all are to be kept.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/jsonb.h"
#include "bulk/bulk_item.h"
#include "store/statement.h"

static WfStatement put_statement = {
	.sql = "INSERT INTO workflow.bulk_item AS i (bulk, item, result, error, at)"
	" VALUES ($1, $2, $3, $4, $5) ON CONFLICT (bulk, item) DO UPDATE"
	" SET result = excluded.result, error = excluded.error, at = excluded.at,"
	" tries = LEAST(i.tries::pg_catalog.int4 OPERATOR(pg_catalog.+) 1, 30000)::pg_catalog.int2",
	WF_ARGS(UUIDOID, UUIDOID, TEXTOID, JSONBOID, TIMESTAMPTZOID)
};

static WfStatement remove_statement = {
	.sql = "DELETE FROM workflow.bulk_item WHERE bulk OPERATOR(pg_catalog.=) $1 AND item OPERATOR(pg_catalog.=) $2",
	WF_ARGS(UUIDOID, UUIDOID)
};

/* By the index bulk_item_locked. */
static WfStatement locked_statement = {
	.sql = "SELECT i.item FROM workflow.bulk_item i WHERE i.bulk OPERATOR(pg_catalog.=) $1"
	" AND i.item OPERATOR(pg_catalog.>) $2 AND i.result OPERATOR(pg_catalog.=) 'locked' ORDER BY i.item LIMIT $3",
	WF_ARGS(UUIDOID, UUIDOID, INT8OID)
};

static WfStatement tries_statement = {
	.sql = "SELECT i.tries FROM workflow.bulk_item i WHERE i.bulk OPERATOR(pg_catalog.=) $1"
	" AND i.item OPERATOR(pg_catalog.=) $2 AND i.result OPERATOR(pg_catalog.=) 'locked'",
	WF_ARGS(UUIDOID, UUIDOID)
};

static const char *const result_names[WF_BULK_RESULTS] = {
	[WF_BULK_DONE] = "done",
	[WF_BULK_SKIPPED] = "skipped",
	[WF_BULK_REFUSED] = "refused",
	[WF_BULK_FAILED] = "failed",
	[WF_BULK_LOCKED] = "locked"
};

/* {"code", "message", "detail"}; NULL: nothing was wrong. */
static Jsonb *
describe(const WfBulkOutcome *outcome)
{
	static const char *const keys[] = {"code", "message", "detail"};
	Jsonb	   *values[] = {
		wf_jsonb_string_or_null(outcome->code), wf_jsonb_string_or_null(outcome->message),
		wf_jsonb_string_or_null(outcome->detail)
	};

	return outcome->message == NULL ? NULL : wf_jsonb_object(lengthof(keys), (const char **) keys, values);
}

static void
put(const WfBulk *bulk, const pg_uuid_t *id, const WfBulkOutcome *outcome)
{
	Jsonb	   *error = describe(outcome);
	Datum		values[5] = {
		UUIDPGetDatum(&bulk->id), UUIDPGetDatum(id), CStringGetTextDatum(result_names[outcome->result]),
		JsonbPGetDatum(error), TimestampTzGetDatum(wf_clock_now())
	};
	const char	nulls[] = {' ', ' ', ' ', error == NULL ? 'n' : ' ', ' ', '\0'};

	(void) wf_statement_execute(&put_statement, values, nulls, 0);
}

static void
forget(const WfBulk *bulk, const pg_uuid_t *id)
{
	Datum		values[2] = {UUIDPGetDatum(&bulk->id), UUIDPGetDatum(id)};

	(void) wf_statement_execute(&remove_statement, values, NULL, 0);
}

/*
 * Note what came of an item, in the counts of the operation and, as far as that is kept, in
 * a row.  The caller writes the operation.  SPI must be connected, as for all of these.
 */
void
wf_bulk_item_record(WfBulk *bulk, const pg_uuid_t *id, const WfBulkOutcome *outcome)
{
	bool		returned = bulk->phase == WF_BULK_RETURNS;

	bulk->counts[outcome->result]++;
	if (returned)
		bulk->counts[WF_BULK_LOCKED]--;
	if (bulk->keep_all || outcome->result >= WF_BULK_REFUSED)
		put(bulk, id, outcome);
	else if (returned)
		forget(bulk, id);
}

/* The next items, behind its position, that others had locked.  Returns how many. */
int
wf_bulk_item_locked(const WfBulk *bulk, int limit, pg_uuid_t *ids)
{
	Datum		values[3] = {UUIDPGetDatum(&bulk->id), UUIDPGetDatum(&bulk->position), Int64GetDatum(limit)};
	int			n = (int) wf_statement_execute(&locked_statement, values, NULL, 0);
	bool		isnull;

	for (int i = 0; i < n; i++)
		ids[i] = *DatumGetUUIDP(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull));
	return n;
}

/* Is it one of those?  *tries becomes how often it was tried once more. */
bool
wf_bulk_item_is_locked(const WfBulk *bulk, const pg_uuid_t *id, int *tries)
{
	Datum		values[2] = {UUIDPGetDatum(&bulk->id), UUIDPGetDatum(id)};
	bool		isnull;

	*tries = 0;
	if (wf_statement_execute(&tries_statement, values, NULL, 1) == 0)
		return false;
	*tries = DatumGetInt16(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	return true;
}
