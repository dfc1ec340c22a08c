/*
 * tracked.h
 *	  A tracked run: claimed first, then done.
 */
#ifndef WF_TRACKED_H
#define WF_TRACKED_H

#include "queue/run_permit.h"
#include "store/run_row.h"

extern void wf_tracked_claim(WfRunRow *row, const WfRunPermit *permit);
extern bool wf_tracked_do(Oid extension);
extern void wf_tracked_forget(void);

#endif							/* WF_TRACKED_H */
