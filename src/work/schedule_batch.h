/*
 * schedule_batch.h
 *	  One batch of due schedules of one owner, in the present transaction.
 */
#ifndef WF_SCHEDULE_BATCH_H
#define WF_SCHEDULE_BATCH_H

#include "work/record.h"
#include "work/batch.h"

extern int	wf_schedule_batch(WfBatch *batch, WfPosition mark, TimestampTz until, uint64 generation,
							  int limit, TimestampTz *next, int *done);
extern WfRecord wf_schedule_batch_failed(const WfBatch *batch, Oid extension, const ErrorData *error);
extern WfRecord wf_schedule_batch_postpone(const WfBatch *batch, Oid extension, TimestampTz due);
extern void wf_schedule_batch_clear_suspects(int32 owner, Oid extension);

#endif							/* WF_SCHEDULE_BATCH_H */
