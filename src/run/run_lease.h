/*
 * run_lease.h
 *	  Leases of outside workers that end.
 */
#ifndef WF_RUN_LEASE_H
#define WF_RUN_LEASE_H

#include "datatype/timestamp.h"

extern void wf_run_lease_renew(void);
extern TimestampTz wf_run_lease_end(bool *more);

#endif							/* WF_RUN_LEASE_H */
