/*-------------------------------------------------------------------------
 *
 * compile.c
 *	  From a definition's JSON text to a chart, or to the list of its faults.
 *
 * First the tree of states is built from nothing but keys and types; then
 * every name can be resolved, and the states are filled one by one.  All
 * faults are collected on the way: after one, the compiler goes on with
 * whatever keeps it from reporting consequences.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRONTEND
#include "postgres.h"
#else
#include "postgres_fe.h"
#endif

#include "compile_internal.h"

/* Deepest nesting of states. */
#define DEEPEST_STATE	64

/* Longer texts are no definitions; keeps every array far below 1 GB. */
#define LONGEST_TEXT	(32 * 1024 * 1024)

/* ----------------------------------------------------------------
 *						Helpers of all rooms of the compiler
 * ----------------------------------------------------------------
 */

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
	StringInfoData message;

	initStringInfo(&message);
	for (;;)
	{
		va_list		args;
		int			needed;

		va_start(args, fmt);
		needed = appendStringInfoVA(&message, fmt, args);
		va_end(args);
		if (needed == 0)
			break;
		enlargeStringInfo(&message, needed);
	}
	wf_fault(c->faults, wf_path_text(path), hint, "%s", message.data);
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

/* ----------------------------------------------------------------
 *						The tree of states
 * ----------------------------------------------------------------
 */

/* One child of a state, to be put in order. */
typedef struct Sibling
{
	int			position;		/* in the text */
	double		order;
} Sibling;

static int
compare_siblings(const void *a, const void *b)
{
	const Sibling *x = a;
	const Sibling *y = b;

	if (x->order != y->order)
		return x->order < y->order ? -1 : 1;
	return x->position < y->position ? -1 : 1;
}

/*
 * The children of a state in document order.  Text order, unless all of them
 * have an `order`: somebody who lost the order of keys can say it again so.
 */
static Sibling *
sort_children(WfCompiler *c, const WfJson *children, const WfPath *path)
{
	Sibling    *siblings = palloc((children->n + 1) * sizeof(Sibling));
	bool		ordered = true;

	for (int i = 0; i < children->n; i++)
	{
		const WfJson *order = wf_json_get(children->items[i], "order");

		siblings[i].position = i;
		siblings[i].order = 0;
		if (order == NULL)
			ordered = false;
		else if (!wf_compile_expect(c, order,
									WF_AT_KEY(WF_AT_KEY(path,
														children->keys[i]),
											  "order"), WF_JSON_NUMBER))
			ordered = false;
		else
			siblings[i].order = strtod(order->text, NULL);
	}
	if (ordered)
		qsort(siblings, children->n, sizeof(Sibling), compare_siblings);
	return siblings;
}

/* The kind of a state, from its `type` or from what it has. */
static WfStateKind
kind_of(WfCompiler *c, const WfJson *json, const WfPath *path)
{
	static const char *const names[] = {"atomic", "compound", "parallel",
	"final", "history", NULL};
	const char *type = wf_compile_string(c, json, "type", path);
	const WfJson *states = wf_compile_get(json, "states");

	for (int i = 0; type != NULL && names[i] != NULL; i++)
		if (strcmp(type, names[i]) == 0)
			return (WfStateKind) i;
	if (type != NULL)
		wf_compile_fault(c, WF_AT_KEY(path, "type"),
						 wf_spelling_hint(type, names),
						 "there is no type \"%s\" of states", type);
	if (states != NULL && states->n > 0)
		return WF_STATE_COMPOUND;
	return wf_compile_get(json, "history") ?
		WF_STATE_HISTORY : WF_STATE_ATOMIC;
}

/* Names are paths of keys: a key must not look like a path or an id. */
static void
check_key(WfCompiler *c, const char *key, const WfPath *path)
{
	if (*key == '\0')
		wf_compile_fault(c, path, NULL, "the name of a state is empty");
	else if (strchr(key, '.') != NULL || *key == '#')
		wf_compile_fault(c, path, NULL,
						 "the name of a state cannot contain \".\" nor start "
						 "with \"#\"");
}

static void
set_history(WfCompiler *c, WfState *state, const WfJson *json,
			const WfPath *path)
{
	const WfJson *history = wf_compile_get(json, "history");

	c->features[WF_HAS_HISTORY] = true;
	if (history == NULL ||
		(history->kind == WF_JSON_BOOL && history->boolean))
		return;
	if (history->kind == WF_JSON_STRING && strcmp(history->text, "deep") == 0)
		state->deep = true;
	else if (history->kind != WF_JSON_STRING ||
			 strcmp(history->text, "shallow") != 0)
		wf_compile_fault(c, WF_AT_KEY(path, "history"), NULL,
						 "must be \"shallow\" or \"deep\"");
}

/* A new state at the end of the array; its subtree follows. */
static WfState *
new_state(WfCompiler *c, const WfJson *json, WfStateId parent,
		  const char *key, const WfPath *path)
{
	WfChart    *chart = c->chart;
	WfState    *state;

	if (chart->nstates == c->states_size)
	{
		int			size = c->states_size * 2;

		chart->states = repalloc(chart->states, size * sizeof(WfState));
		c->sources = repalloc(c->sources, size * sizeof(WfJson *));
		c->states_size = size;
	}
	c->sources[chart->nstates] = json;
	state = &chart->states[chart->nstates];
	memset(state, 0, sizeof(WfState));
	state->id = state->last = chart->nstates++;
	state->parent = parent;
	state->key = key;
	state->path = wf_path_text(path);
	state->kind = kind_of(c, json, path);
	if (parent == WF_NO_STATE)
		state->name = key;
	else
	{
		state->depth = chart->states[parent].depth + 1;
		state->name = parent == 0 ? key :
			psprintf("%s.%s", chart->states[parent].name, key);
		state->custom_id = wf_compile_string(c, json, "id", path);
	}
	if (state->kind == WF_STATE_HISTORY)
		set_history(c, state, json, path);
	else if (parent != WF_NO_STATE && (state->kind == WF_STATE_COMPOUND ||
									   state->kind == WF_STATE_PARALLEL))
		state->done_event = psprintf("done.state.%s", state->name);
	if (state->kind == WF_STATE_PARALLEL)
		c->features[WF_HAS_PARALLEL] = true;
	else if (state->kind == WF_STATE_FINAL)
		c->features[WF_HAS_FINAL] = true;
	return state;
}

static void add_state(WfCompiler *c, const WfJson *json, WfStateId parent,
					  const char *key, const WfPath *path);

/* Put the children of a state behind it.  States move: use its number. */
static void
add_children(WfCompiler *c, WfStateId id, const WfJson *children,
			 const WfPath *path)
{
	Sibling    *siblings = sort_children(c, children, path);
	WfStateId  *ids = palloc((children->n + 1) * sizeof(WfStateId));
	int			n = 0;

	for (int i = 0; i < children->n; i++)
	{
		int			position = siblings[i].position;
		const char *key = children->keys[position];
		const WfPath *at = WF_AT_KEY(path, key);

		if (c->chart->nstates >= WF_MAX_STATES)
		{
			wf_compile_fault(c, path, NULL, "more than %d states",
							 WF_MAX_STATES);
			break;
		}
		check_key(c, key, at);
		ids[n++] = c->chart->nstates;
		add_state(c, children->items[position], id, key, at);
	}
	c->chart->states[id].children = ids;
	c->chart->states[id].nchildren = n;
	c->chart->states[id].last = c->chart->nstates - 1;
}

/* Note which of the children are history. */
static void
collect_history(WfChart *chart, WfState *state)
{
	int			n = 0;

	for (int i = 0; i < state->nchildren; i++)
		n += chart->states[state->children[i]].kind == WF_STATE_HISTORY;
	if (n == 0)
		return;
	state->history = palloc(n * sizeof(WfStateId));
	for (int i = 0; i < state->nchildren; i++)
		if (chart->states[state->children[i]].kind == WF_STATE_HISTORY)
			state->history[state->nhistory++] = state->children[i];
}

static void
add_state(WfCompiler *c, const WfJson *json, WfStateId parent,
		  const char *key, const WfPath *path)
{
	static const WfJson nothing = {.kind = WF_JSON_OBJECT};
	const WfPath *at = WF_AT_KEY(path, "states");
	const WfJson *children;
	WfState    *state;
	WfStateId	id;
	bool		wants;

	if (!wf_compile_expect(c, json, path, WF_JSON_OBJECT))
		json = &nothing;
	state = new_state(c, json, parent, key, path);
	id = state->id;
	wants = state->kind == WF_STATE_COMPOUND ||
		state->kind == WF_STATE_PARALLEL;
	children = wf_compile_get(json, "states");

	if (children != NULL && !wf_compile_expect(c, children, at,
											   WF_JSON_OBJECT))
		return;
	if (wants && state->depth >= DEEPEST_STATE)
		wf_compile_fault(c, path, NULL, "states nested deeper than %d levels",
						 DEEPEST_STATE);
	else if (wants && children != NULL)
	{
		add_children(c, id, children, at);
		collect_history(c->chart, &c->chart->states[id]);
	}
	state = &c->chart->states[id];
	if (wants && state->nchildren == state->nhistory)
		wf_compile_fault(c, path, NULL, "there are no states inside");
}

/* ----------------------------------------------------------------
 *						Ids
 * ----------------------------------------------------------------
 */

static int
compare_named(const void *a, const void *b)
{
	const WfNamed *x = a;
	const WfNamed *y = b;
	int			order = strcmp(x->name, y->name);

	return order ? order : x->value - y->value;
}

/* The authors' ids with their states, sorted. */
WfNamed *
wf_index_ids(const WfChart *chart, int *n)
{
	WfNamed    *ids = palloc(chart->nstates * sizeof(WfNamed));

	*n = 0;
	for (int i = 1; i < chart->nstates; i++)
	{
		if (chart->states[i].custom_id == NULL)
			continue;
		ids[*n].name = chart->states[i].custom_id;
		ids[(*n)++].value = i;
	}
	qsort(ids, *n, sizeof(WfNamed), compare_named);
	return ids;
}

/* Each id may be given once. */
static void
check_ids(WfCompiler *c)
{
	for (int i = 0; i < c->nids; i++)
	{
		const WfState *states = c->chart->states;
		const WfNamed *id = &c->ids[i];
		const WfPath *path = WF_AT_TEXT(states[id->value].path);

		if (i > 0 && strcmp(id[-1].name, id->name) == 0)
			wf_compile_fault(c, WF_AT_KEY(path, "id"), NULL,
							 "id \"%s\" is taken by state \"%s\"", id->name,
							 states[id[-1].value].name);
		else if (*id->name == '\0')
			wf_compile_fault(c, WF_AT_KEY(path, "id"), NULL,
							 "the id is empty");
	}
}

static int
compare_invokes(const void *a, const void *b)
{
	const WfInvoke *x = *(const WfInvoke *const *) a;
	const WfInvoke *y = *(const WfInvoke *const *) b;

	return strcmp(x->id, y->id);
}

static void
check_invoke_ids(WfCompiler *c)
{
	WfList	   *list = &c->invoke_list;
	WfInvoke  **invokes = (WfInvoke **) list->items;

	if (list->n < 2)
		return;
	qsort(invokes, list->n, sizeof(WfInvoke *), compare_invokes);
	for (int i = 1; i < list->n; i++)
		if (strcmp(invokes[i - 1]->id, invokes[i]->id) == 0)
			wf_fault(c->faults, invokes[i]->path, NULL,
					 "invoke id \"%s\" is used at %s too", invokes[i]->id,
					 invokes[i - 1]->path);
}

/*
 * A history state without a default falls back to its parent's initial
 * transition, which must not lead to a history state again.
 */
static void
check_history(WfCompiler *c)
{
	const WfChart *chart = c->chart;

	for (int i = 0; i < chart->nstates; i++)
	{
		const WfState *state = &chart->states[i];
		const WfTransition *fallback;

		if (state->kind != WF_STATE_HISTORY || state->initial != NULL)
			continue;
		if (i == 0)
		{
			wf_fault(c->faults, state->path, NULL,
					 "the root cannot be a history state");
			continue;
		}
		fallback = chart->states[state->parent].initial;
		if (fallback != NULL && fallback->has_history)
			wf_fault(c->faults, state->path,
					 "Give the history state a \"target\".",
					 "neither history nor the initial state of its parent "
					 "leads to a state");
	}
}

/* ----------------------------------------------------------------
 *						The whole
 * ----------------------------------------------------------------
 */

static char *
feature_names(const WfCompiler *c)
{
	/* as enum WfFeature */
	static const char *const names[] = {"parallel", "history", "final",
		"always", "after", "keep", "invoke", "retry", "defer", "allow",
		"output", "tags", "wildcard", "error", "guard", "in_state", "expr",
		"call", "assign", "raise", "send", "delay", "cancel", "log", "choose",
	"foreach", "reenter", "on_error", "step_timeout"};
	StringInfoData buf;

	StaticAssertStmt(lengthof(names) == WF_FEATURES, "a name for each");
	initStringInfo(&buf);
	for (int i = 0; i < WF_FEATURES; i++)
		if (c->features[i])
			appendStringInfo(&buf, "%s%s", buf.len ? " " : "", names[i]);
	return buf.data;
}

/* What only the root has. */
static void
compile_root(WfCompiler *c, const WfJson *json)
{
	static const char *const known[] = {"id", "initial", "context", "states",
		"type", "on", "after", "always", "entry", "exit", "onDone", "invoke",
		"output", "tags", "meta", "description", "order", "version", "delays",
		"on_error", "step_timeout", "allow", "defer", "history", "target",
	"$schema", NULL};
	WfChart    *chart = c->chart;
	const WfPath *path = WF_AT_TEXT("$");
	const WfJson *value;

	wf_compile_keys(c, json, path, known);
	value = wf_compile_get(json, "delays");
	if (value != NULL)
		wf_compile_delays(c, value, WF_AT_KEY(path, "delays"));
	value = wf_compile_get(json, "context");
	if (value != NULL && (wf_is_expr(value) ||
						  wf_compile_expect(c, value,
											WF_AT_KEY(path, "context"),
											WF_JSON_OBJECT)))
	{
		chart->context = wf_compile_value(c, value,
										  WF_AT_KEY(path, "context"));
		if (chart->context->kind == WF_VALUE_CONST &&
			chart->context->text[0] != '{')
			wf_compile_fault(c, WF_AT_KEY(path, "context"), NULL,
							 "must be an object");
	}
	value = wf_compile_get(json, "on_error");
	if (value != NULL)
	{
		chart->on_error = wf_json_text(value);
		c->features[WF_HAS_ON_ERROR] = true;
	}
	value = wf_compile_get(json, "step_timeout");
	if (value != NULL)
	{
		chart->step_timeout = wf_compile_delay(c, value,
											   WF_AT_KEY(path,
														 "step_timeout"));
		c->features[WF_HAS_STEP_TIMEOUT] = true;
	}
}

static void
compile_chart(WfCompiler *c, const WfJson *json)
{
	WfChart    *chart = c->chart;
	const WfPath *path = WF_AT_TEXT("$");

	chart->name = wf_compile_string(c, json, "id", path);
	if (chart->name == NULL || chart->name[0] == '\0')
	{
		if (wf_compile_get(json, "id") == NULL || chart->name != NULL)
			wf_compile_fault(c, path, "It is the name of the definition.",
							 "\"id\" is missing");
		chart->name = "";
	}
	c->states_size = 16;
	chart->states = palloc(c->states_size * sizeof(WfState));
	c->sources = palloc(c->states_size * sizeof(WfJson *));
	add_state(c, json, WF_NO_STATE, chart->name, path);
	wf_chart_index(chart);
	c->ids = wf_index_ids(chart, &c->nids);
	check_ids(c);
	c->allow = palloc0(chart->nstates * sizeof(char *));

	compile_root(c, json);
	for (int i = 0; i < chart->nstates; i++)
		wf_compile_state(c, i);
	check_invoke_ids(c);
	check_history(c);

	chart->nexprs = c->expr_list.n;
	chart->exprs = (WfExpr **) c->expr_list.items;
	chart->nconsts = c->const_list.n;
	chart->consts = (WfValue **) c->const_list.items;
	chart->ndelays = c->delay_list.n;
	chart->delays = (WfDelay **) c->delay_list.items;
	chart->features = feature_names(c);
}

WfChart *
wf_compile(const char *text, int len, WfFaults *faults)
{
	WfCompiler	compiler;
	const WfJson *json;

	if (len > LONGEST_TEXT)
	{
		wf_fault(faults, "$", NULL, "longer than %d bytes", LONGEST_TEXT);
		return NULL;
	}
	json = wf_json_parse(text, len, faults);
	if (json == NULL)
		return NULL;

	memset(&compiler, 0, sizeof(compiler));
	compiler.faults = faults;
	compiler.chart = palloc0(sizeof(WfChart));
	if (wf_compile_expect(&compiler, json, WF_AT_TEXT("$"), WF_JSON_OBJECT))
		compile_chart(&compiler, json);
	return faults->n == 0 ? compiler.chart : NULL;
}
