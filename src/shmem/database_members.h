/*
 * database_members.h
 *	  When the runtime of a database is to look after the others of its cluster.
 */
#ifndef WF_DATABASE_MEMBERS_H
#define WF_DATABASE_MEMBERS_H

#include "datatype/timestamp.h"

#include "shmem/database.h"

extern void wf_database_members_look(Oid dbid);
extern TimestampTz wf_database_members_at(WfDatabase *database);
extern void wf_database_members_looking(WfDatabase *database);

#endif							/* WF_DATABASE_MEMBERS_H */
