/*
 * lint_list.h
 *	  Rules about lists of transitions: guards, and which transitions
 *	  shadow others.
 *
 * Pure, like chart.h.
 */
#ifndef WF_LINT_LIST_H
#define WF_LINT_LIST_H

#include "chart/chart.h"
#include "inspect/linter.h"

extern bool wf_lint_list_is_false(const WfChart *chart, const WfGuard *guard);
extern bool wf_lint_list_is_certain(const WfTransition *transition);
extern bool wf_lint_list_leaves(const WfLinter *l, const WfTransition *transition,
								const WfState *state);
extern void wf_lint_lists(WfLinter *l, const WfState *state);

#endif							/* WF_LINT_LIST_H */
