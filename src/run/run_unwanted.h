/*
 * run_unwanted.h
 *	  Runs that the process which has invoked them does not want any more.
 */
#ifndef WF_RUN_UNWANTED_H
#define WF_RUN_UNWANTED_H

#include "utils/uuid.h"

extern void wf_run_unwanted(const pg_uuid_t *run);
extern bool wf_run_unwanted_settle(const pg_uuid_t *run);

#endif							/* WF_RUN_UNWANTED_H */
