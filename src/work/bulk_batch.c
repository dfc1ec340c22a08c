/*-------------------------------------------------------------------------
 *
 * bulk_batch.c
 *	  One slice of a bulk operation of one role, in the present transaction; or, when none
 *	  is due, of what goes into an archive.
 *
 * Runs in executors, logged in as the role that has asked for the operation, and in
 * workflow.work_bulks().  What its items throw stays in the slice (bulk/bulk_slice.c); what
 * comes here has undone all of it: an error of the walk, of the server, or of the commit.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/timestamp.h"

#include "archival/archive.h"
#include "base/clock.h"
#include "bulk/bulk_item.h"
#include "bulk/bulk_slice.h"
#include "shmem/slot.h"
#include "shmem/suspects.h"
#include "shmem/wakeup.h"
#include "shmem/watermark.h"
#include "store/keep.h"
#include "store/transaction.h"
#include "work/attempt.h"
#include "work/batch_limit.h"
#include "work/bulk_batch.h"

/* Fewer than PGPROC_MAX_CACHED_SUBXIDS, beyond which every snapshot costs every session more. */
#define MOST_ITEMS	WF_BULK_SLICE_ALONE

/* So long (ms) an operation rests for whoever waits for its row, or for one of its items. */
#define GIVE_WAY	10

/* Does another session wait for this transaction? */
static bool
is_waited_for(void)
{
	TransactionId xid = GetTopTransactionIdIfAny();
	LOCKTAG		tag;

	if (!TransactionIdIsValid(xid))
		return false;
	SET_LOCKTAG_TRANSACTION(tag, xid);
	return LockHasWaiters(&tag, ExclusiveLock, false);
}

/* Is it time to commit?  Also when somebody wants to pause the operation. */
static bool
is_up(void *arg)
{
	return wf_batch_limit_is_up(arg) || is_waited_for();
}

/* Do a slice of an operation that is locked.  Returns how many items were done. */
static int
do_slice(WfBatch *batch, WfBulk *bulk, int limit)
{
	int			done;

	batch->claimed = 1;
	batch->first = WF_POSITION(bulk->due);
	batch->run = bulk->id;
	wf_wakeup_claiming();
	wf_batch_limit_start(batch);
	done = wf_bulk_slice(bulk, Min(limit, MOST_ITEMS), is_up, batch);
	if (!TIMESTAMP_NOT_FINITE(bulk->due) && is_waited_for())
	{
		bulk->due = Max(bulk->due, TimestampTzPlusMilliseconds(wf_clock_now(), GIVE_WAY));
		wf_bulk_row_update(bulk);
	}
	/* From now on it is the commit that fails, over any of them. */
	batch->claimed = batch->position = done;
	batch->item = bulk->position;
	batch->fitting = wf_batch_limit_fitting(batch, done);
	return done;
}

/* Archive some of what has outlived a rule that is locked.  Returns how many, at least 1. */
static int
archive(WfBatch *batch, WfKeep *rule, int limit)
{
	WfArchive	archive = {.rule = rule};

	memset(&batch->run, 0, UUID_LEN);	/* no operation */
	batch->seq = rule->id;
	batch->claimed = 1;
	batch->first = WF_POSITION(rule->due);
	wf_wakeup_claiming();
	wf_batch_limit_start(batch);
	PG_TRY();
	{
		wf_archive_slice(&archive, limit, is_up, batch);
	}
	PG_FINALLY();
	{
		batch->claimed = archive.claimed;
		batch->position = archive.position;
		batch->item = archive.item;
	}
	PG_END_TRY();
	batch->fitting = wf_batch_limit_fitting(batch, batch->claimed);
	return batch->claimed;
}

/*
 * Claim an operation of a role that is due until `until`, and do up to `limit` of its
 * items; or a rule, and archive as many.  The contract is that of wf_batch(), which see.
 */
int
wf_bulk_batch(WfBatch *batch, WfPosition mark, TimestampTz until, uint64 generation,
			  int limit, TimestampTz *next, int *done)
{
	WfBulk		bulk;
	WfKeep		rule;

	*done = 0;
	wf_batch_limit_begin(batch);
	if (wf_bulk_row_claim(batch->owner, until, &bulk))
		*done = do_slice(batch, &bulk, limit);
	else if (wf_keep_claim(batch->owner, until, &rule))
		*done = archive(batch, &rule, limit);
	*next = Min(wf_bulk_row_next_due(batch->owner), wf_keep_next_due(batch->owner));
	if (batch->lane != NULL && batch->claimed == 0 && *next > until)
		wf_watermark_looked(batch->lane, generation);
	if (batch->lane != NULL)
		wf_wakeup_claimed(batch->owner, WF_LANE_BULKS, batch->claimed, generation,
						  WF_POSITION(*next), DT_NOEND);
	return batch->claimed;
}

/* --- what has failed ----------------------------------------------------------------- */

/* The item that was done alone, and whose commit failed. */
static void
fail_item(const WfBatch *batch, WfBulk *bulk, const ErrorData *error)
{
	WfBulkOutcome outcome = {
		.result = WF_BULK_FAILED,.code = unpack_sql_state(error->sqlerrcode),.message = error->message,.detail = error->detail
	};

	wf_bulk_item_record(bulk, &batch->item, &outcome);
	bulk->position = batch->item;
	wf_bulk_row_update(bulk);
}

/* Was the batch at a rule, and at no operation? */
static bool
was_archiving(const WfBatch *batch)
{
	static const pg_uuid_t none;

	return memcmp(&batch->run, &none, UUID_LEN) == 0;
}

/* record() for a rule. */
static bool
record_rule(const WfBatch *batch, const ErrorData *error, TimestampTz due)
{
	WfKeep		rule;

	if (!wf_keep_lock_if_free((int32) batch->seq, &rule) || rule.due == DT_NOEND)
		return false;
	if (error != NULL)
		wf_archive_failed(&rule, &batch->item, error);
	else
	{
		rule.due = due;
		wf_keep_update(&rule);
	}
	return true;
}

/* What has failed; error NULL: only the due time moves. */
typedef struct Failed
{
	const WfBatch *batch;
	const ErrorData *error;
	TimestampTz due;
} Failed;

static bool
record(void *arg)
{
	const Failed *failed = arg;
	const WfBatch *batch = failed->batch;
	const ErrorData *error = failed->error;
	WfBulk		bulk;

	if (was_archiving(batch))
		return record_rule(batch, error, failed->due);
	if (!wf_bulk_row_lock_if_free(&batch->run, &bulk) || TIMESTAMP_NOT_FINITE(bulk.due))
		return false;
	if (error == NULL)
	{
		bulk.due = failed->due;
		wf_bulk_row_update(&bulk);
	}
	else if (batch->position >= batch->claimed && bulk.phase != WF_BULK_COUNTS)
		fail_item(batch, &bulk, error);
	else
		wf_bulk_slice_failed(&bulk, error, wf_attempt_is_shortage(error->sqlerrcode));
	return true;
}

/*
 * Note that a slice has failed: at the commit of one item, which has failed, or outside of its
 * items.  Nothing happens when somebody else has the operation.  Throws nothing: what goes
 * wrong here is logged.
 */
WfRecord
wf_bulk_batch_failed(const WfBatch *batch, Oid extension, const ErrorData *error)
{
	Failed		failed = {.batch = batch,.error = error};

	return wf_record(extension, record, &failed);
}

/* The same without a failure: only the due time moves. */
WfRecord
wf_bulk_batch_postpone(const WfBatch *batch, Oid extension, TimestampTz due)
{
	Failed		failed = {.batch = batch,.due = due};

	return wf_record(extension, record, &failed);
}

/*
 * The server, or an executor, has ended while operations of a role may have been under way:
 * count that, in a transaction of its own; they are suspects no more then.  With no
 * transaction open.
 */
void
wf_bulk_batch_clear_suspects(int32 owner, Oid extension)
{
	WfLane	   *lane = wf_my_slot->lane;

	if (!wf_transaction_begin("workflow suspects", extension))
		return;
	wf_bulk_row_suspect(owner, wf_clock_now(), WF_BULK_SLICE_ALONE);
	wf_keep_suspect(owner, wf_clock_now());
	wf_transaction_commit();

	/* What stands for several owners is cleared by the runtime. */
	if (lane->owner == owner)
		wf_suspects_clear(&lane->suspects);
}
