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
#include "catalog/namespace.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "nodes/value.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "eval/expression.h"

PG_FUNCTION_INFO_V1(workflow_function_state);

/*
 * The function with this signature, in the form that definitions keep it:
 * "schema.name(jsonb, ...)" with qualified types.  Returns InvalidOid if there is
 * none now.  *schema: its schema, InvalidOid if there is none.
 */
static Oid
find_function(const char *signature, Oid *schema)
{
	static const Oid types[3] = {JSONBOID, JSONBOID, JSONBOID};
	const char *arguments = strrchr(signature, '(');
	int			nargs = 1;
	List	   *names;
	Oid			function;

	if (arguments == NULL)
		return InvalidOid;
	for (const char *c = arguments; *c; c++)
		nargs += *c == ',';
	names = stringToQualifiedNameList(pnstrdup(signature, arguments - signature), NULL);
	if (list_length(names) != 2 || nargs < 2 || nargs > 3)
		return InvalidOid;
	*schema = get_namespace_oid(strVal(linitial(names)), true);
	function = GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid,
							   CStringGetDatum(strVal(lsecond(names))),
							   PointerGetDatum(buildoidvector(types, nargs)),
							   ObjectIdGetDatum(*schema));

	/* An aggregate or a procedure may have taken its place. */
	return OidIsValid(function) && get_func_prokind(function) == PROKIND_FUNCTION ?
		function : InvalidOid;
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

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	desc = BlessTupleDesc(desc);
	if (OidIsValid(function))
	{
		values[0] = CStringGetTextDatum(wf_expression_function_hash(function));
		values[1] = BoolGetDatum(may_call(PG_GETARG_OID(1), schema, function));
		nulls[0] = nulls[1] = false;
	}
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(desc, values, nulls)));
}
