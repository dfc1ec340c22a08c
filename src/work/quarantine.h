/*
 * quarantine.h
 *	  After a crash: what may have caused it is worked one by one.
 */
#ifndef WF_CAREFUL_H
#define WF_CAREFUL_H

#include "shmem/shmem.h"
#include "store/process_row.h"

typedef struct WfCareful WfCareful;

/*
 * The suspects of an owner (or of one that has no entry in shared memory: in its
 * turn), or NULL: there was no crash, or they are cleared
 * already; or the owner has other executors, which would be at suspects, too,
 * uncounted or counted twice.  No executor is added to an owner with suspects.
 *
 * The same goes for timers whose step ends its executor (FATAL) each time.
 *
 * What was under way when the server crashed is among the oldest due timers:
 * claims go in due order.  So after an unclean start the first
 * workflow.careful_backlog timers of each owner that were due then are
 * stepped alone, with the attempt committed before.
 */
extern WfCareful *wf_careful_new(int32 owner, Oid extension);

/*
 * In a transaction of its own, take back the attempt of the last suspect if it
 * did not end us, and commit the attempt of the next one.  Returns false when
 * there are no suspects left: the caller forgets its pointer.  *step: false
 * when the suspect was given up, or has to wait; then there is nothing to step.
 */
extern bool wf_careful_next(WfCareful *careful, bool *step);

/*
 * Is this timer the one whose attempt was committed?  Only that is stepped, and
 * the attempt begins with this call.
 */
extern bool wf_careful_begin(const WfCareful *careful, const WfTimerRow *timer);

/*
 * The batch has ended, well or not, and we are still there: what was under way
 * does no harm.
 */
extern void wf_careful_end(const WfCareful *careful);

/*
 * The executor of this owner was told to go while it was at work: what is
 * under way is not to blame, unless that happens too often.
 */
extern void wf_careful_spare(WfOwner *entry);

#endif							/* WF_CAREFUL_H */
