/*-------------------------------------------------------------------------
 *
 * watch_batch.c
 *	  What is new about the files of a trigger makes runs, batch by batch.
 *
 * Runs in the watcher.  A batch is a transaction that has the row of the trigger locked, and
 * the row tells by its revision whether the files of the trigger are those that are
 * remembered here.  Runs, files and revision are written together: whatever ends between,
 * and whoever else has looked, each file makes one run.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/errcodes.h"
#include "store/transaction.h"
#include "watch/watch_attempt.h"
#include "watch/watch_batch.h"
#include "watch/watch_fire.h"
#include "watch/watch_name.h"
#include "watch/watch_right.h"
#include "watch/watch_seen.h"

/* So many that have gone are forgotten in one. */
#define BATCH_GONE		1000

/* --- what is remembered -------------------------------------------------------------- */

/* Forget the files of a trigger, so that they are read anew. */
void
wf_watch_batch_forget(WfWatched *watched)
{
	if (watched->memory != NULL)
		wf_watch_look_end(watched->memory);
	watched->memory = NULL;
	watched->untold = 0;
}

/* Read what is known of the files of a trigger. */
static void
load_files(void *arg)
{
	WfWatchTask *task = arg;
	WfWatched  *watched = task->watched;
	WfWatchSeen *seen;
	int64		n;

	if (!wf_watch_attempt_begin("reading files of a trigger"))
		return;
	n = wf_watch_seen_all(watched->id, &seen);
	watched->memory = wf_watch_look_begin();
	for (int64 i = 0; i < n; i++)
		wf_watch_look_know(watched->memory, wf_watch_name_to_utf8(seen[i].name), &seen[i].file);
	watched->revision = task->watch->revision;
	wf_transaction_commit();
}

/* Is it known what is in the table?  It is read if need be; false: it cannot be. */
bool
wf_watch_batch_know(WfWatchTask *task)
{
	ErrorData  *error = task->watched->memory == NULL ? wf_watch_attempt(load_files, task) : NULL;

	if (error == NULL)
		return task->watched->memory != NULL;
	wf_watch_batch_forget(task->watched);	/* it may be a part of them */
	ereport(LOG,
			(errmsg("files of file trigger \"%s\" cannot be read: %s", task->watch->name, error->message)));
	return false;
}

/* --- batches ------------------------------------------------------------------------- */

/* Files whose names the database cannot have count as known, so that they are not met each time. */
static int
collect(WfWatchTask *task, int n, WfWatchSeen *notes, int *nnotes, WfWatchSeen *fires)
{
	int			nfires = 0;

	task->untold = 0;
	*nnotes = 0;
	for (int i = 0; i < n; i++)
	{
		const WfWatchChange *change = &task->news.changes[task->from + i];
		WfWatchSeen seen = {.name = wf_watch_name_from_utf8(change->name)};

		if (seen.name == NULL)
		{
			task->untold += change->file->seen ? 0 : 1; /* it is counted once */
			continue;
		}
		seen.file = *change->file;
		wf_watch_judge_done(task->order.check, wf_clock_now(), &seen.file, &change->sight);
		if (change->verdict == WF_WATCH_FIRE)
			fires[nfires++] = seen;
		else
			notes[(*nnotes)++] = seen;
	}
	return nfires;
}

static void
forget_gone(WfWatchTask *task, int n)
{
	const char **names = palloc(sizeof(char *) * (n + 1));
	int			nnames = 0;

	for (int i = 0; i < n; i++)
	{
		const char *name = wf_watch_name_from_utf8(task->news.gone[task->gone_from + i]);

		if (name != NULL)
			names[nnames++] = name;
		else
			task->untold--;
	}
	wf_watch_seen_forget(task->watch->id, nnames, names);
}

static bool
is_same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* What is known of the trigger by this look. */
static void
note_state(const WfWatchTask *task, WfWatch *watch)
{
	if (task->news.fault == NULL && !task->news.replaced)
		watch->inode = task->news.inode;
	if (task->news.fault == NULL && task->news.skipped >= 0)
		watch->skipped = task->news.skipped + task->watched->untold + task->untold;
	watch->reason = task->reason;
	if (task->suspend)
		watch->suspended_at = wf_clock_now();
}

/* Would that be anything new? */
static bool
is_state_news(const WfWatchTask *task)
{
	WfWatch		after = *task->watch;

	note_state(task, &after);
	return after.inode != task->watch->inode || after.skipped != task->watch->skipped ||
		after.suspended_at != task->watch->suspended_at || !is_same_text(after.reason, task->watch->reason);
}

/* The batch is committed: remember it. */
static void
remember_batch(WfWatchTask *task, int n, int ngone)
{
	for (int i = 0; i < n; i++)
		wf_watch_look_done(&task->order, &task->news.changes[task->from + i]);
	for (int i = 0; i < ngone; i++)
		wf_watch_look_forget(task->watched->memory, task->news.gone[task->gone_from + i]);
	task->watched->untold += task->untold;
	task->untold = 0;
	task->from += n;
	task->gone_from += ngone;
}

/* May runs be made still?  The look may have taken hours. */
static bool
is_good(const WfWatch *watch, int64 revision)
{
	return watch->revision == revision &&	/* or others have written files */
		OidIsValid(watch->role) && wf_watch_right_may(watch->role, watch->directory);
}

/* A batch of what is new, in a transaction.  False: another look has to be taken first. */
static bool
make_batch(WfWatchTask *task)
{
	WfWatched  *watched = task->watched;
	int			n = Min(task->size, task->news.nchanges - task->from);
	int			ngone = Min(BATCH_GONE, task->news.ngone - task->gone_from);
	WfWatchSeen *notes;
	WfWatchSeen *fires;
	WfWatch		watch;
	int			nnotes;
	int			nfires;

	if (!wf_watch_attempt_begin("making runs of files"))
		return false;
	if (!wf_watch_row_claim(watched->id, &watch) || !is_good(&watch, watched->revision))
	{
		wf_transaction_commit();
		return false;			/* somebody may have it locked, too */
	}
	notes = palloc(sizeof(WfWatchSeen) * (n + 1));
	fires = palloc(sizeof(WfWatchSeen) * (n + 1));
	nfires = collect(task, n, notes, &nnotes, fires);
	if (ngone > 0)
		forget_gone(task, ngone);
	if (nnotes > 0)
		wf_watch_seen_enter(watch.id, nnotes, notes);
	if (nfires > 0)
		wf_watch_fire(&watch, nfires, fires);
	note_state(task, &watch);
	watch.revision++;
	wf_watch_row_update(&watch);
	wf_transaction_commit();
	watched->revision = watch.revision;
	remember_batch(task, n, ngone);
	return true;
}

/* All batches. */
static void
make_batches(void *arg)
{
	WfWatchTask *task = arg;
	MemoryContext context = CurrentMemoryContext;

	while (task->from < task->news.nchanges || task->gone_from < task->news.ngone)
	{
		bool		made = make_batch(task);

		MemoryContextSwitchTo(context);
		CHECK_FOR_INTERRUPTS();
		if (!made)
		{
			wf_watch_batch_forget(task->watched);
			return;
		}
	}
}

/* Write how the trigger stands. */
static void
write_state(void *arg)
{
	WfWatchTask *task = arg;
	WfWatch		watch;

	if (!wf_watch_attempt_begin("noting how a file trigger stands"))
		return;
	if (wf_watch_row_claim(task->watch->id, &watch))
	{
		note_state(task, &watch);
		wf_watch_row_update(&watch);
	}
	wf_transaction_commit();
}

/* An error has undone a batch: a smaller one may do, or the trigger says why not. */
static void
failed(WfWatchTask *task, ErrorData *error)
{
	/* whether the commit was one is not known */
	wf_watch_batch_forget(task->watched);
	task->untold = 0;
	task->reason = error->message;
	task->suspend = wf_watch_attempt_is_final(error->sqlerrcode);
	if (!task->suspend)
		return;
	ereport(WARNING,
			(errcode(error->sqlerrcode),
			 errmsg("file trigger \"%s\" is suspended: %s", task->watch->name, error->message),
			 errhint("workflow.enable_file_trigger() has it go on.")));
}

/* Make runs of what is new; where there is no room for all of a batch, of as many as there is for. */
void
wf_watch_batch_make(WfWatchTask *task)
{
	for (;;)
	{
		ErrorData  *error = wf_watch_attempt(make_batches, task);

		if (error == NULL)
			return;
		if (error->sqlerrcode != WF_ERR_FULL || task->size == 1)
		{
			failed(task, error);
			return;
		}
		task->size /= 2;
	}
}

/* Say in the log what is new about a directory. */
static void
report_fault(const WfWatchTask *task)
{
	if (task->news.fault != NULL && !is_same_text(task->news.fault, task->watch->reason))
		ereport(LOG,
				(errmsg("file trigger \"%s\" cannot look into directory \"%s\"", task->watch->name, task->watch->directory),
				 errdetail_internal("%s", task->news.fault)));
	if (task->news.skipped > task->watch->skipped)
		ereport(LOG,
				(errmsg("file trigger \"%s\" leaves out " INT64_FORMAT " files in directory \"%s\"",
						task->watch->name, task->news.skipped, task->watch->directory),
				 errdetail("Their names are no text in UTF-8, or not in the encoding of the database, or they cannot be read.")));
}

/* Say in the log, and write, how the trigger stands, if that is anything new. */
void
wf_watch_batch_tell(WfWatchTask *task)
{
	report_fault(task);
	if (is_state_news(task))
		(void) wf_watch_attempt(write_state, task);
}
