/*
 * deferred.h
 *	  Events that a process keeps for later.
 */
#ifndef WF_DEFERRED_H
#define WF_DEFERRED_H

#include "process/process.h"
#include "store/change_sets.h"
#include "store/timer.h"

/* An event that is kept until no active state defers it any more. */
typedef struct WfDeferred
{
	WfTimerRow	timer;			/* seq is 0 if it is not in the table yet */
	const char *state;			/* seq 0: the name of the state that defers it */
	bool		gone;			/* delivered, cancelled or posted */
} WfDeferred;

extern bool wf_deferred_wanted(const WfProcess *process);
extern const char *wf_deferred_by(const WfProcess *process, const char *event);
extern void wf_deferred_keep(WfProcess *process, const WfTimerRow *timer, const char *state);
extern void wf_deferred_load(WfProcess *process);
extern void wf_deferred_release(WfProcess *process, bool parked);
extern bool wf_deferred_next(WfProcess *process, WfTimerRow *timer,
							 bool (*would_take) (WfProcess *process, const WfTimerRow *timer));
extern void wf_deferred_cancel(WfProcess *process, const char *id);
extern void wf_deferred_replace(WfProcess *process, const char *id);
extern void wf_deferred_write(WfProcess *process, WfChanges *changes);

#endif							/* WF_DEFERRED_H */
