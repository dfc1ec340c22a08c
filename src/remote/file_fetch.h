/*
 * file_fetch.h
 *	  The process that takes over the files of another server.
 */
#ifndef WF_FILE_FETCH_H
#define WF_FILE_FETCH_H

#include "postgres.h"

extern PGDLLEXPORT void wf_file_fetch_main(Datum arg);

#endif							/* WF_FILE_FETCH_H */
