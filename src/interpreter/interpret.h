/*
 * interpret.h
 *	  One macrostep of a statechart, in memory: W3C SCXML, Appendix D,
 *	  with the four named rules of doc/language.md.
 *
 * Pure: it knows charts, configurations and queues, and asks its host for
 * everything else.  A host callback may throw (ereport) out of any function
 * here.  A machine has nothing but memory of the context it was made in, so
 * nothing leaks; after an error it must not be used any more.
 */
#ifndef WF_INTERPRET_H
#define WF_INTERPRET_H

#include "chart/chart.h"
#include "interpreter/machine.h"

extern void wf_interpret_start(WfMachine *machine);
extern bool wf_interpret_event(WfMachine *machine, const WfEvent *event);
extern void wf_interpret_stop(WfMachine *machine, const WfEvent *event);
extern void wf_interpret_move(WfMachine *machine, const WfStateId *targets, int n,
							  bool quiet, const WfEvent *event);
extern bool wf_interpret_configure(WfMachine *machine, const WfStateId *targets, int n);
extern const WfTransition *wf_interpret_at(const WfMachine *machine);
extern void wf_interpret_raise(WfMachine *machine, const WfEvent *event);
extern void wf_interpret_drop_raised(WfMachine *machine);
extern void wf_interpret_actions(WfMachine *machine, const WfActionList *actions,
								 const WfEvent *event);

#endif							/* WF_INTERPRET_H */
