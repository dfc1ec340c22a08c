/*-------------------------------------------------------------------------
 *
 * quarantine.c
 *	  After a crash: what may have caused it is worked one by one.
 *
 * Runs in the first executor of an owner after an unclean start, or after
 * executors of that owner ended in their first batch again and again.  Owners
 * without an entry of their own (WfDatabase.others) take turns after an unclean
 * start: one executor for all of them, which leaves when the suspects of its
 * owner are done; see look_after_others() in runtime.c.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/guc.h"
#include "bgworker/pool.h"
#include "definition/definition.h"
#include "definition/pause.h"
#include "shmem/database.h"
#include "shmem/owner.h"
#include "shmem/shmem.h"
#include "store/change_sets.h"
#include "store/changes.h"
#include "store/changes_write.h"
#include "store/failure.h"
#include "store/process_row.h"
#include "store/timer.h"
#include "store/transaction.h"
#include "work/attempt.h"
#include "work/quarantine.h"

/*
 * Who tells an executor to go means no harm to what it is at; unless it is
 * told so by its own work, every time.
 */
#define MAX_SPARED	10

struct WfQuarantine
{
	int32		owner;
	Oid			extension;
	TimestampTz until;			/* suspects were due up to here */
	int			left;			/* so many of them at most */
	WfOwner    *entry;
	bool		counted;		/* the attempt of the last suspect was committed */
};

/*
 * The suspects of an owner (or of one that has no entry in shared memory: in its
 * turn), or NULL: there was no crash, or they are cleared
 * already; or the owner has other executors, which would be at suspects, too,
 * uncounted or counted twice.  No executor is added to an owner with suspects.
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
	WfOwner    *entry = wf_my_executor->entry;
	WfQuarantine  *careful;
	TimestampTz until;

	if (database == NULL || entry->executors != 1)
		return NULL;
	until = entry->suspect_until;
	if (database->careful && !entry->cleared)
		until = Max(until, database->careful_until);
	if (until == DT_NOBEGIN)
		return NULL;
	careful = MemoryContextAllocZero(TopMemoryContext, sizeof(WfQuarantine));
	careful->owner = owner;
	careful->extension = extension;
	careful->until = until;
	careful->left = wf_careful_backlog;
	careful->entry = entry;
	return careful;
}

static WfSuspect *
last_suspect(WfOwner *entry)
{
	return &entry->suspects[entry->suspect];
}

static bool
is_same(const WfSuspect *suspect, const WfTimerRow *timer)
{
	return suspect->seq == timer->seq &&
		memcmp(&suspect->process, &timer->process, UUID_LEN) == 0;
}

/* What is remembered of this one, or NULL. */
static WfSuspect *
find_suspect(WfOwner *entry, const WfTimerRow *timer)
{
	for (int i = 0; i < WF_SUSPECTS; i++)
		if (is_same(&entry->suspects[i], timer))
			return &entry->suspects[i];
	return NULL;
}

/* The place of the one that is forgotten: one that is to be acquitted last. */
static WfSuspect *
place_for_suspect(WfOwner *entry)
{
	for (int i = 1; i < WF_SUSPECTS; i++)
	{
		WfSuspect  *suspect = &entry->suspects[(entry->suspect + i) % WF_SUSPECTS];

		if (suspect->attempt != WF_ATTEMPT_COUNTED)
			return suspect;
	}
	return &entry->suspects[(entry->suspect + 1) % WF_SUSPECTS];
}

/* The attempt of this one is committed; how often it was spared is kept. */
static void
remember(WfOwner *entry, const WfTimerRow *timer)
{
	WfSuspect  *suspect = find_suspect(entry, timer);

	if (suspect == NULL)
	{
		suspect = place_for_suspect(entry);
		*suspect = (WfSuspect) {.process = timer->process,.seq = timer->seq};
	}
	entry->suspect = suspect - entry->suspects;
	suspect->attempt = WF_ATTEMPT_COUNTED;
}

/*
 * Nothing came of an attempt: it had been done, or somebody had locked its
 * process by then, or its executor was told to go.  Who locked it may have
 * locked what was counted, too: then it is for another time.
 */
static void
acquit(WfOwner *entry, bool *acquitted)
{
	for (int i = 0; i < WF_SUSPECTS; i++)
	{
		const WfSuspect *suspect = &entry->suspects[i];

		if (suspect->attempt == WF_ATTEMPT_COUNTED && !acquitted[i])
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
next_suspect(WfQuarantine *careful, bool *acquitted, WfTimerRow *suspect,
			 bool *counted, bool *step)
{
	WfTimerRow *timers;
	WfRow	  **rows;

	if (careful->left-- <= 0 ||
		wf_timer_claim(careful->owner, DT_NOBEGIN, -1, Min(careful->until, wf_clock_due_limit()), 1,
					   &timers, &rows) == 0)
		return false;

	if (runs_nothing(rows[0], &timers[0]))
	{
		WfChanges   *out = wf_changes_new(careful->owner);

		wf_changes_arm(out, &timers[0], careful->owner, false, false);
		wf_changes_write(out);
		return true;
	}
	wf_pool_trial_end();

	/* Who had it locked has let it go by now, and with it what was counted. */
	acquit(careful->entry, acquitted);
	*counted = *step = wf_attempt_suspect(careful->owner, rows[0], &timers[0]);
	*suspect = timers[0];
	return true;
}

/*
 * In a transaction of its own, take back the attempt of the last suspect if it
 * did not end us, and commit the attempt of the next one.  Returns false when
 * there are no suspects left: the caller forgets its pointer.  *step: false
 * when the suspect was given up, or has to wait; then there is nothing to step.
 */
bool
wf_quarantine_next(WfQuarantine *careful, bool *step)
{
	bool		acquitted[WF_SUSPECTS] = {0};
	WfTimerRow	suspect;
	bool		found = false;
	bool		counted = false;

	*step = true;
	careful->counted = false;
	if (wf_transaction_begin("workflow suspect", careful->extension))
	{
		acquit(careful->entry, acquitted);
		found = next_suspect(careful, acquitted, &suspect, &counted, step);
		wf_transaction_commit();
		for (int i = 0; i < WF_SUSPECTS; i++)
			if (acquitted[i])
				careful->entry->suspects[i].attempt = WF_ATTEMPT_NONE;
	}
	if (counted)
	{
		careful->counted = true;
		remember(careful->entry, &suspect);
	}
	/* Who waits for a trial has not come any further. */
	if (found && !*step)
		careful->left++;
	if (!found)
	{
		wf_pool_trial_end();

		/* What stands for several owners is cleared by the runtime. */
		if (careful->entry->owner == careful->owner)
		{
			careful->entry->cleared = true;
			careful->entry->suspect_until = DT_NOBEGIN;
		}
		pfree(careful);
	}
	return found;
}

/*
 * Is this timer the one whose attempt was committed?  Only that is stepped, and
 * the attempt begins with this call.
 */
bool
wf_quarantine_begin(const WfQuarantine *careful, const WfTimerRow *timer)
{
	WfSuspect  *suspect = last_suspect(careful->entry);

	if (!careful->counted || !is_same(suspect, timer))
		return false;
	suspect->attempt = WF_ATTEMPT_BEGUN;
	return true;
}

/*
 * The batch has ended, well or not, and we are still there: what was under way
 * does no harm.
 */
void
wf_quarantine_end(const WfQuarantine *careful)
{
	WfSuspect  *suspect = last_suspect(careful->entry);

	/* One that ended the executor before us has not been tried again yet. */
	if (careful->counted && suspect->attempt == WF_ATTEMPT_BEGUN)
		suspect->attempt = WF_ATTEMPT_COUNTED;
}

/*
 * The executor of this owner was told to go while it was at work: what is
 * under way is not to blame, unless that happens too often.
 */
void
wf_quarantine_spare(WfOwner *entry)
{
	WfSuspect  *suspect = last_suspect(entry);

	if (suspect->attempt != WF_ATTEMPT_BEGUN || suspect->spared >= MAX_SPARED)
		return;
	suspect->attempt = WF_ATTEMPT_COUNTED;
	suspect->spared++;
}
