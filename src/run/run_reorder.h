/*
 * run_reorder.h
 *	  Runs of a queue whose order was changed.
 */
#ifndef WF_RUN_REORDER_H
#define WF_RUN_REORDER_H

extern void wf_run_reorder(int32 queue);

#endif							/* WF_RUN_REORDER_H */
