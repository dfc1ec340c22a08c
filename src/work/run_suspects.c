/*-------------------------------------------------------------------------
 *
 * run_suspects.c
 *	  Runs that the server, or an executor, may have ended over.
 *
 * Runs in the first executor of an owner after an unclean start, or after one of its
 * executors ended amid a run.  Which runs were under way is known exactly
 * (shmem/under_way.c): each of them has a loss more, and after the third one in a row
 * it has failed.  Tracked runs are found by their claims: see run/run_lost.c.
 *
 * Others may have been under way with the one to blame.  So one that has a loss is
 * done by one executor of the instance at a time: see wf_slot_trial_begin().
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"

#include "base/guc.h"
#include "job/job.h"
#include "run/run_lost.h"
#include "shmem/database.h"
#include "shmem/slot.h"
#include "shmem/suspects.h"
#include "shmem/under_way.h"
#include "store/run.h"
#include "store/transaction.h"
#include "work/run_suspects.h"

/* Are there suspects in the lane of this executor, which is one of runs or schedules? */
bool
wf_run_suspects(void)
{
	const WfDatabase *database = wf_my_slot == NULL ? NULL : wf_database_entry(MyDatabaseId, false);

	return database != NULL && wf_database_has_suspects(database, wf_my_slot->lane);
}

/* A run that waits; one that somebody has, or that is over, was not to blame. */
static void
count_loss(const pg_uuid_t *id)
{
	WfRunRow	row;

	if (!wf_run_lock(id, false, &row) ||
		DatumGetInt16(row.values[WF_RUN_state]) != WF_RUN_WAITING)
		return;
	/* Another one of the same call may be to blame: of all those that are under way. */
	if (wf_job(wf_run_row_job(&row))->takes_many)
		wf_lane_apart(wf_my_slot->lane, wf_batch_size * wf_max_job_executors);
	(void) wf_run_lost(&row);
}

/*
 * Count a loss of each suspect of an owner, in a transaction of its own: they are
 * suspects no more then.  With no transaction open.
 */
void
wf_run_suspects_clear(int32 owner, Oid extension)
{
	WfLane	   *lane = wf_my_slot->lane;
	pg_uuid_t  *runs;
	int			n = wf_under_way_suspects(MyDatabaseId, owner, &runs);

	if (n > 0)
	{
		if (!wf_transaction_begin("workflow suspects", extension))
		{
			pfree(runs);
			return;
		}
		for (int i = 0; i < n; i++)
			count_loss(&runs[i]);
		wf_transaction_commit();
		wf_run_lost_report();
		wf_under_way_cleared(MyDatabaseId, owner, n, runs);
	}
	pfree(runs);

	/* What stands for several owners is cleared by the runtime. */
	if (lane->owner == owner)
		wf_suspects_clear(&lane->suspects);
}
