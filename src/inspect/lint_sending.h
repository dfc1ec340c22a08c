/*
 * lint_sending.h
 *	  Rules about what actions send, and about names that match nothing.
 *
 * Pure, like chart.h.
 */
#ifndef WF_LINT_SENDING_H
#define WF_LINT_SENDING_H

#include "inspect/linter.h"

extern void wf_lint_sending_collect(WfLinter *l);
extern bool wf_lint_sending_is_own(const WfLinter *l, const char *event);
extern bool wf_lint_sending_is_handled(WfLinter *l, const char *event);
extern void wf_lint_sending(WfLinter *l);

#endif							/* WF_LINT_SENDING_H */
