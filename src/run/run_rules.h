/*
 * run_rules.h
 *	  What a run has in place of what its job says.
 */
#ifndef WF_RUN_RULES_H
#define WF_RUN_RULES_H

#include "utils/jsonb.h"

#include "job/job.h"
#include "store/run_row.h"

extern Jsonb *wf_run_rules(int64 timeout, const char *retry);
extern const Interval *wf_run_rules_timeout(const WfRunRow *row, const WfJob *job);
extern const WfPolicy *wf_run_rules_retry(const WfRunRow *row, const WfJob *job);

#endif							/* WF_RUN_RULES_H */
