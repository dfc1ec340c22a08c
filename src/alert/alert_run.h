/*
 * alert_run.h
 *	  The runs by which alerts tell that they begin and end.
 */
#ifndef WF_ALERT_RUN_H
#define WF_ALERT_RUN_H

#include "alert/alert_row.h"

extern void wf_alert_run_check(const WfAlert *alert);
extern void wf_alert_run_make(WfAlert *alert, bool begins, TimestampTz since);

#endif							/* WF_ALERT_RUN_H */
