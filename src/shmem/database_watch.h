/*
 * database_watch.h
 *	  Who looks for files that make runs in a database, and when somebody is to.
 */
#ifndef WF_DATABASE_WATCH_H
#define WF_DATABASE_WATCH_H

#include "datatype/timestamp.h"

#include "shmem/database.h"

extern void wf_database_watch_look(Oid dbid);
extern void wf_database_watch_look_all(void);
extern void wf_database_watch_again(Oid dbid, TimestampTz at);
extern TimestampTz wf_database_watch_at(WfDatabase *database);
extern void wf_database_watch_looking(WfDatabase *database);
extern bool wf_database_watch_tell(WfDatabase *database);
extern bool wf_database_watch_attach(WfDatabase *database, Oid dbid);
extern void wf_database_watch_detach(WfDatabase *database);

#endif							/* WF_DATABASE_WATCH_H */
