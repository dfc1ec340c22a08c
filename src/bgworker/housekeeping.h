/*
 * housekeeping.h
 *	  What a runtime does for the tables, behind the feed of executors.
 */
#ifndef WF_HOUSEKEEPING_H
#define WF_HOUSEKEEPING_H

#include "datatype/timestamp.h"

#include "shmem/database.h"

extern void wf_housekeeping_begin(void);
extern void wf_housekeeping_swept(bool overdue);
extern void wf_housekeeping_recover(void);
extern void wf_housekeeping_try_again(void);
extern TimestampTz wf_housekeeping_at(WfDatabase *database);
extern void wf_housekeeping_look(WfDatabase *database);
extern bool wf_housekeeping_comes(WfDatabase *database, TimestampTz by);
extern bool wf_housekeeping(WfDatabase *database, Oid extension);
extern TimestampTz wf_housekeeping_due(void);
extern TimestampTz wf_housekeeping_comes_back(void);

#endif							/* WF_HOUSEKEEPING_H */
