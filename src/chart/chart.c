/*-------------------------------------------------------------------------
 *
 * chart.c
 *	  Look things up in a compiled definition.
 *
 * Pure C, in any process and in programs.  A chart never changes once it is
 * compiled; only wf_chart_index() and wf_chart_index_reactions(), which
 * belong to its compilation, write to it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRONTEND
#include "postgres.h"
#else
#include "postgres_fe.h"
#endif

#include "chart/chart.h"

/*
 * FNV-1a.  It is good enough, because names are short and the table is built
 * once for a chart.
 */
static uint32
hash_name(const char *name, int len)
{
	uint32		hash = 2166136261u;

	for (int i = 0; i < len; i++)
		hash = (hash ^ (unsigned char) name[i]) * 16777619u;
	return hash ^ (hash >> 15);
}

/* Return the slot that holds a name, or the empty one where it belongs. */
static uint32
find_slot(const WfChart *chart, const char *name, int len)
{
	uint32		slot = hash_name(name, len) & chart->name_mask;

	while (chart->name_slots[slot] != WF_NO_STATE)
	{
		const char *found = chart->states[chart->name_slots[slot]].name;

		if (strncmp(found, name, len) == 0 && found[len] == '\0')
			break;
		slot = (slot + 1) & chart->name_mask;
	}
	return slot;
}

/*
 * Build the table that wf_chart_find() searches, in the current memory
 * context.  The compiler calls it once, when all states have their names.
 */
void
wf_chart_index(WfChart *chart)
{
	uint32		size = 4;

	while (size < (uint32) chart->nstates * 2)
		size *= 2;
	chart->name_mask = size - 1;
	chart->name_slots = palloc(size * sizeof(WfStateId));
	for (uint32 i = 0; i < size; i++)
		chart->name_slots[i] = WF_NO_STATE;

	/* the root comes last: another state of the same name has precedence */
	for (int i = chart->nstates - 1; i >= 0; i--)
	{
		const char *name = chart->states[i].name;
		uint32		slot = find_slot(chart, name, strlen(name));

		if (chart->name_slots[slot] == WF_NO_STATE)
			chart->name_slots[slot] = i;
	}
}

/* ----------------------------------------------------------------
 *						Reactions of wide charts
 * ----------------------------------------------------------------
 */

/* Return how many leaves of a state can be active at the same time. */
static int
width_of(const WfChart *chart, const WfState *state)
{
	int			width = 0;

	for (int i = 0; i < state->nchildren; i++)
	{
		int			below = width_of(chart,
									 &chart->states[state->children[i]]);

		width = state->kind == WF_STATE_PARALLEL ? width + below :
			Max(width, below);
	}
	return Max(width, 1);
}

/*
 * Return the slot that holds a descriptor, or the empty one where it
 * belongs.
 */
static WfReaction *
find_reaction(const WfChart *chart, const char *text, int len,
			  const char *suffix)
{
	uint32		slot = hash_name(text, len) & chart->reaction_mask;
	const char *found;

	while ((found = chart->reactions[slot].descriptor) != NULL)
	{
		if (strncmp(found, text, len) == 0 &&
			strcmp(found + len, suffix) == 0)
			break;
		slot = (slot + 1) & chart->reaction_mask;
	}
	return &chart->reactions[slot];
}

/*
 * Return the states that have a handler of a descriptor, or NULL if there
 * are none.  The descriptor is made of the first len bytes of text and a
 * suffix, "", ".*" or "*".  Only for a chart that has reactions, that is, a
 * wide one.
 */
const WfReaction *
wf_chart_reaction(const WfChart *chart, const char *text, int len,
				  const char *suffix)
{
	const WfReaction *reaction = find_reaction(chart, text, len, suffix);

	return reaction->descriptor ? reaction : NULL;
}

/*
 * Append a state.  The array doubles whenever its number of states is a
 * power of two.
 */
static void
add_reaction(WfReaction *reaction, WfStateId state)
{
	if (reaction->nstates == 0)
		reaction->states = palloc(4 * sizeof(WfStateId));
	else if (reaction->nstates >= 4 &&
			 (reaction->nstates & (reaction->nstates - 1)) == 0)
		reaction->states = repalloc(reaction->states, reaction->nstates * 2 *
									sizeof(WfStateId));
	reaction->states[reaction->nstates++] = state;
}

/*
 * Build the table that wf_chart_reaction() searches, in the current memory
 * context, if the chart is wide.  The compiler calls it last, when every
 * handler is in its place.
 */
void
wf_chart_index_reactions(WfChart *chart)
{
	uint32		size = 4;
	uint32		n = 0;

	if (width_of(chart, &chart->states[0]) <= WF_WIDE)
		return;
	for (int i = 0; i < chart->nstates; i++)
		n += chart->states[i].nhandlers;
	while (size < n * 2)
		size *= 2;
	chart->reaction_mask = size - 1;
	chart->reactions = palloc0(size * sizeof(WfReaction));
	for (int i = 0; i < chart->nstates; i++)
	{
		const WfState *state = &chart->states[i];

		for (int k = 0; k < state->nhandlers; k++)
		{
			const WfHandler *handler = &state->handlers[k];
			const char *suffix = handler->prefix < 0 ? "" :
				handler->prefix == 0 ? "*" : ".*";
			WfReaction *reaction =
				find_reaction(chart, handler->descriptor,
							  strlen(handler->descriptor) - strlen(suffix),
							  suffix);

			reaction->descriptor = handler->descriptor;
			add_reaction(reaction, i);
		}
		if (state->nalways > 0)
			add_reaction(&chart->eventless, i);
	}
}

/*
 * Return the state of this name, a path of keys separated by dots, of len
 * bytes, or WF_NO_STATE.  The definition's name finds the root, unless a
 * state has the same name.
 */
WfStateId
wf_chart_find(const WfChart *chart, const char *name, int len)
{
	return chart->name_slots[find_slot(chart, name, len)];
}

/* Has the state, or one around it, this tag? */
bool
wf_chart_has_tag(const WfChart *chart, WfStateId state, const char *tag)
{
	for (; state != WF_NO_STATE; state = chart->states[state].parent)
		for (int i = 0; i < chart->states[state].ntags; i++)
			if (strcmp(chart->states[state].tags[i], tag) == 0)
				return true;
	return false;
}

/*
 * Return the least common proper ancestor of two states, or WF_NO_STATE if
 * one of them is the root.
 */
WfStateId
wf_chart_common(const WfChart *chart, WfStateId a, WfStateId b)
{
	WfStateId	common = chart->states[a].parent;

	while (common != WF_NO_STATE && !wf_is_descendant(chart, b, common))
		common = chart->states[common].parent;
	return common;
}

/*
 * Return the domain of a transition, whose n effective targets (history
 * states resolved) are given: the source itself if all of them lie in it and
 * the transition does not reenter it, else the least common ancestor of
 * source and targets.  WF_NO_STATE means that the root itself is exited.
 */
WfStateId
wf_chart_domain(const WfChart *chart, const WfTransition *transition,
				const WfStateId *targets, int n)
{
	WfStateId	source = transition->source;
	WfStateId	common = chart->states[source].parent;
	bool		inside = !transition->reenter;

	for (int i = 0; i < n; i++)
	{
		if (targets[i] != source &&
			!wf_is_descendant(chart, targets[i], source))
			inside = false;
		while (common != WF_NO_STATE &&
			   !wf_is_descendant(chart, targets[i], common))
			common = chart->states[common].parent;
	}
	if (inside)
		return source;

	/* Nothing lies above the root, which is exited only to reenter it. */
	if (common == WF_NO_STATE && !transition->reenter)
		return 0;
	return common;
}

static int
compare_ids(const void *a, const void *b)
{
	return *(const WfStateId *) a - *(const WfStateId *) b;
}

/*
 * Bring n states that are to be active together into document order, without
 * duplicates and without those that have one of the others inside; *n
 * becomes their number.  Returns false if two of them, *a and *b, exclude
 * each other, because they lie in different children of a state that is not
 * parallel.
 *
 * It is enough to compare neighbours: in document order what lies in a state
 * follows it at once, so of any two states that differ in a child of some
 * ancestor, two neighbours between them differ there, too.
 */
bool
wf_chart_settle(const WfChart *chart, WfStateId *states, int *n,
				WfStateId *a, WfStateId *b)
{
	int			kept = 0;

	qsort(states, *n, sizeof(WfStateId), compare_ids);
	for (int i = 0; i < *n; i++)
	{
		if (i + 1 < *n && (states[i + 1] == states[i] ||
						   wf_is_descendant(chart, states[i + 1], states[i])))
			continue;
		states[kept++] = states[i];
	}
	*n = kept;

	for (int i = 0; i + 1 < kept; i++)
	{
		WfStateId	common = wf_chart_common(chart, states[i], states[i + 1]);

		if (common != WF_NO_STATE &&
			chart->states[common].kind == WF_STATE_PARALLEL)
			continue;
		*a = states[i];
		*b = states[i + 1];
		return false;
	}
	return true;
}

/* Does an event match a wildcard, whose first `prefix` bytes must agree? */
static bool
prefix_matches(const char *descriptor, int prefix, const char *event)
{
	if (prefix == 0)
		return strcmp(event, WF_ERROR_EVENT) != 0;

	/* "foo.*" matches "foo.bar" and "foo" itself */
	if (strncmp(descriptor, event, prefix - 1) != 0)
		return false;
	return event[prefix - 1] == '\0' || event[prefix - 1] == '.';
}

/*
 * Return the first handler of a state from number *from on that matches an
 * event's name, and set *from to its number; NULL if there is none.  The
 * guards of its transitions are left to the caller, who continues at *from +
 * 1 if none of them holds.
 */
const WfHandler *
wf_chart_handler(const WfState *state, const char *event, int *from)
{
	for (int i = *from; i < state->nhandlers; i++)
	{
		const WfHandler *handler = &state->handlers[i];
		bool		matches;

		if (handler->prefix < 0)
			matches = strcmp(handler->descriptor, event) == 0;
		else
			matches = prefix_matches(handler->descriptor, handler->prefix,
									 event);
		if (matches)
		{
			*from = i;
			return handler;
		}
	}
	*from = state->nhandlers;
	return NULL;
}

/*
 * Return the prefix that reserves an event's name for the engine, or NULL if
 * the name is free.  to_itself: the event is one that a process sends to
 * itself; then only "workflow." is reserved, since no other process can be
 * misled by it.
 */
const char *
wf_chart_reserved_prefix(const char *event, bool to_itself)
{
	static const char *const ours[] = {"workflow.", "after.", "done.", "error.", WF_TASK_DUE,
	WF_TASK_REMIND, WF_TASK_UNDECIDED};

	for (int i = 0; i < (to_itself ? 1 : (int) lengthof(ours)); i++)
		if (strncmp(event, ours[i], strlen(ours[i])) == 0)
			return ours[i];
	return NULL;
}

/* Is an event, or the descriptor of some, one that the engine sends for a task? */
bool
wf_chart_is_of_task(const char *event)
{
	const char *prefix = wf_chart_reserved_prefix(event, false);

	return prefix != NULL && strncmp(prefix, "task.", 5) == 0;
}

/* Does an event descriptor ("a", "a.*" or "*") match an event's name? */
bool
wf_chart_descriptor_matches(const char *descriptor, const char *event)
{
	int			len = strlen(descriptor);

	if (strcmp(descriptor, "*") == 0)
		return prefix_matches(descriptor, 0, event);
	if (len > 2 && strcmp(descriptor + len - 2, ".*") == 0)
		return prefix_matches(descriptor, len - 1, event);
	return strcmp(descriptor, event) == 0;
}
