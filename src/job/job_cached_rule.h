/*
 * job_cached_rule.h
 *	  What the results of a job are kept by.
 */
#ifndef WF_JOB_CACHED_RULE_H
#define WF_JOB_CACHED_RULE_H

#include "datatype/timestamp.h"
#include "utils/jsonb.h"

/* The column job.cache. */
typedef struct WfJobCachedRule
{
	Interval   *max_age;		/* an older result is not used; NULL: used for ever */
	Interval   *refresh_age;	/* one that is older makes a run when it is used; NULL: none does */
	int			max_entries;
	bool		calls_fill;		/* what call_job() had to do is kept, too */
} WfJobCachedRule;

extern WfJobCachedRule *wf_job_cached_rule_parse(const Jsonb *given);
extern Jsonb *wf_job_cached_rule_write(const WfJobCachedRule *rule);

#endif							/* WF_JOB_CACHED_RULE_H */
