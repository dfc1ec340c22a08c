/*
 * attempt.h
 *	  Events whose step failed: attempts, back-off, giving up.
 */
#ifndef WF_ATTEMPT_H
#define WF_ATTEMPT_H

#include "datatype/timestamp.h"

#include "store/process_row.h"
#include "store/timer.h"

/* What came of it that an event was to be recorded. */
typedef enum WfRecord
{
	WF_RECORD_DONE,
	WF_RECORD_TAKEN,			/* not done: the process is locked, or the timer gone */
	WF_RECORD_FAILED			/* not done: an error, which was logged */
} WfRecord;

extern bool wf_attempt_is_shortage(int code);
extern WfRecord wf_attempt_failed(int32 owner, Oid extension,
								  const WfTimerRow *timer, const ErrorData *error);
extern WfRecord wf_attempt_postpone(int32 owner, Oid extension,
									const WfTimerRow *timer, TimestampTz due);
extern bool wf_attempt_suspect(int32 owner, const WfRow *row, WfTimerRow *timer);

#endif							/* WF_ATTEMPT_H */
