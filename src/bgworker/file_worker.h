/*
 * file_worker.h
 *	  The process that writes the files of a database.
 */
#ifndef WF_FILE_WORKER_H
#define WF_FILE_WORKER_H

#include "shmem/database.h"

extern void wf_file_worker_wanted(WfDatabase *database, Oid extension);
extern PGDLLEXPORT void wf_file_worker_main(Datum arg);

#endif							/* WF_FILE_WORKER_H */
