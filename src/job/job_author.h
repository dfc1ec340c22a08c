/*
 * job_author.h
 *	  Code of the author of a job: as whom, for how long.
 */
#ifndef WF_JOB_AUTHOR_H
#define WF_JOB_AUTHOR_H

#include "datatype/timestamp.h"

#include "eval/user_context.h"
#include "job/job.h"

typedef void (*WfJobCode) (void *arg);

extern void wf_job_author_enter(const WfJob *job, WfUserContext *bracket);
extern void wf_job_author_run(const WfJob *job, WfUserContext *bracket,
							  const Interval *timeout, WfJobCode code, void *arg);

#endif							/* WF_JOB_AUTHOR_H */
