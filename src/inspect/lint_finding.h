/*
 * lint_finding.h
 *	  Findings: they are found rule by rule, and reported in document
 *	  order.
 *
 * Pure, like chart.h.
 */
#ifndef WF_LINT_FINDING_H
#define WF_LINT_FINDING_H

#include "chart/chart.h"
#include "inspect/lint.h"
#include "inspect/linter.h"

extern void wf_lint_finding_add(WfLinter *l, const WfState *state, const char *path,
								const char *rule, const char *hint,
								const char *fmt,...) pg_attribute_printf(6, 7);
extern void wf_lint_finding_tell(WfLinter *l, WfLintFound found, void *arg);

#endif							/* WF_LINT_FINDING_H */
