/*
 * database_files.h
 *	  When files of a database are to be written, and who does that.
 */
#ifndef WF_DATABASE_FILES_H
#define WF_DATABASE_FILES_H

#include "datatype/timestamp.h"

#include "shmem/database.h"

extern void wf_database_files_again(Oid dbid, TimestampTz at);
extern TimestampTz wf_database_files_at(WfDatabase *database);
extern void wf_database_files_looking(WfDatabase *database);
extern bool wf_database_files_attach(WfDatabase *database, Oid dbid);
extern void wf_database_files_detach(WfDatabase *database);

#endif							/* WF_DATABASE_FILES_H */
