/*
 * quarantine.h
 *	  After a crash: what may have caused it is worked one by one.
 */
#ifndef WF_QUARANTINE_H
#define WF_QUARANTINE_H

#include "store/timer.h"

typedef struct WfQuarantine WfQuarantine;

extern WfQuarantine *wf_quarantine_new(int32 owner, Oid extension);
extern bool wf_quarantine_next(WfQuarantine *quarantine, bool *step);
extern bool wf_quarantine_begin(const WfQuarantine *quarantine, const WfTimerRow *timer);
extern void wf_quarantine_end(const WfQuarantine *quarantine);

#endif							/* WF_QUARANTINE_H */
