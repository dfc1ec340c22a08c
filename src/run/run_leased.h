/*
 * run_leased.h
 *	  Leases that begin with the commit of their claim.
 */
#ifndef WF_RUN_LEASED_H
#define WF_RUN_LEASED_H

#include "store/run_row.h"

extern void wf_run_leased(int n, WfRunRow *const *rows);
extern void wf_run_leased_init(void);

#endif							/* WF_RUN_LEASED_H */
