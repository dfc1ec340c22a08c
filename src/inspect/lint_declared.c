/*-------------------------------------------------------------------------
 *
 * lint_declared.c
 *	  Rules about events that the root declares.
 *
 * Pure C.  An event that is declared and that no state handles is for nothing.  One that a
 * state handles and that is not accepted never comes, unless the process sends it to itself,
 * which nobody checks.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRONTEND
#include "postgres.h"
#else
#include "postgres_fe.h"
#endif

#include "chart/chart.h"
#include "chart/event_type.h"
#include "chart/json.h"
#include "compiler/list.h"
#include "inspect/lint_declared.h"
#include "inspect/lint_finding.h"
#include "inspect/linter.h"

/* --- what the process sends to itself ------------------------------------------- */

/* Names of events that actions send to the process itself. */
typedef struct Own
{
	WfList		names;
	bool		computed;		/* some have names that are not known here */
} Own;

static void
add_name(Own *own, const WfValue *name)
{
	WfFaults	faults = {0};
	const WfJson *json = name->kind != WF_VALUE_CONST ? NULL :
		wf_json_parse(name->text, strlen(name->text), &faults);

	if (json != NULL && json->kind == WF_JSON_STRING)
		wf_list_add(&own->names, unconstify(char *, json->text));
	else
		own->computed = true;
}

static void
add_actions(Own *own, const WfActionList *actions)
{
	for (int i = 0; i < actions->n; i++)
	{
		const WfAction *action = actions->items[i];

		if (action->kind == WF_ACTION_RAISE ||
			(action->kind == WF_ACTION_SEND && action->target == NULL))
			add_name(own, action->event_type);
		for (int b = 0; b < action->nbranches; b++)
			add_actions(own, &action->branches[b].actions);
		add_actions(own, &action->actions);
	}
}

static void
add_policy(Own *own, const WfPolicy *policy)
{
	if (policy != NULL && policy->then == WF_THEN_EVENT)
		wf_list_add(&own->names, unconstify(char *, policy->event));
}

static void
add_transition(Own *own, const WfTransition *transition)
{
	add_actions(own, &transition->actions);
	add_policy(own, transition->on_error);
}

static void
add_state(Own *own, const WfState *state)
{
	add_actions(own, &state->entry);
	add_actions(own, &state->exit);
	add_policy(own, state->on_error);
	if (state->initial != NULL)
		add_transition(own, state->initial);
	for (int i = 0; i < state->nalways; i++)
		add_transition(own, state->always[i]);
	for (int h = 0; h < state->nhandlers; h++)
		for (int t = 0; t < state->handlers[h].ntransitions; t++)
			add_transition(own, state->handlers[h].transitions[t]);
}

/* May the process send itself this event? */
static bool
is_own(const Own *own, const char *event)
{
	for (int i = 0; i < own->names.n && !own->computed; i++)
		if (strcmp(own->names.items[i], event) == 0)
			return true;
	return own->computed;
}

/* --- the rules -------------------------------------------------------------------- */

/* Can an event be meant by both descriptors? */
static bool
meet(const char *one, const char *other)
{
	return wf_chart_descriptor_matches(one, other) || wf_chart_descriptor_matches(other, one);
}

static bool
is_handled(const WfChart *chart, const char *descriptor)
{
	for (int s = 0; s < chart->nstates; s++)
	{
		const WfState *state = &chart->states[s];

		for (int h = 0; h < state->nhandlers; h++)
			if (wf_chart_reserved_prefix(state->handlers[h].descriptor, false) == NULL &&
				meet(state->handlers[h].descriptor, descriptor))
				return true;
		for (int d = 0; d < state->ndefer; d++)
			if (meet(state->defer[d], descriptor))
				return true;
	}
	return false;
}

/* Report a handler of an event that nobody can send. */
static void
check_handler(WfLinter *l, const Own *own, const WfState *state, const WfHandler *handler)
{
	const WfEventType *type = wf_event_type_of(l->chart, handler->descriptor);

	if (type == NULL || !type->refused || handler->prefix >= 0 || handler->ntransitions == 0 ||
		wf_chart_reserved_prefix(handler->descriptor, false) != NULL ||
		is_own(own, handler->descriptor))
		return;
	wf_lint_finding_add(l, state, handler->transitions[0]->path, "undeclared_event",
						"Declare it under \"events\" of the root.",
						"event \"%s\" is not accepted: \"events\" has \"%s\": false",
						handler->descriptor, type->descriptor);
}

/* Report what does not fit together of the events that are declared and handled. */
void
wf_lint_declared(WfLinter *l)
{
	const WfChart *chart = l->chart;
	Own			own = {.computed = false};

	for (int i = 0; i < chart->nevents; i++)
		if (!chart->events[i].refused && !is_handled(chart, chart->events[i].descriptor))
			wf_lint_finding_add(l, &chart->states[0], chart->events[i].path, "unused_event", NULL,
								"event \"%s\" is declared, and no state handles it",
								chart->events[i].descriptor);
	if (chart->nevents == 0)
		return;
	for (int s = 0; s < chart->nstates; s++)
		add_state(&own, &chart->states[s]);
	for (int s = 0; s < chart->nstates; s++)
		for (int h = 0; h < chart->states[s].nhandlers && l->reachable[s]; h++)
			check_handler(l, &own, &chart->states[s], &chart->states[s].handlers[h]);
}
