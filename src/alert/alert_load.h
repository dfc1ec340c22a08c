/*
 * alert_load.h
 *	  How much was done of what alerts look at, and how well.
 */
#ifndef WF_ALERT_LOAD_H
#define WF_ALERT_LOAD_H

#include "alert/alert_row.h"
#include "alert/alert_target.h"

extern bool wf_alert_load_is_kind(WfAlertKind kind);
extern double wf_alert_load(const WfAlert *alert, const WfAlertTarget *target, int64 within, TimestampTz now,
							TimestampTz *turns);

#endif							/* WF_ALERT_LOAD_H */
