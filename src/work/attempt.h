/*
 * attempt.h
 *	  Events whose step failed: attempts, back-off, giving up.
 */
#ifndef WF_FAILURE_H
#define WF_FAILURE_H

#include "store/process_row.h"

/*
 * Note that stepping this timer, alone, failed with `error`; in a transaction
 * of its own.  The timer gets an attempt and a later due time, or its process
 * goes to error or terminated.  Returns false, and nothing happens, when the
 * process is locked by somebody else or the timer is gone.  Throws nothing:
 * what goes wrong here is logged.
 */
extern bool wf_failure_record(int32 owner, Oid extension,
							  const WfTimerRow *timer, const ErrorData *error);

/* The same without an attempt: only the due time moves. */
extern bool wf_failure_postpone(int32 owner, Oid extension,
								const WfTimerRow *timer, TimestampTz due);

/*
 * Before a suspect is stepped, in the present transaction: count an attempt
 * that its success or wf_failure_acquit() will take back.  The timer was claimed.  Returns
 * false when it is not to be stepped: it crashed the server too often, and
 * its process is in error now; or it may have crashed it before and others
 * have their trial, see wf_pool_trial_begin().
 */
extern bool wf_failure_suspect(int32 owner, const WfRow *row, WfTimerRow *timer);

/*
 * In the present transaction: take the last attempt of a suspect back, if its
 * success has not.  Waits for nobody: who has the row locked is about to do
 * away with it, but may think better of it.  Returns false then.
 */
extern bool wf_failure_acquit(const pg_uuid_t *process, int64 seq);

#endif							/* WF_FAILURE_H */
