/*
 * quarantine.h
 *	  After a crash: what may have caused it is worked one by one.
 */
#ifndef WF_QUARANTINE_H
#define WF_QUARANTINE_H

#include "shmem/owner.h"
#include "store/timer.h"

typedef struct WfQuarantine WfQuarantine;

extern WfQuarantine *wf_quarantine_new(int32 owner, Oid extension);
extern bool wf_quarantine_next(WfQuarantine *careful, bool *step);
extern bool wf_quarantine_begin(const WfQuarantine *careful, const WfTimerRow *timer);
extern void wf_quarantine_end(const WfQuarantine *careful);
extern void wf_quarantine_spare(WfOwner *entry);

#endif							/* WF_QUARANTINE_H */
