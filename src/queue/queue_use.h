/*
 * queue_use.h
 *	  What is in a queue, and whom that concerns.
 */
#ifndef WF_QUEUE_USE_H
#define WF_QUEUE_USE_H

#include "queue/queue.h"

extern bool wf_queue_use_has_runs(int32 number);
extern bool wf_queue_use_limit_is_used(const char *name);
extern void wf_queue_use_require_units(const char *name, int most);
extern int64 wf_queue_use_admit(int32 number, int n, WfQueueFull *full);
pg_noreturn extern void wf_queue_use_refuse_full(int32 number);
extern void wf_queue_use_wake_limit(const char *name);
extern void wf_queue_use_wake(int32 number);

#endif							/* WF_QUEUE_USE_H */
