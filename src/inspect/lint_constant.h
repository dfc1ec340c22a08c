/*
 * lint_constant.h
 *	  A rule about constants that another language would compute.
 *
 * Pure, like chart.h.
 */
#ifndef WF_LINT_CONSTANT_H
#define WF_LINT_CONSTANT_H

#include "inspect/linter.h"

extern void wf_lint_constants(WfLinter *l);

#endif							/* WF_LINT_CONSTANT_H */
