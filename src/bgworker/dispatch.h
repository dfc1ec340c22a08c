/*
 * dispatch.h
 *	  Executors for the owners of one database who are hungry for one.
 */
#ifndef WF_DISPATCH_H
#define WF_DISPATCH_H

#include "bgworker/pool.h"
#include "shmem/database.h"

extern void wf_feed_begin(WfAppetite *appetite);
extern bool wf_feed(WfDatabase *database, Oid extension, WfAppetite *appetite);
extern bool wf_feed_had_turn(int32 owner);
extern void wf_feed_nobody(WfDatabase *database);
extern void wf_feed_reap(void);

#endif							/* WF_DISPATCH_H */
