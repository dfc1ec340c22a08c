/*
 * run_full.h
 *	  Runs that are put into a queue which may be full.
 */
#ifndef WF_RUN_FULL_H
#define WF_RUN_FULL_H

#include "store/run_row.h"

extern void wf_run_full_admit(int32 queue, int n, const WfRunRow *rows);

#endif							/* WF_RUN_FULL_H */
