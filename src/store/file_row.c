/*-------------------------------------------------------------------------
 *
 * file_row.c
 *	  The table workflow.file: versions of the files that all runtimes have.
 *
 * Runs in sessions that put, delete and read files, and in the runtime, which forgets
 * what was deleted.  Who changes a path has it locked (file/file_put.c).  SPI must be
 * connected.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/version.h"
#include "store/file_chunk.h"
#include "store/file_row.h"
#include "store/found.h"
#include "store/given.h"
#include "store/statement.h"

/* That a file was deleted is remembered for so long (days), if all runtimes have heard of it. */
#define KEPT		7

/* So many are forgotten at a time. */
#define PIECE		1000

#define READ \
	"SELECT f.version, f.size, f.sha256, f.mode, f.owner," \
	" (SELECT o.role FROM workflow.owner o WHERE o.id OPERATOR(pg_catalog.=) f.owner), f.request" \
	" FROM workflow.file f WHERE f.path OPERATOR(pg_catalog.=) $1"

static WfStatement newest_statement = {
	.sql = READ " AND f.newest",
	WF_ARGS(TEXTOID)
};

static WfStatement latest_statement = {
	.sql = READ " AND f.newest",
	WF_ARGS(TEXTOID),
	.latest = true
};

static WfStatement find_statement = {
	.sql = READ " AND f.version OPERATOR(pg_catalog.=) $2",
	WF_ARGS(TEXTOID, INT8OID)
};

static WfStatement same_name_statement = {
	.sql = "SELECT f.path FROM workflow.file f WHERE f.folded OPERATOR(pg_catalog.=) $2"
	" AND f.newest AND f.size IS NOT NULL AND f.path OPERATOR(pg_catalog.<>) $1",
	WF_ARGS(TEXTOID, BYTEAOID),
	.latest = true
};

static WfStatement at_statement = {
	.sql = "SELECT f.path FROM workflow.file f WHERE f.folded OPERATOR(pg_catalog.=) $1"
	" AND f.newest AND f.size IS NOT NULL",
	WF_ARGS(BYTEAOID),
	.latest = true
};

static WfStatement below_statement = {
	.sql = "SELECT f.path FROM workflow.file f WHERE f.folded OPERATOR(pg_catalog.>=) $1"
	" AND f.folded OPERATOR(pg_catalog.<) $2 AND f.newest AND f.size IS NOT NULL LIMIT 1",
	WF_ARGS(BYTEAOID, BYTEAOID),
	.latest = true
};

static WfStatement retire_statement = {
	.sql = "UPDATE workflow.file SET newest = false WHERE path OPERATOR(pg_catalog.=) $1 AND newest",
	WF_ARGS(TEXTOID),
	.latest = true
};

static WfStatement insert_statement = {
	.sql = "INSERT INTO workflow.file (path, version, folded, size, sha256, mode, owner, at, xid, newest)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, pg_catalog.pg_current_xact_id(), true) RETURNING request",
	WF_ARGS(TEXTOID, INT8OID, BYTEAOID, INT8OID, BYTEAOID, TEXTOID, INT4OID, TIMESTAMPTZOID)
};

static WfStatement old_statement = {
	.sql = "DELETE FROM workflow.file WHERE path OPERATOR(pg_catalog.=) $1"
	" AND version OPERATOR(pg_catalog.<=) $2 AND NOT newest",
	WF_ARGS(TEXTOID, INT8OID),
	.latest = true
};

/*
 * Files that were deleted long ago, and of which all runtimes have heard that have ever
 * had them; whoever puts one of them again has its path locked, and is not waited for.
 */
static WfStatement gone_statement = {
	.sql = "SELECT f.path, f.version FROM workflow.file f WHERE f.newest AND f.size IS NULL"
	" AND f.at OPERATOR(pg_catalog.<) $1"
	" AND NOT EXISTS (SELECT FROM workflow.file_cursor c"
	"  WHERE (c.xid, c.request) OPERATOR(pg_catalog.<=) (f.xid, f.request)"
	"  AND f.xid OPERATOR(pg_catalog.>=) c.base)"
	" LIMIT $2 FOR UPDATE OF f SKIP LOCKED",
	WF_ARGS(TIMESTAMPTZOID, INT8OID)
};

static WfStatement forget_statement = {
	.sql = "DELETE FROM workflow.file WHERE path OPERATOR(pg_catalog.=) $1"
	" AND version OPERATOR(pg_catalog.<=) $2",
	WF_ARGS(TEXTOID, INT8OID)
};

static WfStatement resolve_statement = {
	.sql = "UPDATE workflow.file SET xid = '0' WHERE xid OPERATOR(pg_catalog.<>) '0'"
};

/* Read what a statement has found, into the current memory context. */
static void
read_row(const char *path, WfFileRow *row)
{
	WfFound		found = wf_found(0);
	bool		isnull;
	Datum		sha256;

	memset(row, 0, sizeof(*row));
	row->path = path;
	row->version = DatumGetInt64(wf_found_column(&found, 0, &isnull));
	row->size = DatumGetInt64(wf_found_column(&found, 1, &row->deleted));
	sha256 = wf_found_column(&found, 2, &isnull);
	if (!isnull)
		memcpy(row->sha256, VARDATA_ANY(DatumGetByteaPP(sha256)),
			   Min(sizeof(row->sha256), VARSIZE_ANY_EXHDR(DatumGetByteaPP(sha256))));
	row->mode = wf_found_text(&found, 3);
	row->owner = DatumGetInt32(wf_found_column(&found, 4, &isnull));
	row->role = DatumGetObjectId(wf_found_column(&found, 5, &isnull));
	row->request = DatumGetInt64(wf_found_column(&found, 6, &isnull));
}

/*
 * The newest version of a path, which may be that it was deleted; false: there was never
 * one.  latest: for who has locked the path.
 */
bool
wf_file_row_newest(const char *path, bool latest, WfFileRow *row)
{
	Datum		value = CStringGetTextDatum(path);

	if (wf_statement_execute(latest ? &latest_statement : &newest_statement, &value, NULL, 1) == 0)
		return false;
	read_row(path, row);
	return true;
}

/* That version; false: there is none, or none any more. */
bool
wf_file_row_find(const char *path, int64 version, WfFileRow *row)
{
	Datum		values[2] = {CStringGetTextDatum(path), Int64GetDatum(version)};

	if (wf_statement_execute(&find_statement, values, NULL, 1) == 0)
		return false;
	read_row(path, row);
	return true;
}

static const char *
path_of(WfStatement *statement, Datum *values)
{
	WfFound		found;

	if (wf_statement_execute(statement, values, NULL, 1) == 0)
		return NULL;
	found = wf_found(0);
	return wf_found_text(&found, 0);
}

/* A file that is there, and whose path differs from this one in case only; or NULL. */
const char *
wf_file_row_same_name(const char *path, bytea *folded)
{
	Datum		values[2] = {CStringGetTextDatum(path), PointerGetDatum(folded)};

	return path_of(&same_name_statement, values);
}

/* The file that is there under a path, by how it is compared; or NULL. */
const char *
wf_file_row_at(bytea *folded)
{
	Datum		value = PointerGetDatum(folded);

	return path_of(&at_statement, &value);
}

/* A file that is there whose path is from this one on, and before the other; or NULL. */
const char *
wf_file_row_below(bytea *from, bytea *to)
{
	Datum		values[2] = {PointerGetDatum(from), PointerGetDatum(to)};

	return path_of(&below_statement, values);
}

static Datum
bytes_datum(const uint8 *bytes, size_t length)
{
	bytea	   *result = palloc(VARHDRSZ + length);

	SET_VARSIZE(result, VARHDRSZ + length);
	memcpy(VARDATA(result), bytes, length);
	return PointerGetDatum(result);
}

/* Store a version, which is the newest from now on, and fill in its request. */
void
wf_file_row_insert(WfFileRow *row, bytea *folded)
{
	WfGiven		given = {0};
	Datum		path = CStringGetTextDatum(row->path);
	WfFound		found;
	bool		isnull;

	(void) wf_statement_execute(&retire_statement, &path, NULL, 0);
	wf_given_add(&given, path, false);
	wf_given_add(&given, Int64GetDatum(row->version), false);
	wf_given_add(&given, PointerGetDatum(folded), false);
	wf_given_add(&given, Int64GetDatum(row->size), row->deleted);
	wf_given_add(&given, row->deleted ? (Datum) 0 : bytes_datum(row->sha256, sizeof(row->sha256)), row->deleted);
	wf_given_text(&given, row->deleted ? NULL : row->mode);
	wf_given_add(&given, Int32GetDatum(row->owner), false);
	wf_given_time(&given, wf_clock_now());
	(void) wf_statement_execute(&insert_statement, given.values, given.nulls, 0);
	found = wf_found(0);
	row->request = DatumGetInt64(wf_found_column(&found, 0, &isnull));
}

/* Forget versions up to this one, which is not the newest, and what is in them. */
void
wf_file_row_forget_old(const char *path, int64 version)
{
	Datum		values[2] = {CStringGetTextDatum(path), Int64GetDatum(version)};

	if (version > 0 && wf_statement_execute(&old_statement, values, NULL, 0) > 0)
		wf_file_chunk_delete(path, 1, version);
}

/*
 * For the runtime: forget files that were deleted, a piece of them.  Returns whether there
 * are more.
 */
bool
wf_file_row_expire(void)
{
	Datum		values[2] = {TimestampTzGetDatum(wf_clock_now() - KEPT * USECS_PER_DAY), Int64GetDatum(PIECE)};
	uint64		n = wf_statement_execute(&gone_statement, values, NULL, 0);
	SPITupleTable *rows = SPI_tuptable;

	for (uint64 i = 0; i < n; i++)
	{
		bool		isnull;
		Datum		row[2] = {
			SPI_getbinval(rows->vals[i], rows->tupdesc, 1, &isnull),
			SPI_getbinval(rows->vals[i], rows->tupdesc, 2, &isnull)
		};

		(void) wf_statement_execute(&forget_statement, row, NULL, 0);
		wf_file_chunk_delete(TextDatumGetCString(row[0]), 1, DatumGetInt64(row[1]));
	}
	return n == PIECE;
}

/* For adopt(): what was written elsewhere was written before all that is written here. */
void
wf_file_row_resolve(void)
{
	if (wf_version_has_column("file", "xid"))
		(void) wf_statement_execute(&resolve_statement, NULL, NULL, 0);
}
