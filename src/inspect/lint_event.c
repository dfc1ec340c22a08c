/*-------------------------------------------------------------------------
 *
 * lint_event.c
 *	  Rules about events that never come, or that nobody handles.
 *
 * Pure C.  Nobody can send an event whose name is the engine's: a handler of
 * one that tells of a state, a timer or an invoke which does not exist waits
 * for ever.  And an event that `on_error` sends and no state handles is as good as
 * none: the process stops.  Whether a state is ever done is another rule's, see lint.c.
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
#include "inspect/lint_event.h"
#include "inspect/lint_finding.h"
#include "inspect/lint_sending.h"
#include "inspect/linter.h"

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *) a, *(const char *const *) b);
}

/* Collect l->sources: the events of timers and the ids of invokes. */
void
wf_lint_event_sources(WfLinter *l)
{
	const WfChart *chart = l->chart;
	int			n = 0;

	for (int i = 0; i < chart->nstates; i++)
		n += chart->states[i].ntimers + chart->states[i].ninvokes;
	l->sources = palloc((n + 1) * sizeof(char *));
	for (int i = 0; i < chart->nstates; i++)
	{
		const WfState *state = &chart->states[i];

		for (int j = 0; j < state->ntimers; j++)
			l->sources[l->nsources++] = state->timers[j].event;
		for (int j = 0; j < state->ninvokes; j++)
			l->sources[l->nsources++] = state->invokes[j].id;
	}
	if (l->nsources > 0)
		qsort(l->sources, l->nsources, sizeof(char *), compare_names);
	l->sources[l->nsources] = NULL;
}

static bool
is_source(const WfLinter *l, const char *name)
{
	return bsearch(&name, l->sources, l->nsources, sizeof(char *), compare_names) != NULL;
}

/* Return a hint with the name of a state that is similar to this one, or NULL. */
static const char *
similar_state(const WfChart *chart, const char *name)
{
	const char **names;

	if (chart->nstates > WF_LINT_MOST_NAMES)
		return NULL;
	names = palloc(chart->nstates * sizeof(char *));
	for (int i = 1; i < chart->nstates; i++)
		names[i - 1] = chart->states[i].name;
	names[chart->nstates - 1] = NULL;
	return wf_diagnostic_spelling_hint(name, names);
}

/* Does an event begin with a prefix?  *rest is set to what follows it. */
static bool
begins(const char *event, const char *prefix, const char **rest)
{
	size_t		len = strlen(prefix);

	*rest = event + len;
	return strncmp(event, prefix, len) == 0;
}

/*
 * Is an event one that only the engine sends, and does not?  Events that begin with
 * `workflow.` are what code sees; no transition is ever selected for them.
 */
static bool
is_unknown_of_engine(const char *event)
{
	static const char *const known[] = {"done.state.", "done.invoke.", "error.invoke.",
	"error.step", "error.execution", "error.communication", "after.", NULL};
	const char *rest;

	if (wf_chart_reserved_prefix(event, false) == NULL || wf_chart_is_of_task(event))
		return false;
	for (int i = 0; known[i] != NULL; i++)
		if (begins(event, known[i], &rest))
			return false;
	return true;
}

/*
 * Return why an event never comes, with a hint or NULL; or NULL if it may
 * come.
 */
static const char *
why_never(const WfLinter *l, const char *event, const char **hint)
{
	const WfChart *chart = l->chart;
	const char *rest;

	*hint = NULL;
	if (begins(event, "done.state.", &rest) &&
		wf_chart_find(chart, rest, strlen(rest)) == WF_NO_STATE)
	{
		*hint = similar_state(chart, rest);
		return psprintf("there is no state \"%s\"", rest);
	}
	if (begins(event, "after.", &rest) && !is_source(l, event))
	{
		*hint = "Write the timer under \"after\" of its state.";
		return "no state has such a timer";
	}
	if ((begins(event, WF_TASK_DUE, &rest) || begins(event, WF_TASK_REMIND, &rest)) && !is_source(l, event))
	{
		*hint = "Write \"due\" or \"remind\" into the task of that state, and handle the event there or around it.";
		return "no task sends it here";
	}
	if ((begins(event, "done.invoke.", &rest) || begins(event, "error.invoke.", &rest)) &&
		!is_source(l, rest))
	{
		if (l->nsources <= WF_LINT_MOST_NAMES)
			*hint = wf_diagnostic_spelling_hint(rest, l->sources);
		return psprintf("no invoke has the id \"%s\"", rest);
	}
	if (begins(event, WF_STEP_ERROR_EVENT, &rest) && (*rest == '\0' || *rest == '.') &&
		!wf_lint_sending_is_own(l, event))
	{
		*hint = "Write \"on_error\": {\"then\": {\"event\": \"error.step\"}}.";
		return "no \"on_error\" sends it";
	}
	if (is_unknown_of_engine(event) && (begins(event, "workflow.", &rest) || !wf_lint_sending_is_own(l, event)))
		return "the engine has no such event";
	return NULL;
}

/* Report handlers of a state for events of the engine that never come. */
void
wf_lint_events(WfLinter *l, const WfState *state)
{
	for (int i = 0; i < state->nhandlers; i++)
	{
		const WfHandler *handler = &state->handlers[i];
		const char *hint;
		const char *why;

		if (handler->prefix >= 0 || handler->ntransitions == 0)
			continue;
		why = why_never(l, handler->descriptor, &hint);
		if (why != NULL)
			wf_lint_finding_add(l, state, handler->transitions[0]->path, "never_comes",
								hint, "event \"%s\" never comes: %s",
								handler->descriptor, why);
	}
}

/* Report the event of a policy that no state handles, unless that around it sends it, too. */
static void
lint_policy(WfLinter *l, const WfState *state, const char *path, const WfPolicy *policy,
			const WfPolicy *around)
{
	if (policy == NULL || policy->then != WF_THEN_EVENT || wf_lint_sending_is_handled(l, policy->event) ||
		(around != NULL && around->then == WF_THEN_EVENT &&
		 strcmp(around->event, policy->event) == 0))
		return;
	wf_lint_finding_add(l, state, psprintf("%s.on_error.then.event", path), "never_handled",
						"Where no transition takes it, the process stops as without \"then\".",
						"event \"%s\" is sent by \"on_error\", and no state handles it",
						policy->event);
}

/* Report what `on_error` of a state, or of its transitions, sends and no state handles. */
void
wf_lint_event_policies(WfLinter *l, const WfState *state)
{
	lint_policy(l, state, state->path, state->on_error,
				state->parent == WF_NO_STATE ? NULL : l->chart->states[state->parent].on_error);
	for (int i = 0; i < state->nhandlers; i++)
		for (int t = 0; t < state->handlers[i].ntransitions; t++)
		{
			const WfTransition *transition = state->handlers[i].transitions[t];

			lint_policy(l, state, transition->path, transition->on_error, state->on_error);
		}
}
