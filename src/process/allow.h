/*
 * allow.h
 *	  Who may cause a transition: `allow` against the actor of an event.
 */
#ifndef WF_ALLOW_H
#define WF_ALLOW_H

#include "base/compat.h"
#include "chart/chart.h"
#include "interpreter/machine.h"
#include "process/process.h"

extern bool wf_allow_permits(WfProcess *process, const WfTransition *transition,
							 const WfEvent *event);
extern const WfTransition *wf_allow_refusal(WfProcess *process, const WfEvent *event);
pg_noreturn extern void wf_allow_refuse(const WfTransition *transition, const char *event,
										const char *actor);

#endif							/* WF_ALLOW_H */
