/*
 * alert_target.h
 *	  What an alert looks at, as its filter says.
 */
#ifndef WF_ALERT_TARGET_H
#define WF_ALERT_TARGET_H

#include "alert/alert_row.h"
#include "job/job.h"

/* At most one of them, but for state; none: all that is the owner's, or all runtimes. */
typedef struct WfAlertTarget
{
	const char *queue;
	int32		queue_number;	/* of the queue */
	const char *job_name;
	const WfJob *job;			/* its newest version */
	const char *definition;
	int32		owner;			/* of the definition, or of the alert */
	const char *state;			/* of the definition; NULL: any */
	const char *runtime;
} WfAlertTarget;

extern void wf_alert_target_find(const WfAlert *alert, WfAlertTarget *target);

#endif							/* WF_ALERT_TARGET_H */
