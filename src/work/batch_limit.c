/*-------------------------------------------------------------------------
 *
 * batch_limit.c
 *	  How much work one transaction does: when a batch has to end.
 *
 * Runs wherever a batch runs, of whatever kind of work.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/proc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/guc.h"
#include "eval/leftovers.h"
#include "eval/user_context.h"
#include "store/timer_claim.h"
#include "work/batch_limit.h"

/* A batch begins, which has claimed nothing yet. */
void
wf_batch_limit_begin(WfBatch *batch)
{
	batch->claimed = batch->position = 0;
	batch->user_ran = false;
	(void) wf_user_context_ran();
	batch->subtransactions = MyProc->subxidStatus.count;
	batch->memory = CurrentMemoryContext;
	batch->memory_before = MemoryContextMemAllocated(batch->memory, true);
}

/* What it has claimed is going to be done: from now on user code has its time. */
void
wf_batch_limit_start(WfBatch *batch)
{
	batch->user_from = GetCurrentTimestamp();
	batch->user_until = batch->user_from + wf_batch_time * INT64CONST(1000);
}

/*
 * Beyond what shared memory has room for, every snapshot of every session has
 * to look subtransactions up.  User code that catches errors, or has them
 * caught, makes them.
 */
static bool
subtransactions_are_up(const WfBatch *batch)
{
	return MyProc->subxidStatus.count - batch->subtransactions >=
		PGPROC_MAX_CACHED_SUBXIDS * 3 / 4;
}

/*
 * Contexts may be large, and stay in memory until they are written: what the
 * batch has detoasted, and what its steps have made of it.
 */
static bool
memory_is_up(const WfBatch *batch)
{
	return MemoryContextMemAllocated(batch->memory, true) >=
		batch->memory_before + WF_CLAIM_MEMORY;
}

/*
 * Is it time to commit what we have?  Only user code is limited in time: it
 * holds locks on tables that are not ours.
 */
bool
wf_batch_limit_is_up(void *arg)
{
	WfBatch    *batch = arg;

	if (wf_user_context_ran())
		batch->user_ran = true;
	if (batch->user_ran && (GetCurrentTimestamp() >= batch->user_until || wf_leftovers_any()))
		return true;

	return subtransactions_are_up(batch) || memory_is_up(batch);
}

/*
 * How many events take as long as user code of one batch may?  What a batch
 * claims beyond that it has to put back.
 */
int
wf_batch_limit_fitting(const WfBatch *batch, int done)
{
	int64		took = Max(1, GetCurrentTimestamp() - batch->user_from);

	if (subtransactions_are_up(batch) || memory_is_up(batch) || wf_leftovers_any())
		return Max(1, done);
	if (!batch->user_ran)
		return wf_batch_size;
	return Max(1, Min(wf_batch_size, done * (batch->user_until - batch->user_from) / took));
}
