/*-------------------------------------------------------------------------
 *
 * quarantine.c
 *	  After a crash: what may have caused it is worked one by one.
 *
 * Runs in the first executor of an owner after an unclean start, or after
 * executors of that owner ended in their first batch again and again.  Owners
 * without a place in shared memory (WfDatabase.overflow) are served one after the
 * other after an unclean start: by one executor for all of them, which leaves
 * when the suspects of its owner are done; see look_after_overflow() in
 * runtime.c.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/guc.h"
#include "definition/definition.h"
#include "definition/pause.h"
#include "shmem/database.h"
#include "shmem/lane.h"
#include "shmem/slot.h"
#include "shmem/suspects.h"
#include "store/change_sets.h"
#include "store/changes.h"
#include "store/changes_write.h"
#include "store/failure.h"
#include "store/process_row.h"
#include "store/timer.h"
#include "store/timer_claim.h"
#include "store/transaction.h"
#include "work/attempt.h"
#include "work/quarantine.h"
#include "work/report.h"

struct WfQuarantine
{
	int32		owner;
	Oid			extension;
	TimestampTz until;			/* suspects were due up to here */
	int			left;			/* so many of them at most */
	WfLane	   *lane;
	bool		counted;		/* the attempt of the last suspect was committed */
};

/*
 * The suspects of an owner (or of one that has no place in shared memory, when it
 * is served), or NULL: there was no crash, or they are cleared already; or the
 * lane has other executors, which would be at suspects, too, uncounted or counted
 * twice.  No executor is added to a lane with suspects.  In TopMemoryContext.
 *
 * The same goes for timers whose step ends its executor (FATAL) each time.
 *
 * What was under way when the server crashed is among the oldest due timers:
 * claims go in due order.  So after an unclean start the first
 * workflow.careful_backlog timers of each owner that were due then are
 * stepped alone, with the attempt committed before.
 */
WfQuarantine *
wf_quarantine_new(int32 owner, Oid extension)
{
	WfDatabase *database = wf_database_entry(MyDatabaseId, false);
	WfLane	   *lane = wf_my_slot->lane;
	WfQuarantine *quarantine;
	TimestampTz until;

	if (database == NULL || lane->executors != 1)
		return NULL;
	until = lane->suspects.until;
	if (database->careful && !lane->suspects.cleared)
		until = Max(until, database->careful_until);
	if (until == DT_NOBEGIN)
		return NULL;
	quarantine = MemoryContextAllocZero(TopMemoryContext, sizeof(WfQuarantine));
	quarantine->owner = owner;
	quarantine->extension = extension;
	quarantine->until = until;
	quarantine->left = wf_careful_backlog;
	quarantine->lane = lane;
	return quarantine;
}

/*
 * Nothing came of an attempt: it had been done, or somebody had locked its
 * process by then, or its executor was told to go.  Who locked it may have
 * locked what was counted, too: then it is for another time.
 */
static void
acquit(const WfSuspects *suspects, bool *acquitted)
{
	for (int i = 0; i < WF_NSUSPECTS; i++)
	{
		const WfSuspect *suspect = &suspects->items[i];

		if (suspect->attempt == WF_SUSPICION_COUNTED && !acquitted[i])
			acquitted[i] = wf_failure_acquit(&suspect->process, suspect->seq);
	}
}

/*
 * Will no user code run?  Then it is left to the batch, which parks or drops
 * it: see there.
 */
static bool
runs_nothing(const WfRow *row, const WfTimerRow *timer)
{
	return wf_process_row_is_over(row) || wf_timer_parks(row, timer) ||
		(wf_pause_look() && wf_pause_is_on(wf_definition(row->definition)));
}

/*
 * Count the attempt of the first suspect.  Returns false when there is none.
 * *counted: to be committed; *step: false if it was given up, or has to wait.
 */
static bool
next_suspect(WfQuarantine *quarantine, bool *acquitted, WfTimerRow *suspect,
			 bool *counted, bool *step)
{
	WfClaim		claim;
	WfRow	   *row;

	if (quarantine->left-- <= 0 ||
		wf_timer_claim(quarantine->owner, WF_POSITION(DT_NOBEGIN),
					   WF_TIMER_CLAIM_BEHIND(Min(quarantine->until, wf_clock_due_limit())),
					   1, false, &claim) == 0)
		return false;

	row = claim.rows[0];
	if (runs_nothing(row, &claim.timers[0]))
	{
		WfChanges  *changes = wf_changes_new(quarantine->owner);

		wf_changes_arm(changes, &claim.timers[0], quarantine->owner, false, false);
		wf_changes_write(changes);
		return true;
	}
	wf_slot_trial_end();

	/* Who had it locked has let it go by now, and with it what was counted. */
	acquit(&quarantine->lane->suspects, acquitted);
	*counted = *step = wf_attempt_suspect(quarantine->owner, row, &claim.timers[0]);
	*suspect = claim.timers[0];
	return true;
}

/*
 * In a transaction of its own, take back the attempt of the last suspect if it
 * did not end us, and commit the attempt of the next one.  Returns false when
 * there are no suspects left: the caller forgets its pointer.  *step: false
 * when the suspect was given up, or has to wait; then there is nothing to step.
 */
bool
wf_quarantine_next(WfQuarantine *quarantine, bool *step)
{
	bool		acquitted[WF_NSUSPECTS] = {0};
	WfTimerRow	suspect;
	bool		found = false;
	bool		counted = false;

	*step = true;
	quarantine->counted = false;
	if (wf_transaction_begin("workflow suspect", quarantine->extension))
	{
		acquit(&quarantine->lane->suspects, acquitted);
		found = next_suspect(quarantine, acquitted, &suspect, &counted, step);
		wf_transaction_commit();
		wf_report_write();
		for (int i = 0; i < WF_NSUSPECTS; i++)
			if (acquitted[i])
				wf_suspects_acquitted(&quarantine->lane->suspects, i);
	}
	if (counted)
	{
		quarantine->counted = true;
		wf_suspects_remember(&quarantine->lane->suspects, &suspect.process, suspect.seq);
	}
	/* Who waits for a trial has not come any further. */
	if (found && !*step)
		quarantine->left++;
	if (!found)
	{
		wf_slot_trial_end();

		/* What stands for several owners is cleared by the runtime. */
		if (quarantine->lane->owner == quarantine->owner)
			wf_suspects_clear(&quarantine->lane->suspects);
		pfree(quarantine);
	}
	return found;
}

/*
 * Is this timer the one whose attempt was committed?  Only that is stepped, and
 * the attempt begins with this call.
 */
bool
wf_quarantine_begin(const WfQuarantine *quarantine, const WfTimerRow *timer)
{
	return quarantine->counted &&
		wf_suspects_begin(&quarantine->lane->suspects, &timer->process, timer->seq);
}

/*
 * The batch has ended, well or not, and we are still there: what was under way
 * does no harm.
 */
void
wf_quarantine_end(const WfQuarantine *quarantine)
{
	if (quarantine->counted)
		wf_suspects_end(&quarantine->lane->suspects);
}
