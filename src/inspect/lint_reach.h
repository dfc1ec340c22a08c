/*
 * lint_reach.h
 *	  Which states can become active, and where a process can go from
 *	  there.
 *
 * Pure, like chart.h.
 */
#ifndef WF_LINT_REACH_H
#define WF_LINT_REACH_H

#include "chart/chart.h"
#include "inspect/linter.h"

extern void wf_lint_reach(WfLinter *l);
extern bool wf_lint_reach_has_exit(const WfLinter *l, const WfState *state);
extern void wf_lint_reach_cycles(WfLinter *l);

#endif							/* WF_LINT_REACH_H */
