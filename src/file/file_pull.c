/*-------------------------------------------------------------------------
 *
 * file_pull.c
 *	  Runtimes take files over.
 *
 * Runs in the sessions of runtimes.  Each of these is a beat, too.  What is pulled comes
 * again until it is confirmed, so that a runtime may die anywhere in between.
 *
 * Locks the cursor of the runtime.  SPI must be connected.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"

#include "base/errcodes.h"
#include "base/quote.h"
#include "base/try.h"
#include "cluster/member_beat.h"
#include "file/file_pull.h"
#include "shmem/file_change.h"
#include "shmem/file_wait.h"
#include "store/file_chunk.h"
#include "store/file_cursor.h"
#include "store/origin.h"

/* Files up to this size are sent along, until so much was sent. */
#define SENT_FILE	(1024 * 1024)
#define SENT		(16 * 1024 * 1024)

/* Error WF012 if its epoch is over, WF002 if it was not approved; returns how many changes there were. */
static uint64
enter(WfMemberBeat *beat, WfFileCursor *cursor)
{
	WfMemberAnswer answer;
	uint64		changes;

	wf_origin_require();
	wf_member_beat_require(beat, &answer);
	if (!answer.row.approved)
		ereport(ERROR,
				(errcode(WF_ERR_NOT_ALLOWED),
				 errmsg("runtime \"%s\" may not pull files", wf_quote(beat->id)),
				 errdetail("It was not approved yet.")));
	wf_file_cursor_lock(beat->id, cursor);
	changes = wf_file_wait_changes();
	return changes;
}

/*
 * Tell how many files are left to the runtime.  Not by a snapshot that is older than the
 * number of changes: it would not show all of them.
 */
static int
tell(const char *id, uint64 changes)
{
	int			left = wf_file_cursor_waiting(id);

	if (!IsolationUsesXactSnapshot())
		wf_file_change_taken(id, left, changes);
	return left;
}

/* Say in the log that a file cannot be read.  An error that says nothing of the file is thrown. */
static void
tell_damage(const WfFileRow *row, ErrorData *error)
{
	int			category = ERRCODE_TO_CATEGORY(error->sqlerrcode);

	if (category == ERRCODE_OPERATOR_INTERVENTION || category == ERRCODE_INSUFFICIENT_RESOURCES ||
		category == ERRCODE_TRANSACTION_ROLLBACK)
		ReThrowError(error);
	ereport(LOG_SERVER_ONLY,
			(errcode(error->sqlerrcode),
			 errmsg("file \"%s\" cannot be read: %s", wf_quote(row->path), error->message)));
}

/* A file that is read, and what is in it: less than its size if it was replaced just now, and forgotten. */
typedef struct Reading
{
	const WfFileRow *row;
	bytea	   *content;
} Reading;

static void
read_content(void *arg)
{
	Reading    *reading = arg;

	reading->content = wf_file_chunk_read(reading->row->path, reading->row->version, 0, reading->row->size);
}

/*
 * What is in a file; NULL: it cannot be read, or was replaced just now, and forgotten.  One
 * whose content is damaged keeps no other one from being pulled.
 */
static bytea *
try_to_read(const WfFileRow *row)
{
	Reading		reading = {.row = row};
	ErrorData  *error = wf_try(read_content, &reading);

	if (error != NULL)
		tell_damage(row, error);
	return error == NULL && (int64) VARSIZE_ANY_EXHDR(reading.content) == row->size ?
		reading.content : NULL;
}

/* What a runtime has to take over next, at most n files; with_content: what is in them, if it is little. */
void
wf_file_pull(WfMemberBeat *beat, int n, bool with_content, WfFilePullSink sink, void *arg)
{
	WfFileCursor cursor;
	uint64		changes = enter(beat, &cursor);
	WfFileRow  *rows;
	int			count = wf_file_cursor_next(&cursor, n, &rows);
	int64		sent = 0;

	for (int i = 0; i < count; i++)
	{
		bytea	   *content = NULL;

		CHECK_FOR_INTERRUPTS();
		if (with_content && !rows[i].deleted && rows[i].size <= SENT_FILE && sent + rows[i].size <= SENT)
		{
			content = try_to_read(&rows[i]);
			sent += rows[i].size;
		}
		sink(arg, &rows[i], content);
		if (content != NULL)
			pfree(content);
	}
	if (count < n)
		(void) tell(beat->id, changes);
}

/*
 * The runtime has these, or, errors[i], could not write them.  Returns how many are left to
 * it.
 */
int
wf_file_pull_confirm(WfMemberBeat *beat, ArrayType *requests, ArrayType *errors)
{
	WfFileCursor cursor;
	uint64		changes = enter(beat, &cursor);

	wf_file_cursor_confirm(&cursor, requests, errors);
	wf_file_cursor_advance(&cursor);
	return tell(beat->id, changes);
}

/* The runtime has nothing any more. */
void
wf_file_pull_begin_anew(WfMemberBeat *beat)
{
	WfFileCursor cursor;
	uint64		changes = enter(beat, &cursor);

	wf_file_cursor_begin_anew(beat->id);
	(void) tell(beat->id, changes);
}

/*
 * How far a runtime is.  given: it is no further than that, by what it has on its disk; or,
 * if it was never so far here, it begins anew.
 */
void
wf_file_pull_position(WfMemberBeat *beat, bool given, FullTransactionId *xid, int64 *request)
{
	WfFileCursor cursor;
	uint64		changes = enter(beat, &cursor);

	if (given && FullTransactionIdPrecedes(cursor.xid, *xid))
		wf_file_cursor_begin_anew(beat->id);
	else if (given)
		wf_file_cursor_set_back(beat->id, *xid, *request);
	if (given)
	{
		wf_file_cursor_lock(beat->id, &cursor);
		(void) tell(beat->id, changes);
	}
	*xid = cursor.xid;
	*request = cursor.request;
}
