/*-------------------------------------------------------------------------
 *
 * result.c
 *	  The rows that SQL-callable functions return.
 *
 * Runs in client backends.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "funcapi.h"

#include "api/result.h"
#include "definition/sensitive.h"
#include "store/process_row.h"
#include "store/status.h"

/*
 * The type of the row that a function returns, as it is declared: that of an older version
 * may have fewer columns.  In the present memory context.
 */
TupleDesc
wf_result_type(FunctionCallInfo fcinfo)
{
	TupleDesc	desc;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	return BlessTupleDesc(desc);
}

/* The row that it returns; nulls: NULL if there are none. */
Datum
wf_result_row(FunctionCallInfo fcinfo, Datum *values, bool *nulls)
{
	TupleDesc	desc = wf_result_type(fcinfo);

	if (nulls == NULL)
		nulls = palloc0(sizeof(bool) * desc->natts);
	return HeapTupleGetDatum(heap_form_tuple(desc, values, nulls));
}

/*
 * Fill the columns status, states and context of a row that tells how a process stands; of
 * the context, what the caller may see.
 */
void
wf_result_process(WfProcess *process, Datum *values)
{
	const WfRow *row = wf_process_as_row(process);

	values[0] = ObjectIdGetDatum(wf_status_oid(row->status));
	values[1] = row->states;
	values[2] = wf_sensitive_show(wf_process_definition(process), row->context, row->context);
}
