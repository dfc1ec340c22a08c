/*-------------------------------------------------------------------------
 *
 * compile_read.c
 *	  Read keys and values of a definition, with a fault for wrong types.
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
#include "chart/diagnostic.h"
#include "chart/json.h"
#include "chart/path.h"
#include "compiler/compile_fault.h"
#include "compiler/compile_foreign.h"
#include "compiler/compile_read.h"
#include "compiler/compiler.h"

/*
 * Return true if a value is of this kind; otherwise add a fault and return
 * false.
 */
bool
wf_compile_read_expect(WfCompiler *c, const WfJson *json, const WfPath *path,
					   WfJsonKind kind)
{
	if (json->kind == kind)
		return true;
	wf_compile_fault(c, path, NULL, "must be of type %s, not %s",
					 wf_json_kind_name(kind), wf_json_kind_name(json->kind));
	return false;
}

/*
 * Return true if a value is an object; otherwise add a fault with a hint that
 * says what its keys are, for those who know a list in this place, and return
 * false.
 */
bool
wf_compile_read_object(WfCompiler *c, const WfJson *json, const WfPath *path,
					   const char *hint)
{
	if (json->kind == WF_JSON_OBJECT)
		return true;
	wf_compile_fault(c, path, hint, "must be of type %s, not %s",
					 wf_json_kind_name(WF_JSON_OBJECT), wf_json_kind_name(json->kind));
	return false;
}

/* Report the keys of an object that are not in a NULL-terminated list. */
void
wf_compile_read_keys(WfCompiler *c, const WfJson *json, const WfPath *path,
					 const char *const *known)
{
	for (int i = 0; i < json->n; i++)
	{
		const char *const *key = known;

		while (*key && strcmp(*key, json->keys[i]) != 0)
			key++;
		if (*key == NULL)
		{
			const char *hint = wf_compile_foreign_key(json->keys[i], known);

			wf_compile_fault(c, WF_AT_KEY(path, json->keys[i]), hint != NULL ? hint :
							 wf_diagnostic_spelling_hint(json->keys[i], known),
							 "unknown key \"%s\"", json->keys[i]);
		}
	}
}

/*
 * Report it if an object has two keys that mean the same, of which one would be
 * ignored.
 */
void
wf_compile_read_same(WfCompiler *c, const WfJson *json, const WfPath *path,
					 const char *key, const char *other)
{
	if (wf_json_get(json, key) != NULL && wf_json_get(json, other) != NULL)
		wf_compile_fault(c, path, "Use one of them.",
						 "\"%s\" and \"%s\" mean the same", key, other);
}

/*
 * Report the keys of a call of a function that it cannot have, that is, all
 * but `params`.  If there are any, and `type` is similar to one of the
 * built-in ones, a NULL-terminated list, that one is suggested instead.  use
 * is WF_USE_ACTION or WF_USE_GUARD.
 */
void
wf_compile_read_call_keys(WfCompiler *c, WfExprUse use, const char *type,
						  const WfJson *json, const WfPath *path,
						  const char *const *builtins)
{
	static const char *const known[] = {"type", "params", NULL};
	int			nknown = 1 + (wf_json_get(json, "params") != NULL);
	const char *hint = json->n > nknown ? wf_diagnostic_spelling_hint(type, builtins) : NULL;

	if (hint == NULL)
		wf_compile_read_keys(c, json, path, known);
	else if (use == WF_USE_GUARD)
		wf_compile_fault(c, WF_AT_KEY(path, "type"), hint,
						 "there is no built-in guard \"%s\"", type);
	else
		wf_compile_fault(c, WF_AT_KEY(path, "type"), hint,
						 "there is no built-in action \"%s\"", type);
}

/* Return the value of an object's key, or NULL if it is absent or null. */
const WfJson *
wf_compile_read_get(const WfJson *json, const char *key)
{
	const WfJson *value = wf_json_get(json, key);

	return value != NULL && value->kind != WF_JSON_NULL ? value : NULL;
}

/*
 * Return the string under a key, or NULL if the key is absent or after a
 * fault.
 */
const char *
wf_compile_read_string(WfCompiler *c, const WfJson *json, const char *key,
					   const WfPath *path)
{
	const WfJson *value = wf_compile_read_get(json, key);

	if (value == NULL ||
		!wf_compile_read_expect(c, value, WF_AT_KEY(path, key), WF_JSON_STRING))
		return NULL;
	return value->text;
}

/*
 * Return the boolean under a key, or false if the key is absent or after a
 * fault.
 */
bool
wf_compile_read_bool(WfCompiler *c, const WfJson *json, const char *key,
					 const WfPath *path)
{
	const WfJson *value = wf_compile_read_get(json, key);

	if (value == NULL ||
		!wf_compile_read_expect(c, value, WF_AT_KEY(path, key), WF_JSON_BOOL))
		return false;
	return value->boolean;
}

/*
 * Return a list of strings, which may be written as a single string; *n is
 * their number.  Elements of another kind are faults and are left out.
 */
const char **
wf_compile_read_strings(WfCompiler *c, const WfJson *json, const WfPath *path,
						int *n)
{
	int			count = json->kind == WF_JSON_ARRAY ? json->n : 1;
	const char **strings = palloc((count + 1) * sizeof(char *));

	*n = 0;
	if (json->kind != WF_JSON_ARRAY)
	{
		if (wf_compile_read_expect(c, json, path, WF_JSON_STRING))
			strings[(*n)++] = json->text;
		return strings;
	}
	for (int i = 0; i < count; i++)
		if (wf_compile_read_expect(c, json->items[i], WF_AT_INDEX(path, i),
								   WF_JSON_STRING))
			strings[(*n)++] = json->items[i]->text;
	return strings;
}
