/*-------------------------------------------------------------------------
 *
 * file_stored.c
 *	  What is stored in a file goes to the disk.
 *
 * Runs in the process that writes files, of the server that holds the database or of a
 * standby, with no transaction open.  Each part is read in a transaction of its own, which has
 * ended when the part is written: disks may be slow, or hang, and nothing in the database is
 * to wait for them.  What cannot be read, of a table that is damaged for example, is a fault
 * of that file, and no other one's.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "base/compat.h"
#include "file/file_stored.h"
#include "store/file_chunk.h"
#include "store/transaction.h"

/* Bytes that are read at a time. */
#define PART			(4 * 1024 * 1024)

/* Read a part of a version into that memory context; NULL: the extension has gone. */
static bytea *
read_part(MemoryContext context, const WfFileRow *row, int64 at)
{
	bytea	   *part;
	bytea	   *copy;

	if (!wf_transaction_begin("reading a file", InvalidOid))
		return NULL;
	part = wf_file_chunk_read(pg_any_to_server(row->path, (int) strlen(row->path), PG_UTF8), row->version, at,
							  Min(PART, row->size - at));
	copy = MemoryContextAlloc(context, VARSIZE(part));
	memcpy(copy, part, VARSIZE(part));
	wf_transaction_commit();
	return copy;
}

/* The same; what went wrong, or NULL. */
static const char *
try_to_read(const WfFileRow *row, int64 at, bytea **part)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner resources = CurrentResourceOwner;
	const char *volatile why = NULL;

	PG_TRY();
	{
		*part = read_part(context, row, at);
		if (*part == NULL)
			why = "the extension is not in the database";
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		why = CopyErrorData()->message;
		EmitErrorReport();
		wf_transaction_abort(context);
	}
	PG_END_TRY();
	/* transactions leave neither */
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = resources;
	return why;
}

/* Write all that is in a version, whose path is in UTF-8; what went wrong, or NULL. */
const char *
wf_file_stored_write(WfFileWriter *writer, const WfFileRow *row)
{
	const char *why = NULL;

	for (int64 at = 0; why == NULL && at < row->size; at += PART)
	{
		bytea	   *part = NULL;

		why = try_to_read(row, at, &part);
		if (why == NULL)
			why = wf_file_write_part(writer, VARDATA(part), VARSIZE(part) - VARHDRSZ);
		if (part != NULL)
			pfree(part);
	}
	return why;
}
