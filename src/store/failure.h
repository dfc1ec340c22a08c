/*
 * failure.h
 *	  The table workflow.failure: events whose step failed.
 */
#ifndef WF_FAILURE_H
#define WF_FAILURE_H

#include "datatype/timestamp.h"
#include "utils/array.h"
#include "utils/uuid.h"

#include "store/timer.h"

/* The error that a step failed with; all but sqlstate may be NULL. */
typedef struct WfFailure
{
	const char *sqlstate;
	const char *message;
	const char *detail;
	const char *hint;
	const char *context;
} WfFailure;

extern void wf_failure_keep(const WfTimerRow *timer, int attempts, bool given_up,
							const WfFailure *failure);
extern bool wf_failure_keep_shortage(const WfTimerRow *timer, int attempts,
									 const WfFailure *failure, TimestampTz *since);
extern int	wf_failure_errors(const WfTimerRow *timer);
extern int	wf_failure_crashes(const WfTimerRow *timer);
extern bool wf_failure_acquit(const pg_uuid_t *process, int64 seq);
extern int64 wf_failure_handle(const WfTimerRow *timer, const char *handler, int step,
							   TimestampTz at);
extern bool wf_failure_handled_before(const WfTimerRow *timer, const char *handler,
									  const char *told, TimestampTz *at);
extern bool wf_failure_redeliver(const pg_uuid_t *process, int32 owner, ArrayType *active);
extern void wf_failure_forget_left(const pg_uuid_t *process, ArrayType *active);
extern uint64 wf_failure_forget_posted(const pg_uuid_t *process, const char *name);
extern void wf_failure_drop(ArrayType *processes, ArrayType *seqs);
extern void wf_failure_rename(ArrayType *processes, ArrayType *seqs,
							  ArrayType *events, ArrayType *states);
extern void wf_failure_forget_over(void);

#endif							/* WF_FAILURE_H */
