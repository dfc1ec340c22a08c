/*
 * housekeeping.h
 *	  What a runtime does for the tables, behind the feed of executors.
 */
#ifndef WF_HOUSEKEEPING_H
#define WF_HOUSEKEEPING_H

#include "datatype/timestamp.h"

#include "shmem/database.h"

extern void wf_housekeeping_wanted(bool overdue);
extern void wf_housekeeping_recover(void);
extern void wf_housekeeping_settle(void);
extern void wf_housekeeping_leases(void);
extern void wf_housekeeping_members(void);
extern TimestampTz wf_housekeeping_members_at(void);
extern TimestampTz wf_housekeeping_notify_at(WfDatabase *database);
extern void wf_housekeeping_notify(void);
extern void wf_housekeeping_alerts(void);
extern void wf_housekeeping_files(void);
extern void wf_housekeeping_load(void);
extern void wf_housekeeping_try_again(void);
extern bool wf_housekeeping(WfDatabase *database, Oid extension);
extern TimestampTz wf_housekeeping_due(void);
extern TimestampTz wf_housekeeping_comes_back(void);

#endif							/* WF_HOUSEKEEPING_H */
