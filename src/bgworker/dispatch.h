/*
 * dispatch.h
 *	  Executors for the owners of one database who are hungry for one.
 */
#ifndef WF_FEED_H
#define WF_FEED_H

#include "bgworker/pool.h"

/* Once, in a runtime that has attached; makes room in the appetite. */
extern void wf_feed_begin(WfAppetite *appetite);

/*
 * Serve the hungry in their order, as far as slots and workers go; at once
 * or, after the postmaster had none, when it is time to ask again.  Lowers
 * appetite->next to when to look again.  To be called with no transaction open.
 * Returns false when the extension is gone.
 */
extern bool wf_feed(WfDatabase *database, Oid extension, WfAppetite *appetite);

/*
 * Was an executor started here for this owner, who has no entry in shared
 * memory, while such owners take turns?  Or refused for what its role is.
 */
extern bool wf_feed_had_turn(int32 owner);

/* Nobody is hungry here: the database waits for no worker. */
extern void wf_feed_nobody(WfDatabase *database);

/*
 * Give back the slots of executors that were started and never came, and hold
 * their owners back for a while.
 */
extern void wf_feed_reap(void);

#endif							/* WF_FEED_H */
