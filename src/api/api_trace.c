/*-------------------------------------------------------------------------
 *
 * api_trace.c
 *	  workflow.span_id(), span_position(): the ids of spans, and how far they were told.
 *
 * Runs in client backends, and locks nothing.  sql/parts/trace.sql has the rest.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/transam.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/snapmgr.h"
#include "utils/uuid.h"

#include "api/arg.h"
#include "base/span.h"

PG_FUNCTION_INFO_V1(workflow_span_id);
PG_FUNCTION_INFO_V1(workflow_span_position);

/* SQL function workflow.span_id(traceparent, id, n) of sql/parts/trace.sql. */
Datum
workflow_span_id(PG_FUNCTION_ARGS)
{
	const char *span = wf_span_of(wf_arg_trace(fcinfo, 0), PG_GETARG_UUID_P(1), PG_GETARG_INT32(2));

	PG_RETURN_TEXT_P(cstring_to_text_with_len(span + WF_SPAN_ID_AT, WF_SPAN_ID_DIGITS));
}

/* A transaction of a snapshot, none of which begins after the next one. */
static uint64
full_xid(TransactionId xid, FullTransactionId next)
{
	uint32		epoch = EpochFromFullTransactionId(next);

	if (xid > XidFromFullTransactionId(next))
		epoch--;
	return U64FromFullTransactionId(FullTransactionIdFromEpochAndXid(epoch, xid));
}

/* SQL function workflow.span_position() of sql/parts/trace.sql. */
Datum
workflow_span_position(PG_FUNCTION_ARGS)
{
	Snapshot	snapshot = GetActiveSnapshot();
	FullTransactionId next = ReadNextFullTransactionId();
	StringInfoData text;

	if (!snapshot->takenDuringRecovery)
		return pg_current_snapshot(fcinfo);

	/*
	 * One of a standby has those that are under way, subtransactions among them, in
	 * subxip, in their order, and nothing in xip, which is all that
	 * pg_current_snapshot() reads.
	 */
	initStringInfo(&text);
	appendStringInfo(&text, UINT64_FORMAT ":" UINT64_FORMAT ":",
					 full_xid(snapshot->xmin, next), full_xid(snapshot->xmax, next));
	for (int32 i = 0; i < snapshot->subxcnt; i++)
		appendStringInfo(&text, "%s" UINT64_FORMAT, i == 0 ? "" : ",",
						 full_xid(snapshot->subxip[i], next));
	PG_RETURN_DATUM(DirectFunctionCall1(pg_snapshot_in, CStringGetDatum(text.data)));
}
