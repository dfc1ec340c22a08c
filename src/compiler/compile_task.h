/*
 * compile_task.h
 *	  What people may or have to do while a state is active.
 *
 * Pure, like chart.h.
 */
#ifndef WF_COMPILE_TASK_H
#define WF_COMPILE_TASK_H

#include "chart/chart.h"
#include "chart/json.h"
#include "chart/path.h"
#include "compiler/compiler.h"

extern const char *wf_compile_task_reply(const WfState *state, const char *key);
extern void wf_compile_task(WfCompiler *c, WfState *state, const WfJson *json,
							const WfPath *path);

#endif							/* WF_COMPILE_TASK_H */
