/*
 * run_worker.h
 *	  What an outside worker says of a run that it has claimed.
 */
#ifndef WF_RUN_WORKER_H
#define WF_RUN_WORKER_H

#include "utils/jsonb.h"

#include "run/run_park.h"
#include "run/run_said.h"
#include "store/run_log.h"
#include "store/run_row.h"

/* A run that its worker is through with, by its fence; result NULL: none. */
typedef struct WfRunCompleted
{
	pg_uuid_t	run;
	int64		fence;
	Jsonb	   *result;
} WfRunCompleted;

extern bool wf_run_worker_hold(const pg_uuid_t *id, int64 fence, WfRunRow *row);
extern void wf_run_worker_require(const pg_uuid_t *id, int64 fence, WfRunRow *row);
extern void wf_run_worker_complete(int n, const WfRunCompleted *completed, const char *actor,
								   bool *taken);
extern const char *wf_run_worker_fail(const pg_uuid_t *id, int64 fence, Jsonb *error,
									  TimestampTz retry_at, bool final, const char *actor);
extern bool wf_run_worker_decline(const pg_uuid_t *id, int64 fence);
extern bool wf_run_worker_release(const pg_uuid_t *id, int64 fence, TimestampTz at);
extern const char *wf_run_worker_extend(const pg_uuid_t *id, int64 fence, const Interval *lease);
extern void wf_run_worker_progress(const pg_uuid_t *id, int64 fence, Jsonb *progress);
extern void wf_run_worker_log(const pg_uuid_t *id, int64 fence, const WfRunLogLine *line);
extern bool wf_run_worker_said(const pg_uuid_t *id, int64 fence, const WfRunSaid *said);
extern void wf_run_worker_park(const pg_uuid_t *id, int64 fence, const WfRunPark *until);

#endif							/* WF_RUN_WORKER_H */
