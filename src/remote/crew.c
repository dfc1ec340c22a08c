/*-------------------------------------------------------------------------
 *
 * crew.c
 *	  The executors of the courier, and what each of them is at.
 *
 * Runs in the courier.  An executor does runs of one role, one after the other, and leaves
 * its place when all are taken and another role has work.  One that has gone amid a run,
 * without an outcome, was ended by somebody, or by what it did: that is an error of the
 * run, as its job has it; but not when all of this server ends.  What the recovery of a
 * standby has ended, or does not let be done, somebody else is to do.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <signal.h>

#include "miscadmin.h"
#include "utils/memutils.h"

#include "base/clock.h"
#include "base/guc.h"
#include "base/uuid.h"
#include "bgworker/bgworker.h"
#include "remote/crew.h"
#include "remote/reply.h"
#include "shmem/errand.h"
#include "store/transaction.h"

/*
 * A server that shuts down tells its executors first, and the courier maybe later: what
 * became of them then is not their runs' fault.  So long (ms) it takes at most to tell all.
 */
#define SHUTDOWN_PAUSE	1000

/* What recovery does not let be done, and nobody else may do, is tried again after that. */
#define CONFLICT_PAUSE	"10 seconds"

/* What a place is at. */
typedef struct Post
{
	bool		taken;			/* a run was given, and has not ended */
	bool		lost;			/* its executor has gone, and the other server is to hear that */
	int64		lost_at;		/* by wf_clock_real_steady() */
	bool		conflict;		/* lost, because recovery did not let it be done */
	pg_uuid_t	run;
	int32		round;
	int64		fence;
	uint32		told;			/* the state of its progress that was told last */
	dsm_segment *segment;
	BackgroundWorkerHandle *handle; /* of the executor that was started last; or NULL */
} Post;

static Post *posts = NULL;		/* workflow.max_remote_executors */

/*
 * Once, in the courier.  Executors of an earlier one end: nobody knows what they are at.  Those
 * that have not come yet find that their places are not theirs.
 */
void
wf_crew_begin(void)
{
	posts = MemoryContextAllocZero(TopMemoryContext, sizeof(Post) * wf_max_remote_executors);
	for (int i = 0; i < wf_max_remote_executors; i++)
		wf_errand_take_back(i);
	wf_errand_signal_all(SIGTERM);
}

/* --- giving --------------------------------------------------------------------------------- */

/* How many runs may be claimed. */
int
wf_crew_room(void)
{
	int			n = 0;

	for (int i = 0; i < wf_max_remote_executors; i++)
	{
		WfErrandState state = wf_errand_look(i, NULL);

		n += !posts[i].taken && !posts[i].lost && (state == WF_ERRAND_FREE || state == WF_ERRAND_IDLE);
	}
	return n;
}

/* The runs that somebody is at, or that are lost, are added to the elements of an array's text. */
void
wf_crew_list(StringInfo runs)
{
	for (int i = 0; i < wf_max_remote_executors; i++)
		if (posts[i].taken || posts[i].lost)
			appendStringInfo(runs, "%s%s", runs->len == 0 ? "" : ",", wf_uuid_text(&posts[i].run));
}

/* Is somebody at work, or is there something to be told of one? */
bool
wf_crew_is_at_work(void)
{
	for (int i = 0; i < wf_max_remote_executors; i++)
		if (posts[i].taken || posts[i].lost)
			return true;
	return false;
}

/*
 * A place for a run of that role: one whose executor waits; else one that is free; -1: there
 * is none just now, and somebody who waits was told to go.
 */
static int
find_place(Oid role)
{
	int			free = -1;
	int			other = -1;

	for (int i = 0; i < wf_max_remote_executors; i++)
	{
		Oid			of;
		WfErrandState state = wf_errand_look(i, &of);

		if (posts[i].taken || posts[i].lost)
			continue;
		if (state == WF_ERRAND_IDLE && of == role)
			return i;
		if (state == WF_ERRAND_FREE)
			free = i;
		else if (state == WF_ERRAND_IDLE)
			other = i;
	}
	if (free < 0 && other >= 0)
		wf_errand_dismiss(other);
	return free;
}

/* Start an executor for a place that has got a run; false: there is no background worker. */
static bool
start(int place, Oid role, dsm_handle run)
{
	WfBgworkerArgs args = {
		.kind = WF_BGWORKER_PLACED,.slot = place,.dbid = MyDatabaseId,.role = role,
			.reads_only = wf_reply_is_used()
	};

	args.generation = wf_errand_give_new(place, role, run);
	if (posts[place].handle != NULL)
		pfree(posts[place].handle);
	posts[place].handle = wf_bgworker_start(&args);
	if (posts[place].handle == NULL)
		wf_errand_take_back(place);
	return posts[place].handle != NULL;
}

/* Give a run to an executor of that role; false: none can take it just now. */
bool
wf_crew_give(const WfParcel *parcel, Oid role)
{
	int			place = find_place(role);
	dsm_segment *segment = place < 0 ? NULL : wf_parcel_write(parcel);
	dsm_handle	handle;

	if (segment == NULL)
		return false;
	handle = dsm_segment_handle(segment);
	(void) wf_errand_take_conflict(place);
	wf_reply_drop(place);
	if (!(wf_errand_look(place, NULL) == WF_ERRAND_IDLE ? wf_errand_give(place, handle) :
		  wf_errand_look(place, NULL) == WF_ERRAND_FREE && start(place, role, handle)))
	{
		dsm_detach(segment);
		return false;
	}
	posts[place].taken = true;
	posts[place].run = parcel->run;
	posts[place].round = parcel->round;
	posts[place].fence = parcel->fence;
	posts[place].told = 0;
	posts[place].segment = segment;
	return true;
}

/* --- what becomes of them ------------------------------------------------------------------------ */

/* Is the executor that was started for a place not there, and will not come? */
static bool
never_came(int place)
{
	pid_t		pid;

	return wf_errand_look(place, NULL) == WF_ERRAND_GIVEN && posts[place].handle != NULL &&
		GetBackgroundWorkerPid(posts[place].handle, &pid) == BGWH_STOPPED;
}

/* Is there an outcome of what a place was at?  On a standby it is taken. */
static bool
has_outcome(int place)
{
	MemoryContext context = CurrentMemoryContext;
	const Post *post = &posts[place];
	bool		kept = false;

	if (wf_reply_is_used())
		return wf_reply_take(place, &post->run, post->fence);
	if (!wf_transaction_begin("looking for an outcome", InvalidOid))
		return false;
	kept = wf_outcome_is_kept(&post->run, post->round, post->fence);
	wf_transaction_commit();
	MemoryContextSwitchTo(context);
	return kept;
}

/* Look who has ended what it was at. */
void
wf_crew_look(void)
{
	for (int i = 0; i < wf_max_remote_executors; i++)
	{
		Post	   *post = &posts[i];

		if (!post->taken)
			continue;
		if (never_came(i))
			wf_errand_take_back(i);
		if (wf_errand_look(i, NULL) != WF_ERRAND_FREE && !wf_errand_settled(i))
			continue;
		post->taken = false;
		dsm_detach(post->segment);
		post->lost = !has_outcome(i);
		post->lost_at = wf_clock_real_steady();
		post->conflict = post->lost && wf_errand_take_conflict(i);
	}
}

/* Tell the other server that a run is lost.  False: there is trouble. */
static bool
tell_lost(WfLine *line, const Post *post, int timeout)
{
	WfParcel	parcel = {.run = post->run,.fence = post->fence};

	return post->conflict ? wf_delivery_decline(line, &parcel, CONFLICT_PAUSE, timeout) :
		wf_delivery_refuse(line, &parcel, "57P01", "the executor ended amid the run", NULL, false, timeout);
}

/* Tell the other server of those that were lost a while ago.  False: there is trouble. */
bool
wf_crew_tell_lost(WfLine *line, int timeout)
{
	int64		since = wf_clock_real_steady() - SHUTDOWN_PAUSE * INT64CONST(1000);

	for (int i = 0; i < wf_max_remote_executors; i++)
	{
		if (!posts[i].lost || (posts[i].lost_at > since && !posts[i].conflict))
			continue;
		if (!tell_lost(line, &posts[i], timeout))
			return false;
		posts[i].lost = false;
	}
	return true;
}

/* Tell how far the run of a place is, if it has told since.  False: there is trouble. */
static bool
tell_progress(WfLine *line, int place, int timeout)
{
	Post	   *post = &posts[place];
	WfProgress	progress;

	if (!wf_errand_progress_read(place, &post->run, &progress) || progress.changes == post->told)
		return true;
	post->told = progress.changes;
	return wf_delivery_progress(line, post->fence, &progress, timeout);
}

/* Tell how far all are, and cancel what the other server does not want any more.  False: there is trouble. */
bool
wf_crew_look_after(WfLine *line, int timeout)
{
	for (int i = 0; i < wf_max_remote_executors; i++)
	{
		bool		wanted;

		if (!posts[i].taken)
			continue;
		if (!tell_progress(line, i, timeout) ||
			!wf_delivery_is_wanted(line, &posts[i].run, posts[i].fence, timeout, &wanted))
			return false;
		if (!wanted)
			wf_errand_signal(i, SIGINT);
	}
	return true;
}

/* What was claimed is not ours any more: whoever is at it is to stop. */
void
wf_crew_give_up(void)
{
	for (int i = 0; i < wf_max_remote_executors; i++)
	{
		if (posts[i].taken)
			wf_errand_signal(i, SIGTERM);
		posts[i].lost = false;
	}
}
