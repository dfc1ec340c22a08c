/*
 * run_tell.h
 *	  Processes hear of the ends of runs that they have invoked.
 */
#ifndef WF_RUN_TELL_H
#define WF_RUN_TELL_H

#include "store/run.h"

extern void wf_run_tell(int n, const WfRunEnd *ends);

#endif							/* WF_RUN_TELL_H */
