/*
 * settle.h
 *	  Runs that wait for others are told when those have ended.
 */
#ifndef WF_SETTLE_H
#define WF_SETTLE_H

#include "datatype/timestamp.h"

extern void wf_settle_all(void);
extern TimestampTz wf_settle_due(void);
extern bool wf_settle(Oid extension, bool *more);

#endif							/* WF_SETTLE_H */
