/*
 * correlation.h
 *	  What the states of a process wait for that is published.
 */
#ifndef WF_CORRELATION_H
#define WF_CORRELATION_H

#include "chart/chart.h"
#include "interpreter/machine.h"
#include "process/process.h"

extern void wf_correlation_arm(WfProcess *process, const WfState *state, const WfEvent *event);
extern void wf_correlation_disarm(WfProcess *process, const WfState *state);
extern void wf_correlation_again(WfProcess *process, const WfEvent *event);
extern bool wf_correlation_fits(WfProcess *process, WfTimerRow *timer);
extern void wf_correlation_write(WfStepper *stepper);

#endif							/* WF_CORRELATION_H */
