/*
 * select.h
 *	  Which transitions an event enables, and which of them are taken.
 *
 * Pure, like chart.h.
 */
#ifndef WF_SELECT_H
#define WF_SELECT_H

#include "chart/chart.h"
#include "interpreter/machine.h"

extern bool wf_select_guard_holds(WfMachine *machine, const WfGuard *guard,
								  const WfEvent *event);
extern const WfTransition *wf_select_would_take(WfMachine *machine, const WfEvent *event);
extern bool wf_select(WfMachine *machine, const WfEvent *event,
					  bool eventless);

#endif							/* WF_SELECT_H */
