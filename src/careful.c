/*-------------------------------------------------------------------------
 *
 * careful.c
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

#include "careful.h"
#include "clock.h"
#include "failure.h"
#include "guc.h"
#include "pause.h"
#include "pool.h"
#include "session.h"
#include "shmem.h"
#include "step.h"

/*
 * Who tells an executor to go means no harm to what it is at; unless it is
 * told so by its own work, every time.
 */
#define MAX_SPARED	10

struct WfCareful
{
	int32		owner;
	Oid			extension;
	TimestampTz until;			/* suspects were due up to here */
	int			left;			/* so many of them at most */
	WfOwner    *entry;
	bool		counted;		/* the attempt of the last suspect was committed */
};

WfCareful *
wf_careful_new(int32 owner, Oid extension)
{
	WfDatabase *database = wf_database_entry(MyDatabaseId, false);
	WfOwner    *entry = wf_owner_or_others(MyDatabaseId, owner, true);
	WfCareful  *careful;
	TimestampTz until;

	if (database == NULL || entry == NULL || entry->executors != 1)
		return NULL;
	until = entry->suspect_until;
	if (database->careful && !entry->cleared)
		until = Max(until, database->careful_until);
	if (until == DT_NOBEGIN)
		return NULL;
	careful = MemoryContextAllocZero(TopMemoryContext, sizeof(WfCareful));
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

/* The attempt of this one is committed; how often it was spared is kept. */
static void
remember(WfOwner *entry, const WfTimerRow *timer)
{
	int			i = 0;

	while (i < WF_SUSPECTS && !is_same(&entry->suspects[i], timer))
		i++;
	if (i == WF_SUSPECTS)
	{
		i = (entry->suspect + 1) % WF_SUSPECTS;
		entry->suspects[i] = (WfSuspect) {.process = timer->process,.seq = timer->seq};
	}
	entry->suspect = i;
	entry->suspects[i].attempt = WF_ATTEMPT_COUNTED;
}

/*
 * Will no user code run?  Then it is left to the batch, which parks or drops
 * it: see there.
 */
static bool
runs_nothing(const WfRow *row, const WfTimerRow *timer)
{
	if (wf_row_is_over(row) ||
		(wf_pause_look() && wf_is_paused(wf_definition(row->definition))))
		return true;
	if (strcmp(timer->event, WF_CANCEL_EVENT) == 0)
		return false;
	return row->suspended || row->status == WF_TERMINATED ||
		(row->status == WF_INITIALIZED && strcmp(timer->event, WF_START_EVENT) != 0);
}

/*
 * Count the attempt of the first suspect.  Returns false when there is none.
 * *counted: to be committed; *step: false if it was given up, or has to wait.
 */
static bool
next_suspect(WfCareful *careful, WfTimerRow *suspect, bool *counted, bool *step)
{
	WfTimerRow *timers;
	WfRow	  **rows;

	if (careful->left-- <= 0 ||
		wf_claim(careful->owner, DT_NOBEGIN, -1, Min(careful->until, wf_due_limit()), 1,
				 &timers, &rows) == 0)
		return false;

	if (runs_nothing(rows[0], &timers[0]))
	{
		WfOutput   *out = wf_output_new(careful->owner);

		wf_output_arm(out, &timers[0], careful->owner, false, false);
		wf_output_write(out);
		return true;
	}
	wf_pool_trial_end();
	*counted = *step = wf_failure_suspect(careful->owner, rows[0], &timers[0]);
	*suspect = timers[0];
	return true;
}

bool
wf_careful_next(WfCareful *careful, bool *step)
{
	WfSuspect  *last = last_suspect(careful->entry);
	WfTimerRow	suspect;
	bool		found = false;
	bool		counted = false;

	*step = true;
	careful->counted = false;
	if (wf_begin("workflow suspect", careful->extension))
	{
		/*
		 * Nothing came of the last one: it had been done, or somebody had
		 * locked its process by then, or its executor was told to go.
		 */
		if (last->attempt == WF_ATTEMPT_COUNTED)
			wf_failure_acquit(&last->process, last->seq);
		found = next_suspect(careful, &suspect, &counted, step);
		wf_commit();
		if (last->attempt == WF_ATTEMPT_COUNTED)
			last->attempt = WF_ATTEMPT_NONE;
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

bool
wf_careful_begin(const WfCareful *careful, const WfTimerRow *timer)
{
	WfSuspect  *suspect = last_suspect(careful->entry);

	if (!careful->counted || !is_same(suspect, timer))
		return false;
	suspect->attempt = WF_ATTEMPT_BEGUN;
	return true;
}

void
wf_careful_end(const WfCareful *careful)
{
	WfSuspect  *suspect = last_suspect(careful->entry);

	if (suspect->attempt == WF_ATTEMPT_BEGUN)
		suspect->attempt = WF_ATTEMPT_COUNTED;
}

void
wf_careful_spare(WfOwner *entry)
{
	WfSuspect  *suspect = last_suspect(entry);

	if (suspect->attempt != WF_ATTEMPT_BEGUN || suspect->spared >= MAX_SPARED)
		return;
	suspect->attempt = WF_ATTEMPT_COUNTED;
	suspect->spared++;
}
