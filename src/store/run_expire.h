/*
 * run_expire.h
 *	  Runs that have ended are forgotten.
 */
#ifndef WF_RUN_EXPIRE_H
#define WF_RUN_EXPIRE_H

#include "datatype/timestamp.h"
#include "utils/uuid.h"

extern bool wf_run_expire_known(void);
extern bool wf_run_expire_walk(pg_uuid_t *after, TimestampTz cutoff);
extern bool wf_run_expire_lock_partition(int slot);
extern void wf_run_expire_truncate(int slot);
extern void wf_run_expire_of_process(const pg_uuid_t *process);

#endif							/* WF_RUN_EXPIRE_H */
