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
 * moves.  Who is killed anywhere in between does some of it once more.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/guc.h"
#include "base/version.h"
#include "file/file_directory.h"
#include "file/file_manifest.h"
#include "file/file_take.h"
#include "file/file_write.h"
#include "shmem/instance.h"
#include "store/file_chunk.h"
#include "store/file_cursor.h"
#include "store/origin.h"
#include "store/runtime_row.h"
#include "store/transaction.h"

/* So many files are taken over in a transaction, or so many bytes. */
#define BATCH			200
#define BATCH_BYTES		(64 * 1024 * 1024)

/* Bytes that are read at a time. */
#define PART			(4 * 1024 * 1024)

/* What is remembered of deletions is kept for 7 days: a manifest that is older misses some (us). */
#define OLDEST_MANIFEST	(6 * USECS_PER_DAY)

/* After a failure, or while it is not registered, it is tried again so much later (ms). */
#define PAUSE			1000

static WfFileWriter writer = {.directory = -1,.own = -1,.file = -1};
static WfFileManifest manifest;
static bool known = false;		/* there was one, that could be read */

/* --- one file ----------------------------------------------------------------------- */

/* The path as the file system has it. */
static char *
utf8_path(const char *path)
{
	return pg_server_to_any(path, (int) strlen(path), PG_UTF8);
}

static void
remember(const WfFileRow *row, const char *path, const WfFileSeen *seen)
{
	WfFileWritten *file = wf_file_manifest_enter(&manifest, path);

	file->version = row->version;
	file->seen = *seen;
	file->kept = false;
	memcpy(file->sha256, row->sha256, sizeof(file->sha256));
}

/* Write what is stored of a version; what went wrong, or NULL. */
static const char *
write_file(const WfFileRow *row, const char *path)
{
	WfFileSeen	seen;
	const char *why = wf_file_write_begin(&writer);

	for (int64 at = 0; why == NULL && at < row->size; at += PART)
	{
		bytea	   *part = wf_file_chunk_read(row->path, row->version, at, Min(PART, row->size - at));

		why = wf_file_write_part(&writer, VARDATA(part), VARSIZE(part) - VARHDRSZ);
		pfree(part);
	}
	if (why == NULL)
		why = wf_file_write_end(&writer, path, row->mode, row->sha256, &seen);
	if (why == NULL)
		remember(row, path, &seen);
	return why;
}

/* Has somebody changed this file, and may? */
static bool
is_kept(const char *path)
{
	const WfFileWritten *file = wf_file_manifest_find(&manifest, path);

	return file != NULL && file->kept;
}

/* Have a file as a row says; what went wrong, or NULL. */
static const char *
take(const WfFileRow *row)
{
	const char *path = utf8_path(row->path);
	const WfFileWritten *written = wf_file_manifest_find(&manifest, path);
	const char *why;
	WfFileSeen	seen;

	if (row->deleted)
	{
		why = written == NULL || is_kept(path) ? NULL : wf_file_write_deletion(&writer, path);
		if (why == NULL)
			wf_file_manifest_remove(&manifest, path);
		return why;
	}
	if (wf_file_write_matches(&writer, path, row->size, row->sha256, &seen) &&
		(written->version == 0 ? row->mode == NULL : written->version == row->version))
	{
		remember(row, path, &seen);
		return NULL;
	}
	return write_file(row, path);
}

/* --- what others have changed ------------------------------------------------------- */

static bool
is_same(const WfFileSeen *a, const WfFileSeen *b)
{
	return a->size == b->size && a->modified == b->modified && a->inode == b->inode;
}

/* A file is not as it was written.  Say so, once, and put it right, or let it be. */
static void
put_right(WfFileWritten *file, const WfFileRow *row, bool there)
{
	const char *why = NULL;

	if (!wf_file_keep_changes)
		why = write_file(row, file->path);
	ereport(LOG,
			(errmsg(there ? "file \"%s\" was changed by somebody else" : "file \"%s\" was removed by somebody else", file->path),
			 wf_file_keep_changes ? errdetail("It stays so until it is put anew.") :
			 why == NULL ? errdetail("It was put right.") : errdetail("It could not be put right: %s.", why)));
	if (wf_file_keep_changes)
		file->kept = true;
}

/*
 * Look at all files that were written: they should be as they were.  strangers: they may
 * be those of another place, and some were never ours.
 */
static void
look_at_all(bool strangers)
{
	HASH_SEQ_STATUS scan;
	WfFileWritten *file;

	hash_seq_init(&scan, manifest.files);
	while ((file = hash_seq_search(&scan)) != NULL)
	{
		WfFileSeen	seen = {0};
		WfFileRow	row;
		bool		there = wf_file_write_look(&writer, file->path, &seen);
		char	   *path;
		bool		stored;

		CHECK_FOR_INTERRUPTS();
		if (!strangers && (file->kept || (there && is_same(&seen, &file->seen))))
			continue;
		path = pg_any_to_server(file->path, (int) strlen(file->path), PG_UTF8);
		stored = wf_file_row_newest(path, false, &row) && !row.deleted;
		if (strangers && !stored)
		{
			/* deleted while nobody told us */
			(void) wf_file_write_deletion(&writer, file->path);
			wf_file_manifest_remove(&manifest, file->path);
		}
		else if (!strangers && stored && row.version == file->version)
		{
			if (there && wf_file_write_matches(&writer, file->path, row.size, row.sha256, &seen))
				file->seen = seen;
			else
				put_right(file, &row, there);
		}
	}
}

/* --- beginning ---------------------------------------------------------------------- */

/* Is the manifest that of this database, as it is? */
static bool
is_ours(void)
{
	return manifest.system == GetSystemIdentifier() && manifest.dbid == MyDatabaseId &&
		manifest.timeline == (uint32) GetWALInsertionTimeLine() &&
		wf_clock_now() - manifest.saved_at < OLDEST_MANIFEST;
}

/* Lock the directory: a worker of another runtime process may not have ended. */
static bool
lock_directory(void)
{
	return flock(writer.own, LOCK_EX | LOCK_NB) == 0;
}

/* What keeps files from being written; NULL: nothing. */
static const char *
open_directory(void)
{
	const char *directory;
	const char *why = wf_file_directory_fault(wf_file_directory, &directory);

	if (why == NULL)
		why = wf_file_write_open(&writer, directory);
	return why;
}

/* Say that no file can be written, and why. */
static void
refuse(const char *why, const char *hint)
{
	ereport(WARNING,
			(errcode(ERRCODE_CONFIG_FILE_ERROR),
			 errmsg("files cannot be written to directory \"%s\"", wf_file_directory),
			 errdetail_internal("%s", why),
			 errhint("%s", hint)));
}

/* Read what was written there; false: by another database. */
static bool
read_manifest(void)
{
	known = wf_file_manifest_read(&writer, &manifest);
	return !known || manifest.system != GetSystemIdentifier() || manifest.dbid == MyDatabaseId;
}

/* The place of the cursor that the manifest has, which is where the disk is. */
static void
begin(const char *id, WfFileCursor *cursor)
{
	bool		ours = known && is_ours();

	wf_file_cursor_lock(id, cursor);
	if (ours && U64FromFullTransactionId(cursor->xid) >= manifest.xid)
		wf_file_cursor_set_back(id, FullTransactionIdFromU64(manifest.xid), manifest.request);
	else
	{
		ours = false;
		wf_file_cursor_begin_anew(id);
	}
	look_at_all(!ours);
	wf_file_cursor_lock(id, cursor);
}

/* --- batches ------------------------------------------------------------------------ */

/* Save where the disk is: before what the cursor moves over now. */
static const char *
save(const WfFileCursor *cursor)
{
	manifest.system = GetSystemIdentifier();
	manifest.dbid = MyDatabaseId;
	manifest.timeline = (uint32) GetWALInsertionTimeLine();
	manifest.xid = U64FromFullTransactionId(cursor->xid);
	manifest.request = cursor->request;
	manifest.saved_at = wf_clock_now();
	return wf_file_manifest_save(&writer, &manifest);
}

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

/*
 * The manifest has files before they are written: one that is written and deleted again
 * while we are dead would be nobody's.  Returns what went wrong, or NULL.
 */
static const char *
intend(const WfFileCursor *cursor, int n, const WfFileRow *rows)
{
	bool		changed = false;

	for (int i = 0; i < n; i++)
	{
		const char *path = utf8_path(rows[i].path);

		if (rows[i].deleted || wf_file_manifest_find(&manifest, path) != NULL)
			continue;
		(void) wf_file_manifest_enter(&manifest, path);
		changed = true;
	}
	return changed ? save(cursor) : NULL;
}

/* Take over some files; returns how many. */
static int
take_some(const WfFileCursor *cursor)
{
	WfFileRow  *rows;
	int			count = wf_file_cursor_next(cursor, BATCH, &rows);
	const char **faults = palloc(sizeof(char *) * (count + 1));
	const char *why = intend(cursor, count, rows);
	int64		bytes = 0;
	int			n = 0;

	for (; n < count && bytes < BATCH_BYTES; n++)
	{
		CHECK_FOR_INTERRUPTS();
		faults[n] = why == NULL ? take(&rows[n]) : why;
		bytes += rows[n].size;
	}
	if (why == NULL)
		why = save(cursor);
	for (int i = 0; why != NULL && i < n; i++)
		faults[i] = why;
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

/*
 * Write all files that are to be written.  False: the directory is not one to write to, or
 * somebody else does; *again: when to come again, by wf_clock_now(), or infinity.
 */
bool
wf_file_take(Oid extension, TimestampTz *again)
{
	const char *why = open_directory();
	bool		first = true;

	*again = wf_clock_now() + PAUSE * INT64CONST(1000);
	if (why != NULL)
	{
		refuse(why, "Set workflow.file_directory to one that only the server's user can write to.");
		*again = DT_NOEND;
		return false;
	}
	if (!lock_directory())
		return false;
	if (!read_manifest())
	{
		refuse("It has files of another database.",
			   "Set workflow.file_directory for each database to one of its own, or delete \"" WF_FILE_WRITE_OWN "/manifest\" in it.");
		*again = DT_NOEND;
		return false;
	}
	while (batch(extension, first, again))
		first = false;
	wf_file_write_close(&writer);
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
