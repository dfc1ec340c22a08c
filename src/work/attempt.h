/*
 * attempt.h
 *	  Events whose step failed: attempts, back-off, giving up.
 */
#ifndef WF_ATTEMPT_H
#define WF_ATTEMPT_H

#include "datatype/timestamp.h"

#include "store/process_row.h"
#include "store/timer.h"
#include "work/record.h"

extern bool wf_attempt_is_shortage(int code);
extern WfRecord wf_attempt_failed(int32 owner, Oid extension,
								  const WfTimerRow *timer, const ErrorData *error);
extern WfRecord wf_attempt_postpone(int32 owner, Oid extension,
									const WfTimerRow *timer, TimestampTz due);
extern bool wf_attempt_suspect(int32 owner, const WfRow *row, WfTimerRow *timer);

#endif							/* WF_ATTEMPT_H */
