/*
 * run_cancel.h
 *	  Runs that are not to be done, or to stop.
 */
#ifndef WF_RUN_CANCEL_H
#define WF_RUN_CANCEL_H

#include "store/run_request.h"

extern void wf_run_cancel_running(WfRunRow *row, bool force);
extern WfRunState wf_run_cancel(const pg_uuid_t *id, bool force, const char *actor,
								int32 *of);
extern bool wf_run_cancel_settle(const WfRunWord *request);

#endif							/* WF_RUN_CANCEL_H */
