/*
 * job_given.h
 *	  What is given for the parameters of a job: does it fit?
 */
#ifndef WF_JOB_GIVEN_H
#define WF_JOB_GIVEN_H

#include "utils/jsonb.h"

#include "job/job.h"

extern Jsonb *wf_job_given_check(const WfJob *job, Jsonb *given);
extern void wf_job_given_require_plain(const WfJob *job, const char *what);

#endif							/* WF_JOB_GIVEN_H */
