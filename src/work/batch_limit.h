/*
 * batch_limit.h
 *	  How much work one transaction does: when a batch has to end.
 */
#ifndef WF_BATCH_LIMIT_H
#define WF_BATCH_LIMIT_H

#include "work/batch.h"

extern void wf_batch_limit_begin(WfBatch *batch);
extern void wf_batch_limit_start(WfBatch *batch);
extern bool wf_batch_limit_is_up(void *batch);
extern int	wf_batch_limit_fitting(const WfBatch *batch, int done);

#endif							/* WF_BATCH_LIMIT_H */
