/*
 * sweep.h
 *	  When the work of each lane of a database is due, read from the tables.
 */
#ifndef WF_SWEEP_H
#define WF_SWEEP_H

#include "datatype/timestamp.h"

#include "shmem/lane.h"

typedef void (*WfSweepFound) (void *arg, int32 owner, Oid role, WfLaneKind kind,
							  TimestampTz due);

extern bool wf_sweep(Oid extension);
extern bool wf_sweep_if_due(Oid extension);
extern bool wf_sweep_roles(Oid extension);
extern void wf_sweep_tell_foreign(bool foreign);
extern void wf_sweep_overflow(WfSweepFound found, void *arg);
extern TimestampTz wf_sweep_due(void);

#endif							/* WF_SWEEP_H */
