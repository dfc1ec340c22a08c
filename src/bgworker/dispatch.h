/*
 * dispatch.h
 *	  Executors for the lanes of one database that wait for one.
 */
#ifndef WF_DISPATCH_H
#define WF_DISPATCH_H

#include "bgworker/pool.h"
#include "shmem/database.h"

extern void wf_dispatch_begin(WfDemand *demand);
extern bool wf_dispatch(WfDatabase *database, Oid extension, WfDemand *demand);
extern bool wf_dispatch_was_served(int32 owner);
extern void wf_dispatch_nobody(WfDatabase *database);
extern void wf_dispatch_reap(void);

#endif							/* WF_DISPATCH_H */
