/*
 * eviction.h
 *	  Which executor gives up its slot to somebody who waits for one.
 */
#ifndef WF_EVICTION_H
#define WF_EVICTION_H

#include "datatype/timestamp.h"

#include "bgworker/pool.h"

extern TimestampTz wf_eviction_make_room(int n, bool extra);
extern bool wf_eviction_ask_locked(WfEviction kind, TimestampTz *again);
extern int	wf_eviction_leaving_locked(void);

#endif							/* WF_EVICTION_H */
