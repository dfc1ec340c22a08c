/*
 * job_call.h
 *	  Runs the command of a job.
 */
#ifndef WF_JOB_CALL_H
#define WF_JOB_CALL_H

#include "utils/jsonb.h"

#include "eval/user_context.h"
#include "job/job.h"
#include "job/job_command.h"

extern void wf_job_call_check_result(const WfJob *job, const Jsonb *result);
extern struct WfJobCall *wf_job_call_new(Jsonb *stored, const Jsonb *calls, const char *result);
extern void wf_job_call_measure(struct WfJobCall *call, int32 job, const char *command);
extern const WfJobCommand *wf_job_call_command(const WfJob *job);
extern Jsonb *wf_job_call_one(const WfJob *job, Jsonb *params, Jsonb *run,
							  const Interval *timeout, WfUserContext *bracket);
extern void wf_job_call_many(const WfJob *job, int n, Datum *params, Jsonb **results,
							 const Interval *timeout, WfUserContext *bracket);
extern Jsonb *wf_job_call_top(const WfJob *job, Jsonb *params, Jsonb *run, const char *tenant,
							 const char *trace);

#endif							/* WF_JOB_CALL_H */
