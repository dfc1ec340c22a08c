/*
 * run_failure.h
 *	  What becomes of a run whose attempt failed.
 */
#ifndef WF_RUN_FAILURE_H
#define WF_RUN_FAILURE_H

#include "utils/elog.h"
#include "utils/jsonb.h"

#include "store/run.h"

extern Jsonb *wf_run_failure_time(TimestampTz at);
extern Jsonb *wf_run_failure_of(const ErrorData *error);
extern void wf_run_failure_wait(WfRunRow *row, TimestampTz due, Jsonb *error);
extern void wf_run_failure_end(WfRunRow *row, Jsonb *error);
extern WfRunState wf_run_failure_stopped(WfRunRow *row, Jsonb *error);
extern bool wf_run_failure_outlast(WfRunRow *row, Jsonb *error);
extern WfRunState wf_run_failure_record(WfRunRow *row, const char *code, Jsonb *error,
										TimestampTz retry_at, bool final);

#endif							/* WF_RUN_FAILURE_H */
