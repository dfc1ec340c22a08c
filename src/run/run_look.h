/*
 * run_look.h
 *	  What a run waits for.
 */
#ifndef WF_RUN_LOOK_H
#define WF_RUN_LOOK_H

#include "store/run_row.h"

extern const char *wf_run_look_waits_for(const WfRunRow *row);

#endif							/* WF_RUN_LOOK_H */
