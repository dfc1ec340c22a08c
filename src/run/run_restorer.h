/*
 * run_restorer.h
 *	  Lost runs whose restorers are asked what becomes of them.
 */
#ifndef WF_RUN_RESTORER_H
#define WF_RUN_RESTORER_H

#include "job/job.h"
#include "store/run_row.h"

/* What a restorer has decided. */
typedef enum WfRunDecision
{
	WF_RUN_DECISION_DEFAULT,	/* on_lost of the job */
	WF_RUN_DECISION_RETRY,
	WF_RUN_DECISION_FAIL
} WfRunDecision;

extern bool wf_run_restorer_ask(WfRunRow *row, const WfJob *job);
extern bool wf_run_restorer_decision(const pg_uuid_t *run, WfRunDecision *decision);

#endif							/* WF_RUN_RESTORER_H */
