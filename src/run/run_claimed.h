/*
 * run_claimed.h
 *	  Runs that a runtime has claimed, all of them.
 */
#ifndef WF_RUN_CLAIMED_H
#define WF_RUN_CLAIMED_H

#include "store/run_row.h"

extern int	wf_run_claimed(const char *worker, Oid login, pg_uuid_t **runs);
extern TimestampTz wf_run_claimed_last(const char *worker);
extern bool wf_run_claimed_by_others(const char *worker, Oid login);
extern bool wf_run_claimed_lose(const char *worker, const pg_uuid_t *run, WfRunState *state, bool *asked);
extern int	wf_run_claimed_lose_orphans(int most, bool *locked);
extern bool wf_run_claimed_give_back(const char *worker, const pg_uuid_t *run);

#endif							/* WF_RUN_CLAIMED_H */
