/*
 * watch_define.h
 *	  File triggers as they are made and changed.
 */
#ifndef WF_WATCH_DEFINE_H
#define WF_WATCH_DEFINE_H

#include "watch/watch_row.h"

extern WfWatchCheck wf_watch_define_check(const char *name);
extern void wf_watch_define(WfWatch *watch);
extern void wf_watch_define_find(const char *name, WfWatch *watch);
extern void wf_watch_define_lock(const char *name, WfWatch *watch);
extern void wf_watch_define_require_owner(const WfWatch *watch);
extern void wf_watch_define_hold(const char *name, WfWatch *watch);
extern void wf_watch_define_enable(WfWatch *watch, bool enabled, const char *note);
extern void wf_watch_define_change(WfWatch *watch);
extern void wf_watch_define_drop(const WfWatch *watch);

#endif							/* WF_WATCH_DEFINE_H */
