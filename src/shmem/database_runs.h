/*
 * database_runs.h
 *	  What the runtime of a database is to do for runs.
 */
#ifndef WF_DATABASE_RUNS_H
#define WF_DATABASE_RUNS_H

#include "shmem/database.h"

extern void wf_database_runs_lost(Oid dbid);
extern bool wf_database_runs_take_lost(WfDatabase *database);
extern void wf_database_runs_lease(WfDatabase *database, TimestampTz until);
extern TimestampTz wf_database_runs_leases_at(WfDatabase *database);
extern void wf_database_runs_leases_looked_for(WfDatabase *database);
extern void wf_database_runs_leases_renewed(WfDatabase *database);
extern bool wf_database_runs_awaited(Oid dbid);
extern void wf_database_runs_await(Oid dbid);
extern void wf_database_runs_await_no_more(WfDatabase *database);
extern void wf_database_runs_settle(Oid dbid, bool all);
extern bool wf_database_runs_take_settle(WfDatabase *database, bool *all);
extern void wf_database_runs_notifies(WfDatabase *database, bool notifies);
extern void wf_database_runs_notify(WfDatabase *database, TimestampTz at);
extern TimestampTz wf_database_runs_notify_at(WfDatabase *database);
extern void wf_database_runs_notifying(WfDatabase *database);

#endif							/* WF_DATABASE_RUNS_H */
