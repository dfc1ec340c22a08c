/*-------------------------------------------------------------------------
 *
 * file_take.c
 *	  The server that holds the database takes files over itself.
 *
 * Runs in a background worker of its own, which comes when there is something to do.  The
 * server is a runtime as others are, with a cursor; it trusts what lies on its disk more,
 * though: the cursor is set back to where the manifest is.  Without a manifest, or with that
 * of another place, all files are compared with what is there.
 *
 * A batch is: what comes next is read; files are written; the manifest is saved; the cursor
 * moves.  No transaction is open where the disk is waited for, since one would keep the
 * database from forgetting what was deleted, for as long as that hangs.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/guc.h"
#include "base/version.h"
#include "file/file_disk.h"
#include "file/file_stored.h"
#include "file/file_take.h"
#include "shmem/instance.h"
#include "store/file_cursor.h"
#include "store/origin.h"
#include "store/runtime_row.h"
#include "store/transaction.h"

/* After a failure, or while it is not registered, it is tried again so much later (ms). */
#define PAUSE			1000

/*
 * After the directory was refused so much later (ms), if files wait: it may come, as a file
 * system that is mounted.
 */
#define REFUSED_PAUSE	20000

static Oid	extension_oid = InvalidOid;

/* --- transactions ---------------------------------------------------------------------- */

static TimestampTz
after(int ms)
{
	return wf_clock_now() + ms * INT64CONST(1000);
}

/*
 * Begin one, with the cursor of this server locked.  False: none is open, and nothing is to be
 * written; *again: when to come again, by wf_clock_now(), or infinity.
 */
static bool
enter(WfFileCursor *cursor, TimestampTz *again)
{
	const char *id = NULL;

	*again = DT_NOEND;
	if (!wf_transaction_begin("writing files", extension_oid))
		return false;
	if (wf_version_has_column("file_cursor", "runtime") && wf_origin_is_certain())
	{
		id = wf_runtime_row_mine(wf_instance->epoch);
		if (id == NULL)
			*again = after(PAUSE);
		else
			wf_file_cursor_lock(id, cursor);
	}
	if (id == NULL)
		wf_transaction_commit();
	return id != NULL;
}

/* End it, and leave no trace of it in this process. */
static void
leave(MemoryContext context, ResourceOwner resources)
{
	wf_transaction_commit();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = resources;
}

/* --- what is stored ------------------------------------------------------------------ */

/* The path as the file system has it. */
static char *
utf8_path(const char *path)
{
	return pg_server_to_any(path, (int) strlen(path), PG_UTF8);
}

static WfFileFound
find_newest(const char *path, WfFileRow *row)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner resources = CurrentResourceOwner;
	WfFileFound found = WF_FILE_NOT_STORED;

	if (!wf_transaction_begin("looking at files", extension_oid))
		return WF_FILE_NOT_KNOWN;
	if (wf_file_row_newest(pg_any_to_server(path, (int) strlen(path), PG_UTF8), false, row) && !row->deleted)
		found = WF_FILE_STORED;
	if (found == WF_FILE_STORED && row->mode != NULL)
		row->mode = MemoryContextStrdup(context, row->mode);
	leave(context, resources);
	row->path = path;
	return found;
}

static bool
is_stored(const char *path)
{
	WfFileRow	row;

	return find_newest(path, &row) != WF_FILE_NOT_STORED;
}

static const WfFileSource source = {.newest = find_newest,.write = wf_file_stored_write};

/* --- beginning ---------------------------------------------------------------------- */

/*
 * The place of the cursor is that which the manifest has, which is where the disk is; and what lies
 * there is looked at.  False: nothing is to be written.
 */
static bool
begin(TimestampTz *again)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner resources = CurrentResourceOwner;
	WfFilePosition position;
	WfFileCursor cursor;
	bool		current = wf_file_disk_is_current(&position);

	if (!enter(&cursor, again))
		return false;
	current = current && U64FromFullTransactionId(cursor.xid) >= position.xid;
	if (current)
		wf_file_cursor_set_back(cursor.runtime, FullTransactionIdFromU64(position.xid), position.request);
	else
		wf_file_cursor_begin_anew(cursor.runtime);
	leave(context, resources);
	wf_file_disk_look(&source);
	if (!current)
		wf_file_disk_sweep(is_stored);
	return true;
}

/* --- batches ------------------------------------------------------------------------ */

/* Tell the database, in arrays, what has become of n files. */
static void
confirm(const WfFileCursor *cursor, int n, const WfFileRow *rows, const char **faults)
{
	Datum	   *requests = palloc(sizeof(Datum) * (n + 1));
	Datum	   *errors = palloc0(sizeof(Datum) * (n + 1));
	bool	   *nulls = palloc(sizeof(bool) * (n + 1));
	int			dims[1] = {n};
	int			lower_bounds[1] = {1};

	for (int i = 0; i < n; i++)
	{
		requests[i] = Int64GetDatum(rows[i].request);
		nulls[i] = faults[i] == NULL;
		if (!nulls[i])
			errors[i] = CStringGetTextDatum(faults[i]);
	}
	wf_file_cursor_confirm(cursor, construct_array(requests, n, INT8OID, 8, true, TYPALIGN_DOUBLE),
						   construct_md_array(errors, nulls, 1, dims, lower_bounds, TEXTOID, -1, false, TYPALIGN_INT));
	wf_file_cursor_advance(cursor);
}

/* What comes next, in that memory context; returns how many these are. */
static int
read_next(const WfFileCursor *cursor, MemoryContext context, WfFileRow **rows)
{
	WfFileRow  *found;
	int			n = wf_file_cursor_next(cursor, WF_FILE_DISK_BATCH, &found);

	*rows = MemoryContextAlloc(context, sizeof(WfFileRow) * (n + 1));
	for (int i = 0; i < n; i++)
	{
		(*rows)[i] = found[i];
		(*rows)[i].path = MemoryContextStrdup(context, utf8_path(found[i].path));
		(*rows)[i].mode = found[i].mode == NULL ? NULL : MemoryContextStrdup(context, found[i].mode);
	}
	return n;
}

/*
 * A batch.  why: what keeps all of it from being written, or NULL.  Returns how many files it
 * had; *again: when to come again, by wf_clock_now().
 */
static int
batch(const char *why, TimestampTz *again)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner resources = CurrentResourceOwner;
	WfFileCursor cursor;
	WfFilePosition position;
	WfFileRow  *rows;
	const char **faults;
	int			n;

	if (!enter(&cursor, again))
		return 0;
	position.xid = U64FromFullTransactionId(cursor.xid);
	position.request = cursor.request;
	n = read_next(&cursor, context, &rows);
	*again = Max(wf_file_cursor_retry_at(cursor.runtime), after(PAUSE));
	leave(context, resources);

	faults = palloc(sizeof(char *) * (n + 1));
	for (int i = 0; i < n; i++)
		faults[i] = why;
	if (why == NULL)
		n = wf_file_disk_take(&source, &position, n, rows, faults);
	if (n == 0 || !enter(&cursor, again))
		return 0;
	confirm(&cursor, n, rows, faults);
	leave(context, resources);
	return n;
}

/* All that comes.  why: as above, for as many as have not been told. */
static void
take_all(const char *why, TimestampTz *again)
{
	MemoryContext context = AllocSetContextCreate(TopMemoryContext, "workflow files", ALLOCSET_DEFAULT_SIZES);
	int			n;

	MemoryContextSwitchTo(context);
	do
	{
		CHECK_FOR_INTERRUPTS();
		MemoryContextReset(context);
		n = batch(why, again);
	} while (n > 0);
	MemoryContextSwitchTo(TopMemoryContext);
	MemoryContextDelete(context);
}

/* Whose files this server writes: those of this database. */
static void
describe_owner(WfFileOwner *owner)
{
	owner->system = GetSystemIdentifier();
	owner->timeline = GetWALInsertionTimeLine();
	owner->dbid = MyDatabaseId;
}

/*
 * Write all files that are to be written; *again: when to come again, by wf_clock_now(), or
 * infinity.
 */
void
wf_file_take(Oid extension, TimestampTz *again)
{
	WfFileOwner owner;
	const char *why = NULL;

	extension_oid = extension;
	/* of what computes SHA-256, outside of transactions */
	CurrentResourceOwner = ResourceOwnerCreate(NULL, "workflow files");
	describe_owner(&owner);
	switch (wf_file_disk_open(&owner, &why))
	{
		case WF_FILE_DISK_BUSY:
			*again = after(PAUSE);
			return;
		case WF_FILE_DISK_REFUSED:
			take_all(why, again);
			if (*again != DT_NOEND)
				*again = after(REFUSED_PAUSE);
			return;
		case WF_FILE_DISK_OPEN:
			if (begin(again))
				take_all(NULL, again);
			wf_file_disk_close();
	}
}

/*
 * If this server is to write no files any more, nothing is kept for it.  In a transaction;
 * SPI is connected.
 */
void
wf_file_take_end(void)
{
	const char *id;

	if (wf_file_directory[0] != '\0')
		return;
	id = wf_runtime_row_mine(wf_instance->epoch);
	if (id != NULL)
		wf_file_cursor_forget(id);
}
