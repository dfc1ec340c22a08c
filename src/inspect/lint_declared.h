/*
 * lint_declared.h
 *	  Rules about events that the root declares.
 *
 * Pure, like chart.h.
 */
#ifndef WF_LINT_DECLARED_H
#define WF_LINT_DECLARED_H

#include "inspect/linter.h"

extern void wf_lint_declared(WfLinter *l);

#endif							/* WF_LINT_DECLARED_H */
