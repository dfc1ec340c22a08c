/*
 * interval.h
 *	  How long an interval is.
 */
#ifndef WF_INTERVAL_H
#define WF_INTERVAL_H

#include "datatype/timestamp.h"

/* The longest one that is to be set anywhere, in days: what lasts longer has no end. */
#define WF_INTERVAL_LONGEST	36600

extern double wf_interval_days(const Interval *interval);
extern int64 wf_interval_us(const Interval *interval);

#endif							/* WF_INTERVAL_H */
