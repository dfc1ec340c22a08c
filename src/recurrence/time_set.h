/*
 * time_set.h
 *	  Times of a day: each of some hours, at some minutes, at some seconds.
 */
#ifndef WF_TIME_SET_H
#define WF_TIME_SET_H

/* Bit n stands for n. None of the three is empty. */
typedef struct WfTimeSet
{
	uint64		hours;
	uint64		minutes;
	uint64		seconds;
} WfTimeSet;

#define WF_DAYS_PER_WEEK	7

#define WF_EVERY_HOUR	((UINT64CONST(1) << 24) - 1)
#define WF_EVERY_MINUTE ((UINT64CONST(1) << 60) - 1)
#define WF_EVERY_SECOND ((UINT64CONST(1) << 60) - 1)

extern int	wf_time_set_count(const WfTimeSet *set);
extern int	wf_time_set_next(const WfTimeSet *set, int second);
extern int	wf_time_set_at(const WfTimeSet *set, int n);
extern int	wf_time_set_before(const WfTimeSet *set, int second);

#endif							/* WF_TIME_SET_H */
