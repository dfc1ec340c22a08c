/*
 * run_batch.h
 *	  One batch of due runs of one owner, in the present transaction.
 */
#ifndef WF_RUN_BATCH_H
#define WF_RUN_BATCH_H

#include "work/batch.h"

extern int	wf_run_batch(WfBatch *batch, WfPosition mark, TimestampTz until, uint64 generation,
						 int limit, TimestampTz *next, int *done);

#endif							/* WF_RUN_BATCH_H */
