/*
 * bulk_sweep.h
 *	  What sweep and housekeeping ask of the table workflow.bulk.
 */
#ifndef WF_BULK_SWEEP_H
#define WF_BULK_SWEEP_H

#include "datatype/timestamp.h"

extern uint64 wf_bulk_sweep_owners(void);
extern bool wf_bulk_sweep_expire(TimestampTz before);

#endif							/* WF_BULK_SWEEP_H */
