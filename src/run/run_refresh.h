/*
 * run_refresh.h
 *	  Runs that renew what is kept of a job.
 */
#ifndef WF_RUN_REFRESH_H
#define WF_RUN_REFRESH_H

#include "job/job.h"
#include "store/job_cache.h"

extern void wf_run_refresh(const WfJob *job, Jsonb *params, const WfJobCacheFound *found);

#endif							/* WF_RUN_REFRESH_H */
