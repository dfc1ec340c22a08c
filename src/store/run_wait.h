/*
 * run_wait.h
 *	  The table workflow.run_wait: runs that wait for the ends of others.
 */
#ifndef WF_RUN_WAIT_H
#define WF_RUN_WAIT_H

#include "utils/array.h"
#include "utils/uuid.h"

/* So many runs that wait are found at once. */
#define WF_RUN_WAIT_PIECE	1000

extern void wf_run_wait_add(const pg_uuid_t *run, ArrayType *awaited);
extern void wf_run_wait_forget(ArrayType *runs);
extern int	wf_run_wait_find(ArrayType *awaited, pg_uuid_t *runs);
extern bool wf_run_wait_failed(const pg_uuid_t *run, ArrayType *awaited, pg_uuid_t *failed);
extern bool wf_run_wait_pass(const pg_uuid_t *run, ArrayType *awaited);
extern int	wf_run_wait_ended(pg_uuid_t *walk, pg_uuid_t *awaited, bool *more);

#endif							/* WF_RUN_WAIT_H */
