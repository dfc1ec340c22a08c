/*
 * job_schema.h
 *	  The parameters of a job as JSON Schema.
 */
#ifndef WF_JOB_SCHEMA_H
#define WF_JOB_SCHEMA_H

#include "job/job.h"

extern Jsonb *wf_job_schema(const WfJob *job, const char *description);

#endif							/* WF_JOB_SCHEMA_H */
