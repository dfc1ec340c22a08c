/*-------------------------------------------------------------------------
 *
 * compile_target.c
 *	  Names of states as authors write them: targets, ids, event names.
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
#include "compiler/compile_read.h"
#include "compiler/compile_target.h"
#include "compiler/compiler.h"
#include "compiler/list.h"

/*
 * Return the state that a path of keys, of len bytes, leads to from another
 * state, or WF_NO_STATE.
 */
static WfStateId
find_below(const WfCompiler *c, WfStateId base, const char *path, int len)
{
	const WfChart *chart = c->chart;
	WfStateId	found;

	if (base == 0)
		found = wf_chart_find(chart, path, len);
	else
	{
		char	   *name = psprintf("%s.%.*s", chart->states[base].name, len,
									path);

		found = wf_chart_find(chart, name, strlen(name));
		pfree(name);
	}
	if (found == WF_NO_STATE || !wf_is_descendant(chart, found, base))
		return WF_NO_STATE;
	return found;
}

/*
 * Return the state of an id, of len bytes and without "#", or WF_NO_STATE.
 * An id is the author's, or XState's default id ("MACHINE.a.b"), or a name
 * ("a.b").  ".a.b" is always a name, and "." the root, so that the canonical
 * form can express names that are ambiguous otherwise.
 */
static WfStateId
find_whole_id(const WfCompiler *c, const char *id, int len)
{
	const char *root = c->chart->name;
	int			root_len = strlen(root);
	WfStateId	found;
	int			custom = wf_list_find_named(c->ids, c->nids, id, len);

	if (custom >= 0)
		return custom;
	if (len > 0 && *id == '.')
		return len == 1 ? 0 : find_below(c, 0, id + 1, len - 1);
	if (len >= root_len && strncmp(id, root, root_len) == 0)
	{
		if (len == root_len)
			return 0;
		if (id[root_len] == '.')
		{
			found = find_below(c, 0, id + root_len + 1, len - root_len - 1);
			if (found != WF_NO_STATE)
				return found;
		}
	}
	return find_below(c, 0, id, len);
}

/*
 * Return the state of an id as find_whole_id() does, but a path may follow
 * the id: "ID.child.deep".
 */
static WfStateId
find_id(const WfCompiler *c, const char *id, int len)
{
	WfStateId	found = find_whole_id(c, id, len);
	int			deep = 0;

	/* a longer path cannot lead to any state */
	for (int dot = len - 1; found == WF_NO_STATE && dot > 0 && deep < WF_DEEPEST_STATE; dot--)
	{
		WfStateId	base;

		if (id[dot] != '.')
			continue;
		deep++;
		base = find_whole_id(c, id, dot);
		if (base != WF_NO_STATE)
			found = find_below(c, base, id + dot + 1, len - dot - 1);
	}
	return found;
}

/*
 * Return the state that the text of a target means, or WF_NO_STATE.  "#"
 * begins an id, "." a path below `dotted`, anything else a path below
 * `base`.
 */
static WfStateId
resolve(const WfCompiler *c, const char *text, WfStateId base,
		WfStateId dotted)
{
	if (text[0] == '#')
		return find_id(c, text + 1, strlen(text + 1));
	if (text[0] == '.')
		return find_below(c, dotted, text + 1, strlen(text + 1));
	return find_below(c, base, text, strlen(text));
}

/*
 * Return a hint for a state that does not exist: a similar sibling, or a
 * state of the same key elsewhere in the tree.  NULL if there is neither.
 */
static const char *
missing_hint(const WfCompiler *c, const char *text, WfStateId base)
{
	const WfChart *chart = c->chart;
	const WfState *state = &chart->states[base];
	const char **siblings;
	const char *hint;
	const char *key = text + strspn(text, "#.");

	/* the fault will be dropped: do not search all states for its hint */
	if (c->faults->n >= WF_MAX_FAULTS)
		return NULL;
	siblings = palloc((state->nchildren + 1) * sizeof(char *));
	for (int i = 0; i < state->nchildren; i++)
		siblings[i] = chart->states[state->children[i]].key;
	siblings[state->nchildren] = NULL;
	hint = wf_diagnostic_spelling_hint(key, siblings);
	for (int i = 1; hint == NULL && i < chart->nstates; i++)
		if (strcmp(chart->states[i].key, key) == 0)
			hint = psprintf("A state of another level is \"#%s\".",
							chart->states[i].name);
	return hint;
}

static WfStateId
compile_target(WfCompiler *c, const WfJson *json, const WfPath *path,
			   WfStateId base, WfStateId dotted)
{
	WfStateId	found;

	if (!wf_compile_read_expect(c, json, path, WF_JSON_STRING))
		return WF_NO_STATE;
	found = resolve(c, json->text, base, dotted);
	if (found == WF_NO_STATE)
		wf_compile_fault(c, path, missing_hint(c, json->text, base),
						 "there is no state \"%s\"", json->text);
	return found;
}

/* A target, and the state that decides which others can be active with it. */
typedef struct Place
{
	WfStateId	id;				/* the target itself; of a history state its
								 * parent, all of which it may remember */
	WfStateId	target;
} Place;

static int
compare_places(const void *a, const void *b)
{
	const Place *left = a;
	const Place *right = b;

	return left->id != right->id ? left->id - right->id :
		left->target - right->target;
}

/*
 * Return true if all n targets of a transition can be active at the same
 * time.  Otherwise add a fault if `fatal`, or else a warning, because the
 * transition can never be taken and is left out.  It is enough to compare
 * neighbours in document order: the least common ancestor of any two targets
 * is that of two neighbours between them.
 */
bool
wf_compile_target_together(WfCompiler *c, const WfStateId *targets, int n,
						   const WfPath *path, bool fatal)
{
	static const char hint[] = "Several targets must lie in different "
		"regions of one parallel state; a history state counts as its parent.";
	const WfChart *chart = c->chart;
	const WfState *states = chart->states;
	Place	   *sorted;

	if (n < 2)
		return true;
	sorted = palloc(n * sizeof(Place));
	for (int i = 0; i < n; i++)
	{
		const WfState *state = &states[targets[i]];

		sorted[i].target = state->id;
		sorted[i].id = state->kind == WF_STATE_HISTORY ? state->parent : state->id;
	}
	qsort(sorted, n, sizeof(Place), compare_places);
	for (int i = 1; i < n; i++)
	{
		const WfState *x = &states[sorted[i - 1].target];
		const WfState *y = &states[sorted[i].target];
		WfStateId	common = wf_chart_common(chart, sorted[i - 1].id, sorted[i].id);

		if (x == y || (common != WF_NO_STATE &&
					   sorted[i].id > states[sorted[i - 1].id].last &&
					   states[common].kind == WF_STATE_PARALLEL))
			continue;
		if (fatal)
			wf_compile_fault(c, path, hint,
							 "\"%s\" and \"%s\" cannot be active together",
							 x->name, y->name);
		else
			wf_compile_fault_warning(c, path, hint,
									 "\"%s\" and \"%s\" cannot be active together: "
									 "the transition is left out", x->name, y->name);
		return false;
	}
	return true;
}

/*
 * Return the targets of a transition, which are given as a string or a list
 * of strings; *n is their number.  Names without a prefix are looked up
 * below `base`, those with a leading dot below `dotted`.  Targets with a
 * fault are left out.
 */
WfStateId *
wf_compile_targets(WfCompiler *c, const WfJson *json, const WfPath *path,
				   WfStateId base, WfStateId dotted, int *n)
{
	bool		single = json->kind != WF_JSON_ARRAY;
	int			count = single ? 1 : json->n;
	WfStateId  *targets = palloc((count + 1) * sizeof(WfStateId));

	*n = 0;
	for (int i = 0; i < count; i++)
	{
		WfStateId	found;

		if (single)
			found = compile_target(c, json, path, base, dotted);
		else
			found = compile_target(c, json->items[i], WF_AT_INDEX(path, i),
								   base, dotted);
		if (found == WF_NO_STATE)
			continue;
		targets[(*n)++] = found;
	}
	return targets;
}

/*
 * Return the state that a guard refers to, by "#id" or a name.  Returns the
 * root after a fault.
 */
WfStateId
wf_compile_target_state(WfCompiler *c, const WfJson *json, const WfPath *path)
{
	const char *text;
	WfStateId	found;

	if (!wf_compile_read_expect(c, json, path, WF_JSON_STRING))
		return 0;
	text = json->text;
	if (text[0] == '#')
		found = find_id(c, text + 1, strlen(text + 1));
	else
	{
		found = find_below(c, 0, text, strlen(text));
		if (found == WF_NO_STATE)
			found = find_id(c, text, strlen(text));
	}
	if (found == WF_NO_STATE)
		wf_compile_fault(c, path, missing_hint(c, text, 0),
						 "there is no state \"%s\"", text);
	return found == WF_NO_STATE ? 0 : found;
}

/* Does a text begin with a prefix?  *rest is set to what follows it. */
static bool
begins(const char *text, const char *prefix, const char **rest)
{
	size_t		len = strlen(prefix);

	if (strncmp(text, prefix, len) != 0)
		return false;
	*rest = text + len;
	return true;
}

/*
 * Return the event that is raised when a state is done, whatever form its id
 * has.
 */
static char *
done_descriptor(WfCompiler *c, const char *id, const WfPath *path)
{
	int			len = strlen(id);
	WfStateId	found;
	const WfState *state;

	if (strcmp(id, "*") == 0 ||
		(len > 2 && strcmp(id + len - 2, ".*") == 0))
		return psprintf("done.state.%s", id);
	found = find_id(c, id, len);
	if (found == WF_NO_STATE)
		return psprintf("done.state.%s", id);
	state = &c->chart->states[found];
	if (found == 0)
		wf_compile_fault(c, path,
						 "When the root is done, the process has ended.",
						 "the root cannot react to its own end");
	else if (state->done_event == NULL)
		wf_compile_fault(c, path, NULL,
						 "state \"%s\" has no states inside and is never done",
						 state->name);
	return pstrdup(state->done_event ? state->done_event : id);
}

/*
 * Return an event descriptor in our own spelling, in new memory: names of
 * XState's events are translated.
 */
char *
wf_compile_target_descriptor(WfCompiler *c, const char *descriptor,
							 const WfPath *path)
{
	static const char *const spellings[][2] = {
		{"xstate.done.actor.", "done.invoke."},
		{"xstate.error.actor.", "error.invoke."},
		{"error.platform.", "error.invoke."},
		{"xstate.done.", "done."},
		{"xstate.error.", "error."},
		{"xstate.after.", "after."}
	};
	const char *rest;

	if (*descriptor == '\0')
	{
		wf_compile_fault(c, path,
						 "Transitions without an event go under `always`.",
						 "the name of an event is empty");
		return pstrdup(descriptor);
	}
	if (begins(descriptor, "xstate.done.state.", &rest) ||
		begins(descriptor, "done.state.", &rest))
		return done_descriptor(c, rest, path);
	for (int i = 0; i < (int) lengthof(spellings); i++)
		if (begins(descriptor, spellings[i][0], &rest))
			return wf_compile_target_descriptor(c, psprintf("%s%s", spellings[i][1],
															rest), path);
	return pstrdup(descriptor);
}
