/*
 * alert_define.h
 *	  Alerts as they are made and changed: does all of it fit?
 */
#ifndef WF_ALERT_DEFINE_H
#define WF_ALERT_DEFINE_H

#include "alert/alert_row.h"

extern double wf_alert_define_threshold(WfAlertKind kind, const char *text);
extern WfAlertKind wf_alert_define_kind(const char *name);
extern void wf_alert_define(WfAlert *alert);
extern void wf_alert_define_alter(WfAlert *alert, const Jsonb *changes);
extern void wf_alert_define_hold(const char *name, WfAlert *alert);

#endif							/* WF_ALERT_DEFINE_H */
