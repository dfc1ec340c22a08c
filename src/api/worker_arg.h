/*
 * worker_arg.h
 *	  Arguments of the functions that workers call.
 */
#ifndef WF_WORKER_ARG_H
#define WF_WORKER_ARG_H

#include "fmgr.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "run/run_ready.h"

extern void wf_worker_arg_connect(FunctionCallInfo fcinfo);
extern void wf_worker_arg_require(FunctionCallInfo fcinfo, int n, const char *name);
extern pg_uuid_t *wf_worker_arg_run(FunctionCallInfo fcinfo, int n, int64 *fence);
extern pg_uuid_t *wf_worker_arg_run_or_mine(FunctionCallInfo fcinfo, int n, int64 *fence);
extern const Interval *wf_worker_arg_lease(FunctionCallInfo fcinfo, int n);
extern char *wf_worker_arg_actor(FunctionCallInfo fcinfo, int n);
extern char *wf_worker_arg_name(FunctionCallInfo fcinfo, int n, const char *what);
extern List *wf_worker_arg_names(FunctionCallInfo fcinfo, int n);
extern int	wf_worker_arg_jobs(const List *names, const WfRunReadyJob **jobs);
extern TimestampTz wf_worker_arg_time(FunctionCallInfo fcinfo, int n, const char *name, TimestampTz without);

#endif							/* WF_WORKER_ARG_H */
