/*-------------------------------------------------------------------------
 *
 * parameter_type.c
 *	  A type of SQL: between its values and JSON.
 *
 * Runs in any backend; reads catalogs only.  Types are kept by names that last:
 * those of pg_catalog as the server writes them, others with their schema.  What
 * is not plain (a domain has checks, a type of an extension has functions) is
 * read and written in the author's context, see parameter_given.c.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/namespace.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "funcapi.h"
#include "nodes/makefuncs.h"
#include "parser/parse_type.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "base/compat.h"
#include "base/jsonb.h"
#include "parameter/parameter_type.h"

/* Of the row as which objects and arrays are read; messages do not show it. */
#define COLUMN "value"

static Oid
namespace_of(Oid type)
{
	HeapTuple	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
	Oid			result;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for type %u", type);
	result = ((Form_pg_type) GETSTRUCT(tuple))->typnamespace;
	ReleaseSysCache(tuple);
	return result;
}

/* The type that an array consists of, or the type itself. */
static Oid
element_of(Oid type)
{
	Oid			element = get_element_type(type);

	return OidIsValid(element) ? element : type;
}

/*
 * The name of a type, found under the present search_path, in a form that means
 * the same under any.  Error 42704 if there is none; 0A000 for what no value can
 * be of, and for temporary types.
 */
char *
wf_parameter_type_canonical(const char *name, Oid *oid)
{
	int32		typmod;
	Oid			schema;

	parseTypeString(name, oid, &typmod, false);
	schema = namespace_of(element_of(*oid));
	if (get_typtype(*oid) == TYPTYPE_PSEUDO || isAnyTempNamespace(schema))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("a parameter or result cannot be of type %s", format_type_be(*oid))));
	return format_type_extended(*oid, typmod, FORMAT_TYPE_TYPEMOD_GIVEN |
								(schema == PG_CATALOG_NAMESPACE ? 0 : FORMAT_TYPE_FORCE_QUALIFY));
}

/*
 * Does it depend on nothing but the value how it is read and written?  Floats are
 * written by a setting.
 */
static bool
is_plain(Oid type)
{
	Oid			element = element_of(type);
	Oid			input;
	Oid			output;
	Oid			ioparam;
	bool		varlena;

	if (element >= FirstNormalObjectId || get_typtype(element) != TYPTYPE_BASE ||
		element == FLOAT4OID || element == FLOAT8OID || element == BYTEAOID ||
		element == XMLOID)
		return false;
	getTypeInputInfo(element, &input, &ioparam);
	getTypeOutputInfo(element, &output, &varlena);
	return func_volatile(input) == PROVOLATILE_IMMUTABLE &&
		func_volatile(output) == PROVOLATILE_IMMUTABLE;
}

/* Can JSON objects or arrays be read as it? */
static bool
takes_any(Oid type)
{
	Oid			base = getBaseType(type);

	return OidIsValid(get_element_type(base)) || type_is_rowtype(base);
}

/* Names of pg_catalog must mean those, whatever the session's search_path says. */
static void
look_up(WfParameterType *type)
{
	int			guc_level = NewGUCNestLevel();

	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET,
							 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	parseTypeString(type->name, &type->oid, &type->typmod, false);
	AtEOXact_GUC(false, guc_level);
}

/*
 * Find the type, if that was not done since it may have changed last.  Must be
 * called before it is read or written.  What is kept is in type->context.  Error
 * 42704 if it is not there any more.
 */
void
wf_parameter_type_find(WfParameterType *type)
{
	MemoryContext old;
	Expr	   *argument;

	if (likely(OidIsValid(type->oid)))
		return;
	look_up(type);
	type->plain = is_plain(type->oid);
	type->is_json = getBaseType(type->oid) == JSONOID || getBaseType(type->oid) == JSONBOID;
	type->takes_any = type->is_json || takes_any(type->oid);
	getTypeInputInfo(type->oid, &type->input, &type->ioparam);

	old = MemoryContextSwitchTo(type->context);
	fmgr_info_cxt(F_JSONB_TO_RECORD, &type->to_record, type->context);
	type->record = CreateTemplateTupleDesc(1);
	TupleDescInitEntry(type->record, 1, COLUMN, type->oid, type->typmod, 0);
	BlessTupleDesc(type->record);
	fmgr_info_cxt(F_TO_JSONB, &type->to_jsonb, type->context);
	argument = (Expr *) makeNullConst(type->oid, type->typmod, get_typcollation(type->oid));
	fmgr_info_set_expr((Node *) makeFuncExpr(F_TO_JSONB, JSONBOID, list_make1(argument),
											 InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL),
					   &type->to_jsonb);
	MemoryContextSwitchTo(old);
}

/* The text of a scalar: of a string without its quotes. */
static char *
scalar_text(JsonbValue *scalar, Jsonb *value)
{
	if (scalar->type == jbvString)
		return pnstrdup(scalar->val.string.val, scalar->val.string.len);
	return JsonbToCString(NULL, &value->root, VARSIZE(value));
}

/*
 * What is behind json_populate_type() of later versions is reached by
 * jsonb_to_record() in all: of {"value": ...} as a row of one column.
 */
static Datum
read_members(WfParameterType *type, Jsonb *value, bool *isnull)
{
	static const char *keys[] = {COLUMN};
	LOCAL_FCINFO(call, 1);
	ReturnSetInfo info = {.type = T_ReturnSetInfo,.expectedDesc = type->record};
	HeapTupleHeader row;

	InitFunctionCallInfoData(*call, &type->to_record, 1, InvalidOid, NULL, (Node *) &info);
	call->args[0].value = JsonbPGetDatum(wf_jsonb_object(1, keys, &value));
	call->args[0].isnull = false;
	row = DatumGetHeapTupleHeader(FunctionCallInvoke(call));
	return GetAttributeByNum(row, 1, isnull);
}

pg_noreturn static void
refuse_composite(const WfParameterType *type)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("an object or array is no %s", type->name)));
}

/*
 * The value of the type that JSON stands for: by the text of a scalar, or member
 * by member.  JSON's null is null, but for jsonb and json.  Throws what the type
 * throws; 22023 for an object or array where the type has none.
 */
Datum
wf_parameter_type_read(WfParameterType *type, Jsonb *value, bool *isnull)
{
	JsonbValue	scalar;

	*isnull = false;
	if (type->oid == JSONBOID)
		return JsonbPGetDatum(value);
	if (!JB_ROOT_IS_SCALAR(value))
	{
		if (!type->takes_any)
			refuse_composite(type);
		return read_members(type, value, isnull);
	}
	if (type->is_json)
		return OidInputFunctionCall(type->input, JsonbToCString(NULL, &value->root, VARSIZE(value)),
									type->ioparam, type->typmod);
	(void) JsonbExtractScalar(&value->root, &scalar);
	*isnull = scalar.type == jbvNull;
	/* The input function of a domain may refuse null. */
	return OidInputFunctionCall(type->input, *isnull ? NULL : scalar_text(&scalar, value),
								type->ioparam, type->typmod);
}

/* A value of the type, not null, as to_jsonb() writes it. */
Jsonb *
wf_parameter_type_write(WfParameterType *type, Datum value)
{
	if (type->oid == JSONBOID)
		return DatumGetJsonbP(value);
	return DatumGetJsonbP(FunctionCall1(&type->to_jsonb, value));
}

/*
 * Is this JSON, which was read as the type, already what wf_parameter_type_write() would
 * make of its value?  Asked for the usual types only, to save that.
 */
bool
wf_parameter_type_is_written(const WfParameterType *type, const Jsonb *value)
{
	JsonbValue	scalar;

	if (type->oid == JSONBOID)
		return true;
	if (!JB_ROOT_IS_SCALAR(value))
		return false;
	(void) JsonbExtractScalar(unconstify(JsonbContainer *, &value->root), &scalar);
	switch (type->oid)
	{
		case BOOLOID:
			return scalar.type == jbvBool;
		case TEXTOID:
			return scalar.type == jbvString;
		case INT2OID:
		case INT4OID:
		case INT8OID:
			return scalar.type == jbvNumeric;
		case NUMERICOID:
			return scalar.type == jbvNumeric && type->typmod == -1;
		default:
			return false;
	}
}
