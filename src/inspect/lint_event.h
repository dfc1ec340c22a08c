/*
 * lint_event.h
 *	  Rules about events of the engine that never come.
 *
 * Pure, like chart.h.
 */
#ifndef WF_LINT_EVENT_H
#define WF_LINT_EVENT_H

#include "inspect/linter.h"

extern void wf_lint_event_sources(WfLinter *l);
extern void wf_lint_events(WfLinter *l, const WfState *state);
extern void wf_lint_event_policies(WfLinter *l, const WfState *state);

#endif							/* WF_LINT_EVENT_H */
