/*
 * schedule_sweep.h
 *	  What a sweep asks of the table workflow.schedule.
 */
#ifndef WF_SCHEDULE_SWEEP_H
#define WF_SCHEDULE_SWEEP_H

extern uint64 wf_schedule_sweep_owners(void);

#endif							/* WF_SCHEDULE_SWEEP_H */
