/*
 * wakeup_runs.h
 *	  What this transaction will tell of runs when it ends.
 *
 * The part of wakeup.h for those who have to do with runs and are no executors.
 */
#ifndef WF_WAKEUP_RUNS_H
#define WF_WAKEUP_RUNS_H

#include "datatype/timestamp.h"
#include "utils/uuid.h"

#include "shmem/prepared.h"

extern void wf_wakeup_runs_ended(int n, const pg_uuid_t *runs);
extern void wf_wakeup_runs_awaited(int n, const pg_uuid_t *runs);
extern void wf_wakeup_runs_outside(TimestampTz due);
extern TimestampTz wf_wakeup_runs_outside_at(void);
extern void wf_wakeup_runs_notifies(void);
extern void wf_wakeup_runs_queue(int32 queue, TimestampTz due);
extern void wf_wakeup_runs_placed(void);
extern void wf_wakeup_runs_looked(int64 epoch, uint64 generation, TimestampTz next);
extern void wf_wakeup_runs_lease(TimestampTz until);

/* For wakeup.c. */
extern void wf_wakeup_runs_silence(bool on);
extern void wf_wakeup_runs_rolled_back(void);
extern bool wf_wakeup_runs_any(void);
extern bool wf_wakeup_runs_tell(void);
extern void wf_wakeup_runs_forget(void);
extern void wf_wakeup_runs_describe(WfPrepared *prepared);
extern void wf_wakeup_runs_prepared(const WfPrepared *prepared);

#endif							/* WF_WAKEUP_RUNS_H */
