/*-------------------------------------------------------------------------
 *
 * file_fetch.c
 *	  The process that takes over the files of another server.
 *
 * A background worker, started by the link when files wait for this server, and when it has
 * registered, if workflow.file_directory is set.  It has a connection of its own, and ends when
 * there is no more to do.  It reads no table of this server, but on a standby, where what is
 * in files is read from the replica, when that has replayed what the other server has told of.
 *
 * How far it is stands in the manifest on the disk with the files.  A batch is: files are
 * pulled, and written, the manifest is saved, and they are confirmed.  When anything fails in
 * between, the same files come again.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xlog.h"
#include "access/xlogrecovery.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "storage/lwlock.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "base/clock.h"
#include "base/compat.h"
#include "bgworker/bgworker.h"
#include "file/file_stored.h"
#include "remote/file_fetch.h"
#include "remote/file_talk.h"
#include "remote/peer.h"
#include "remote/wire.h"

/* To connect may take so long (ms). */
#define TIMEOUT			10000

/* How long (ms) a standby waits until it has replayed what it is to read; between two looks. */
#define REPLAY_PATIENCE	10000
#define REPLAY_PAUSE	5

static WfFileTalk talk;
static WfMembership member;		/* as it was when we began */
static bool standby = false;
static bool told = false;		/* the link knows how it has ended */
static int64 told_of = 0;		/* the first request of the last batch, if it does not come again */

/* Of the comparison of all files. */
static const char **stored_paths;
static int	nstored;

/* --- what is stored ------------------------------------------------------------------ */

static WfFileFound
find_newest(const char *path, WfFileRow *row)
{
	return wf_file_talk_newest(&talk, path, row);
}

static const char *
write_content(WfFileWriter *writer, const WfFileRow *row)
{
	return standby ? wf_file_stored_write(writer, row) : wf_file_talk_write(&talk, writer, row);
}

static const WfFileSource source = {.newest = find_newest,.write = write_content};

static int
compare_path(const void *path, const void *element)
{
	return strcmp(path, *(const char *const *) element);
}

static bool
is_stored(const char *path)
{
	return bsearch(path, stored_paths, nstored, sizeof(char *), compare_path) != NULL;
}

/* --- a standby ------------------------------------------------------------------------ */

/* Is this process still where it began? */
static bool
is_in_place(void)
{
	if (standby == RecoveryInProgress())
		return true;
	wf_line_trouble(&talk.line, "this server was promoted");
	return false;
}

/* Wait until the replica has what the other server has told of.  False: it takes too long. */
static bool
wait_for_replay(void)
{
	int64		until = wf_clock_real_steady() + REPLAY_PATIENCE * INT64CONST(1000);
	XLogRecPtr	position;

	if (!wf_file_talk_log(&talk, &position))
		return false;
	while (is_in_place() && GetXLogReplayRecPtr(NULL) < position)
	{
		if (wf_clock_real_steady() > until)
		{
			wf_line_trouble(&talk.line, "this standby is too far behind");
			return false;
		}
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, REPLAY_PAUSE,
						 WaitEventExtensionNew("WorkflowFilesReplay"));
		ResetLatch(MyLatch);
		wf_bgworker_interrupts();
	}
	return is_in_place();
}

/* --- the work -------------------------------------------------------------------------- */

/* What was written here before may be that of another place or time: what is not stored goes. */
static bool
compare_all(void)
{
	PGresult   *answer;

	if (!wf_file_talk_paths(&talk, &answer, &stored_paths, &nstored))
		return false;
	wf_file_disk_sweep(is_stored);
	wf_line_library()->clear(answer);
	return true;
}

/* Say how far we are, by what is on the disk, and look at what is there.  False: there is trouble. */
static bool
begin(void)
{
	WfFilePosition remembered;
	WfFilePosition position;

	bool		current = wf_file_disk_is_current(&remembered);

	if (current ? !wf_file_talk_position(&talk, &remembered, &position) : !wf_file_talk_forget(&talk))
		return false;
	current = current && position.xid == remembered.xid && position.request == remembered.request;
	wf_file_disk_look(&source);
	return wf_line_is_open(&talk.line) && (current || compare_all());
}

/* Files that were confirmed do not come again; who gives them for ever would keep us busy. */
static bool
is_news(int n, const WfFileRow *rows)
{
	if (n == 0 || told_of == 0 || rows[0].request != told_of)
		return true;
	wf_line_trouble(&talk.line, "the other server gives files again that it was told of");
	return false;
}

/*
 * Take over some files.  *n: how many there were; *left: how many are left.  False: there is
 * trouble, and it is not known what was taken over.
 */
static bool
take_some(int *n, int *left)
{
	WfFilePosition position;
	WfFileRow  *rows;
	PGresult   *answer;
	const char **faults;
	int			done;
	bool		good;

	if (!wf_file_talk_position(&talk, NULL, &position))
		return false;
	*n = wf_file_talk_pull(&talk, WF_FILE_DISK_BATCH, !standby, &rows, &answer);
	if (*n < 0)
		return false;
	good = is_news(*n, rows) && (*n == 0 || !standby || wait_for_replay());
	if (good)
	{
		faults = palloc(sizeof(char *) * (*n + 1));
		done = wf_file_disk_take(&source, &position, *n, rows, faults);
		good = wf_line_is_open(&talk.line) && wf_file_talk_confirm(&talk, done, rows, faults, left);
		told_of = done > 0 && faults[0] == NULL ? rows[0].request : 0;
	}
	wf_line_library()->clear(answer);
	return good;
}

/*
 * Take over all there is.  What comes after it was counted what is left is taken over, too, or the link
 * would not know of it.
 */
static bool
take_all(MemoryContext context, int *left)
{
	int			n = 1;
	bool		counted = false;

	for (;;)
	{
		MemoryContextReset(context);
		wf_bgworker_interrupts();
		if (!is_in_place() || !take_some(&n, left))
			return false;
		if (n == 0 && counted)
			return true;
		counted = n == 0;
	}
}

/* Open the line.  False: there is trouble. */
static bool
open_line(void)
{
	WfTargets  *targets = wf_target_read(&talk.line, wf_remote);
	bool		refused;
	bool		opened;

	if (targets == NULL)
		return false;
	opened = wf_peer_open(&talk.line, targets, WF_WIRE_ENCODING, TIMEOUT, false, &refused);
	wf_target_free(targets);
	return opened;
}

/* Tell the other server of some files that they cannot be written.  False: there is trouble, or there were none. */
static bool
tell_refused_of_some(const char *why)
{
	WfFileRow  *rows;
	PGresult   *answer;
	const char **faults;
	int			left;
	int			n = wf_file_talk_pull(&talk, WF_FILE_DISK_BATCH, false, &rows, &answer);
	bool		good;

	if (n < 0)
		return false;
	faults = palloc(sizeof(char *) * (n + 1));
	for (int i = 0; i < n; i++)
		faults[i] = why;
	good = n > 0 && is_news(n, rows) && wf_file_talk_confirm(&talk, n, rows, faults, &left);
	told_of = good ? rows[0].request : 0;
	wf_line_library()->clear(answer);
	return good;
}

/* No file can be written: tell the other server why, of those that it has not been told of. */
static void
tell_refused(const char *why)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "workflow files refused", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);

	while (tell_refused_of_some(why))
	{
		MemoryContextReset(context);
		wf_bgworker_interrupts();
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

/* Open the disk, for the files of the other server.  False: there is trouble, or refused. */
static bool
open_disk(bool *refused)
{
	WfFileOwner owner = {.system = member.system,.timeline = member.timeline};
	WfFileDiskOpened opened;
	const char *why;

	if (!wf_file_talk_database(&talk, &owner.dbid))
		return false;
	opened = wf_file_disk_open(&owner, &why);
	*refused = opened == WF_FILE_DISK_REFUSED;
	if (*refused)
		tell_refused(why);
	if (opened == WF_FILE_DISK_BUSY)
		wf_line_trouble(&talk.line, "another process writes to the directory of files");
	return opened == WF_FILE_DISK_OPEN;
}

/* before_shmem_exit */
static void
leave(int code, Datum arg)
{
	LWLockReleaseAll();
	wf_line_close(&talk.line);
	if (!told)
		wf_membership_files_taken(WF_MEMBERSHIP_FILES_FAILED, "the process has ended before it was done");
}

/* Entry point. */
void
wf_file_fetch_main(Datum arg)
{
	MemoryContext context;
	int			left = WF_MEMBERSHIP_FILES_FAILED;
	bool		refused = false;

	wf_bgworker_prepare(leave);
	wf_membership_get(&member);
	strlcpy(talk.id, member.id, sizeof(talk.id));
	talk.epoch = member.epoch;
	standby = wf_bgworker_args()->reads_only;
	wf_bgworker_connect();
	(void) wf_line_library();
	/* of what computes SHA-256, outside of transactions */
	CurrentResourceOwner = ResourceOwnerCreate(NULL, "workflow files");
	context = AllocSetContextCreate(TopMemoryContext, "workflow files", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(context);
	if (open_line() && open_disk(&refused) && begin() && take_all(context, &left))
		wf_membership_files_taken(left, NULL);
	else if (refused)
		wf_membership_files_taken(WF_MEMBERSHIP_FILES_REFUSED, NULL);
	else
		wf_membership_files_taken(WF_MEMBERSHIP_FILES_FAILED, talk.line.trouble);
	told = true;
	wf_file_disk_close();
	proc_exit(0);
}
