/*
 * claimer.h
 *	  Workers that are runtimes.
 */
#ifndef WF_CLAIMER_H
#define WF_CLAIMER_H

extern void wf_claimer_init(void);
extern void wf_claimer_check(const char *worker, const int64 *epoch);

#endif							/* WF_CLAIMER_H */
