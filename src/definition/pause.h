/*
 * pause.h
 *	  Definitions all of whose processes rest.
 *
 * A batch that meets a paused definition parks the timers that it claimed and
 * notes their process in workflow.resting; when the pause has ended, executors
 * of the definition's owner bring those back, some at a time.
 */
#ifndef WF_PAUSE_H
#define WF_PAUSE_H

#include "definition/definition.h"
#include "store/process_row.h"

/*
 * Is anything paused, or still resting, at this moment, whatever snapshot the
 * transaction has?  Call it after locking processes; what the functions below
 * say is as of this call.  Costs next to nothing while the answer is no.
 * Needs a transaction and, to read the table, SPI.
 */
extern bool wf_pause_look(void);

extern bool wf_is_paused(const WfDefinition *definition);

/* Looks by itself.  Error WF003. */
extern void wf_pause_refuse(const WfDefinition *definition);

/* Begin and end a pause; false: it was so already.  Tells all sessions. */
extern bool wf_pause_begin(const WfDefinition *definition);
extern bool wf_pause_end(const WfDefinition *definition);

/* This transaction notes processes as resting. */
extern void wf_pause_noting(int32 owner);

/* Are there processes of this owner that rest without a pause? */
extern bool wf_pause_is_over(int32 owner);

/*
 * Bring back the timers of up to `limit` of them, under locks on the
 * processes; those that are locked are left out.  Returns how many.
 */
extern int	wf_pause_bring_back(int32 owner, int limit);

/*
 * Some of n claimed timers belong to processes that rest without a pause: what
 * is parked of those comes before.  Brings them back and marks their rows as
 * overtaken.
 */
extern void wf_pause_overtaken(int32 owner, int n, WfRow **rows);

#endif							/* WF_PAUSE_H */
