/*
 * send.h
 *	  Events from one process to another.
 */
#ifndef WF_SEND_H
#define WF_SEND_H

#include "process/process.h"

/*
 * Error 22023 for an event that only the engine sends; `across`: to another
 * process.
 */
extern void wf_send_check(const char *event, bool across);

/*
 * Send from a process that is being stepped to `target` ("#_parent", "#_" and
 * an invoke id, or a process id): an insert into timer, never a lock.  A target
 * that does not exist, or that the sender's owner may not send to, gives the
 * sender the internal event "error.communication".  due: DT_NOBEGIN, or a
 * later time; until then it is the sender's, who may cancel it by its id, and
 * ends with the sender.
 */
extern void wf_send_across(WfProcess *process, const char *target,
						   const char *event, Jsonb *data, const char *id,
						   TimestampTz due, const char *actor);

/*
 * The actor of an event from this process for one of that definition: the one
 * it came with, as far as the sender's owner may speak for it, else the owner.
 */
extern const char *wf_actor_for(WfProcess *process, const WfDefinition *receiver,
								const char *actor);

/* The definition of a process, by look-up without lock; NULL: no such process. */
extern WfDefinition *wf_definition_of_process(const pg_uuid_t *id, bool *over);

/* What a timer of the sender's carries (see WF_FORWARD_EVENT) goes its way. */
extern void wf_send_forward(WfProcess *process, const WfTimerRow *timer);

#endif							/* WF_SEND_H */
