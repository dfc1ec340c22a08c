/*-------------------------------------------------------------------------
 *
 * compile_value.c
 *	  What the author computes: expressions, values, guards.
 *
 * Pure C.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRONTEND
#include "postgres.h"
#else
#include "postgres_fe.h"
#endif

#include "chart/chart.h"
#include "chart/json.h"
#include "chart/path.h"
#include "compiler/compile_fault.h"
#include "compiler/compile_read.h"
#include "compiler/compile_target.h"
#include "compiler/compile_value.h"
#include "compiler/compiler.h"
#include "compiler/list.h"

/* ----------------------------------------------------------------
 *						Expressions and functions
 * ----------------------------------------------------------------
 */

/*
 * Return the name of something built in without the prefix that XState
 * writes.  *prefixed, unless prefixed is NULL, tells whether it had one.
 */
const char *
wf_compile_value_builtin(const char *type, bool *prefixed)
{
	const char *bare = type;

	if (*bare == '@')
		bare++;
	if (strncmp(bare, "xstate.", 7) == 0)
		bare += 7;
	else
		bare = type;
	if (prefixed != NULL)
		*prefixed = (bare != type);
	return bare;
}

/* Is a value an expression, that is, an object with "@expr"? */
bool
wf_compile_value_is_expr(const WfJson *json)
{
	return wf_json_get(json, "@expr") != NULL;
}

/* Make an expression with an id of its own. */
static WfExpr *
new_expr(WfCompiler *c, WfExprUse use, const char *text, const WfPath *path)
{
	WfExpr	   *expr = palloc0(sizeof(WfExpr));

	expr->id = c->expr_list.n;
	expr->use = use;
	expr->text = text;
	expr->path = wf_path_text(path);
	expr->step_timeout = c->limit;
	wf_list_add(&c->expr_list, expr);
	return expr;
}

/*
 * Compile an expression: {"@expr": text, "@lang": "sql"}, where "@lang" may
 * be missing.  Never returns NULL.
 */
WfExpr *
wf_compile_value_expr(WfCompiler *c, WfExprUse use, const WfJson *json,
					  const WfPath *path)
{
	static const char *const known[] = {"@expr", "@lang", NULL};
	const WfJson *text = wf_json_get(json, "@expr");
	const WfJson *lang = wf_json_get(json, "@lang");
	const WfPath *at = WF_AT_KEY(path, "@expr");

	wf_compile_read_keys(c, json, path, known);
	if (wf_compile_read_expect(c, text, at, WF_JSON_STRING) &&
		strspn(text->text, " \t\r\n") == strlen(text->text))
		wf_compile_fault(c, at, NULL, "the expression is empty");
	if (lang != NULL &&
		(lang->kind != WF_JSON_STRING || strcmp(lang->text, "sql") != 0))
		wf_compile_fault(c, WF_AT_KEY(path, "@lang"), NULL,
						 "the only language of expressions is \"sql\"");
	c->features[WF_HAS_EXPR] = true;
	return new_expr(c, use, text->text ? text->text : "", path);
}

/*
 * Report expressions in parameters of a function, which are constants.
 * Otherwise they would be passed as they are, to the author's surprise.
 */
static void
check_params(WfCompiler *c, const WfJson *json, const WfPath *path)
{
	if (json->kind == WF_JSON_OBJECT && wf_compile_value_is_expr(json))
		wf_compile_fault(c, path,
						 "Compute it in the function, which gets context and event.",
						 "parameters of a function cannot be computed");
	for (int i = 0; i < json->n; i++)
		check_params(c, json->items[i], json->kind == WF_JSON_OBJECT ?
					 WF_AT_KEY(path, json->keys[i]) : WF_AT_INDEX(path, i));
}

/*
 * Compile the call of a SQL function; params may be NULL.  Never returns
 * NULL.
 */
WfExpr *
wf_compile_value_call(WfCompiler *c, WfExprUse use, const char *name,
					  const WfJson *params, const WfPath *path)
{
	WfExpr	   *expr = new_expr(c, use, name, path);

	if (*name == '\0')
		wf_compile_fault(c, path, NULL, "the name of a function is empty");
	expr->is_function = true;
	if (params != NULL)
	{
		check_params(c, params, WF_AT_KEY(path, "params"));
		expr->params = wf_json_text(params);
	}
	c->features[WF_HAS_CALL] = true;
	return expr;
}

/* ----------------------------------------------------------------
 *						Values
 * ----------------------------------------------------------------
 */

/*
 * Make a constant value, with an id of its own, of JSON text, which is not
 * copied.
 */
WfValue *
wf_compile_value_const(WfCompiler *c, const char *text)
{
	WfValue    *value = palloc0(sizeof(WfValue));

	value->kind = WF_VALUE_CONST;
	value->text = text;
	value->const_id = c->const_list.n;
	wf_list_add(&c->const_list, value);
	return value;
}

/* Is a value plain JSON, without any "@..." key? */
static bool
is_plain(const WfJson *json)
{
	for (int i = 0; i < json->n; i++)
	{
		if (json->kind == WF_JSON_OBJECT && json->keys[i][0] == '@')
			return false;
		if (!is_plain(json->items[i]))
			return false;
	}
	return true;
}

/* Compile an object with an "@..." key: an expression or a quoted value. */
static WfValue *
compile_marked(WfCompiler *c, const WfJson *json, const WfPath *path)
{
	static const char *const known[] = {"@literal", NULL};
	const WfJson *literal = wf_json_get(json, "@literal");
	WfValue    *value;

	if (literal != NULL)
	{
		wf_compile_read_keys(c, json, path, known);
		value = wf_compile_value_const(c, wf_json_text(literal));
		value->quoted = !is_plain(literal);
		return value;
	}
	if (!wf_compile_value_is_expr(json))
	{
		for (int i = 0; i < json->n; i++)
			if (json->keys[i][0] == '@')
				wf_compile_fault(c, WF_AT_KEY(path, json->keys[i]),
								 "Write {\"@expr\": \"...\"} for a computed "
								 "value, {\"@literal\": ...} to quote one.",
								 "unknown key \"%s\" in a value",
								 json->keys[i]);
		return wf_compile_value_const(c, "null");
	}
	value = palloc0(sizeof(WfValue));
	value->kind = WF_VALUE_EXPR;
	value->expr = wf_compile_value_expr(c, WF_USE_VALUE, json, path);
	value->const_id = -1;
	return value;
}

/*
 * Compile a JSON value, parts of which may be computed.  Never returns NULL.
 */
WfValue *
wf_compile_value(WfCompiler *c, const WfJson *json, const WfPath *path)
{
	WfValue    *value;

	if (is_plain(json))
		return wf_compile_value_const(c, wf_json_text(json));
	if (json->kind == WF_JSON_OBJECT)
		for (int i = 0; i < json->n; i++)
			if (json->keys[i][0] == '@')
				return compile_marked(c, json, path);

	value = palloc0(sizeof(WfValue));
	value->kind = json->kind == WF_JSON_OBJECT ?
		WF_VALUE_OBJECT : WF_VALUE_ARRAY;
	value->const_id = -1;
	value->nparts = json->n;
	value->keys = json->keys;
	value->parts = palloc(json->n * sizeof(WfValue *));
	for (int i = 0; i < json->n; i++)
		value->parts[i] =
			wf_compile_value(c, json->items[i],
							 json->kind == WF_JSON_OBJECT ?
							 WF_AT_KEY(path, json->keys[i]) :
							 WF_AT_INDEX(path, i));
	return value;
}

/* ----------------------------------------------------------------
 *						Guards
 * ----------------------------------------------------------------
 */

static WfGuard *
new_guard(WfGuardKind kind, int nparts)
{
	WfGuard    *guard = palloc0(sizeof(WfGuard));

	guard->kind = kind;
	guard->state = WF_NO_STATE;
	guard->nparts = nparts;
	if (nparts > 0)
		guard->parts = palloc0(nparts * sizeof(WfGuard *));
	return guard;
}

/*
 * Return a guard that is always true or always false: the empty conjunction
 * or the empty disjunction.
 */
static WfGuard *
constant_guard(bool value)
{
	return new_guard(value ? WF_GUARD_AND : WF_GUARD_OR, 0);
}

static WfGuard *compile_guard(WfCompiler *c, const WfJson *json,
							  const WfPath *path);

/* Return the value of one of two keys, of which the other may be NULL. */
static const WfJson *
either(WfCompiler *c, const WfJson *json, const char *key, const char *other,
	   const WfPath *path)
{
	const WfJson *found = wf_compile_read_get(json, key);

	if (other == NULL)
		return found;
	wf_compile_read_same(c, json, path, key, other);
	return found != NULL ? found : wf_compile_read_get(json, other);
}

/*
 * Return the argument of a built-in guard under one of two keys, in the
 * guard itself or in its `params`.  In the latter case *path is extended by
 * a step, whose memory the caller provides.  NULL if it is absent.
 */
static const WfJson *
guard_argument(WfCompiler *c, const WfJson *json, const char *key, const char *other,
			   const WfPath **path, WfPath *step)
{
	const char *const known[] = {key, other, NULL};
	const WfJson *params = wf_compile_read_get(json, "params");
	const WfJson *found = either(c, json, key, other, *path);

	if (params == NULL)
		return found;
	*step = (WfPath) {*path, "params", 0};
	if (!wf_compile_read_expect(c, params, step, WF_JSON_OBJECT))
		return found;
	wf_compile_read_keys(c, params, step, known);
	if (found != NULL)
	{
		wf_compile_fault(c, step, "Use one of them.",
						 "\"%s\" stands beside \"params\" and in it", key);
		return found;
	}
	*path = step;
	return either(c, params, key, other, step);
}

static WfGuard *
compile_not(WfCompiler *c, const WfJson *json, const WfPath *path)
{
	WfPath		step;
	const WfJson *part = guard_argument(c, json, "guard", NULL, &path, &step);
	WfGuard    *guard = new_guard(WF_GUARD_NOT, 1);

	if (part == NULL)
		wf_compile_fault(c, path, NULL, "\"not\" needs a \"guard\"");
	guard->parts[0] = part ?
		compile_guard(c, part, WF_AT_KEY(path, "guard")) :
		constant_guard(true);
	return guard;
}

static WfGuard *
compile_and_or(WfCompiler *c, WfGuardKind kind, const WfJson *json,
			   const WfPath *path)
{
	WfPath		step;
	const WfJson *parts = guard_argument(c, json, "guards", NULL, &path, &step);
	const WfPath *at = WF_AT_KEY(path, "guards");
	WfGuard    *guard;

	if (parts == NULL)
	{
		wf_compile_fault(c, path, NULL,
						 "\"and\" and \"or\" need a list of \"guards\"");
		return constant_guard(true);
	}
	if (!wf_compile_read_expect(c, parts, at, WF_JSON_ARRAY))
		return constant_guard(true);
	guard = new_guard(kind, parts->n);
	for (int i = 0; i < parts->n; i++)
		guard->parts[i] = compile_guard(c, parts->items[i],
										WF_AT_INDEX(at, i));
	return guard;
}

static WfGuard *
compile_in_state(WfCompiler *c, const WfJson *json, const WfPath *path)
{
	WfPath		step;
	const WfPath *own = path;
	const WfJson *state = guard_argument(c, json, "stateId", "state", &path,
										 &step);
	const char *key = wf_json_get(path == own ? json : wf_json_get(json, "params"),
								  "stateId") != NULL ? "stateId" : "state";
	WfGuard    *guard = new_guard(WF_GUARD_IN_STATE, 0);

	if (state == NULL)
		wf_compile_fault(c, path, NULL, "\"stateIn\" needs a \"stateId\"");
	else
		guard->state = wf_compile_target_state(c, state, WF_AT_KEY(path, key));
	c->features[WF_HAS_IN_STATE] = true;
	return guard;
}

/*
 * Compile a guard by its type, which is the name of a built-in one or of a
 * function.
 */
static WfGuard *
compile_named_guard(WfCompiler *c, const char *type, const WfJson *json,
					const WfPath *path)
{
	static const char *const not_keys[] = {"type", "params", "guard", NULL};
	static const char *const and_keys[] = {"type", "params", "guards", NULL};
	static const char *const in_keys[] = {"type", "params", "stateId",
	"state", NULL};
	static const char *const builtins[] = {"not", "and", "or", "stateIn", NULL};
	bool		prefixed;
	const char *bare = wf_compile_value_builtin(type, &prefixed);
	WfGuard    *guard;

	if (strcmp(bare, "not") == 0)
	{
		wf_compile_read_keys(c, json, path, not_keys);
		return compile_not(c, json, path);
	}
	if (strcmp(bare, "and") == 0 || strcmp(bare, "or") == 0)
	{
		wf_compile_read_keys(c, json, path, and_keys);
		return compile_and_or(c, *bare == 'a' ? WF_GUARD_AND : WF_GUARD_OR,
							  json, path);
	}
	if (strcmp(bare, "in") == 0 || strcmp(bare, "stateIn") == 0)
	{
		wf_compile_read_keys(c, json, path, in_keys);
		return compile_in_state(c, json, path);
	}
	if (prefixed)
		wf_compile_fault(c, path, NULL, "there is no built-in guard \"%s\"",
						 type);
	wf_compile_read_call_keys(c, WF_USE_GUARD, type, json, path, builtins);
	guard = new_guard(WF_GUARD_EXPR, 0);
	guard->expr = wf_compile_value_call(c, WF_USE_GUARD, type,
										wf_json_get(json, "params"), path);
	return guard;
}

/* Compile a guard in any form.  Never returns NULL. */
static WfGuard *
compile_guard(WfCompiler *c, const WfJson *json, const WfPath *path)
{
	static const WfJson nothing = {.kind = WF_JSON_OBJECT};
	const char *type;
	WfGuard    *guard;

	switch (json->kind)
	{
		case WF_JSON_BOOL:
			return constant_guard(json->boolean);
		case WF_JSON_STRING:
			return compile_named_guard(c, json->text, &nothing, path);
		case WF_JSON_OBJECT:
			type = wf_compile_read_string(c, json, "type", path);
			if (type != NULL && !wf_compile_value_is_expr(json))
				return compile_named_guard(c, type, json, path);
			if (!wf_compile_value_is_expr(json))
				break;
			guard = new_guard(WF_GUARD_EXPR, 0);
			guard->expr = wf_compile_value_expr(c, WF_USE_GUARD, json, path);
			return guard;
		default:
			break;
	}
	if (json->kind == WF_JSON_OBJECT)
		wf_compile_fault(c, path, "Name a function, or write {\"@expr\": \"...\"}.",
						 "guard has no \"type\"");
	else
		wf_compile_fault(c, path, "Name a function, or write {\"@expr\": \"...\"}.",
						 "guard cannot be of type %s", wf_json_kind_name(json->kind));
	return constant_guard(true);
}

/* Compile a guard in any form.  Returns NULL for one that always holds. */
const WfGuard *
wf_compile_value_guard(WfCompiler *c, const WfJson *json, const WfPath *path)
{
	WfGuard    *guard = compile_guard(c, json, path);

	if (guard->kind == WF_GUARD_AND && guard->nparts == 0)
		return NULL;
	c->features[WF_HAS_GUARD] = true;
	return guard;
}

/* Return the conjunction of two guards, each of which may be NULL. */
const WfGuard *
wf_compile_value_and(const WfGuard *a, const WfGuard *b)
{
	WfGuard    *both;

	if (a == NULL || b == NULL)
		return a ? a : b;
	both = new_guard(WF_GUARD_AND, 2);
	both->parts[0] = unconstify(WfGuard *, a);
	both->parts[1] = unconstify(WfGuard *, b);
	return both;
}
