/*-------------------------------------------------------------------------
 *
 * watch_round.c
 *	  What a watcher does: it looks for all file triggers of a database.
 *
 * Runs in the watcher.  A round reads which triggers there are, in a transaction that writes
 * nothing; looks, for those whose time has come, outside of any; and for each where there is
 * something new makes runs, in transactions of a batch each.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/interval.h"
#include "store/transaction.h"
#include "watch/watch_attempt.h"
#include "watch/watch_batch.h"
#include "watch/watch_define.h"
#include "watch/watch_name.h"
#include "watch/watch_place.h"
#include "watch/watch_right.h"
#include "watch/watch_round.h"

/* A round begins so long (us) after the one before at the earliest: some triggers share one then. */
#define PAUSE			(100 * INT64CONST(1000))

static List *all_watched = NIL; /* of WfWatched * */
static uint64 rounds = 0;

/* --- what is remembered ----------------------------------------------------------------- */

/* What is remembered of a trigger, which is there in this round. */
static WfWatched *
watched_of(const WfWatch *watch)
{
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);
	WfWatched  *watched = NULL;
	ListCell   *cell;

	foreach(cell, all_watched)
		if (((WfWatched *) lfirst(cell))->id == watch->id)
			watched = lfirst(cell);
	if (watched == NULL)
	{
		watched = palloc0(sizeof(WfWatched));
		watched->id = watch->id;
		watched->next = DT_NOBEGIN;
		all_watched = lappend(all_watched, watched);
	}
	MemoryContextSwitchTo(old);

	if (watched->revision != watch->revision)
		wf_watch_batch_forget(watched);
	if (memcmp(&watched->interval, watch->interval, sizeof(Interval)) != 0)
		watched->next = DT_NOBEGIN;
	watched->interval = *watch->interval;
	watched->round = rounds;
	return watched;
}

/* Triggers that were not there in this round. */
static void
forget_others(void)
{
	ListCell   *cell;

	foreach(cell, all_watched)
	{
		WfWatched  *watched = lfirst(cell);

		if (watched->round == rounds)
			continue;
		wf_watch_batch_forget(watched);
		all_watched = foreach_delete_current(all_watched, cell);
		pfree(watched);
	}
}

/* --- the list ----------------------------------------------------------------------------- */

/* When to look for a trigger; infinity: never. */
static TimestampTz
due_at(const WfWatch *watch, WfWatched *watched)
{
	TimestampTz now = wf_clock_now();

	if (now >= watch->ends)
		return DT_NOEND;
	/* clocks are set back */
	watched->next = Min(watched->next, now + wf_interval_us(watch->interval));
	return Max(watch->starts, watched->next);
}

/*
 * What to look for, for one trigger that is listed; in a transaction, but allocated in that
 * memory context.
 */
static WfWatchTask *
make_task(MemoryContext context, WfWatch *watch)
{
	WfWatched  *watched = watched_of(watch);
	bool		due = due_at(watch, watched) <= wf_clock_now();
	bool		allowed = due && OidIsValid(watch->role) && wf_watch_right_may(watch->role, watch->directory);
	MemoryContext old = MemoryContextSwitchTo(context); /* statements leave it */
	WfWatchTask *task = palloc0(sizeof(WfWatchTask));

	task->watch = watch;
	task->size = WF_WATCH_BATCH_SIZE;
	task->order.directory = wf_watch_name_to_utf8(watch->directory);
	task->order.pattern = wf_watch_name_to_utf8(watch->pattern);
	task->order.listed = wf_watch_place_listed(task->order.directory);
	task->order.check = watch->check;
	task->order.settle = wf_interval_us(watch->settle);
	task->order.inode = watch->inode;
	task->watched = watched;
	task->due = due;
	task->allowed = allowed;
	MemoryContextSwitchTo(old);
	return task;
}

/* All triggers; false: there is nothing to be done here any more. */
static bool
list_tasks(List **tasks)
{
	MemoryContext context = CurrentMemoryContext;
	List	   *watches;
	ListCell   *cell;

	*tasks = NIL;
	if (!wf_watch_attempt_begin("looking for file triggers"))
		return false;
	watches = wf_watch_row_list(context);
	foreach(cell, watches)
	{
		WfWatch    *watch = lfirst(cell);
		MemoryContext old;
		WfWatchTask *task;

		if (wf_watch_place_listed(wf_watch_name_to_utf8(watch->directory)) == NULL)
			continue;
		task = make_task(context, watch);
		old = MemoryContextSwitchTo(context);
		*tasks = lappend(*tasks, task);
		MemoryContextSwitchTo(old);
	}
	wf_transaction_commit();
	MemoryContextSwitchTo(context);
	return true;
}

/* --- one trigger ---------------------------------------------------------------------------- */

/*
 * Look at the directory.  To compute a hash takes a resource owner, which there is none of
 * outside of transactions.
 */
static void
look_there(WfWatchTask *task)
{
	static ResourceOwner owner = NULL;

	if (owner == NULL)
		owner = ResourceOwnerCreate(NULL, "workflow watcher");
	CurrentResourceOwner = owner;
	wf_watch_look(task->watched->memory, &task->order, &task->news);
	CurrentResourceOwner = NULL;
}

static void
look(WfWatchTask *task)
{
	WfWatchNews *news = &task->news;

	if (!task->allowed)
		news->fault = "Its owner may not watch the directory.";
	else if (!wf_watch_batch_know(task))
		return;
	else
		look_there(task);
	task->reason = news->fault;
	if (news->replaced)
		task->reason = "Another directory is in its place: what was in the former one is remembered until workflow.enable_file_trigger().";
	if (news->nchanges > 0 || news->ngone > 0)
		wf_watch_batch_make(task);
	wf_watch_batch_tell(task);
}

/* Its time has come. */
static void
serve(WfWatchTask *task)
{
	TimestampTz began = wf_clock_now();
	int64		interval = wf_interval_us(task->watch->interval);
	TimestampTz again;

	task->news.again = DT_NOEND;
	look(task);
	again = Min(began + interval, task->news.again);
	task->watched->next = Max(again, wf_clock_now());
}

/*
 * Look for all triggers whose time has come; *next: when the next one's comes, by
 * wf_clock_now().  False: there is none to look for, now or later.  With no transaction open.
 */
bool
wf_watch_round(Oid extension, TimestampTz *next)
{
	MemoryContext context = AllocSetContextCreate(TopMemoryContext, "workflow watcher", ALLOCSET_DEFAULT_SIZES);
	TimestampTz began = wf_clock_now();
	List	   *tasks;
	ListCell   *cell;

	wf_watch_attempt_in(extension);
	rounds++;
	*next = DT_NOEND;
	MemoryContextSwitchTo(context);
	(void) list_tasks(&tasks);
	foreach(cell, tasks)
	{
		WfWatchTask *task = lfirst(cell);

		if (task->due)
			serve(task);
		*next = Min(*next, due_at(task->watch, task->watched));
	}
	if (*next != DT_NOEND)
		*next = Max(*next, began + PAUSE);
	forget_others();
	MemoryContextSwitchTo(TopMemoryContext);
	MemoryContextDelete(context);
	return *next != DT_NOEND;
}

/* Is there any to look for? */
bool
wf_watch_round_any(Oid extension)
{
	MemoryContext context = AllocSetContextCreate(TopMemoryContext, "workflow watcher", ALLOCSET_DEFAULT_SIZES);
	List	   *tasks;
	bool		any = false;
	ListCell   *cell;

	wf_watch_attempt_in(extension);
	MemoryContextSwitchTo(context);
	(void) list_tasks(&tasks);
	foreach(cell, tasks)
		any = any || wf_clock_now() < ((WfWatchTask *) lfirst(cell))->watch->ends;
	MemoryContextSwitchTo(TopMemoryContext);
	MemoryContextDelete(context);
	return any;
}
