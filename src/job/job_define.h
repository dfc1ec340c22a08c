/*
 * job_define.h
 *	  New versions of jobs, and the end of a job.
 */
#ifndef WF_JOB_DEFINE_H
#define WF_JOB_DEFINE_H

#include "datatype/timestamp.h"
#include "utils/jsonb.h"

#include "job/job.h"

/* What create_job() is given; NULL: not given. */
typedef struct WfJobText
{
	const char *name;
	const char *command;
	Jsonb	   *parameters;
	const char *queue;
	const char *mode;
	Jsonb	   *retry;
	Interval   *timeout;
	int			priority;
	const char *partition;
	Jsonb	   *limits;
	const char *on_lost;
	Jsonb	   *cache;
	const char *result;
	Interval   *start_within;
	const char *description;
	bool		reserved;		/* its name is one that create_job() refuses */
} WfJobText;

extern int32 wf_job_define(const WfJobText *text);
extern void wf_job_define_forget(const char *name);
extern void wf_job_define_drop(const char *name);

#endif							/* WF_JOB_DEFINE_H */
