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

#include "nodes/pg_list.h"
#include "utils/builtins.h"
#include "utils/regproc.h"
#include "utils/varlena.h"

#include "base/compat.h"
#include "definition/qualify.h"

/* A function that was found when the definition was stored. */
typedef struct Found
{
	const char *schema;
	const char *name;
	int			nargs;
} Found;

/* The number of arguments in "schema.name(type,type)", at its last parenthesis. */
static int
count_arguments(const char *arguments)
{
	int			n = arguments[1] == ')' ? 0 : 1;

	for (const char *c = arguments; *c; c++)
		n += *c == ',';
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
		char	   *arguments;
		List	   *names;
		Found	   *found;

		if (token != WJB_KEY)
			continue;
		signature = pnstrdup(value.val.string.val, value.val.string.len);
		arguments = strrchr(signature, '(');
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

/* The first function of this name in the path; NULL: it was none of them. */
static const Found *
first_match(List *found, List *path, const char *name, int nargs)
{
	ListCell   *schema;
	ListCell   *cell;

	/* Not named in a path, pg_catalog comes first. */
	if (!in_path(path, "pg_catalog"))
		path = lcons("pg_catalog", list_copy(path));
	foreach(schema, path)
		foreach(cell, found)
		{
			const Found *candidate = lfirst(cell);

			if (candidate->nargs == nargs && strcmp(candidate->name, name) == 0 &&
				strcmp(candidate->schema, lfirst(schema)) == 0)
				return candidate;
		}
	return NULL;
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
 * canonical form.  functions: those of the definition; path: its search_path;
 * shorten: show names without the schema, which define() has written and not the
 * author.  In the current memory context, which is the chart's.
 */
void
wf_qualify(const WfChart *chart, const Jsonb *functions, const char *path, bool shorten)
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
			if (!SplitIdentifierString(pstrdup(path), ',', &schemas))
				schemas = NIL;
			found = functions != NULL ? read_found(functions) : NIL;
			read = true;
		}
		qualify_one(chart->exprs[i], found, schemas, shorten);
	}
}
