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
#include "inspect/lint_declared.h"
#include "inspect/lint_finding.h"
#include "inspect/lint_sending.h"
#include "inspect/linter.h"

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
check_handler(WfLinter *l, const WfState *state, const WfHandler *handler)
{
	const WfEventType *type = wf_event_type_of(l->chart, handler->descriptor);

	if (type == NULL || !type->refused || handler->prefix >= 0 || handler->ntransitions == 0 ||
		wf_chart_reserved_prefix(handler->descriptor, false) != NULL ||
		wf_lint_sending_is_own(l, handler->descriptor))
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

	for (int i = 0; i < chart->nevents; i++)
		if (!chart->events[i].refused && !is_handled(chart, chart->events[i].descriptor))
			wf_lint_finding_add(l, &chart->states[0], chart->events[i].path, "unused_event", NULL,
								"event \"%s\" is declared, and no state handles it",
								chart->events[i].descriptor);
	if (chart->nevents == 0)
		return;
	for (int s = 0; s < chart->nstates; s++)
		for (int h = 0; h < chart->states[s].nhandlers && l->reachable[s]; h++)
			check_handler(l, &chart->states[s], &chart->states[s].handlers[h]);
}
