/*
 * entry.h
 *	  Which states a microstep enters, and what history states remember.
 *
 * Pure, like chart.h.
 */
#ifndef WF_ENTRY_H
#define WF_ENTRY_H

#include "chart/chart.h"
#include "interpreter/machine.h"
#include "interpreter/state_set.h"

extern bool wf_entry_set(WfMachine *machine);
extern void wf_entry_set_initial(WfMachine *machine);
extern void wf_entry_set_targets(WfMachine *machine,
								 const WfStateId *targets, int n);
extern const WfStateId *wf_entry_targets(WfMachine *machine,
										 const WfTransition *transition,
										 int *n);
extern void wf_entry_remember(WfMachine *machine, const WfStateSet *leaving);

#endif							/* WF_ENTRY_H */
