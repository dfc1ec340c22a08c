/*
 * sweep.h
 *	  When the work of each owner of a database is due, read from the tables.
 */
#ifndef WF_SWEEP_H
#define WF_SWEEP_H

#include "datatype/timestamp.h"

extern bool wf_sweep(Oid extension);
extern bool wf_sweep_if_due(Oid extension);
extern bool wf_sweep_made(void);
extern void wf_sweep_overflow(void (*found) (void *arg, int32 owner, Oid role,
											 TimestampTz due),
							  void *arg);
extern TimestampTz wf_sweep_due(void);

#endif							/* WF_SWEEP_H */
