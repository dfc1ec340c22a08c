/*
 * work_turn.h
 *	  What a runtime does in its turn: what executors of its role would do.
 */
#ifndef WF_WORK_TURN_H
#define WF_WORK_TURN_H

extern int	wf_work_turn(int32 owner, int max, void (*goes_on) (void *arg), void *arg);

#endif							/* WF_WORK_TURN_H */
