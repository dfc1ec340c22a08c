/*-------------------------------------------------------------------------
 *
 * lint.c
 *	  What is legal in a definition, but hardly intended.
 *
 * Pure C.  One cause makes one finding: of states that no transition leads
 * to, only the outermost is reported, and nothing is reported about what is
 * inside of it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRONTEND
#include "postgres.h"
#else
#include "postgres_fe.h"
#endif

#include "chart/chart.h"
#include "inspect/lint.h"
#include "inspect/lint_constant.h"
#include "inspect/lint_declared.h"
#include "inspect/lint_event.h"
#include "inspect/lint_finding.h"
#include "inspect/lint_list.h"
#include "inspect/lint_reach.h"
#include "inspect/lint_sending.h"
#include "inspect/linter.h"

/* ----------------------------------------------------------------
 *						Rules about states
 * ----------------------------------------------------------------
 */

/*
 * Report a state that no transition leads to, unless it lies in such a
 * state.
 */
static void
check_unreachable(WfLinter *l, const WfState *state)
{
	if (state->parent != WF_NO_STATE && !l->reachable[state->parent])
		return;
	if (state->kind == WF_STATE_HISTORY)
		wf_lint_finding_add(l, state, state->path, "unreachable", NULL,
							"no transition leads to history state \"%s\"",
							state->name);
	else if (state->kind == WF_STATE_FINAL)
		wf_lint_finding_add(l, state, state->path, "unreachable_final", NULL,
							"no transition leads to final state \"%s\"", state->name);
	else
		wf_lint_finding_add(l, state, state->path, "unreachable", NULL,
							"no transition leads to state \"%s\"", state->name);
}

/* Report a state in which a process waits for ever. */
static void
check_exit(WfLinter *l, const WfState *state)
{
	if (state->kind == WF_STATE_ATOMIC && !wf_lint_reach_has_exit(l, state))
		wf_lint_finding_add(l, state, state->path, "no_exit",
							"If it ends here, make it \"type\": \"final\".",
							"a process waits in state \"%s\" for ever: no event, "
							"timer or condition leads out of it", state->name);
}

/* Report transitions for the end of a state that never ends. */
static void
check_done(WfLinter *l, const WfState *state)
{
	const WfChart *chart = l->chart;
	static const char prefix[] = "done.state.";

	for (int i = 0; i < state->nhandlers; i++)
	{
		const char *event = state->handlers[i].descriptor;
		WfStateId	id;

		if (strncmp(event, prefix, sizeof(prefix) - 1) != 0 ||
			state->handlers[i].ntransitions == 0)
			continue;
		event += sizeof(prefix) - 1;
		id = wf_chart_find(chart, event, strlen(event));
		if (id == WF_NO_STATE || !l->reachable[id] || l->endable[id])
			continue;
		wf_lint_finding_add(l, state, state->handlers[i].transitions[0]->path,
							"never_done",
							chart->states[id].kind == WF_STATE_PARALLEL ?
							"Give each of its regions a final state that can be "
							"reached." :
							"Give it a final state inside that can be reached.",
							"state \"%s\" is never done", chart->states[id].name);
	}
}

/*
 * Report an end that is a failure of a part only: nobody looks at it but for
 * the end of the process.
 */
static void
check_outcome(WfLinter *l, const WfState *state)
{
	if (state->failure && state->parent != 0)
		wf_lint_finding_add(l, state, state->path, "inner_failure",
							"Lead to a final state of the root that is one.",
							"final state \"%s\" does not end the process: its "
							"\"outcome\" has no effect", state->name);
}

/* Report an event that a state both defers and certainly takes. */
static void
check_defer(WfLinter *l, const WfState *state)
{
	for (int i = 0; i < state->ndefer; i++)
		for (int j = 0; j < state->nhandlers; j++)
		{
			const WfHandler *handler = &state->handlers[j];

			if (!wf_chart_descriptor_matches(handler->descriptor, state->defer[i]) ||
				handler->ntransitions == 0 ||
				!wf_lint_list_is_certain(handler->transitions[handler->ntransitions - 1]))
				continue;
			wf_lint_finding_add(l, state, handler->transitions[0]->path,
								"deferred_and_handled", NULL,
								"event \"%s\" is deferred by the state that handles "
								"it", state->defer[i]);
			break;
		}
}

/* Report what only the owner can search by: to others it would tell what is hidden. */
static void
check_search(WfLinter *l)
{
	const WfChart *chart = l->chart;

	for (int i = 0; i < chart->nattributes; i++)
		if (chart->attributes[i].sensitive)
			wf_lint_finding_add(l, &chart->states[0], chart->attributes[i].path, "sensitive_search",
								"Search by something else, or have the owner's code search.",
								"attribute \"%s\" may show a sensitive field: only the owner can "
								"search by it", chart->attributes[i].name);
}

/* ----------------------------------------------------------------
 *						The whole
 * ----------------------------------------------------------------
 */

/*
 * Call `found` for each finding about a chart, first for the compiler's
 * warnings, then for the others in document order.  The paths are those of
 * the text from which the chart was compiled; for the names of the rules see
 * doc/reference.md.
 */
void
wf_lint(const WfChart *chart, WfLintFound found, void *arg)
{
	WfLinter	linter = {.chart = chart};

	for (int i = 0; i < chart->warnings.n; i++)
		found(arg, chart->warnings.items[i].path, "warning",
			  chart->warnings.items[i].message, chart->warnings.items[i].hint);
	wf_lint_reach(&linter);
	wf_lint_event_sources(&linter);
	wf_lint_sending_collect(&linter);
	check_search(&linter);
	for (int i = 0; i < chart->nstates; i++)
	{
		const WfState *state = &chart->states[i];

		if (!linter.reachable[i])
		{
			check_unreachable(&linter, state);
			continue;
		}
		check_exit(&linter, state);
		check_outcome(&linter, state);
		check_done(&linter, state);
		check_defer(&linter, state);
		wf_lint_events(&linter, state);
		wf_lint_event_policies(&linter, state);
		wf_lint_lists(&linter, state);
	}
	wf_lint_declared(&linter);
	wf_lint_constants(&linter);
	wf_lint_sending(&linter);
	wf_lint_reach_cycles(&linter);
	wf_lint_finding_tell(&linter, found, arg);
}
