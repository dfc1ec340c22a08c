/*
 * run_over.h
 *	  Runs that end.
 */
#ifndef WF_RUN_OVER_H
#define WF_RUN_OVER_H

#include "store/run.h"

extern void wf_run_over(int n, WfRunEnd *ends);

#endif							/* WF_RUN_OVER_H */
