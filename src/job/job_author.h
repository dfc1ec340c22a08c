/*
 * job_author.h
 *	  Code of the author of a job: for how long.
 */
#ifndef WF_JOB_AUTHOR_H
#define WF_JOB_AUTHOR_H

#include "datatype/timestamp.h"

#include "eval/author_code.h"
#include "job/job.h"

extern void wf_job_author_run(const WfJob *job, WfUserContext *bracket,
							  const Interval *timeout, WfAuthorCode code, void *arg);

#endif							/* WF_JOB_AUTHOR_H */
