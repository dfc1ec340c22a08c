/*
 * lint.h
 *	  What is legal in a definition, but hardly intended.
 *
 * Pure, like chart.h.
 */
#ifndef WF_LINT_H
#define WF_LINT_H

#include "chart/chart.h"

/*
 * Receives a finding.  path is a JSON path in the definition, rule the name of
 * the rule, which never changes, and hint what to do, or NULL.
 */
typedef void (*WfLintFound) (void *arg, const char *path, const char *rule,
							 const char *message, const char *hint);

extern void wf_lint(const WfChart *chart, WfLintFound found, void *arg);

#endif							/* WF_LINT_H */
