/*
 * run_signal.h
 *	  What a run is told.
 */
#ifndef WF_RUN_SIGNAL_H
#define WF_RUN_SIGNAL_H

#include "utils/jsonb.h"

#include "store/run_request.h"

extern bool wf_run_signal(const pg_uuid_t *id, const char *event, Jsonb *payload);
extern bool wf_run_signal_settle(const WfRunWord *request);

#endif							/* WF_RUN_SIGNAL_H */
