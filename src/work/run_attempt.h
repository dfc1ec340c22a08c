/*
 * run_attempt.h
 *	  Runs that failed: attempts, back-off, the end.
 */
#ifndef WF_RUN_ATTEMPT_H
#define WF_RUN_ATTEMPT_H

#include "work/record.h"
#include "work/batch.h"

extern WfRecord wf_run_attempt_failed(const WfBatch *batch, Oid extension, const ErrorData *error);
extern WfRecord wf_run_attempt_postpone(const WfBatch *batch, Oid extension, TimestampTz due);

#endif							/* WF_RUN_ATTEMPT_H */
