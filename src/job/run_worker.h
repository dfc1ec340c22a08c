/*
 * run_worker.h
 *	  What an outside worker says of a run that it has claimed.
 */
#ifndef WF_RUN_WORKER_H
#define WF_RUN_WORKER_H

#include "utils/jsonb.h"

#include "job/run_park.h"
#include "store/run_row.h"

extern bool wf_run_worker_hold(const pg_uuid_t *id, int64 fence, WfRunRow *row);
extern void wf_run_worker_require(const pg_uuid_t *id, int64 fence, WfRunRow *row);
extern bool wf_run_worker_complete(const pg_uuid_t *id, int64 fence, Jsonb *result,
								   const char *actor);
extern const char *wf_run_worker_fail(const pg_uuid_t *id, int64 fence, Jsonb *error,
									  TimestampTz retry_at, bool final, const char *actor);
extern bool wf_run_worker_release(const pg_uuid_t *id, int64 fence, TimestampTz at);
extern const char *wf_run_worker_extend(const pg_uuid_t *id, int64 fence, const Interval *lease);
extern void wf_run_worker_progress(const pg_uuid_t *id, int64 fence, Jsonb *progress);
extern void wf_run_worker_park(const pg_uuid_t *id, int64 fence, const WfRunPark *park);

#endif							/* WF_RUN_WORKER_H */
