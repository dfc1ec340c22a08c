/*
 * link_process.h
 *	  The process that is a member of another server's cluster.
 */
#ifndef WF_LINK_PROCESS_H
#define WF_LINK_PROCESS_H

#include "postgres.h"

extern PGDLLEXPORT void wf_link_process_main(Datum arg);

#endif							/* WF_LINK_PROCESS_H */
