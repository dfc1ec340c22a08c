/*
 * alert_measure.h
 *	  How things stand that alerts look at.
 */
#ifndef WF_ALERT_MEASURE_H
#define WF_ALERT_MEASURE_H

#include "alert/alert_row.h"

/* What an alert has found. */
typedef struct WfAlertMeasure
{
	double		value;			/* seconds, or how many */
	TimestampTz turns;			/* when it crosses the threshold, if nobody writes anything;
								 * infinity: it does not */
} WfAlertMeasure;

extern void wf_alert_measure(const WfAlert *alert, TimestampTz now, WfAlertMeasure *measure);

#endif							/* WF_ALERT_MEASURE_H */
