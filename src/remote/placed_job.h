/*
 * placed_job.h
 *	  The job of a run of another server, as it is here.
 */
#ifndef WF_PLACED_JOB_H
#define WF_PLACED_JOB_H

#include "job/job.h"
#include "remote/parcel.h"

extern const WfJob *wf_placed_job(const WfParcel *parcel, Oid role);
extern void wf_placed_job_doubt(const ErrorData *error);
extern bool wf_placed_job_is_full(void);
extern Jsonb *wf_placed_job_describe(const WfJob *job, const WfParcel *parcel);

#endif							/* WF_PLACED_JOB_H */
