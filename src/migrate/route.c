/*-------------------------------------------------------------------------
 *
 * route.c
 *	  Which states of one version of a definition become which of another.
 *
 * Runs in client backends; reads and locks nothing.  A route is made once for
 * each pair of versions, so that no names are compared for each process.  A
 * state becomes, in this order: what the mapping says of it; the state of the
 * same relative path, if the mapping says something of a state around it; the
 * state of the same name; what the mapping says of the definition as a whole.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/compat.h"
#include "base/jsonb.h"
#include "base/quote.h"
#include "chart/chart.h"
#include "definition/definition.h"
#include "migrate/route.h"

/* --- reading a mapping ------------------------------------------------- */

pg_noreturn static void
bad_mapping(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("a mapping must be a JSON object of states"),
			 errhint("{\"old.state\": \"new.state\"} or {\"old.state\": [\"new.one\", \"new.two\"]}.")));
}

/* Add a state of the new version to a member of a mapping. */
static void
add_target(WfMapped *mapped, const WfDefinition *to, const JsonbValue *value)
{
	WfStateId	state;

	if (value->type != jbvString)
		bad_mapping();
	state = wf_chart_find(to->chart, value->val.string.val, value->val.string.len);
	if (state == WF_NO_STATE)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("definition \"%s\" version %d has no state \"%s\"",
						to->name, to->version,
						wf_quote_part(value->val.string.val, value->val.string.len)),
				 errdetail("The mapping sends state \"%s\" there.", wf_quote(mapped->name))));
	mapped->targets = mapped->targets == NULL ? palloc(sizeof(WfStateId)) :
		repalloc(mapped->targets, sizeof(WfStateId) * (mapped->n + 1));
	mapped->targets[mapped->n++] = state;
}

/*
 * Read a mapping, {"old.state": "new.state" or ["new.state", ...], ...}, into
 * the current memory context.  NULL stands for an empty one.  Error 22023 if it
 * has another form, or names a state that the new version does not have.
 */
WfMapping *
wf_route_mapping_read(Jsonb *json, const WfDefinition *to)
{
	WfMapping  *mapping = palloc0(sizeof(WfMapping));
	WfMapped   *mapped = NULL;
	JsonbIterator *it;
	JsonbIteratorToken token;
	JsonbValue	value;
	bool		inside = false;

	if (json == NULL)
		return mapping;
	if (!JB_ROOT_IS_OBJECT(json))
		bad_mapping();
	mapping->items = palloc0(sizeof(WfMapped) * (JB_ROOT_COUNT(json) + 1));
	it = JsonbIteratorInit(&json->root);
	while ((token = JsonbIteratorNext(&it, &value, false)) != WJB_DONE)
	{
		switch (token)
		{
			case WJB_KEY:
				mapped = &mapping->items[mapping->n++];
				mapped->name = pnstrdup(value.val.string.val, value.val.string.len);
				break;
			case WJB_VALUE:
			case WJB_ELEM:
				add_target(mapped, to, &value);
				break;
			case WJB_BEGIN_OBJECT:
				if (mapped != NULL)
					bad_mapping();
				break;
			case WJB_BEGIN_ARRAY:
				if (inside)
					bad_mapping();
				inside = true;
				break;
			case WJB_END_ARRAY:
				if (mapped->n == 0)
					bad_mapping();
				inside = false;
				break;
			default:
				break;
		}
	}
	return mapping;
}

/* --- a route ----------------------------------------------------------- */

/* The member of a mapping for the state of this name, or NULL. */
static WfMapped *
find_mapped(WfMapping *mapping, const char *name)
{
	for (int i = 0; i < mapping->n; i++)
		if (strcmp(mapping->items[i].name, name) == 0)
			return &mapping->items[i];
	return NULL;
}

/*
 * The state becomes what the mapping says.  Error 22023 if only one of them is a
 * history state, or if a history state would become several.
 */
static void
take_mapped(WfMapped *state, const WfMapped *mapped, const WfState *old,
			const WfChart *to)
{
	for (int i = 0; i < mapped->n; i++)
	{
		const WfState *target = &to->states[mapped->targets[i]];

		if ((target->kind == WF_STATE_HISTORY) != (old->kind == WF_STATE_HISTORY))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("the mapping cannot send state \"%s\" to \"%s\"",
							old->name, target->name),
					 errdetail("\"%s\" is a history state and the other is not.",
							   target->kind == WF_STATE_HISTORY ? target->name : old->name)));
	}
	if (old->kind == WF_STATE_HISTORY && mapped->n > 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the mapping must send history state \"%s\" to one state",
						old->name)));
	state->n = mapped->n;
	state->targets = mapped->targets;
}

/*
 * What the mapping says of all states that have no place otherwise, or NULL:
 * that is its member for the name of the definition, unless a state has it.
 */
static WfMapped *
find_otherwise(const WfRoute *route, WfMapping *mapping)
{
	const WfChart *from = route->from->chart;

	if (wf_chart_find(from, from->name, strlen(from->name)) != 0)
		return NULL;
	return find_mapped(mapping, from->name);
}

/*
 * The state becomes the one of this name.  Returns false if there is none, or if
 * only one of them is a history state.
 */
static bool
take_named(WfMapped *state, const char *name, const WfState *old,
		   const WfChart *to)
{
	WfStateId	found = wf_chart_find(to, name, strlen(name));

	/* the chart also finds the root by its name */
	if (found == WF_NO_STATE || found == 0 ||
		(to->states[found].kind == WF_STATE_HISTORY) != (old->kind == WF_STATE_HISTORY))
		return false;
	state->n = 1;
	state->targets = palloc(sizeof(WfStateId));
	state->targets[0] = found;
	return true;
}

/*
 * The state is inside of one that is mapped.  If that becomes a single state
 * which contains a state of the same relative path, it becomes that one; else it
 * becomes what the state around it becomes.
 */
static void
take_inside(WfMapped *state, const WfMapped *mapped, const WfState *old,
			const WfState *above, const WfChart *to)
{
	if (mapped->n == 1 &&
		take_named(state, psprintf("%s%s", to->states[mapped->targets[0]].name,
								   old->name + strlen(above->name)), old, to))
		return;
	if (old->kind == WF_STATE_HISTORY)
		return;
	state->n = mapped->n;
	state->targets = mapped->targets;
}

/* Find the place of one state. */
static void
route_state(WfRoute *route, WfMapping *mapping, const WfState *old)
{
	const WfChart *from = route->from->chart;
	const WfChart *to = route->to->chart;
	WfMapped   *state = &route->states[old->id];
	WfMapped   *mapped;

	state->name = unconstify(char *, old->name);
	if (old->id == 0)
	{
		static WfStateId root = 0;

		/* for its check only: the root becomes the root */
		if ((mapped = find_otherwise(route, mapping)) != NULL)
			take_mapped(state, mapped, old, to);
		state->n = 1;
		state->targets = &root;
		return;
	}
	mapped = find_mapped(mapping, old->name);
	if (mapped != NULL)
	{
		take_mapped(state, mapped, old, to);
		return;
	}
	for (WfStateId above = old->parent; above > 0; above = from->states[above].parent)
		if ((mapped = find_mapped(mapping, from->states[above].name)) != NULL)
		{
			take_inside(state, mapped, old, &from->states[above], to);
			return;
		}
	if (take_named(state, old->name, old, to) || old->kind == WF_STATE_HISTORY)
		return;

	mapped = find_otherwise(route, mapping);
	if (mapped != NULL)
	{
		state->n = mapped->n;
		state->targets = mapped->targets;
	}
}

/*
 * Make the route from one version to another, in the current memory context,
 * and mark the members of the mapping that it uses.  Error 22023 if the mapping
 * confuses history states with others.
 */
WfRoute *
wf_route(WfDefinition *from, WfDefinition *to, WfMapping *mapping)
{
	WfRoute    *route = palloc0(sizeof(WfRoute));

	route->from = from;
	route->to = to;
	route->states = palloc0(sizeof(WfMapped) * from->chart->nstates);
	for (int i = 0; i < mapping->n; i++)
		if (wf_chart_find(from->chart, mapping->items[i].name,
						  strlen(mapping->items[i].name)) != WF_NO_STATE)
			mapping->items[i].used = true;
	for (int i = 0; i < from->chart->nstates; i++)
		route_state(route, mapping, &from->chart->states[i]);
	return route;
}

/*
 * After all routes were made: error 22023 if a member of the mapping names a
 * state that none of the old versions has.
 */
void
wf_route_mapping_check_used(const WfMapping *mapping, const WfDefinition *to)
{
	for (int i = 0; i < mapping->n; i++)
		if (!mapping->items[i].used)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("the mapping is for a state \"%s\" that no version of \"%s\" which is migrated has",
							wf_quote(mapping->items[i].name), to->name)));
}

/* Does an old state, whose place this is, become this state? */
bool
wf_route_goes_to(const WfMapped *mapped, WfStateId state)
{
	for (int i = 0; i < mapped->n; i++)
		if (mapped->targets[i] == state)
			return true;
	return false;
}

/*
 * A problem of a migration, {"problem", "name", "message"}, in the current memory
 * context.  problem is a word that says what name is; name may be NULL.
 */
Jsonb *
wf_route_problem(const char *problem, const char *name, const char *message)
{
	static const char *keys[] = {"problem", "name", "message"};
	Jsonb	   *values[] = {wf_jsonb_string(problem),
	name ? wf_jsonb_string(name) : NULL, wf_jsonb_string(message)};

	return wf_jsonb_object(3, keys, values);
}
