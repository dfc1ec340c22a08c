/*
 * bulk_batch.h
 *	  One slice of a bulk operation of one role, in the present transaction.
 */
#ifndef WF_BULK_BATCH_H
#define WF_BULK_BATCH_H

#include "work/record.h"
#include "work/batch.h"

extern int	wf_bulk_batch(WfBatch *batch, WfPosition mark, TimestampTz until, uint64 generation,
						  int limit, TimestampTz *next, int *done);
extern WfRecord wf_bulk_batch_failed(const WfBatch *batch, Oid extension, const ErrorData *error);
extern WfRecord wf_bulk_batch_postpone(const WfBatch *batch, Oid extension, TimestampTz due);
extern void wf_bulk_batch_clear_suspects(int32 owner, Oid extension);

#endif							/* WF_BULK_BATCH_H */
