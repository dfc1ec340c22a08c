/*
 * run_expire.h
 *	  Runs that have ended are forgotten.
 */
#ifndef WF_RUN_EXPIRE_H
#define WF_RUN_EXPIRE_H

#include "datatype/timestamp.h"
#include "utils/uuid.h"

/* How far runs of a partition have been carried forward that their rules keep. */
typedef struct WfRunExpireCarry
{
	pg_uuid_t	after;			/* those up to this one have been looked at */
	bool		skipped;		/* some were locked by others */
} WfRunExpireCarry;

extern bool wf_run_expire_known(void);
extern TimestampTz wf_run_expire_at(TimestampTz ended, TimestampTz before, TimestampTz now);
extern bool wf_run_expire_walk(pg_uuid_t *after, TimestampTz cutoff, TimestampTz now, TimestampTz *next);
extern bool wf_run_expire_walk_by_rules(pg_uuid_t *after, TimestampTz to, TimestampTz cutoff, TimestampTz now,
										TimestampTz *next);
extern bool wf_run_expire_carry(int slot, int to, TimestampTz now, WfRunExpireCarry *carry);
extern bool wf_run_expire_hold(const pg_uuid_t *run, TimestampTz before);
extern void wf_run_expire_forget(int n, Datum *runs);
extern void wf_run_expire_truncate(int slot);
extern void wf_run_expire_of_process(const pg_uuid_t *process);

#endif							/* WF_RUN_EXPIRE_H */
