/*
 * load_sum.h
 *	  What was done, summed by the minute and for ever.
 */
#ifndef WF_LOAD_SUM_H
#define WF_LOAD_SUM_H

extern int64 wf_load_sum(bool *more);
extern void wf_load_sum_look(bool done);
extern void wf_load_sum_expire(void);

#endif							/* WF_LOAD_SUM_H */
