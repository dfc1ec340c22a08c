/*
 * job_cached.h
 *	  Results of a job that are kept for those who call it.
 */
#ifndef WF_JOB_CACHED_H
#define WF_JOB_CACHED_H

#include "utils/jsonb.h"

#include "job/job.h"
#include "store/job_cache.h"
#include "store/run.h"

extern bool wf_job_cached_is_read(const WfJob *job);
extern bool wf_job_cached_find(const WfJob *job, Jsonb *params, WfJobCacheFound *found);
extern void wf_job_cached_called(const WfJob *job, Jsonb *params, Jsonb *result);
extern void wf_job_cached_ended(int n, const WfRunEnd *ends);

#endif							/* WF_JOB_CACHED_H */
