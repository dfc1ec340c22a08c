/*-------------------------------------------------------------------------
 *
 * file_link.c
 *	  The link starts who takes files over.
 *
 * Runs in the link, at each beat, which says how many files wait for this server.  Those that
 * could not be written are among them; they are tried again now and then.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "postmaster/bgworker.h"

#include "base/clock.h"
#include "base/guc.h"
#include "bgworker/bgworker.h"
#include "remote/file_link.h"
#include "remote/patience.h"
#include "shmem/membership.h"

/*
 * Pauses (ms): after a failure; before files that could not be written are asked for again; after
 * the directory was refused, which may come, as a file system that is mounted.
 */
#define FAILED_PAUSE	1000
#define FAILED_COUNT	60
#define LEFT_PAUSE		5000
#define REFUSED_PAUSE	20000

#define TAKING			"to take files over from the server of workflow.remote"

static BackgroundWorkerHandle *handle = NULL;	/* of the one that was started last */
static WfPatience taking;
static bool looking = false;	/* one is to come, whatever waits */
static bool refused = false;	/* there is no directory to write to */
static uint64 looks = 0;		/* that we have heard of, */
static uint64 ends = 0;			/* and so many ends */
static int64 again_at = 0;		/* what was left is asked for again; steady */

/* What this server has on its disk is to be looked at. */
void
wf_file_link_look(void)
{
	looking = true;
}

/* How has the last one ended? */
static void
look_at_end(const WfMembership *now)
{
	if (now->file_ends == ends)
		return;
	ends = now->file_ends;
	refused = now->files_left == WF_MEMBERSHIP_FILES_REFUSED;
	again_at = wf_clock_real_steady() + (refused ? REFUSED_PAUSE : LEFT_PAUSE) * INT64CONST(1000);
	if (now->files_left == WF_MEMBERSHIP_FILES_FAILED)
		wf_patience_failed(&taking, FAILED_PAUSE, FAILED_COUNT, TAKING, now->file_trouble);
	else
		wf_patience_succeeded(&taking, TAKING);
}

/* Is there something to do, if so many files wait? */
static bool
is_wanted(const WfMembership *now, int waiting)
{
	if (looking || taking.failures > 0)
		return true;
	return waiting > 0 && ((!refused && waiting != now->files_left) || again_at < wf_clock_real_steady());
}

/* So many files wait for this server; start one who takes them over, unless there is one. */
void
wf_file_link_beat(int waiting, bool standby)
{
	WfBgworkerArgs args = {.kind = WF_BGWORKER_FETCH,.reads_only = standby};
	WfMembership now;

	if (wf_file_directory[0] == '\0' || !wf_enabled || wf_bgworker_is_there(&handle))
		return;
	wf_membership_get(&now);
	looking = looking || now.file_looks != looks;
	looks = now.file_looks;
	look_at_end(&now);
	if (!is_wanted(&now, waiting) || !wf_patience_is_over(&taking))
		return;
	looking = false;
	handle = wf_bgworker_start(&args);
	if (handle == NULL)
		wf_patience_failed(&taking, FAILED_PAUSE, FAILED_COUNT, TAKING,
						   "there is no background worker: raise max_worker_processes");
}
