/*
 * database_alerts.h
 *	  When the runtime of a database is to look at its alerts.
 */
#ifndef WF_DATABASE_ALERTS_H
#define WF_DATABASE_ALERTS_H

#include "shmem/database.h"

extern void wf_database_alerts_look(Oid dbid);
extern void wf_database_alerts_written(Oid dbid);
extern TimestampTz wf_database_alerts_at(WfDatabase *database);
extern void wf_database_alerts_looking(WfDatabase *database);
extern void wf_database_alerts_looked(WfDatabase *database, TimestampTz at, int64 after);

#endif							/* WF_DATABASE_ALERTS_H */
