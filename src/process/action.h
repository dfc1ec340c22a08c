/*
 * action.h
 *	  Actions, done for a process in memory.
 */
#ifndef WF_ACTION_H
#define WF_ACTION_H

#include "process/process.h"

/*
 * action.c: one that is no block of others.  Throws what the author's code
 * throws; where that is an event, machine->skip_block says that it failed.
 */
extern void wf_act(WfProcess *process, const WfAction *action, const WfEvent *event);

/*
 * foreach.c: the actions inside for each element of an array, each of which
 * comes into the context before they are run.  Fails as the above does.
 */
extern void wf_act_foreach(WfProcess *process, const WfAction *action,
						   const WfEvent *event);

#endif							/* WF_ACTION_H */
