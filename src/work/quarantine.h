/*
 * quarantine.h
 *	  After a crash: what may have caused it is worked one by one.
 */
#ifndef WF_QUARANTINE_H
#define WF_QUARANTINE_H

#include "shmem/owner.h"
#include "store/timer.h"

typedef struct WfCareful WfCareful;

extern WfCareful *wf_careful_new(int32 owner, Oid extension);
extern bool wf_careful_next(WfCareful *careful, bool *step);
extern bool wf_careful_begin(const WfCareful *careful, const WfTimerRow *timer);
extern void wf_careful_end(const WfCareful *careful);
extern void wf_careful_spare(WfOwner *entry);

#endif							/* WF_QUARANTINE_H */
