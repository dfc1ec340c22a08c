/*
 * run_lost.h
 *	  Runs that nobody is at any more.
 */
#ifndef WF_RUN_LOST_H
#define WF_RUN_LOST_H

#include "store/run_row.h"

extern void wf_run_lost_init(void);
extern WfRunState wf_run_lost(WfRunRow *row);
extern bool wf_run_lost_recover(bool *locked);
extern void wf_run_lost_report(void);

#endif							/* WF_RUN_LOST_H */
