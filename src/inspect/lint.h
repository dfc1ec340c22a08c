/*
 * lint.h
 *	  What is legal in a definition, and hardly meant so.
 *
 * Pure, like chart.h.
 */
#ifndef WF_LINT_H
#define WF_LINT_H

#include "chart/chart.h"

/* Called for each finding, in document order of what it is about. */
typedef void (*WfLintFound) (void *arg, const char *path, const char *rule,
							 const char *message, const char *hint);

extern void wf_lint(const WfChart *chart, WfLintFound found, void *arg);

#endif							/* WF_LINT_H */
