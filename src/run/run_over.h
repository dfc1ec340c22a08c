/*
 * run_over.h
 *	  Runs that end, and what follows from that.
 */
#ifndef WF_RUN_OVER_H
#define WF_RUN_OVER_H

#include "store/run.h"

extern void wf_run_over(int n, WfRunEnd *ends);
extern void wf_run_over_await(WfRunRow *row, int n, const pg_uuid_t *awaited);
extern bool wf_run_over_settle(int n, const pg_uuid_t *ended, bool *locked);

#endif							/* WF_RUN_OVER_H */
