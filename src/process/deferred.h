/*
 * deferred.h
 *	  Events that a process keeps for later.
 */
#ifndef WF_DEFERRED_H
#define WF_DEFERRED_H

#include "process/process.h"
#include "store/change_sets.h"
#include "store/timer.h"

extern bool wf_deferred_wanted(const WfProcess *process);
extern const char *wf_deferred_by(const WfProcess *process, const char *event);
extern void wf_deferred_keep(WfProcess *process, const WfTimerRow *timer, const char *state);
extern bool wf_deferred_next(WfProcess *process, WfTimerRow *timer,
							 bool (*would_take) (WfProcess *process, const WfTimerRow *timer));
extern void wf_deferred_load(WfProcess *process);
extern void wf_deferred_release(WfProcess *process, bool parked);
extern void wf_deferred_cancel(WfProcess *process, const char *id);
extern void wf_deferred_write(WfProcess *process, WfChanges *out);

#endif							/* WF_DEFERRED_H */
