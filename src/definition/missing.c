/*-------------------------------------------------------------------------
 *
 * missing.c
 *	  Functions that a definition names and that do not exist.
 *
 * Runs in backends of clients.  A definition that comes from elsewhere names
 * dozens of functions in hundreds of places: each function is told of once,
 * and what is to be done is a text that can be pasted.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "utils/builtins.h"
#include "utils/regproc.h"

#include "base/compat.h"
#include "chart/chart.h"
#include "chart/diagnostic.h"
#include "compiler/list.h"
#include "definition/missing.h"

/*
 * Note that a function does not exist.  message and hint (or NULL) are those of
 * the error; they are kept.  In the current memory context.
 */
void
wf_missing_add(WfMissing *missing, const WfExpr *expr, const char *message,
			   const char *hint)
{
	int			n = missing->functions.n;
	int			number = wf_list_number(&missing->numbers,
										psprintf("%d %d %s", expr->use, expr->params != NULL,
												 expr->text), n);
	WfMissingFunction *function;

	if (number == n)
	{
		function = palloc0(sizeof(WfMissingFunction));
		function->expr = expr;
		function->message = message;
		function->hint = hint;
		wf_list_add(&missing->functions, function);
	}
	else
		function = missing->functions.items[number];
	if (function->nplaces > 0 && function->nplaces <= WF_PLACES_SHOWN)
		function->places[function->nplaces - 1] = expr->path;
	function->nplaces++;
}

/* What is said of a function: that it does not exist, and where it is named. */
char *
wf_missing_message(const WfMissingFunction *function)
{
	StringInfoData buf;
	int			shown = Min(function->nplaces - 1, WF_PLACES_SHOWN);

	initStringInfo(&buf);
	appendStringInfoString(&buf, function->message);
	if (function->nplaces == 1)
		return buf.data;
	appendStringInfo(&buf, "; it is named in %d places, also at", function->nplaces);
	for (int i = 0; i < shown; i++)
		appendStringInfo(&buf, "%s %s", i > 0 ? "," : "", function->places[i]);
	if (function->nplaces - 1 > shown)
		appendStringInfoString(&buf, ", ...");
	return buf.data;
}

/* The name of the function as SQL has it: with quotes where they are needed. */
static const char *
sql_name(const char *text)
{
	char	   *quoted = NameListToQuotedString(stringToQualifiedNameList(text, NULL));

	/* as the author writes it, if that is the same to SQL */
	return pg_strcasecmp(quoted, text) == 0 ? text : quoted;
}

/* A statement that makes the function, to begin with. */
char *
wf_missing_stub(const WfMissingFunction *function)
{
	const WfExpr *expr = function->expr;

	return psprintf("CREATE FUNCTION %s(context jsonb, event jsonb%s) RETURNS %s;",
					sql_name(expr->text), expr->params != NULL ? ", params jsonb" : "",
					expr->use == WF_USE_GUARD ?
					"boolean LANGUAGE sql AS $$ SELECT true $$" :
					"void LANGUAGE plpgsql AS $$ BEGIN NULL; END $$");
}

/*
 * The statements for all of them, a line each, or NULL if there are none.  Those
 * whose hint tells what is wrong with them need none.
 */
char *
wf_missing_stubs(const WfMissing *missing)
{
	StringInfoData buf;
	int			n = 0;

	initStringInfo(&buf);
	for (int i = 0; i < missing->functions.n; i++)
	{
		const WfMissingFunction *function = missing->functions.items[i];

		if (function->hint != NULL || n++ >= WF_MAX_FAULTS)
			continue;
		appendStringInfo(&buf, "\n%s", wf_missing_stub(function));
	}
	if (n > WF_MAX_FAULTS)
		appendStringInfo(&buf, "\n-- and %d more", n - WF_MAX_FAULTS);
	return n > 0 ? buf.data : NULL;
}
