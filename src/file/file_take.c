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
 * A batch is a transaction: files are written, then the manifest is saved, then the cursor
 * moves.
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
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/guc.h"
#include "base/version.h"
#include "file/file_disk.h"
#include "file/file_take.h"
#include "shmem/instance.h"
#include "store/file_chunk.h"
#include "store/file_cursor.h"
#include "store/origin.h"
#include "store/runtime_row.h"
#include "store/transaction.h"

/* Bytes that are read at a time. */
#define PART			(4 * 1024 * 1024)

/* After a failure, or while it is not registered, it is tried again so much later (ms). */
#define PAUSE			1000

/* --- what is stored ------------------------------------------------------------------ */

static char *
server_path(const char *utf8)
{
	return pg_any_to_server(utf8, (int) strlen(utf8), PG_UTF8);
}

/* The path as the file system has it. */
static char *
utf8_path(const char *path)
{
	return pg_server_to_any(path, (int) strlen(path), PG_UTF8);
}

static WfFileFound
find_newest(const char *path, WfFileRow *row)
{
	if (!wf_file_row_newest(server_path(path), false, row) || row->deleted)
		return WF_FILE_NOT_STORED;
	row->path = path;
	return WF_FILE_STORED;
}

static bool
is_stored(const char *path)
{
	WfFileRow	row;

	return find_newest(path, &row) == WF_FILE_STORED;
}

static const char *
write_content(WfFileWriter *writer, const WfFileRow *row)
{
	const char *path = server_path(row->path);
	const char *why = NULL;

	for (int64 at = 0; why == NULL && at < row->size; at += PART)
	{
		bytea	   *part = wf_file_chunk_read(path, row->version, at, Min(PART, row->size - at));

		why = wf_file_write_part(writer, VARDATA(part), VARSIZE(part) - VARHDRSZ);
		pfree(part);
	}
	return why;
}

static const WfFileSource source = {.newest = find_newest,.write = write_content};

/* --- beginning ---------------------------------------------------------------------- */

/* The place of the cursor that the manifest has, which is where the disk is. */
static void
begin(const char *id, WfFileCursor *cursor)
{
	WfFilePosition position;
	bool		current = wf_file_disk_is_current(&position);

	wf_file_cursor_lock(id, cursor);
	if (current && U64FromFullTransactionId(cursor->xid) >= position.xid)
	{
		wf_file_cursor_set_back(id, FullTransactionIdFromU64(position.xid), position.request);
		wf_file_disk_look(&source);
	}
	else
	{
		wf_file_cursor_begin_anew(id);
		wf_file_disk_sweep(is_stored);
	}
	wf_file_cursor_lock(id, cursor);
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

/* Take over some files; returns how many. */
static int
take_some(const WfFileCursor *cursor)
{
	WfFilePosition position = {.xid = U64FromFullTransactionId(cursor->xid),.request = cursor->request};
	WfFileRow  *rows;
	int			count = wf_file_cursor_next(cursor, WF_FILE_DISK_BATCH, &rows);
	const char **faults = palloc(sizeof(char *) * (count + 1));
	int			n;

	for (int i = 0; i < count; i++)
		rows[i].path = utf8_path(rows[i].path);
	n = wf_file_disk_take(&source, &position, count, rows, faults);
	if (n > 0)
		confirm(cursor, n, rows, faults);
	return n;
}

/*
 * A batch, in a transaction.  Returns whether there may be more; *again: when to come
 * again, by wf_clock_now().
 */
static bool
batch(Oid extension, bool first, TimestampTz *again)
{
	const char *id;
	WfFileCursor cursor;
	int			n;

	*again = DT_NOEND;
	if (!wf_transaction_begin("writing files", extension))
		return false;
	if (!wf_version_has_column("file_cursor", "runtime") || !wf_origin_is_certain())
	{
		wf_transaction_commit();
		return false;
	}
	id = wf_runtime_row_mine(wf_instance->epoch);
	if (id == NULL)
	{
		*again = wf_clock_now() + PAUSE * INT64CONST(1000);
		wf_transaction_commit();
		return false;
	}
	if (first)
		begin(id, &cursor);
	else
		wf_file_cursor_lock(id, &cursor);
	n = take_some(&cursor);
	*again = Max(wf_file_cursor_retry_at(id), wf_clock_now() + PAUSE * INT64CONST(1000));
	wf_transaction_commit();
	return n > 0;
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
 * Write all files that are to be written.  False: the directory is not one to write to, or
 * somebody else does; *again: when to come again, by wf_clock_now(), or infinity.
 */
bool
wf_file_take(Oid extension, TimestampTz *again)
{
	WfFileOwner owner;
	WfFileDiskOpened opened;
	bool		first = true;

	describe_owner(&owner);
	opened = wf_file_disk_open(&owner);
	*again = opened == WF_FILE_DISK_REFUSED ? DT_NOEND : wf_clock_now() + PAUSE * INT64CONST(1000);
	if (opened != WF_FILE_DISK_OPEN)
		return false;
	while (batch(extension, first, again))
		first = false;
	wf_file_disk_close();
	return true;
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
