/*
 * send.h
 *	  Events from one process to another.
 */
#ifndef WF_SEND_H
#define WF_SEND_H

#include "process.h"

/*
 * Send from a process that is being stepped to `target` ("#_parent" or a
 * process id): an insert into timer, never a lock.  A target that does not
 * exist, or that the sender's owner may not send to, gives the sender the
 * internal event "error.communication".
 */
extern void wf_send_across(WfProcess *process, const char *target,
						   const char *event, Jsonb *data, const char *id,
						   TimestampTz due, const char *actor);

/* The definition of a process, by look-up without lock; NULL: no such process. */
extern WfDefinition *wf_definition_of_process(const pg_uuid_t *id, bool *over);

/* Text to uuid without an error. */
extern bool wf_uuid_parse(const char *text, pg_uuid_t *id);

#endif							/* WF_SEND_H */
