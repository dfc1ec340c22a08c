/*-------------------------------------------------------------------------
 *
 * api_drift.c
 *	  The present state of a function that a definition names.
 *
 * Runs in client backends, and locks nothing.  Names are looked up without
 * regard to privileges, because who may read a definition may see its drift,
 * with or without privileges on the function and its schema.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "funcapi.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"

#include "api/result.h"
#include "eval/calls.h"
#include "eval/expression.h"

PG_FUNCTION_INFO_V1(workflow_function_state);

/*
 * The function with this signature or, of an operator, its function, in the form
 * that definitions keep it (eval/calls.c).  Returns InvalidOid if there is none
 * now.  *schema: its schema, InvalidOid if there is none.
 */
static Oid
find_function(const char *signature, Oid *schema)
{
	Oid			found;

	if (strncmp(signature, "operator ", strlen("operator ")) != 0)
		return wf_calls_find_function(signature, schema);
	found = wf_calls_find_operator(signature, schema);
	return OidIsValid(found) ? get_opcode(found) : InvalidOid;
}

/* May the role call the function by its qualified name? */
static bool
may_call(Oid role, Oid schema, Oid function)
{
	return DatumGetBool(DirectFunctionCall3(has_schema_privilege_id_id,
											ObjectIdGetDatum(role),
											ObjectIdGetDatum(schema),
											CStringGetTextDatum("USAGE"))) &&
		DatumGetBool(DirectFunctionCall3(has_function_privilege_id_id,
										 ObjectIdGetDatum(role),
										 ObjectIdGetDatum(function),
										 CStringGetTextDatum("EXECUTE")));
}

/*
 * SQL function workflow.function_state(signature, role) of
 * sql/parts/definition.sql, for the view drift.  Locks nothing.
 */
Datum
workflow_function_state(PG_FUNCTION_ARGS)
{
	TupleDesc	desc;
	Oid			schema = InvalidOid;
	Oid			function = find_function(text_to_cstring(PG_GETARG_TEXT_PP(0)), &schema);
	Datum		values[2];
	bool		nulls[2] = {true, true};

	desc = wf_result_type(fcinfo);
	if (OidIsValid(function))
	{
		values[0] = CStringGetTextDatum(wf_expression_function_hash(function));
		values[1] = BoolGetDatum(may_call(PG_GETARG_OID(1), schema, function));
		nulls[0] = nulls[1] = false;
	}
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(desc, values, nulls)));
}
