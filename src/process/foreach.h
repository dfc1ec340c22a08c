/*
 * foreach.h
 *	  The action foreach: a loop over the elements of an array.
 */
#ifndef WF_FOREACH_H
#define WF_FOREACH_H

#include "chart/chart.h"
#include "interpreter/machine.h"
#include "process/process.h"

extern void wf_foreach(WfProcess *process, const WfAction *action,
					   const WfEvent *event);

#endif							/* WF_FOREACH_H */
