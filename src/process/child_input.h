/*
 * child_input.h
 *	  What a state gives to what it invokes, and what it hears if that is impossible.
 */
#ifndef WF_CHILD_INPUT_H
#define WF_CHILD_INPUT_H

#include "utils/jsonb.h"

#include "chart/chart.h"
#include "interpreter/machine.h"
#include "process/process.h"

extern bool wf_child_input(WfProcess *process, const WfInvoke *invoke, const WfEvent *event,
						   Jsonb **result);
extern bool wf_child_input_is_heard(WfProcess *process, const WfInvoke *invoke);
extern void wf_child_input_fail(WfProcess *process, const WfInvoke *invoke, Jsonb *data);

#endif							/* WF_CHILD_INPUT_H */
