/*
 * placed_executor.h
 *	  The process that does runs of another server.
 */
#ifndef WF_PLACED_EXECUTOR_H
#define WF_PLACED_EXECUTOR_H

#include "postgres.h"

extern PGDLLEXPORT void wf_placed_executor_main(Datum arg);

#endif							/* WF_PLACED_EXECUTOR_H */
