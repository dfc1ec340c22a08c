/*
 * action.h
 *	  The actions of a process, but for those that contain others.
 */
#ifndef WF_ACTION_H
#define WF_ACTION_H

#include "chart/chart.h"
#include "interpreter/machine.h"
#include "process/process.h"

extern void wf_action(WfProcess *process, const WfAction *action, const WfEvent *event);

#endif							/* WF_ACTION_H */
