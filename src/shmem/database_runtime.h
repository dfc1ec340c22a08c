/*
 * database_runtime.h
 *	  The life of the runtime of a database.
 */
#ifndef WF_DATABASE_RUNTIME_H
#define WF_DATABASE_RUNTIME_H

#include "datatype/timestamp.h"

#include "shmem/database.h"

/* What a database was before its runtime was to be started. */
typedef struct WfDatabaseStart
{
	Oid			dbid;
	uint32		generation;		/* by which the runtime will know its entry */
	WfDatabaseState state;
	bool		wake;
} WfDatabaseStart;

extern bool wf_database_runtime_begin_start(WfDatabase *database, Oid dbid, bool possible,
											WfDatabaseStart *start);
extern void wf_database_runtime_start_later(WfDatabase *database, const WfDatabaseStart *start);
extern void wf_database_runtime_start_failed_locked(WfDatabase *database, TimestampTz not_before);
extern bool wf_database_runtime_attach(WfDatabase *database, Oid dbid, uint32 generation);
extern void wf_database_runtime_running(WfDatabase *database, Oid extension, TimestampTz now);
extern void wf_database_runtime_detach(WfDatabase *database, WfDatabaseState next, bool proved,
									   TimestampTz not_before);
extern bool wf_database_runtime_take_wake(WfDatabase *database);
extern void wf_database_runtime_yield_locked(WfDatabase *database, TimestampTz to);
extern void wf_database_runtime_stays(WfDatabase *database);

#endif							/* WF_DATABASE_RUNTIME_H */
