/*
 * database_load.h
 *	  When the runtime of a database is to sum what was done.
 */
#ifndef WF_DATABASE_LOAD_H
#define WF_DATABASE_LOAD_H

#include "shmem/database.h"

extern void wf_database_load_written(Oid dbid);
extern TimestampTz wf_database_load_at(WfDatabase *database);
extern void wf_database_load_summing(WfDatabase *database);

#endif							/* WF_DATABASE_LOAD_H */
