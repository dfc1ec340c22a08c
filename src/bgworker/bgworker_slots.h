/*
 * bgworker_slots.h
 *	  When max_worker_processes is exhausted: whose turn it is to have the next
 *	  worker, and who makes room for it.
 */
#ifndef WF_BGWORKER_SLOTS_H
#define WF_BGWORKER_SLOTS_H

#include "datatype/timestamp.h"

/* Whoever waits asks again after that (ms) at the latest. */
#define WF_BGWORKER_SLOTS_DELAY_MAX		1000

extern bool wf_bgworker_slots_may_ask(Oid dbid, TimestampTz since);
extern TimestampTz wf_bgworker_slots_wait(Oid dbid, TimestampTz since,
										  const char *whom);
extern void wf_bgworker_slots_relieved(void);
extern bool wf_bgworker_slots_are_short(void);
extern bool wf_bgworker_slots_give_up(void);

#endif							/* WF_BGWORKER_SLOTS_H */
