/*-------------------------------------------------------------------------
 *
 * pure.c
 *	  Which expressions may run as whoever happens to send a command.
 *
 * Runs in any backend.  A pure expression runs without the owner's context:
 * as the caller, under the caller's settings.  So nothing of the author's may
 * be reached from it, nor anything that the caller can bend.  PostgreSQL has
 * no list of what a node can call when it is executed (the constructors of
 * JSON call the author's casts, and name no function), and each version adds
 * nodes.  So this is a list of what is known to be harmless; everything else
 * is not pure, and only slower.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "eval/pure.h"

/*
 * Types whose values are nothing but values: no rows, whose columns may be of
 * any type, no objects of the catalog, such as a text search configuration,
 * nothing that is read or written by locale.
 */
static bool
is_plain(Oid type)
{
	switch (type)
	{
		case BOOLOID:
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case NUMERICOID:
		case FLOAT4OID:
		case FLOAT8OID:
		case TEXTOID:
		case VARCHAROID:
		case BPCHAROID:
		case NAMEOID:
		case BYTEAOID:
		case BITOID:
		case VARBITOID:
		case UUIDOID:
		case JSONOID:
		case JSONBOID:
		case JSONPATHOID:
		case DATEOID:
		case TIMEOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
		case INTERVALOID:
		case INETOID:
		case CIDROID:
		case POINTOID:
		case BOXOID:
		case CIRCLEOID:
		case POLYGONOID:
		case INT4RANGEOID:
		case INT8RANGEOID:
		case NUMRANGEOID:
		case DATERANGEOID:
		case TSRANGEOID:
		case TSTZRANGEOID:
		case INT4MULTIRANGEOID:
		case INT8MULTIRANGEOID:
		case NUMMULTIRANGEOID:
		case DATEMULTIRANGEOID:
		case TSMULTIRANGEOID:
		case TSTZMULTIRANGEOID:
			return true;
		default:
			return false;
	}
}

/* A plain type, or an array of one. */
static bool
is_harmless_type(Oid type)
{
	Oid			element;

	if (is_plain(type))
		return true;
	if (type >= FirstNormalObjectId)
		return false;
	element = get_element_type(type);
	return OidIsValid(element) && is_plain(element);
}

/* Is a value of this type written the same way under all settings? */
static bool
is_written_alike(Oid type)
{
	switch (type)
	{
		case BOOLOID:
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case NUMERICOID:
		case TEXTOID:
		case VARCHAROID:
		case BPCHAROID:
		case NAMEOID:
		case UUIDOID:
		case JSONOID:
		case JSONBOID:
		case INETOID:
		case CIDROID:
			return true;
		default:
			return false;
	}
}

/*
 * Functions that are called immutable, although they follow settings or look
 * at objects of the catalog.
 */
static bool
is_immutable_in_name(Oid function)
{
	switch (function)
	{
		case F_QUOTE_IDENT:		/* quote_all_identifiers */
		case F_TIMEZONE_TEXT_TIMESTAMP: /* timezone_abbreviations */
		case F_TIMEZONE_TEXT_TIMESTAMPTZ:
		case F_AGE_TIMESTAMPTZ_TIMESTAMPTZ:	/* TimeZone */
		case F_DATE_TRUNC_TEXT_TIMESTAMPTZ_TEXT:	/* timezone_abbreviations */
#if PG_VERSION_NUM >= 160000
		case F_DATE_ADD_TIMESTAMPTZ_INTERVAL_TEXT:
		case F_DATE_SUBTRACT_TIMESTAMPTZ_INTERVAL_TEXT:
#endif
			return true;
		default:
			return false;
	}
}

/*
 * Can a function do more than compute?  One in SQL is as good as what it
 * calls; one with a grant of its own asks as whom it is called.
 */
static bool
is_harmful_function(Oid function, void *context)
{
	HeapTuple	tuple;
	Form_pg_proc form;
	bool		harmful;

	if (function >= FirstNormalObjectId || is_immutable_in_name(function))
		return true;
	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", function);
	form = (Form_pg_proc) GETSTRUCT(tuple);
	harmful = form->prolang != INTERNALlanguageId ||
		form->provolatile != PROVOLATILE_IMMUTABLE ||
		form->prosecdef ||
		!heap_attisnull(tuple, Anum_pg_proc_proconfig, NULL) ||
		!heap_attisnull(tuple, Anum_pg_proc_proacl, NULL);
	ReleaseSysCache(tuple);
	return harmful;
}

/* The operators of a node are the server's. */
static bool
is_harmless_operator(const Node *node)
{
	const ScalarArrayOpExpr *array;

	if (!IsA(node, ScalarArrayOpExpr))
		return ((const OpExpr *) node)->opno < FirstNormalObjectId;
	array = (const ScalarArrayOpExpr *) node;
	return array->opno < FirstNormalObjectId &&
		array->hashfuncid < FirstNormalObjectId &&
		array->negfuncid < FirstNormalObjectId;
}

/* Is a node harmless, apart from its functions and what is below it? */
static bool
is_harmless_node(Node *node)
{
	switch (nodeTag(node))
	{
		case T_List:
		case T_CaseWhen:
			return true;		/* these have no type */
		case T_Param:
			if (((Param *) node)->paramkind != PARAM_EXTERN)
				return false;
			break;
		case T_CoerceViaIO:
			if (!is_written_alike(exprType((Node *) ((CoerceViaIO *) node)->arg)))
				return false;
			break;
		case T_OpExpr:
		case T_DistinctExpr:
		case T_NullIfExpr:
		case T_ScalarArrayOpExpr:
			if (!is_harmless_operator(node))
				return false;
			break;
		case T_ArrayCoerceExpr:
		case T_ArrayExpr:
		case T_BoolExpr:
		case T_BooleanTest:
		case T_CaseExpr:
		case T_CaseTestExpr:
		case T_CoalesceExpr:
		case T_Const:
		case T_FuncExpr:
		case T_MinMaxExpr:
		case T_NullTest:
		case T_RelabelType:
		case T_SubscriptingRef:
			break;
		default:
			return false;
	}
	return is_harmless_type(exprType(node)) &&
		exprCollation(node) < FirstNormalObjectId &&
		exprInputCollation(node) < FirstNormalObjectId;
}

static bool
harmful_walker(Node *node, void *context)
{
	if (node == NULL)
		return false;
	return !is_harmless_node(node) ||
		check_functions_in_node(node, is_harmful_function, context) ||
		expression_tree_walker(node, harmful_walker, context);
}

/*
 * Is an expression pure, that is, made of nothing but built-in immutable code
 * on plain values?  Then it needs no privileges, search_path, settings or
 * snapshot.  `tree` is as the planner left it: calls of functions in SQL may
 * have become what these do, and DDL on them invalidates the plan.
 */
bool
wf_pure_is(Node *tree)
{
	return !contain_mutable_functions(tree) && !harmful_walker(tree, NULL);
}
