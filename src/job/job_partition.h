/*
 * job_partition.h
 *	  The partition of runs that name none, as the job says.
 */
#ifndef WF_JOB_PARTITION_H
#define WF_JOB_PARTITION_H

#include "job/job.h"
#include "parameter/parameter_expr.h"

/* Longest name of a partition, in bytes. */
#define WF_MAX_PARTITION	1000

extern struct WfParameterExpr *wf_job_partition_parse(const char *text);
extern WfParameterExpr *wf_job_partition_compile(const char *text);
extern const char *wf_job_partition_of(const WfJob *job, Jsonb *params);

#endif							/* WF_JOB_PARTITION_H */
