/*
 * job_restorer.h
 *	  Restorers: jobs that decide what becomes of runs that were lost.
 */
#ifndef WF_JOB_RESTORER_H
#define WF_JOB_RESTORER_H

#include "utils/uuid.h"

#include "job/job.h"

/* A restorer that was found. */
typedef struct WfJobRestorer
{
	const WfJob *job;			/* whose runs ask it */
	bool		of_definition;	/* that of the process that has invoked the run */
} WfJobRestorer;

extern void wf_job_restorer_set(const char *for_what, Oid function);
extern void wf_job_restorer_drop(const char *for_what);
extern void wf_job_restorer_forget(const char *for_what);
extern bool wf_job_restorer_is(const WfJob *job);
extern bool wf_job_restorer_find(const WfJob *lost, const pg_uuid_t *process, WfJobRestorer *found);

#endif							/* WF_JOB_RESTORER_H */
