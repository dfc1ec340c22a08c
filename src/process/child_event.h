/*
 * child_event.h
 *	  The events by which a process tells its parent how it fares.
 */
#ifndef WF_CHILD_EVENT_H
#define WF_CHILD_EVENT_H

#include "utils/jsonb.h"

/* Prefixes of the events from a child to its parent; the invoke id follows. */
#define WF_DONE_INVOKE	"done.invoke."
#define WF_ERROR_INVOKE	"error.invoke."

extern Jsonb *wf_child_event_error(const char *sqlstate, const char *message);
extern bool wf_child_event_is_error(const Jsonb *data);

#endif							/* WF_CHILD_EVENT_H */
