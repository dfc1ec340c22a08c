/*
 * job_cache.h
 *	  The table workflow.job_cache: results of jobs, by their parameters.
 */
#ifndef WF_JOB_CACHE_H
#define WF_JOB_CACHE_H

#include "datatype/timestamp.h"
#include "utils/jsonb.h"
#include "utils/uuid.h"

/* What a result is kept for, and under. */
typedef struct WfJobCacheKey
{
	int32		job;			/* job.id: of this version, */
	int32		owner;			/* done as this one, owner.id, */
	Jsonb	   *params;			/* with these, */
	const char *tenant;			/* for this one; empty: for nobody */
} WfJobCacheKey;

/* A result that is to be kept. */
typedef struct WfJobCacheEntry
{
	WfJobCacheKey key;
	TimestampTz refresh_at;		/* DT_NOEND: never */
	TimestampTz good_until;		/* DT_NOEND: for ever */
	Jsonb	   *result;			/* or NULL */
	const pg_uuid_t *process;	/* that has invoked the run; NULL: none */
} WfJobCacheEntry;

/* One that was found. */
typedef struct WfJobCacheFound
{
	pg_uuid_t	id;
	Jsonb	   *result;			/* or NULL */
	bool		to_refresh;		/* somebody should have it done again */
} WfJobCacheFound;

extern bool wf_job_cache_find(const WfJobCacheKey *key, TimestampTz now, WfJobCacheFound *found);
extern bool wf_job_cache_claim(const WfJobCacheFound *found);
extern void wf_job_cache_keep(const WfJobCacheEntry *entry);
extern void wf_job_cache_trim(int32 job, int max);
extern void wf_job_cache_forget(const char *job);
extern uint64 wf_job_cache_flush(const char *job, Jsonb *params);
extern void wf_job_cache_forget_process(const pg_uuid_t *process);
extern bool wf_job_cache_expire(void);

#endif							/* WF_JOB_CACHE_H */
