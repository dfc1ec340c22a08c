/*
 * run_head.h
 *	  Which run of a queue comes next.
 */
#ifndef WF_RUN_HEAD_H
#define WF_RUN_HEAD_H

#include "store/run_row.h"

extern bool wf_run_head(int32 queue, WfRunRow *row);

#endif							/* WF_RUN_HEAD_H */
