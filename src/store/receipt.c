/*-------------------------------------------------------------------------
 *
 * receipt.c
 *	  The table workflow.receipt: verdicts on commands that came with an id.
 *
 * Runs in sessions that send commands.  Who holds the process row owns its
 * receipts, so that two deliveries of one command cannot both be the first.
 * They are kept in the partition of the ring that is written to, and expire
 * with it (retention.c).  They do not keep the context, which may be large: a
 * repetition is told the one that the process has by then.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "store/receipt.h"
#include "store/retention.h"
#include "store/statement.h"
#include "store/status.h"

static WfStatement find_statement = {
	.sql = "SELECT taken, status, states, deferred FROM workflow.receipt"
	" WHERE process OPERATOR(pg_catalog.=) $1 AND id OPERATOR(pg_catalog.=) $2",
	WF_ARGS(UUIDOID, TEXTOID)
};

static WfStatement keep_statement = {
	.sql = "INSERT INTO workflow.receipt (slot, process, id, at, taken, status, states, context, deferred)"
	" VALUES (" WF_RETENTION_SLOT ", $1, $2, $3, $4, $5::workflow.status, $6, 'null', $7)",
	WF_ARGS(UUIDOID, TEXTOID, TIMESTAMPTZOID, BOOLOID, TEXTOID, TEXTARRAYOID, BOOLOID)
};

/*
 * The verdict that the command with this id got when it came first; false: it
 * did not come before, or so long ago that its receipt has expired.  Sets all but
 * the context.  Values are in SPI's memory.  The caller holds the process.
 */
bool
wf_receipt_find(const pg_uuid_t *process, const char *id, WfReceipt *receipt)
{
	Datum		args[2] = {UUIDPGetDatum(process), CStringGetTextDatum(id)};
	Datum		values[4];
	bool		nulls[4];

	if (wf_statement_execute(&find_statement, args, NULL, 1) == 0)
		return false;
	heap_deform_tuple(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, values, nulls);
	receipt->taken = DatumGetBool(values[0]);
	receipt->status = DatumGetObjectId(values[1]);
	receipt->states = values[2];
	receipt->deferred = DatumGetBool(values[3]);
	return true;
}

/* Keep the verdict for a repetition of the command.  The caller holds the process. */
void
wf_receipt_keep(const pg_uuid_t *process, const char *id, const WfReceipt *receipt)
{
	const char *status = wf_status_name(wf_status_of_oid(receipt->status));
	Datum		args[7] = {UUIDPGetDatum(process), CStringGetTextDatum(id),
		TimestampTzGetDatum(wf_clock_now()), BoolGetDatum(receipt->taken),
		CStringGetTextDatum(status), receipt->states, BoolGetDatum(receipt->deferred)
	};

	wf_statement_execute(&keep_statement, args, NULL, 0);
}
