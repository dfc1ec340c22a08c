/*
 * duration.h
 *	  How long a delay lasts, as far as that is known without a calendar.
 *
 * Pure, like chart.h.
 */
#ifndef WF_DURATION_H
#define WF_DURATION_H

#include "chart/chart.h"

/* In milliseconds. */
typedef struct WfDuration
{
	double		shortest;
	double		usual;
	double		longest;
} WfDuration;

extern bool wf_duration(const WfDelay *delay, WfDuration *duration);

#endif							/* WF_DURATION_H */
