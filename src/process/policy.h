/*
 * policy.h
 *	  Which `on_error` counts for an event whose step failed.
 */
#ifndef WF_POLICY_H
#define WF_POLICY_H

#include "chart/chart.h"
#include "process/process.h"
#include "store/timer.h"

extern void wf_policy_note(const WfProcess *process);
extern void wf_policy_forget(void);
extern const WfPolicy *wf_policy_of(WfProcess *process, const WfTimerRow *timer);

#endif							/* WF_POLICY_H */
