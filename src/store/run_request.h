/*
 * run_request.h
 *	  The table workflow.run_request: runs that are not wanted any more.
 */
#ifndef WF_RUN_REQUEST_H
#define WF_RUN_REQUEST_H

#include "utils/uuid.h"

#include "store/run_row.h"

/* So many are read at a time. */
#define WF_RUN_REQUEST_PIECE	1000

extern void wf_run_request_add(const pg_uuid_t *run);
extern bool wf_run_request_has(const WfRunRow *row);
extern int	wf_run_request_list(pg_uuid_t *runs);
extern void wf_run_request_forget(const pg_uuid_t *run);

#endif							/* WF_RUN_REQUEST_H */
