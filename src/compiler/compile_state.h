/*
 * compile_state.h
 *	  What is in a state: handlers, timers, invokes, actions and the rest.
 *
 * Pure, like chart.h.
 */
#ifndef WF_COMPILE_STATE_H
#define WF_COMPILE_STATE_H

#include "chart/chart.h"
#include "compiler/compiler.h"

extern void wf_compile_state(WfCompiler *c, WfStateId id);

#endif							/* WF_COMPILE_STATE_H */
