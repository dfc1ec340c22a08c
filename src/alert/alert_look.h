/*
 * alert_look.h
 *	  Alerts are looked at: they begin, go on and end.
 */
#ifndef WF_ALERT_LOOK_H
#define WF_ALERT_LOOK_H

#include "datatype/timestamp.h"

/* When to look again. */
typedef struct WfAlertNext
{
	TimestampTz at;				/* by itself; infinity: never */
	int64		after;			/* so long (us) after somebody has written something; or -1 */
} WfAlertNext;

extern int	wf_alert_look(int32 owner, WfAlertNext *next);

#endif							/* WF_ALERT_LOOK_H */
