/*
 * watch_report.h
 *	  Files that others have seen.
 */
#ifndef WF_WATCH_REPORT_H
#define WF_WATCH_REPORT_H

#include "watch/watch_row.h"

extern bool wf_watch_report(const char *trigger, const char *path, const WfWatchSight *sight, bool gone,
							pg_uuid_t *run);

#endif							/* WF_WATCH_REPORT_H */
