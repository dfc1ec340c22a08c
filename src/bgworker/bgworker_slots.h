/*
 * bgworker_slots.h
 *	  When max_worker_processes is exhausted: whose turn it is to have the next
 *	  worker, and who makes room for it.
 */
#ifndef WF_BGWORKER_SLOTS_H
#define WF_BGWORKER_SLOTS_H

#include "datatype/timestamp.h"

extern bool wf_bgworker_slots_may_ask(Oid dbid, TimestampTz since);
extern TimestampTz wf_bgworker_slots_wait(Oid dbid, TimestampTz since,
										  const char *whom);
extern void wf_bgworker_slots_relieved(void);

#endif							/* WF_BGWORKER_SLOTS_H */
