/*
 * compile_recurring.h
 *	  Delays that end at the next time of a recurrence.
 *
 * Pure, like chart.h.
 */
#ifndef WF_COMPILE_RECURRING_H
#define WF_COMPILE_RECURRING_H

#include "chart/json.h"
#include "chart/path.h"
#include "compiler/compiler.h"

extern bool wf_compile_recurring_is(const WfJson *json);
extern bool wf_compile_recurring(WfCompiler *c, const WfJson *json, const WfPath *path,
								 WfRecurring *recurring, const WfJson **expr,
								 const char **calendar);

#endif							/* WF_COMPILE_RECURRING_H */
