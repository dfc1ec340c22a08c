/*-------------------------------------------------------------------------
 *
 * calls.c
 *	  What an expression or a statement calls, by names that last.
 *
 * Runs in any backend.  The names in an expression are looked up by the
 * search_path of its author, each time when a session compiles it.  Whoever
 * may create objects in a schema of that path could put a function, an operator,
 * a type or a table of their own in the place of what the author meant, and it would
 * run as the owner.  So whoever stores expressions of definitions, jobs and table
 * triggers, or the statement of a job, keeps what each of them calls, and a tree that
 * calls anything else is refused.
 *
 * What is in pg_catalog may be replaced by nobody but superusers, and may differ
 * from one version of the server to the next: a difference there does not count
 * by itself.
 *
 * Locks nothing.  Results are in the current memory context.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "nodes/primnodes.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "base/jsonb.h"
#include "base/quote.h"
#include "chart/chart.h"
#include "eval/calls.h"

/* --- names --------------------------------------------------------------- */

/* "schema.name(type, ...)", with qualified names everywhere. */
char *
wf_calls_function_name(Oid function)
{
	return format_procedure_qualified(function);
}

/* "operator schema.+(type, type)", which no function has for a name. */
static char *
operator_name(Oid operator_)
{
	return psprintf("operator %s", format_operator_qualified(operator_));
}

static Oid
operator_namespace(Oid operator_)
{
	HeapTuple	tuple = SearchSysCache1(OPEROID, ObjectIdGetDatum(operator_));
	Oid			result = InvalidOid;

	if (HeapTupleIsValid(tuple))
	{
		result = ((Form_pg_operator) GETSTRUCT(tuple))->oprnamespace;
		ReleaseSysCache(tuple);
	}
	return result;
}

static Oid
type_namespace(Oid type)
{
	HeapTuple	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
	Oid			result = InvalidOid;

	if (HeapTupleIsValid(tuple))
	{
		result = ((Form_pg_type) GETSTRUCT(tuple))->typnamespace;
		ReleaseSysCache(tuple);
	}
	return result;
}

/* --- what a tree calls ------------------------------------------------------ */

typedef struct Collection
{
	bool		builtin;		/* also what is in pg_catalog */
	List	   *names;
} Collection;

static void
add(Collection *collection, const char *name)
{
	ListCell   *cell;

	foreach(cell, collection->names)
		if (strcmp(lfirst(cell), name) == 0)
			return;
	collection->names = lappend(collection->names, unconstify(char *, name));
}

/* For check_functions_in_node(): goes on in any case. */
static bool
add_function(Oid function, void *context)
{
	Collection *collection = context;

	if (collection->builtin || get_func_namespace(function) != PG_CATALOG_NAMESPACE)
		add(collection, psprintf("function %s", wf_calls_function_name(function)));
	return false;
}

static void
add_operator(Collection *collection, Oid operator_)
{
	if (collection->builtin || operator_namespace(operator_) != PG_CATALOG_NAMESPACE)
		add(collection, operator_name(operator_));
}

/* A domain has checks and a row type has fields, which are its owner's. */
static void
add_type(Collection *collection, Oid type)
{
	Oid			element = get_element_type(type);

	if (OidIsValid(element))
		type = element;
	if (OidIsValid(type) && type_namespace(type) != PG_CATALOG_NAMESPACE)
		add(collection, psprintf("type %s", format_type_be_qualified(type)));
}

/* A table, view, or what else a statement reads or writes. */
static void
add_relation(Collection *collection, Oid relation)
{
	Oid			schema = get_rel_namespace(relation);

	if (OidIsValid(schema) && schema != PG_CATALOG_NAMESPACE)
		add(collection, psprintf("table %s", quote_qualified_identifier(get_namespace_name(schema),
																		get_rel_name(relation))));
}

static bool collect_walker(Node *node, void *context);

/* A statement, also what another one is made of. */
static bool
collect_query(Query *query, Collection *collection)
{
	Node	   *utility = query->utilityStmt;

	if (utility == NULL)
		return query_tree_walker(query, collect_walker, collection, QTW_EXAMINE_RTES_BEFORE);
	if (IsA(utility, CallStmt))
		return collect_walker((Node *) ((CallStmt *) utility)->funcexpr, collection);
	if (IsA(utility, CreateTableAsStmt))
		return collect_walker(((CreateTableAsStmt *) utility)->query, collection);
	if (IsA(utility, ExplainStmt))
		return collect_walker(((ExplainStmt *) utility)->query, collection);
	return false;
}

/* What is in statements only.  False: the node is none of this, or is walked through. */
static bool
collect_of_query(Node *node, Collection *collection)
{
	switch (nodeTag(node))
	{
		case T_RangeTblEntry:
			if (((RangeTblEntry *) node)->rtekind == RTE_RELATION)
				add_relation(collection, ((RangeTblEntry *) node)->relid);
			return true;
		case T_SortGroupClause:
			if (OidIsValid(((SortGroupClause *) node)->eqop))
				add_operator(collection, ((SortGroupClause *) node)->eqop);
			if (OidIsValid(((SortGroupClause *) node)->sortop))
				add_operator(collection, ((SortGroupClause *) node)->sortop);
			return true;
		default:
			return false;
	}
}

static bool
collect_walker(Node *node, void *context)
{
	Collection *collection = context;

	if (node == NULL)
		return false;
	if (IsA(node, Query))
		return collect_query((Query *) node, collection);
	if (collect_of_query(node, collection))
		return false;
	if (IsA(node, OpExpr) || IsA(node, DistinctExpr) || IsA(node, NullIfExpr))
		add_operator(collection, ((OpExpr *) node)->opno);
	else if (IsA(node, ScalarArrayOpExpr))
		add_operator(collection, ((ScalarArrayOpExpr *) node)->opno);
	else if (IsA(node, RowCompareExpr))
	{
		ListCell   *cell;

		foreach(cell, ((RowCompareExpr *) node)->opnos)
			add_operator(collection, lfirst_oid(cell));
	}
	if (!IsA(node, List))
		(void) check_functions_in_node(node, add_function, collection);
	switch (nodeTag(node))
	{
		case T_Const:
		case T_FuncExpr:
		case T_OpExpr:
		case T_RelabelType:
		case T_CoerceViaIO:
		case T_ArrayCoerceExpr:
		case T_ConvertRowtypeExpr:
		case T_CoerceToDomain:
		case T_ArrayExpr:
		case T_RowExpr:
		case T_FieldSelect:
			add_type(collection, exprType(node));
			break;
		default:
			break;
	}
	return expression_tree_walker(node, collect_walker, context);
}

static int
compare_names(const ListCell *a, const ListCell *b)
{
	return strcmp(lfirst(a), lfirst(b));
}

static List *
collect(Node *tree, bool builtin)
{
	Collection	collection = {.builtin = builtin};

	(void) collect_walker(tree, &collection);
	list_sort(collection.names, compare_names);
	return collection.names;
}

/*
 * All that an analyzed expression or statement calls: a sorted list of strings, "function
 * s.f(...)", "operator s.+(...)", "type s.t", "table s.t".  Types and tables of pg_catalog
 * are left out.
 */
static List *
calls_of(Node *tree)
{
	return collect(tree, true);
}

/* The same without what is in pg_catalog. */
List *
wf_calls_objects(Node *tree)
{
	return collect(tree, false);
}

/* The same as an array, to be kept. */
Jsonb *
wf_calls_names(Node *tree)
{
	List	   *names = calls_of(tree);
	Jsonb	  **values = palloc(sizeof(Jsonb *) * (list_length(names) + 1));
	int			n = 0;
	ListCell   *cell;

	foreach(cell, names)
		values[n++] = wf_jsonb_string(lfirst(cell));
	return wf_jsonb_array(n, values);
}

/*
 * Under which key the calls of an expression of a chart are kept.  Its text may be used in
 * two ways, and then casts differ.
 */
const char *
wf_calls_key(const WfExpr *expr)
{
	return psprintf("%d %s", (int) expr->use, expr->text);
}

/* --- the check ----------------------------------------------------------------- */

/* The strings that were kept under a key; NULL if there are none. */
static List *
recorded(const Jsonb *calls, const char *key, bool *found)
{
	JsonbValue	buffer;
	JsonbValue *list = getKeyJsonValueFromContainer(unconstify(JsonbContainer *, &calls->root),
													key, strlen(key), &buffer);
	JsonbIterator *it;
	JsonbValue	value;
	JsonbIteratorToken token;
	List	   *names = NIL;

	*found = list != NULL && list->type == jbvBinary;
	if (!*found)
		return NIL;
	it = JsonbIteratorInit(list->val.binary.data);
	while ((token = JsonbIteratorNext(&it, &value, true)) != WJB_DONE)
		if (token == WJB_ELEM && value.type == jbvString)
			names = lappend(names, pnstrdup(value.val.string.val, value.val.string.len));
	return names;
}

/* Is it in pg_catalog, by its name? */
static bool
is_builtin(const char *name)
{
	const char *object = strchr(name, ' ');

	return object != NULL && strncmp(object + 1, "pg_catalog.", strlen("pg_catalog.")) == 0;
}

static bool
contains(List *names, const char *name)
{
	ListCell   *cell;

	foreach(cell, names)
		if (strcmp(lfirst(cell), name) == 0)
			return true;
	return false;
}

/* Those of `names` that are not in `others`, or, users, only those not in pg_catalog. */
static List *
difference(List *names, List *others, bool users)
{
	List	   *result = NIL;
	ListCell   *cell;

	foreach(cell, names)
		if (!contains(others, lfirst(cell)) && !(users && is_builtin(lfirst(cell))))
			result = lappend(result, lfirst(cell));
	return result;
}

static char *
listed(List *names)
{
	StringInfoData text;
	ListCell   *cell;

	initStringInfo(&text);
	foreach(cell, names)
		appendStringInfo(&text, "%s%s", text.len > 0 ? ", " : "", (char *) lfirst(cell));
	return text.len > 0 ? text.data : pstrdup("nothing else");
}

pg_noreturn static void
refuse(const char *what, const char *text, List *before, List *now)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("%s \"%s\" would call %s", what, wf_quote(text),
					listed(difference(now, before, false))),
			 errdetail("When it was stored, it called %s.",
					   listed(difference(before, now, false))),
			 errhint("The search_path that was stored with it leads to other objects now. If they are meant, store it again; else drop them, or name with their schemas what is meant.")));
}

/*
 * Error 55000, with both named, if an analyzed expression, or statement, calls anything of
 * users that it did not call when `calls` were kept, or the other way round.  what: which of
 * the two it is, for messages, with its text.  What was not kept may call anything.
 */
void
wf_calls_check(const Jsonb *calls, const char *key, const char *what, const char *text, Node *tree)
{
	bool		found;
	List	   *before = recorded(calls, key, &found);
	List	   *now;

	if (!found)
		return;
	now = wf_calls_objects(tree);
	if (difference(now, before, true) != NIL || difference(before, now, true) != NIL)
		refuse(what, text, before, calls_of(tree));
}

/* --- and back -------------------------------------------------------------------- */

/*
 * Where the arguments begin in "schema.name(type,type)": at the first parenthesis
 * that is not in a quoted name; NULL if there is none.
 */
const char *
wf_calls_arguments(const char *signature)
{
	bool		quoted = false;

	for (const char *at = signature; *at != '\0'; at++)
	{
		if (*at == '"')
			quoted = !quoted;
		else if (*at == '(' && !quoted)
			return at;
	}
	return NULL;
}

/*
 * Split "schema.name(...)" before the parenthesis, which may also stand in a quoted
 * name.  False: it is no such text.
 */
static bool
split(const char *signature, Oid *schema, char **name)
{
	const char *at = wf_calls_arguments(signature);
	List	   *names;

	if (at == NULL)
		return false;
	names = stringToQualifiedNameList(pnstrdup(signature, at - signature), NULL);
	if (list_length(names) != 2)
		return false;
	*schema = get_namespace_oid(strVal(linitial(names)), true);
	*name = strVal(lsecond(names));
	return true;
}

/*
 * The function with this signature, as wf_calls_function_name() writes it, without
 * regard to privileges.  InvalidOid if there is none now.  *schema: its schema,
 * InvalidOid if there is none.
 */
Oid
wf_calls_find_function(const char *signature, Oid *schema)
{
	char	   *name;
	CatCList   *list;
	Oid			found = InvalidOid;

	*schema = InvalidOid;
	if (!split(signature, schema, &name) || !OidIsValid(*schema))
		return InvalidOid;
	list = SearchSysCacheList1(PROCNAMEARGSNSP, CStringGetDatum(name));
	for (int i = 0; i < list->n_members; i++)
	{
		Form_pg_proc proc = (Form_pg_proc) GETSTRUCT(&list->members[i]->tuple);

		/* An aggregate or a procedure may have taken its place. */
		if (proc->pronamespace == *schema && proc->prokind == PROKIND_FUNCTION &&
			strcmp(wf_calls_function_name(proc->oid), signature) == 0)
			found = proc->oid;
	}
	ReleaseSysCacheList(list);
	return found;
}

/* The same for an operator, as operator_name() writes it. */
Oid
wf_calls_find_operator(const char *signature, Oid *schema)
{
	const char *at = wf_calls_arguments(signature);
	const char *dot = at;
	CatCList   *list;
	List	   *names;
	Oid			found = InvalidOid;

	*schema = InvalidOid;
	if (strncmp(signature, "operator ", strlen("operator ")) != 0 || at == NULL)
		return InvalidOid;
	while (dot > signature && *dot != '.')
		dot--;
	names = stringToQualifiedNameList(pnstrdup(signature + strlen("operator "),
											   Max(0, dot - signature - (int) strlen("operator "))),
									  NULL);
	*schema = get_namespace_oid(strVal(linitial(names)), true);
	list = SearchSysCacheList1(OPERNAMENSP, CStringGetDatum(pnstrdup(dot + 1, at - dot - 1)));
	for (int i = 0; i < list->n_members; i++)
	{
		Form_pg_operator operator_ = (Form_pg_operator) GETSTRUCT(&list->members[i]->tuple);

		if (operator_->oprnamespace == *schema &&
			strcmp(operator_name(operator_->oid), signature) == 0)
			found = operator_->oid;
	}
	ReleaseSysCacheList(list);
	return found;
}
