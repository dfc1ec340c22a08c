/*
 * run_over.h
 *	  Runs that end, and what follows from that.
 */
#ifndef WF_RUN_OVER_H
#define WF_RUN_OVER_H

#include "store/run.h"

/* Has the restorer ended for which a run waits that is locked?  Then it does what that says. */
typedef bool (*WfRunOverRestored) (WfRunRow *row);

extern void wf_run_over_init(WfRunOverRestored restored);
extern void wf_run_over(int n, WfRunEnd *ends);
extern void wf_run_over_await(WfRunRow *row, int n, const pg_uuid_t *awaited);
extern bool wf_run_over_settle(int n, const pg_uuid_t *ended, bool *locked);

#endif							/* WF_RUN_OVER_H */
