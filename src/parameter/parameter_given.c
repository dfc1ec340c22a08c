/*-------------------------------------------------------------------------
 *
 * parameter_given.c
 *	  What is given for parameters: does it fit?
 *
 * Runs in any backend, where a run is made or an event is sent, in the caller's
 * transaction.  Values are read as the types of SQL that are declared, and what the run
 * or the event gets is what these write: "tomorrow" is a date by then.  That of built-in
 * types which depend on nothing takes no more; all other code (checks of domains, checks
 * and defaults of the author) runs as the author.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/compat.h"
#include "base/errcodes.h"
#include "base/jsonb.h"
#include "base/quote.h"
#include "chart/diagnostic.h"
#include "eval/author_code.h"
#include "eval/user_context.h"
#include "parameter/parameter_given.h"
#include "parameter/parameters.h"

/* In bytes: what types say may quote a whole value. */
#define LONGEST_DETAIL	1000

/* What is given, while it is checked. */
typedef struct Check
{
	const WfParameterUse *use;
	WfParameters *parameters;
	WfUserContext bracket;
	const WfParameter *current;	/* what an error is about, or NULL */
	const char **names;
	Jsonb	  **jsons;			/* NULL: not given */
	Datum	   *values;
	bool	   *nulls;
	Jsonb	   *result;
} Check;

pg_noreturn static void
refuse_missing(const Check *check)
{
	ereport(ERROR,
			(errcode(WF_ERR_PARAMETERS),
			 errmsg("parameter \"%s\" of %s \"%s\" is missing", check->current->name,
					check->use->kind, wf_quote(check->use->name)),
			 errdetail("It is a required %s.", check->current->type.name)));
}

pg_noreturn static void
refuse_null(const Check *check)
{
	ereport(ERROR,
			(errcode(WF_ERR_PARAMETERS),
			 errmsg("parameter \"%s\" of %s \"%s\" must not be null", check->current->name,
					check->use->kind, wf_quote(check->use->name)),
			 errdetail("It is a required %s.", check->current->type.name)));
}

static void
refuse_unknown(const Check *check, const char *name)
{
	const char **names = palloc0(sizeof(char *) * (check->parameters->n + 1));
	const char *hint;

	for (int i = 0; i < check->parameters->n; i++)
		names[i] = check->parameters->items[i].name;
	hint = wf_diagnostic_spelling_hint(name, names);
	ereport(ERROR,
			(errcode(WF_ERR_PARAMETERS),
			 errmsg("%s \"%s\" has no parameter \"%s\"", check->use->kind, wf_quote(check->use->name), wf_quote(name)),
			 hint != NULL ? errhint("%s", hint) : 0));
}

/* Find what is given for each parameter; error WF013 for what is of none. */
static void
take_given(Check *check, Jsonb *given)
{
	JsonbIterator *it = JsonbIteratorInit(&given->root);
	JsonbIteratorToken token;
	JsonbValue	value;
	int			place = -1;

	while ((token = JsonbIteratorNext(&it, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
		{
			const char *name = pnstrdup(value.val.string.val, value.val.string.len);
			WfParameter *parameter = wf_parameters_get(check->parameters, name);

			if (parameter == NULL)
				refuse_unknown(check, name);
			place = parameter - check->parameters->items;
		}
		else if (token == WJB_VALUE)
			check->jsons[place] = JsonbValueToJsonb(&value);
	}
}

/* Read a value, and write it as its type does. */
static void
convert(Check *check, int i)
{
	WfParameter *parameter = &check->parameters->items[i];

	check->values[i] = wf_parameter_type_read(&parameter->type, check->jsons[i], &check->nulls[i]);
	if (check->nulls[i])
		check->jsons[i] = wf_jsonb_parse("null");
	else if (!wf_parameter_type_is_written(&parameter->type, check->jsons[i]))
		check->jsons[i] = wf_parameter_type_write(&parameter->type, check->values[i]);
	if (parameter->required && check->nulls[i])
		refuse_null(check);
}

static void
convert_given(Check *check)
{
	for (int i = 0; i < check->parameters->n; i++)
	{
		const WfParameter *parameter = check->current = &check->parameters->items[i];

		if (check->jsons[i] == NULL)
			check->jsons[i] = parameter->constant;
		if (check->jsons[i] != NULL)
			convert(check, i);
		else if (parameter->required && parameter->computed == NULL)
			refuse_missing(check);
	}
}

/* The object of all values by now; they are sorted by wf_jsonb_object(). */
static Jsonb *
object_of(const Check *check)
{
	return wf_jsonb_object(check->parameters->n, check->names, check->jsons);
}

/* Defaults that are computed know all that was given, and constant ones. */
static void
compute_defaults(Check *check)
{
	Jsonb	   *known = object_of(check);

	for (int i = 0; i < check->parameters->n; i++)
	{
		WfParameter *parameter = &check->parameters->items[i];

		check->current = parameter;
		if (check->jsons[i] != NULL || parameter->computed == NULL)
			continue;
		check->values[i] = wf_parameter_expr_evaluate(parameter->computed, (Datum) 0, true, known,
												check->bracket.foreign, &check->nulls[i]);
		if (check->nulls[i] && parameter->required)
			refuse_null(check);
		check->jsons[i] = check->nulls[i] ? wf_jsonb_parse("null") :
			wf_parameter_type_write(&parameter->type, check->values[i]);
	}
}

/* As of CHECK of a table, null is not false. */
static void
evaluate_checks(Check *check)
{
	for (int i = 0; i < check->parameters->n; i++)
	{
		const WfParameter *parameter = check->current = &check->parameters->items[i];
		bool		isnull;
		Datum		fits;

		if (parameter->check == NULL || check->jsons[i] == NULL)
			continue;
		fits = wf_parameter_expr_evaluate(parameter->check, check->values[i], check->nulls[i],
									check->result, check->bracket.foreign, &isnull);
		if (!isnull && !DatumGetBool(fits))
			ereport(ERROR,
					(errcode(WF_ERR_PARAMETERS),
					 errmsg("parameter \"%s\" of %s \"%s\" violates its check", parameter->name,
							check->use->kind, wf_quote(check->use->name)),
					 errdetail("It must be so: %s", parameter->check->text)));
	}
}

/*
 * In PG_CATCH: what a type, a domain or a check says of a value becomes WF013, by
 * which a client knows that its call was wrong.  All else stays what it is.
 */
static void
tell_which(const Check *check, MemoryContext context)
{
	int			category = ERRCODE_TO_CATEGORY(geterrcode());
	ErrorData  *error;

	if (check->current == NULL ||
		(category != ERRCODE_DATA_EXCEPTION && category != ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION &&
		 category != ERRCODE_PLPGSQL_ERROR))
		return;
	MemoryContextSwitchTo(context);
	error = CopyErrorData();
	FlushErrorState();
	ereport(ERROR,
			(errcode(WF_ERR_PARAMETERS),
			 errmsg("wrong value of parameter \"%s\" of %s \"%s\"", check->current->name,
					check->use->kind, wf_quote(check->use->name)),
			 errdetail("%s", strlen(error->message) > LONGEST_DETAIL ? wf_quote(error->message) :
					   error->message)));
}

static void
check_all(void *arg)
{
	Check	   *check = arg;
	MemoryContext context = CurrentMemoryContext;

	PG_TRY();
	{
		convert_given(check);
		if (check->parameters->computes)
			compute_defaults(check);
		check->result = object_of(check);
		if (check->parameters->computes)
			evaluate_checks(check);
	}
	PG_CATCH();
	{
		tell_which(check, context);
		PG_RE_THROW();
	}
	PG_END_TRY();
}

static void
prepare(Check *check)
{
	int			n = check->parameters->n;

	check->names = palloc(sizeof(char *) * (n + 1));
	check->jsons = palloc0(sizeof(Jsonb *) * (n + 1));
	check->values = palloc0(sizeof(Datum) * (n + 1));
	check->nulls = palloc0(sizeof(bool) * (n + 1));
	for (int i = 0; i < n; i++)
		check->names[i] = check->parameters->items[i].name;
	if (likely(wf_parameters_are_found(check->parameters)))
		return;
	wf_user_context_enter(check->use->author, &check->bracket);
	wf_parameters_compile(check->parameters);
}

/*
 * What a run or an event gets: what is given (NULL: nothing), as the types write it, with
 * defaults filled in.  Error WF013, which names the parameter, if it does not fit; others
 * of the author's code.  Needs an active snapshot.
 */
Jsonb *
wf_parameter_given_check(const WfParameterUse *use, Jsonb *given)
{
	Check		check = {.use = use,.parameters = use->parameters};

	if (given == NULL)
		given = wf_jsonb_object(0, NULL, NULL);
	if (!JB_ROOT_IS_OBJECT(given))
		ereport(ERROR,
				(errcode(WF_ERR_PARAMETERS),
				 errmsg("the %s of %s \"%s\" must be an object", use->what, use->kind, wf_quote(use->name))));
	if (use->parameters == NULL)
		return given;
	prepare(&check);
	take_given(&check, given);
	if (check.parameters->plain)
		check_all(&check);
	else
		wf_author_code_run(use->author, &check.bracket, wf_author_code_until(),
						   WF_LIMIT_OF_SETTING, check_all, &check);
	wf_user_context_leave(&check.bracket);
	return check.result;
}
