/*
 * run_retry.h
 *	  Runs that are done once more.
 */
#ifndef WF_RUN_RETRY_H
#define WF_RUN_RETRY_H

#include "utils/uuid.h"

extern bool wf_run_retry(const pg_uuid_t *id);

#endif							/* WF_RUN_RETRY_H */
