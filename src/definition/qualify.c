/*-------------------------------------------------------------------------
 *
 * qualify.c
 *	  Which function a name in a chart means, whatever else is in the path now.
 *
 * Runs in any backend; looks nothing up.  The canonical form of a definition has
 * the names of functions with their schemas.  Charts that were stored before
 * 0.3.0 have them as their author wrote them, and with them the functions that
 * were found then: a name without a schema means the first of those in the path.
 *
 * For whoever reads, in diagrams and messages, a schema of the path is left out.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "utils/builtins.h"
#include "utils/regproc.h"
#include "utils/varlena.h"

#include "base/compat.h"
#include "definition/qualify.h"
#include "eval/calls.h"

/* A function that was found when the definition was stored. */
typedef struct Found
{
	const char *schema;
	const char *name;
	int			nargs;
} Found;

/* The number of arguments in "schema.name(type,type)", from its parenthesis on. */
static int
count_arguments(const char *arguments)
{
	int			n = arguments[1] == ')' ? 0 : 1;
	bool		quoted = false;

	for (const char *c = arguments; *c; c++)
	{
		if (*c == '"')
			quoted = !quoted;
		n += *c == ',' && !quoted;
	}
	return n;
}

/* The functions of definition.functions, a list of Found. */
static List *
read_found(const Jsonb *functions)
{
	JsonbIterator *it = JsonbIteratorInit(unconstify(JsonbContainer *, &functions->root));
	JsonbIteratorToken token;
	JsonbValue	value;
	List	   *result = NIL;

	while ((token = JsonbIteratorNext(&it, &value, true)) != WJB_DONE)
	{
		char	   *signature;
		const char *arguments;
		List	   *names;
		Found	   *found;

		if (token != WJB_KEY)
			continue;
		signature = pnstrdup(value.val.string.val, value.val.string.len);
		arguments = wf_calls_arguments(signature);
		if (arguments == NULL || strncmp(signature, "operator ", strlen("operator ")) == 0)
			continue;
		names = stringToQualifiedNameList(pnstrdup(signature, arguments - signature), NULL);
		if (list_length(names) != 2)
			continue;
		found = palloc(sizeof(Found));
		found->schema = strVal(linitial(names));
		found->name = strVal(lsecond(names));
		found->nargs = count_arguments(arguments);
		result = lappend(result, found);
	}
	return result;
}

static bool
in_path(List *path, const char *schema)
{
	ListCell   *cell;

	foreach(cell, path)
		if (strcmp(lfirst(cell), schema) == 0)
			return true;
	return false;
}

/* The schemas of a path; "$user" is that of the role. */
static List *
schemas_of(const char *path, Oid role)
{
	List	   *schemas;
	ListCell   *cell;

	if (!SplitIdentifierString(pstrdup(path), ',', &schemas))
		return NIL;
	foreach(cell, schemas)
	{
		if (strcmp(lfirst(cell), "$user") == 0)
			lfirst(cell) = GetUserNameFromId(role, true);
		if (lfirst(cell) == NULL)
			lfirst(cell) = "";
	}
	return schemas;
}

static bool
is_called(const Found *found, const char *name, int nargs)
{
	return found->nargs == nargs && strcmp(found->name, name) == 0;
}

/*
 * The first function of this name in the path.  Where the path has none of them,
 * because "$user" was another role then, the only one of this name.  NULL if that
 * is not known, either.
 */
static const Found *
first_match(List *found, List *path, const char *name, int nargs)
{
	const Found *only = NULL;
	int			n = 0;
	ListCell   *schema;
	ListCell   *cell;

	/* Not named in a path, pg_catalog comes first. */
	if (!in_path(path, "pg_catalog"))
		path = lcons("pg_catalog", list_copy(path));
	foreach(schema, path)
		foreach(cell, found)
			if (is_called(lfirst(cell), name, nargs) &&
				strcmp(((Found *) lfirst(cell))->schema, lfirst(schema)) == 0)
				return lfirst(cell);
	foreach(cell, found)
		if (is_called(lfirst(cell), name, nargs))
		{
			only = lfirst(cell);
			n++;
		}
	return n == 1 ? only : NULL;
}

static void
qualify_one(WfExpr *expr, List *found, List *path, bool shorten)
{
	List	   *names = stringToQualifiedNameList(expr->text, NULL);
	const Found *match;

	if (list_length(names) == 2)
	{
		expr->resolved = expr->text;
		if (shorten && in_path(path, strVal(linitial(names))))
			expr->text = quote_identifier(strVal(lsecond(names)));
	}
	else if (list_length(names) == 1)
	{
		match = first_match(found, path, strVal(linitial(names)), expr->params != NULL ? 3 : 2);
		if (match != NULL)
			expr->resolved = quote_qualified_identifier(match->schema, match->name);
	}
}

/*
 * Set `resolved` of the function calls of a chart that was compiled from its
 * canonical form.  functions: those of the definition; path: its search_path, of
 * this role;
 * shorten: show names without a schema of the path, which define() has written, or
 * the author.  In the current memory context, which is the chart's.
 */
void
wf_qualify(const WfChart *chart, const Jsonb *functions, const char *path, Oid role,
		   bool shorten)
{
	List	   *schemas = NIL;
	List	   *found = NIL;
	bool		read = false;

	for (int i = 0; i < chart->nexprs; i++)
	{
		if (!chart->exprs[i]->is_function)
			continue;
		if (!read)
		{
			schemas = schemas_of(path, role);
			found = functions != NULL ? read_found(functions) : NIL;
			read = true;
		}
		qualify_one(chart->exprs[i], found, schemas, shorten);
	}
}
