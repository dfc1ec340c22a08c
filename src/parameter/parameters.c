/*-------------------------------------------------------------------------
 *
 * parameters.c
 *	  Parameters of jobs, and of events: which there are.
 *
 * Runs in any backend, reads catalogs only.  Whether what is given fits, parameter_given.c
 * finds out.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/inval.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "base/errcodes.h"
#include "base/jsonb.h"
#include "base/quote.h"
#include "chart/diagnostic.h"
#include "chart/json.h"
#include "chart/json_string.h"
#include "eval/user_context.h"
#include "parameter/parameters.h"

/* Goes up whenever a type may have changed. */
static uint64 generation = 0;

/* --- what is declared ------------------------------------------------------- */

static const char *const known_keys[] = {"name", "type", "required", "default", "check",
"title", "description", "sensitive", NULL};

/* Where a declaration is wrong; name may be NULL. */
pg_noreturn static void
refuse_declaration(const char *name, const char *problem, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 name == NULL ? errmsg("the parameters are not declared well: %s", problem) :
			 errmsg("parameter \"%s\" is not declared well: %s", wf_quote(name), problem),
			 hint != NULL ? errhint("%s", hint) : 0));
}

static void
check_keys(const char *name, const WfJson *json)
{
	for (int i = 0; i < json->n; i++)
	{
		bool		known = false;

		for (int k = 0; known_keys[k] != NULL; k++)
			known = known || strcmp(json->keys[i], known_keys[k]) == 0;
		if (!known && !wf_texts_is_key(json->keys[i]))
			refuse_declaration(name, psprintf("unknown key \"%s\"", wf_quote(json->keys[i])),
							   wf_diagnostic_spelling_hint(json->keys[i], known_keys));
	}
}

static const char *
string_of(const char *name, const WfJson *json, const char *key)
{
	const WfJson *value = wf_json_get(json, key);

	if (value != NULL && value->kind != WF_JSON_STRING)
		refuse_declaration(name, psprintf("\"%s\" must be a string", key), NULL);
	return value != NULL ? value->text : NULL;
}

static bool
bool_of(const char *name, const WfJson *json, const char *key)
{
	const WfJson *value = wf_json_get(json, key);

	if (value != NULL && value->kind != WF_JSON_BOOL)
		refuse_declaration(name, psprintf("\"%s\" must be true or false", key), NULL);
	return value != NULL && value->boolean;
}

/* The text of {"@expr": text}, or NULL if it is anything else. */
static const char *
expression_of(const WfJson *json)
{
	if (json->kind != WF_JSON_OBJECT || json->n != 1 || strcmp(json->keys[0], "@expr") != 0 ||
		json->items[0]->kind != WF_JSON_STRING)
		return NULL;
	return json->items[0]->text;
}

static WfParameterExpr *
make_expr(WfParameter *parameter, const char *text, bool is_check)
{
	WfParameterExpr *expr = palloc0(sizeof(WfParameterExpr));

	expr->text = text;
	expr->is_check = is_check;
	expr->type = &parameter->type;
	return expr;
}

/*
 * The text of a check: of a string, behind an "@" if there is one, as in all places where
 * a text is an expression; or of {"@expr": text}.  NULL: it is none.
 */
static const char *
check_of(const WfJson *json)
{
	if (json->kind != WF_JSON_STRING)
		return expression_of(json);
	return json->text[0] == '@' ? json->text + 1 : json->text;
}

/* default: any value, or an expression; check: an expression, its text will do. */
static void
parse_expressions(WfParameter *parameter, const WfJson *json)
{
	const WfJson *fallback = wf_json_get(json, "default");
	const WfJson *check = wf_json_get(json, "check");

	if (fallback != NULL && expression_of(fallback) != NULL)
		parameter->computed = make_expr(parameter, expression_of(fallback), false);
	else if (fallback != NULL)
		parameter->constant = wf_jsonb_parse(wf_json_text(fallback));
	if (check == NULL)
		return;
	if (check_of(check) == NULL)
		refuse_declaration(parameter->name, "\"check\" must be an expression",
						   "Write {\"@expr\": \"value > 0\"}.");
	parameter->check = make_expr(parameter, check_of(check), true);
}

/* json: what is declared of it, the name of a type or an object. */
static void
parse_one(WfParameter *parameter, const char *name, const WfJson *json)
{
	if (name == NULL || name[0] == '\0' || strlen(name) > WF_MAX_PARAMETER_NAME)
		refuse_declaration(NULL, psprintf("a parameter needs a name of at most %d bytes",
										  WF_MAX_PARAMETER_NAME), NULL);
	parameter->name = name;
	parameter->type.context = CurrentMemoryContext;
	if (json->kind == WF_JSON_STRING)
	{
		parameter->type.name = json->text;
		return;
	}
	if (json->kind != WF_JSON_OBJECT)
		refuse_declaration(name, "it must be an object, or the name of a type", NULL);
	check_keys(name, json);
	parameter->type.name = string_of(name, json, "type");
	if (parameter->type.name == NULL)
		refuse_declaration(name, "it has no \"type\"", "Name a type of SQL: \"text\".");
	parameter->required = bool_of(name, json, "required");
	parameter->sensitive = bool_of(name, json, "sensitive");
	for (int i = 0; i < json->n; i++)
		if (wf_texts_is_key(json->keys[i]))
			wf_texts_add(&parameter->texts, json->keys[i], string_of(name, json, json->keys[i]));
	parse_expressions(parameter, json);
}

static void
refuse_twice(const WfParameters *parameters, int n)
{
	for (int i = 0; i < n; i++)
		if (strcmp(parameters->items[i].name, parameters->items[n].name) == 0)
			refuse_declaration(parameters->items[n].name, "it is declared twice", NULL);
}

/* Callback for the end of the memory that parameters are in: free what was planned. */
static void
at_end(void *arg)
{
	WfParameters *parameters = arg;

	for (int i = 0; i < parameters->n; i++)
	{
		if (parameters->items[i].computed != NULL)
			wf_parameter_expr_forget(parameters->items[i].computed);
		if (parameters->items[i].check != NULL)
			wf_parameter_expr_forget(parameters->items[i].check);
	}
}

/*
 * The parameters that are declared as an array of objects with "name", or as an
 * object by name, JSON text, in the current memory context, which has to live as long.
 * stored: by wf_parameters_canonical(); else names of types are looked up under
 * the present search_path and made canonical.  Error 22023, 42704 for an unknown
 * type.
 */
WfParameters *
wf_parameters_read(const char *text, bool stored)
{
	WfParameters *parameters = palloc0(sizeof(WfParameters));
	WfFaults	faults = {0};
	const WfJson *json = wf_json_parse(text, strlen(text), &faults);

	if (json == NULL)
		refuse_declaration(NULL, faults.items[0].message, NULL);
	if (json->kind != WF_JSON_OBJECT && json->kind != WF_JSON_ARRAY)
		refuse_declaration(NULL, "they must be an object or an array", NULL);
	if (json->n > WF_MAX_PARAMETERS)
		refuse_declaration(NULL, psprintf("there are more than %d", WF_MAX_PARAMETERS), NULL);
	parameters->items = palloc0(sizeof(WfParameter) * (json->n + 1));
	for (int i = 0; i < json->n; i++)
	{
		WfParameter *parameter = &parameters->items[i];
		const WfJson *item = json->items[i];
		Oid			type;

		if (json->kind == WF_JSON_ARRAY && item->kind != WF_JSON_OBJECT)
			refuse_declaration(NULL, "an element of the array must be an object", NULL);
		parse_one(parameter, json->kind == WF_JSON_OBJECT ? json->keys[i] :
				  string_of(NULL, item, "name"), item);
		refuse_twice(parameters, i);
		if (!stored)
			parameter->type.name = wf_parameter_type_canonical(parameter->type.name, &type);
	}
	parameters->n = json->n;
	parameters->at_end.func = at_end;
	parameters->at_end.arg = parameters;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &parameters->at_end);
	return parameters;
}

/* The same of jsonb, which has lost the order of keys. */
WfParameters *
wf_parameters_parse(Jsonb *declared, bool stored)
{
	return wf_parameters_read(JsonbToCString(NULL, &declared->root, VARSIZE(declared)), stored);
}

static void
write_key(StringInfo buf, const char *key, const char *text)
{
	appendStringInfo(buf, ",\"%s\":", key);
	wf_json_string_write(buf, text);
}

static void
write_one(StringInfo buf, const WfParameter *parameter)
{
	appendStringInfoString(buf, "{\"name\":");
	wf_json_string_write(buf, parameter->name);
	write_key(buf, "type", parameter->type.name);
	if (parameter->required)
		appendStringInfoString(buf, ",\"required\":true");
	if (parameter->constant != NULL)
		appendStringInfo(buf, ",\"default\":%s",
						 JsonbToCString(NULL, &parameter->constant->root,
										VARSIZE(parameter->constant)));
	if (parameter->computed != NULL)
	{
		appendStringInfoString(buf, ",\"default\":{\"@expr\":");
		wf_json_string_write(buf, parameter->computed->text);
		appendStringInfoChar(buf, '}');
	}
	if (parameter->check != NULL)
	{
		appendStringInfoString(buf, ",\"check\":{\"@expr\":");
		wf_json_string_write(buf, parameter->check->text);
		appendStringInfoChar(buf, '}');
	}
	if (parameter->sensitive)
		appendStringInfoString(buf, ",\"sensitive\":true");
	for (int i = 0; i < parameter->texts.n; i++)
		write_key(buf, parameter->texts.keys[i], parameter->texts.texts[i]);
	appendStringInfoChar(buf, '}');
}

/* What is stored of parameters: an array, with types by names that last. */
Jsonb *
wf_parameters_canonical(const WfParameters *parameters)
{
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfoChar(&buf, '[');
	for (int i = 0; i < parameters->n; i++)
	{
		if (i > 0)
			appendStringInfoChar(&buf, ',');
		write_one(&buf, &parameters->items[i]);
	}
	appendStringInfoChar(&buf, ']');
	return wf_jsonb_parse(buf.data);
}

/* The parameter of this name, or NULL. */
WfParameter *
wf_parameters_get(const WfParameters *parameters, const char *name)
{
	for (int i = 0; i < parameters->n; i++)
		if (strcmp(parameters->items[i].name, name) == 0)
			return &parameters->items[i];
	return NULL;
}

/* JSON pointers to those of which only the owner sees values, n of them. */
const char **
wf_parameters_sensitive(const WfParameters *parameters, int *n)
{
	const char **pointers = palloc(sizeof(char *) * (parameters->n + 1));

	*n = 0;
	for (int i = 0; i < parameters->n; i++)
	{
		StringInfoData buf;

		if (!parameters->items[i].sensitive)
			continue;
		initStringInfo(&buf);
		appendStringInfoChar(&buf, '/');
		for (const char *p = parameters->items[i].name; *p != '\0'; p++)
		{
			if (*p == '~' || *p == '/')
				appendStringInfoString(&buf, *p == '~' ? "~0" : "~1");
			else
				appendStringInfoChar(&buf, *p);
		}
		pointers[(*n)++] = buf.data;
	}
	return pointers;
}

/* --- types and expressions ---------------------------------------------------- */

static void
on_type_change(Datum arg, int cacheid, uint32 hashvalue)
{
	generation++;
}

static void
watch_types(void)
{
	static bool registered = false;

	if (!registered)
		CacheRegisterSyscacheCallback(TYPEOID, on_type_change, (Datum) 0);
	registered = true;
}

static bool
is_compiled(const WfParameterExpr *expr)
{
	return expr == NULL || (expr->cached != NULL && expr->cached->is_valid);
}

/* Are types and expressions as they were looked up, or to be looked up again? */
bool
wf_parameters_are_found(const WfParameters *parameters)
{
	if (!parameters->found || parameters->generation != generation)
		return false;
	for (int i = 0; parameters->computes && i < parameters->n; i++)
		if (!is_compiled(parameters->items[i].computed) ||
			!is_compiled(parameters->items[i].check))
			return false;
	return true;
}

/* Types that may have changed are looked up again, and what was made for them. */
static void
find_types(WfParameters *parameters)
{
	for (int i = 0; i < parameters->n; i++)
	{
		WfParameter *parameter = &parameters->items[i];

		if (parameters->generation != generation)
		{
			parameter->type.oid = InvalidOid;
			if (parameter->computed != NULL)
				wf_parameter_expr_forget(parameter->computed);
			if (parameter->check != NULL)
				wf_parameter_expr_forget(parameter->check);
		}
		wf_parameter_type_find(&parameter->type);
		parameters->plain = parameters->plain && parameter->type.plain;
	}
}

static void
compile_one(WfParameters *parameters, WfParameterExpr *expr)
{
	if (expr == NULL)
		return;
	wf_parameter_expr_compile(expr);
	parameters->computes = true;
	parameters->plain = parameters->plain && expr->pure;
}

/*
 * Find the types of parameters, and compile their expressions, in the author's
 * context.  Throws what the parser throws.
 */
void
wf_parameters_compile(WfParameters *parameters)
{
	uint64		now;

	watch_types();
	now = generation;
	parameters->plain = true;
	parameters->computes = false;
	find_types(parameters);
	for (int i = 0; i < parameters->n; i++)
	{
		compile_one(parameters, parameters->items[i].computed);
		compile_one(parameters, parameters->items[i].check);
	}
	parameters->generation = now;
	parameters->found = true;
}

/*
 * From now on their expressions may call only what they called when they were stored, as
 * wf_parameters_calls() has kept it among others.  calls has to live as long, or is NULL.
 */
void
wf_parameters_set_calls(WfParameters *parameters, const Jsonb *calls)
{
	for (int i = 0; i < parameters->n; i++)
	{
		if (parameters->items[i].computed != NULL)
			parameters->items[i].computed->calls = calls;
		if (parameters->items[i].check != NULL)
			parameters->items[i].check->calls = calls;
	}
}

/* What their expressions, which are compiled, call; in the author's context. */
Jsonb *
wf_parameters_calls(WfParameters *parameters)
{
	const char **keys = palloc(sizeof(char *) * (2 * parameters->n + 1));
	Jsonb	  **values = palloc(sizeof(Jsonb *) * (2 * parameters->n + 1));
	int			n = 0;

	for (int i = 0; i < parameters->n; i++)
	{
		WfParameterExpr *exprs[] = {parameters->items[i].computed, parameters->items[i].check};

		for (int k = 0; k < (int) lengthof(exprs); k++)
		{
			if (exprs[k] == NULL)
				continue;
			keys[n] = wf_parameter_expr_key(exprs[k]);
			values[n++] = wf_parameter_expr_calls(exprs[k]);
		}
	}
	return wf_jsonb_object(n, keys, values);
}

/* --- defaults ------------------------------------------------------------------- */

/* Does a check depend on nothing but the value? */
static bool
is_alone(const WfParameterExpr *check)
{
	return check != NULL && strstr(check->text, "params") == NULL;
}

static void
check_default(WfParameter *parameter)
{
	bool		isnull;
	Datum		value = wf_parameter_type_read(&parameter->type, parameter->constant, &isnull);
	bool		unknown;

	if (isnull && parameter->required)
		refuse_declaration(parameter->name, "it is required, and its default is null", NULL);
	if (is_alone(parameter->check) &&
		!DatumGetBool(wf_parameter_expr_evaluate(parameter->check, value, isnull, wf_jsonb_object(0, NULL, NULL),
										   false, &unknown)) && !unknown)
		refuse_declaration(parameter->name, "its default violates its check", NULL);
}

/* In PG_CATCH: what a type says of a default is an error of the declaration. */
static void
tell_default(const WfParameter *parameter, MemoryContext context)
{
	ErrorData  *error;

	if (ERRCODE_TO_CATEGORY(geterrcode()) != ERRCODE_DATA_EXCEPTION ||
		geterrcode() == ERRCODE_INVALID_PARAMETER_VALUE)
		return;
	MemoryContextSwitchTo(context);
	error = CopyErrorData();
	FlushErrorState();
	refuse_declaration(parameter->name, psprintf("its default does not fit: %s", error->message), NULL);
}

/* The same of one that is constant; what is refused says so by its name. */
static void
check_constant(WfParameter *parameter)
{
	MemoryContext context = CurrentMemoryContext;

	PG_TRY();
	{
		check_default(parameter);
	}
	PG_CATCH();
	{
		tell_default(parameter, context);
		PG_RE_THROW();
	}
	PG_END_TRY();
}

/*
 * Defaults that are constant fit, as the current user, who is the author, sees them.
 * wf_parameters_compile() was called.  Error 22023; others of the author's code.
 */
void
wf_parameters_check_defaults(WfParameters *parameters)
{
	for (int i = 0; i < parameters->n; i++)
		if (parameters->items[i].constant != NULL)
			check_constant(&parameters->items[i]);
}
