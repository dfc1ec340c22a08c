/*
 * run_sweep.h
 *	  What a sweep asks of the table workflow.run.
 */
#ifndef WF_RUN_SWEEP_H
#define WF_RUN_SWEEP_H

extern uint64 wf_run_sweep_owners(void);
extern int	wf_run_sweep_follow(int32 owner, int limit);
extern bool wf_run_sweep_has_to_follow(int32 owner);

#endif							/* WF_RUN_SWEEP_H */
