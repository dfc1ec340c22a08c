/*-------------------------------------------------------------------------
 *
 * compile_tree.c
 *	  The tree of states: order, kinds, names and ids.
 *
 * Pure C.  No name is resolved here.  What is in the states is compiled
 * later, when every name is known.
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
#include "compiler/compile_tree.h"
#include "compiler/compiler.h"
#include "compiler/list.h"

/* A child of a state, to be put in order. */
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
 * Return the children of a state in document order.  That is the order of
 * the text, unless all of them have an `order`, with which an author whose
 * tools lose the order of keys can restore it.
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
		else if (!wf_compile_read_expect(c, order,
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

/* What a state of a type that there is not may be. */
static const char *
hint_of_type(const char *type, const char *const *names)
{
	const char *near_by = wf_diagnostic_spelling_hint(type, names);

	if (near_by == NULL)
		near_by = wf_compile_foreign_type(type);
	return near_by != NULL ? near_by : "It is atomic, compound, parallel, final or history.";
}

/* Return the kind of a state, from its `type` or from its keys. */
static WfStateKind
kind_of(WfCompiler *c, const WfJson *json, const WfPath *path)
{
	static const char *const names[] = {"atomic", "compound", "parallel",
	"final", "history", NULL};
	const char *type = wf_compile_read_string(c, json, "type", path);
	const WfJson *states = wf_compile_read_get(json, "states");

	for (int i = 0; type != NULL && names[i] != NULL; i++)
		if (strcmp(type, names[i]) == 0)
			return (WfStateKind) i;
	if (type != NULL)
		wf_compile_fault(c, WF_AT_KEY(path, "type"),
						 hint_of_type(type, names),
						 "there is no state type \"%s\"", type);
	if (states != NULL && states->n > 0)
		return WF_STATE_COMPOUND;
	return wf_compile_read_get(json, "history") ?
		WF_STATE_HISTORY : WF_STATE_ATOMIC;
}

/* Report a key that looks like a path or an id.  Names are paths of keys. */
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
	const WfJson *history = wf_compile_read_get(json, "history");

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

/* Append a new state to the array; its subtree must follow. */
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
		state->custom_id = wf_compile_read_string(c, json, "id", path);
	}
	if (state->kind == WF_STATE_HISTORY)
		set_history(c, state, json, path);
	else if (parent != WF_NO_STATE && (state->kind == WF_STATE_COMPOUND ||
									   state->kind == WF_STATE_PARALLEL))
		state->done_event = psprintf("done.state.%s", state->name);
	if (state->kind == WF_STATE_PARALLEL)
		c->features[WF_HAS_PARALLEL] = c->chart->has_parallel = true;
	else if (state->kind == WF_STATE_FINAL)
		c->features[WF_HAS_FINAL] = true;
	return state;
}

static void add_state(WfCompiler *c, const WfJson *json, WfStateId parent,
					  const char *key, const WfPath *path);

/*
 * Append the children of a state.  The array moves when it grows, so states
 * must be addressed by number.
 */
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

/* Record which of the children are history states. */
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

/* Append a state with its subtree. */
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

	if (!wf_compile_read_expect(c, json, path, WF_JSON_OBJECT))
		json = &nothing;
	state = new_state(c, json, parent, key, path);
	id = state->id;
	wants = state->kind == WF_STATE_COMPOUND ||
		state->kind == WF_STATE_PARALLEL;
	children = wf_compile_read_get(json, "states");

	if (children != NULL && !wf_compile_read_object(c, children, at,
													"The name is the key: \"states\": {\"NAME\": {...}}."))
		return;
	if (!wants)
		return;
	if (state->depth >= WF_DEEPEST_STATE)
	{
		wf_compile_fault(c, path, NULL, "states nested deeper than %d levels",
						 WF_DEEPEST_STATE);
		return;
	}
	if (children != NULL)
	{
		add_children(c, id, children, at);
		collect_history(c->chart, &c->chart->states[id]);
	}
	state = &c->chart->states[id];
	if (state->nchildren == state->nhistory)
		wf_compile_fault(c, path, NULL, "there are no states inside");
}

static int
compare_named(const void *a, const void *b)
{
	const WfNamed *x = a;
	const WfNamed *y = b;
	int			order = strcmp(x->name, y->name);

	return order ? order : x->value - y->value;
}

/*
 * Return the authors' ids with the numbers of their states, sorted by id and
 * then by number, in the current memory context; *n is their number.
 */
WfNamed *
wf_compile_tree_ids(const WfChart *chart, int *n)
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

/* Report ids that are empty or used twice. */
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
							 "id \"%s\" is already used by state \"%s\"", id->name,
							 states[id[-1].value].name);
		else if (*id->name == '\0')
			wf_compile_fault(c, WF_AT_KEY(path, "id"), NULL,
							 "the id is empty");
	}
}

/*
 * Build the states of the chart from keys and types alone, so that their
 * names can be resolved.  The chart must have its name already.
 */
void
wf_compile_tree(WfCompiler *c, const WfJson *json)
{
	WfChart    *chart = c->chart;

	c->states_size = 16;
	chart->states = palloc(c->states_size * sizeof(WfState));
	c->sources = palloc(c->states_size * sizeof(WfJson *));
	add_state(c, json, WF_NO_STATE, chart->name, WF_AT_TEXT("$"));
	wf_chart_index(chart);
	c->ids = wf_compile_tree_ids(chart, &c->nids);
	check_ids(c);
}
