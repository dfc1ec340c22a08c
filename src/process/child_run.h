/*
 * child_run.h
 *	  Runs of jobs that a state invokes while it is active.
 */
#ifndef WF_CHILD_RUN_H
#define WF_CHILD_RUN_H

#include "chart/chart.h"
#include "interpreter/machine.h"
#include "process/child_list.h"
#include "process/process.h"

extern void wf_child_run_invoke(WfProcess *process, const WfInvoke *invoke,
								const WfEvent *event);
extern void wf_child_run_start(WfProcess *process, WfChild *child);
extern void wf_child_run_let_go(WfProcess *process, WfChild *child, bool detached);
extern void wf_child_run_write(WfStepper *stepper);

#endif							/* WF_CHILD_RUN_H */
