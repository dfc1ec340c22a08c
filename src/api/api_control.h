/*
 * api_control.h
 *	  Suspend, resume, cancel; timers set and reset by hand.
 */
#ifndef WF_API_CONTROL_H
#define WF_API_CONTROL_H

#include "utils/array.h"
#include "utils/uuid.h"

extern bool wf_redeliver(const pg_uuid_t *process, int32 owner, ArrayType *active);

#endif							/* WF_API_CONTROL_H */
