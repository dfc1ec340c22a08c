/*
 * erasure.h
 *	  The table workflow.erasure: processes that were erased, and events that
 *	  still come for them.
 */
#ifndef WF_ERASURE_H
#define WF_ERASURE_H

#include "utils/array.h"
#include "utils/uuid.h"

extern void wf_erasure_note(const pg_uuid_t *process, const char *definition, int32 owner);
extern void wf_erasure_hand_over(int32 from, int32 to, const char *definition);
extern int	wf_erasure_among(ArrayType *processes, pg_uuid_t **erased);
extern void wf_erasure_settle(void);

#endif							/* WF_ERASURE_H */
