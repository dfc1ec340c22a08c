/*
 * watch_alter.h
 *	  File triggers that are changed.
 */
#ifndef WF_WATCH_ALTER_H
#define WF_WATCH_ALTER_H

#include "utils/jsonb.h"

#include "watch/watch_row.h"

extern void wf_watch_alter(WfWatch *watch, const Jsonb *changes);

#endif							/* WF_WATCH_ALTER_H */
