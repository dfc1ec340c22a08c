/*
 * run_ask.h
 *	  Runs that are asked something while others may be at them.
 */
#ifndef WF_RUN_ASK_H
#define WF_RUN_ASK_H

#include "store/run_request.h"

/* How a run was found. */
typedef enum WfRunFound
{
	WF_RUN_GONE_BY,				/* there is none, or it has ended */
	WF_RUN_BUSY,				/* another transaction is at it */
	WF_RUN_OURS					/* it is locked */
} WfRunFound;

extern WfRunFound wf_run_ask_lock(const pg_uuid_t *id, WfRunRow *row);
extern WfRunFound wf_run_ask_lock_soon(const pg_uuid_t *id, WfRunRow *row);
extern void wf_run_ask_later(const WfRunWord *request);

#endif							/* WF_RUN_ASK_H */
