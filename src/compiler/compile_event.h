/*
 * compile_event.h
 *	  Events that the root declares.
 *
 * Pure, like chart.h.
 */
#ifndef WF_COMPILE_EVENT_H
#define WF_COMPILE_EVENT_H

#include "chart/json.h"
#include "chart/path.h"
#include "compiler/compiler.h"

extern void wf_compile_events(WfCompiler *c, const WfJson *json, const WfPath *path);

#endif							/* WF_COMPILE_EVENT_H */
