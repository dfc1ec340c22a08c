/*
 * timer_sweep.h
 *	  What a sweep asks of the table workflow.timer.
 */
#ifndef WF_TIMER_SWEEP_H
#define WF_TIMER_SWEEP_H

#include "utils/array.h"

extern uint64 wf_timer_sweep_owners(void);
extern TimestampTz wf_timer_sweep_next(int32 owner);
extern uint64 wf_timer_sweep_roles(void);
extern void wf_timer_sweep_strays(void);
extern void wf_timer_sweep_erased(ArrayType *settled);
extern int	wf_timer_sweep_follow(int32 owner, int limit);
extern bool wf_timer_sweep_has_to_follow(int32 owner);

#endif							/* WF_TIMER_SWEEP_H */
