/*-------------------------------------------------------------------------
 *
 * expression.c
 *	  From the author's SQL text or function name to an expression tree.
 *
 * An inline expression is parsed as PL/pgSQL's are, and must be exactly one
 * unnamed target and nothing else: no FROM, sub-select, aggregate, window or
 * set-returning function.  Nothing from a definition becomes part of a larger
 * SQL text.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "common/md5.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_coerce.h"
#include "parser/parse_collate.h"
#include "parser/parse_expr.h"
#include "parser/parse_func.h"
#include "parser/parse_node.h"
#include "parser/parser.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "chart/chart.h"
#include "eval/expression.h"

/* Make a parameter: context, event or states. */
static Node *
parameter(int number)
{
	Param	   *param = makeNode(Param);

	param->paramkind = PARAM_EXTERN;
	param->paramid = number;
	param->paramtype = number == WF_PARAM_STATES ? TEXTARRAYOID : JSONBOID;
	param->paramtypmod = -1;
	param->paramcollid = get_typcollation(param->paramtype);
	param->location = -1;
	return (Node *) param;
}

/* Resolve a column reference.  The only columns are context, event and states. */
static Node *
resolve_column(ParseState *pstate, ColumnRef *ref)
{
	const char *name;

	if (list_length(ref->fields) != 1 || !IsA(linitial(ref->fields), String))
		return NULL;
	name = strVal(linitial(ref->fields));
	if (strcmp(name, "context") == 0)
		return parameter(WF_PARAM_CONTEXT);
	if (strcmp(name, "event") == 0)
		return parameter(WF_PARAM_EVENT);
	if (strcmp(name, "states") == 0)
		return parameter(WF_PARAM_STATES);
	return NULL;
}

/*
 * Is a node "*" or "context.*"?  They are valid in a target list, but the
 * transformation of expressions does not expect them.
 */
static bool
is_star(Node *node)
{
	return IsA(node, ColumnRef) &&
		IsA(llast(((ColumnRef *) node)->fields), A_Star);
}

/*
 * The expression in the author's text, when there is nothing else in it.  What
 * PL/pgSQL takes for an expression is all that may come after SELECT.
 */
static Node *
single_target(const char *text)
{
	List	   *statements = raw_parser(text, RAW_PARSE_PLPGSQL_EXPR);
	SelectStmt *select = (SelectStmt *) linitial_node(RawStmt, statements)->stmt;
	ResTarget  *target;

	if (IsA(select, SelectStmt) && select->op == SETOP_NONE &&
		list_length(select->targetList) == 1 &&
		!select->distinctClause && !select->intoClause &&
		!select->fromClause && !select->whereClause &&
		!select->groupClause && !select->havingClause &&
		!select->windowClause && !select->valuesLists &&
		!select->sortClause && !select->limitOffset &&
		!select->limitCount && !select->lockingClause &&
		!select->withClause)
	{
		target = linitial_node(ResTarget, select->targetList);
		if (target->name == NULL && target->indirection == NIL &&
			!is_star(target->val))
			return target->val;
	}
	ereport(ERROR,
			(errcode(ERRCODE_SYNTAX_ERROR),
			 errmsg("not a single SQL expression: %s", text)));
	return NULL;
}

/*
 * Convert a value to jsonb.  Usual types are left to wf_jsonb_scalar(),
 * because to_jsonb() is only stable, and an expression with it would not be
 * pure.
 */
static Node *
coerce_to_value(ParseState *pstate, Node *tree)
{
	Oid			type = exprType(tree);
	Oid			wanted = type;

	if (type == INT2OID || type == INT4OID || type == INT8OID)
		wanted = NUMERICOID;
	else if (type == UNKNOWNOID || type == VARCHAROID)
		wanted = TEXTOID;
	if (wanted != type)
		tree = coerce_to_target_type(pstate, tree, type, wanted, -1,
									 COERCION_IMPLICIT,
									 COERCE_IMPLICIT_CAST, -1);
	if (wanted == JSONBOID || wanted == NUMERICOID ||
		wanted == TEXTOID || wanted == BOOLOID)
		return tree;
	return (Node *) makeFuncExpr(F_TO_JSONB, JSONBOID, list_make1(tree),
								 InvalidOid, InvalidOid,
								 COERCE_EXPLICIT_CALL);
}

static Node *
coerce_to_delay(ParseState *pstate, Node *tree)
{
	Oid			type = exprType(tree);
	Oid			wanted = TIMESTAMPTZOID;

	if (type == INTERVALOID || type == TIMESTAMPTZOID || type == FLOAT8OID)
		return tree;
	if (type == UNKNOWNOID || type == TEXTOID)
		wanted = INTERVALOID;
	else if (TypeCategory(type) == TYPCATEGORY_NUMERIC)
		wanted = FLOAT8OID;
	tree = coerce_to_target_type(pstate, tree, type, wanted, -1,
								 COERCION_EXPLICIT,
								 COERCE_EXPLICIT_CAST, -1);
	if (tree == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("a delay must be an interval, a timestamptz or a number of milliseconds, not %s",
						format_type_be(type))));
	return tree;
}

/* Convert the result to the type that its use needs. */
static Node *
coerce_result(ParseState *pstate, Node *tree, WfExprUse use)
{
	switch (use)
	{
		case WF_USE_GUARD:
			return coerce_to_boolean(pstate, tree, "a guard");
		case WF_USE_VALUE:
			return coerce_to_value(pstate, tree);
		case WF_USE_DELAY:
			return coerce_to_delay(pstate, tree);
		case WF_USE_ACTION:
			break;
	}
	elog(ERROR, "an action is not an expression");
	return NULL;
}

/*
 * Error context callback: a position is one in the author's text, not in the
 * statement of the client.
 */
static void
move_position(void *arg)
{
	const char *text = arg;
	int			position = geterrposition();

	if (position <= 0)
		return;
	errposition(0);
	internalerrposition(position);
	internalerrquery(text);
}

/* The analyzed tree, of whatever type. */
static Node *
analyze(ParseState *pstate, const char *text)
{
	Node	   *tree = transformExpr(pstate, single_target(text), EXPR_KIND_OTHER);

	if (pstate->p_hasSubLinks)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("an expression cannot contain a sub-select"),
				 errhint("Put the query into a SQL function and name that.")));
	/* The parser notes set-returning functions only in target lists. */
	if (pstate->p_hasAggs || pstate->p_hasWindowFuncs || expression_returns_set(tree))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("an expression cannot contain an aggregate, window or set-returning function"),
				 errhint("Put the query into a SQL function and name that.")));
	return tree;
}

/*
 * Parse and analyze a text that is a single expression, with hooks that resolve
 * its columns in pstate, and have `coerce` convert the result to the type that is
 * needed.  Errors as of wf_expression_parse().
 */
Node *
wf_expression_analyze(ParseState *pstate, const char *text, WfCoerce coerce, void *arg)
{
	ErrorContextCallback callback = {
		.callback = move_position,
		.arg = unconstify(char *, text),
		.previous = error_context_stack
	};
	Node	   *tree;

	pstate->p_sourcetext = text;
	error_context_stack = &callback;
	tree = coerce(pstate, analyze(pstate, text), arg);
	assign_expr_collations(pstate, tree);
	error_context_stack = callback.previous;
	free_parsestate(pstate);
	return tree;
}

static Node *
coerce_for_use(ParseState *pstate, Node *tree, void *arg)
{
	return coerce_result(pstate, tree, ((const WfExpr *) arg)->use);
}

static Node *
parse_inline(const WfExpr *expr)
{
	ParseState *pstate = make_parsestate(NULL);

	pstate->p_pre_columnref_hook = resolve_column;
	return wf_expression_analyze(pstate, expr->text, coerce_for_use, unconstify(WfExpr *, expr));
}

/* The name by which a function is looked up. */
static const char *
name_of(const WfExpr *expr)
{
	return expr->resolved != NULL ? expr->resolved : expr->text;
}

/* Hint at a function of this name that has one argument more or less. */
static int
signature_hint(List *name, const Oid *signature, int nargs)
{
	if (!OidIsValid(LookupFuncName(name, 5 - nargs, signature, true)))
		return 0;
	if (nargs == 3)
		return errhint("There is a function without the argument params: add the argument, or remove \"params\".");
	return errhint("There is a function with the argument params: add \"params\", or remove the argument.");
}

/*
 * Return the function that a WfExpr with is_function names: f(context,
 * event) or f(context, event, params), all jsonb.  It is looked up under the
 * current search_path.  Error 42883 if there is none.
 */
Oid
wf_expression_function(const WfExpr *expr)
{
	static const Oid signature[3] = {JSONBOID, JSONBOID, JSONBOID};
	int			nargs = expr->params != NULL ? 3 : 2;
	List	   *name = stringToQualifiedNameList(name_of(expr), NULL);
	Oid			function = LookupFuncName(name, nargs, signature, true);

	if (!OidIsValid(function))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 nargs == 3 ?
				 errmsg("function %s(context jsonb, event jsonb, params jsonb) does not exist",
						name_of(expr)) :
				 errmsg("function %s(context jsonb, event jsonb) does not exist",
						name_of(expr)),
				 signature_hint(name, signature, nargs)));
	return function;
}

/* The same; InvalidOid if there is none. */
Oid
wf_expression_find_function(const WfExpr *expr)
{
	static const Oid signature[3] = {JSONBOID, JSONBOID, JSONBOID};

	return LookupFuncName(stringToQualifiedNameList(name_of(expr), NULL),
						  expr->params != NULL ? 3 : 2, signature, true);
}

/* Make the tree of a call of a named function. */
static Node *
parse_call(const WfExpr *expr)
{
	Oid			function = wf_expression_function(expr);
	Oid			type = get_func_rettype(function);
	List	   *args = list_make2(parameter(WF_PARAM_CONTEXT),
								  parameter(WF_PARAM_EVENT));
	Node	   *tree;

	if (expr->params != NULL)
	{
		Datum		params = DirectFunctionCall1(jsonb_in,
												 CStringGetDatum(expr->params));

		args = lappend(args, makeConst(JSONBOID, -1, InvalidOid, -1, params,
									   false, false));
	}
	if (get_func_retset(function) || get_func_prokind(function) != PROKIND_FUNCTION)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a plain function", expr->text)));

	if (expr->use == WF_USE_GUARD && type != BOOLOID)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_FUNCTION_DEFINITION),
				 errmsg("guard %s must return boolean, not %s", expr->text,
						format_type_be(type))));
	if (expr->use == WF_USE_ACTION && type != VOIDOID && type != JSONBOID)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_FUNCTION_DEFINITION),
				 errmsg("action %s must return jsonb or void, not %s", expr->text,
						format_type_be(type)),
				 errhint("Return the new context as jsonb, or nothing.")));

	tree = (Node *) makeFuncExpr(function, type, args, InvalidOid, InvalidOid,
								 COERCE_EXPLICIT_CALL);
	if (expr->use != WF_USE_GUARD && expr->use != WF_USE_ACTION)
		tree = coerce_result(make_parsestate(NULL), tree, expr->use);
	return tree;
}

/*
 * Parse and analyze an expression under the current user and search_path.
 * The tree is in the current memory context, and *type, the type of its
 * result, is one of those that its use allows:
 *	guard	boolean
 *	value	jsonb, or numeric, text or boolean to be converted to jsonb
 *	action	jsonb or void
 *	delay	interval, timestamptz or float8 (milliseconds)
 * Throws what the parser throws, 42601 for a text that is not a single
 * expression, 0A000 for queries in it, 42804, 42809, 42883 and 42P13 for a
 * wrong type or function.
 */
Node *
wf_expression_parse(const WfExpr *expr, Oid *type)
{
	Node	   *tree = expr->is_function ? parse_call(expr) : parse_inline(expr);

	*type = exprType(tree);
	return tree;
}

static bool
parameter_walker(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Param) && ((Param *) node)->paramid == *(int *) context)
		return true;
	return expression_tree_walker(node, parameter_walker, context);
}

/* Does an expression refer to this parameter, WF_PARAM_EVENT say? */
bool
wf_expression_uses(Node *tree, int parameter)
{
	return parameter_walker(tree, &parameter);
}

static bool
constant_walker(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Const) && !((Const *) node)->constisnull)
	{
		Oid			type = ((Const *) node)->consttype;

		return type == JSONBOID || get_element_type(type) == JSONBOID ||
			type_is_rowtype(type);
	}
	return expression_tree_walker(node, constant_walker, context);
}

/*
 * Can the value of an expression point into its tree, because that has a
 * constant of jsonb or of a type that may contain one?
 */
bool
wf_expression_may_be_constant(Node *tree)
{
	return constant_walker(tree, NULL);
}

/*
 * Return a hash of everything that makes a function what it is.  That is its
 * definition as pg_get_functiondef() writes it, by names where the catalog
 * has OIDs, so that it is the same after dump and restore; search_path is
 * pinned meanwhile.  And it is the owner, as whom the function may run and
 * who may replace it.
 */
char *
wf_expression_function_hash(Oid function)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	char	   *source;
	char		hash[33];
	const char *error = NULL;
	Oid			owner;
	int			guc_level;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", function);
	owner = ((Form_pg_proc) GETSTRUCT(tuple))->proowner;
	ReleaseSysCache(tuple);

	guc_level = NewGUCNestLevel();
	(void) set_config_option("search_path", "pg_catalog, pg_temp",
							 PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	source = psprintf("%s\n%s", GetUserNameFromId(owner, true),
					  TextDatumGetCString(DirectFunctionCall1(pg_get_functiondef,
															  ObjectIdGetDatum(function))));
	AtEOXact_GUC(false, guc_level);
	if (!pg_md5_hash(source, strlen(source), hash, &error))
		elog(ERROR, "could not hash a function: %s", error);
	return pstrdup(hash);
}
