/*-------------------------------------------------------------------------
 *
 * api_trace.c
 *	  workflow.span_id(): the ids of spans.
 *
 * Runs in client backends, and locks nothing.  sql/parts/trace.sql has the rest.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/uuid.h"

#include "api/arg.h"
#include "base/span.h"

PG_FUNCTION_INFO_V1(workflow_span_id);

/* SQL function workflow.span_id(traceparent, id, n) of sql/parts/trace.sql. */
Datum
workflow_span_id(PG_FUNCTION_ARGS)
{
	const char *span = wf_span_of(wf_arg_trace(fcinfo, 0), PG_GETARG_UUID_P(1), PG_GETARG_INT32(2));

	PG_RETURN_TEXT_P(cstring_to_text_with_len(span + WF_SPAN_ID_AT, WF_SPAN_ID_DIGITS));
}
