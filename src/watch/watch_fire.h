/*
 * watch_fire.h
 *	  Files make runs.
 */
#ifndef WF_WATCH_FIRE_H
#define WF_WATCH_FIRE_H

#include "watch/watch_row.h"
#include "watch/watch_seen.h"

extern void wf_watch_fire_check(const WfWatch *watch);
extern void wf_watch_fire(WfWatch *watch, int n, WfWatchSeen *seen);

#endif							/* WF_WATCH_FIRE_H */
