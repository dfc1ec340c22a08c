/*
 * watcher.h
 *	  The process that looks for files that make runs.
 */
#ifndef WF_WATCHER_H
#define WF_WATCHER_H

#include "shmem/database.h"

extern void wf_watcher_wanted(WfDatabase *database, Oid extension, bool any);
extern PGDLLEXPORT void wf_watcher_main(Datum arg);

#endif							/* WF_WATCHER_H */
