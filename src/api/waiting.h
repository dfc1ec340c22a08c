/*
 * waiting.h
 *	  Procedures that wait for what other transactions do.
 */
#ifndef WF_WAITING_H
#define WF_WAITING_H

#include "fmgr.h"

#include "datatype/timestamp.h"

/*
 * Is it there?  Called with SPI connected, in a transaction of its own.  *next may
 * become when it is to be asked again without anybody telling, by wf_clock_now().
 */
typedef bool (*WfWaitingLook) (void *arg, TimestampTz *next);

extern void wf_waiting_require_top(FunctionCallInfo fcinfo);
extern void wf_waiting_require(FunctionCallInfo fcinfo);
extern TimestampTz wf_waiting_until(FunctionCallInfo fcinfo, int n);
extern Datum wf_waiting_row(FunctionCallInfo fcinfo, bool there);
extern bool wf_waiting(WfWaitingLook look, void *arg, TimestampTz until, uint32 wait_event);

#endif							/* WF_WAITING_H */
