/*-------------------------------------------------------------------------
 *
 * compile_read.c
 *	  What the rooms of the compiler read with: keys and types, or a fault.
 *
 * Also the lists and tables of names that they fill.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRONTEND
#include "postgres.h"
#else
#include "postgres_fe.h"
#endif

#include "chart/diagnostic.h"
#include "chart/json.h"
#include "compiler/compile_read.h"
#include "compiler/compiler.h"

void
wf_list_add(WfList *list, void *item)
{
	if (list->items == NULL)
	{
		list->size = 4;
		list->items = palloc(list->size * sizeof(void *));
	}
	else if (list->n >= list->size)
	{
		list->size *= 2;
		list->items = repalloc(list->items, list->size * sizeof(void *));
	}
	list->items[list->n++] = item;
}

void
wf_compile_fault(WfCompiler *c, const WfPath *path, const char *hint,
				 const char *fmt,...)
{
	va_list		args;

	va_start(args, fmt);
	wf_fault(c->faults, wf_path_text(path), hint, "%s",
			 wf_format(fmt, args));
	va_end(args);
}

/* Something without effect that does no harm: the chart tells of it. */
void
wf_compile_warn(WfCompiler *c, const WfPath *path, const char *hint,
				const char *fmt,...)
{
	va_list		args;

	va_start(args, fmt);
	wf_fault(&c->chart->warnings, wf_path_text(path), hint, "%s",
			 wf_format(fmt, args));
	va_end(args);
}

bool
wf_compile_expect(WfCompiler *c, const WfJson *json, const WfPath *path,
				  WfJsonKind kind)
{
	if (json->kind == kind)
		return true;
	wf_compile_fault(c, path, NULL, "must be %s, not %s",
					 wf_json_kind_name(kind), wf_json_kind_name(json->kind));
	return false;
}

/* Report the keys of an object that have no meaning there. */
void
wf_compile_keys(WfCompiler *c, const WfJson *json, const WfPath *path,
				const char *const *known)
{
	for (int i = 0; i < json->n; i++)
	{
		const char *const *key = known;

		while (*key && strcmp(*key, json->keys[i]) != 0)
			key++;
		if (*key == NULL)
			wf_compile_fault(c, WF_AT_KEY(path, json->keys[i]),
							 wf_spelling_hint(json->keys[i], known),
							 "unknown key \"%s\"", json->keys[i]);
	}
}

/*
 * A function has no keys but `params`.  With others, what is named by `type`
 * may be meant as one of those that are built in.
 */
void
wf_compile_call_keys(WfCompiler *c, const char *kind, const char *type,
					 const WfJson *json, const WfPath *path,
					 const char *const *builtins)
{
	static const char *const known[] = {"type", "params", NULL};
	int			nknown = 1 + (wf_json_get(json, "params") != NULL);
	const char *hint = json->n > nknown ? wf_spelling_hint(type, builtins) : NULL;

	if (hint != NULL)
		wf_compile_fault(c, WF_AT_KEY(path, "type"), hint,
						 "there is no built-in %s \"%s\"", kind, type);
	else
		wf_compile_keys(c, json, path, known);
}

/* The value of a key; null is as good as absent. */
const WfJson *
wf_compile_get(const WfJson *json, const char *key)
{
	const WfJson *value = wf_json_get(json, key);

	return value != NULL && value->kind != WF_JSON_NULL ? value : NULL;
}

/* A string under a key, or NULL when absent or after a fault. */
const char *
wf_compile_string(WfCompiler *c, const WfJson *json, const char *key,
				  const WfPath *path)
{
	const WfJson *value = wf_compile_get(json, key);

	if (value == NULL ||
		!wf_compile_expect(c, value, WF_AT_KEY(path, key), WF_JSON_STRING))
		return NULL;
	return value->text;
}

/* A boolean under a key; absent is false. */
bool
wf_compile_bool(WfCompiler *c, const WfJson *json, const char *key,
				const WfPath *path)
{
	const WfJson *value = wf_compile_get(json, key);

	if (value == NULL ||
		!wf_compile_expect(c, value, WF_AT_KEY(path, key), WF_JSON_BOOL))
		return false;
	return value->boolean;
}

/* A list of strings, or a single one without the list. */
const char **
wf_compile_strings(WfCompiler *c, const WfJson *json, const WfPath *path,
				   int *n)
{
	int			count = json->kind == WF_JSON_ARRAY ? json->n : 1;
	const char **strings = palloc((count + 1) * sizeof(char *));

	*n = 0;
	if (json->kind != WF_JSON_ARRAY)
	{
		if (wf_compile_expect(c, json, path, WF_JSON_STRING))
			strings[(*n)++] = json->text;
		return strings;
	}
	for (int i = 0; i < count; i++)
		if (wf_compile_expect(c, json->items[i], WF_AT_INDEX(path, i),
							  WF_JSON_STRING))
			strings[(*n)++] = json->items[i]->text;
	return strings;
}

/* The value that a sorted table has for a name, or -1. */
int
wf_named_find(const WfNamed *table, int n, const char *name, int len)
{
	int			low = 0;
	int			high = n;

	while (low < high)
	{
		int			middle = (low + high) / 2;
		const char *there = table[middle].name;
		int			order = strncmp(there, name, len);

		if (order == 0 && there[len] != '\0')
			order = 1;
		if (order == 0)
			return table[middle].value;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return -1;
}
