/*
 * database_walk.h
 *	  When a walk over what is over may find something that has outlived its time.
 */
#ifndef WF_DATABASE_WALK_H
#define WF_DATABASE_WALK_H

#include "shmem/database.h"

extern void wf_database_walk_written(Oid dbid);
extern uint32 wf_database_walk_begin(WfDatabase *database);
extern void wf_database_walk_end(WfDatabase *database, uint32 walk, int64 retention, TimestampTz next);
extern TimestampTz wf_database_walk_at(WfDatabase *database, int64 retention);

#endif							/* WF_DATABASE_WALK_H */
