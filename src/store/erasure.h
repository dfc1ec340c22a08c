/*
 * erasure.h
 *	  Processes that were erased, and events that come for them still.
 */
#ifndef WF_ERASURE_H
#define WF_ERASURE_H

#include "utils/uuid.h"

extern void wf_erasure_note(const pg_uuid_t *process, int32 owner);
extern void wf_erasure_settle(void);

#endif							/* WF_ERASURE_H */
