/*-------------------------------------------------------------------------
 *
 * file_chunk.c
 *	  The table workflow.file_chunk: what is in files, in pieces.
 *
 * Runs in sessions that put and read files.  No value is larger than a piece, so that a
 * file costs those who read it part by part a few of them.  Who writes has the path, or
 * the upload, locked.  SPI must be connected.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/cryptohash.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "store/file_chunk.h"
#include "store/found.h"
#include "store/statement.h"

/* Pieces that are read at a time. */
#define PIECES		16

static WfStatement insert_statement = {
	.sql = "INSERT INTO workflow.file_chunk (path, version, n, bytes) VALUES ($1, $2, $3, $4)",
	WF_ARGS(TEXTOID, INT8OID, INT4OID, BYTEAOID)
};

static WfStatement extend_statement = {
	.sql = "UPDATE workflow.file_chunk SET bytes = bytes OPERATOR(pg_catalog.||) $4"
	" WHERE path OPERATOR(pg_catalog.=) $1 AND version OPERATOR(pg_catalog.=) $2"
	" AND n OPERATOR(pg_catalog.=) $3",
	WF_ARGS(TEXTOID, INT8OID, INT4OID, BYTEAOID)
};

static WfStatement read_statement = {
	.sql = "SELECT c.bytes FROM workflow.file_chunk c"
	" WHERE c.path OPERATOR(pg_catalog.=) $1 AND c.version OPERATOR(pg_catalog.=) $2"
	" AND c.n OPERATOR(pg_catalog.>=) $3 ORDER BY c.n",
	WF_ARGS(TEXTOID, INT8OID, INT4OID)
};

static WfStatement move_statement = {
	.sql = "UPDATE workflow.file_chunk SET version = $3"
	" WHERE path OPERATOR(pg_catalog.=) $1 AND version OPERATOR(pg_catalog.=) $2",
	WF_ARGS(TEXTOID, INT8OID, INT8OID)
};

static WfStatement delete_statement = {
	.sql = "DELETE FROM workflow.file_chunk WHERE path OPERATOR(pg_catalog.=) $1"
	" AND version OPERATOR(pg_catalog.>=) $2 AND version OPERATOR(pg_catalog.<=) $3",
	WF_ARGS(TEXTOID, INT8OID, INT8OID),
	.latest = true
};

static bytea *
bytea_of(const char *bytes, size_t length)
{
	bytea	   *result = palloc(VARHDRSZ + length);

	SET_VARSIZE(result, VARHDRSZ + length);
	memcpy(VARDATA(result), bytes, length);
	return result;
}

/* Write so many bytes behind the first `at` of a version, which are all that it has. */
void
wf_file_chunk_append(const char *path, int64 version, int64 at, const char *bytes, int64 length)
{
	Datum		values[4] = {CStringGetTextDatum(path), Int64GetDatum(version)};

	while (length > 0)
	{
		int64		begun = at % WF_FILE_CHUNK_SIZE;
		int64		piece = Min(length, WF_FILE_CHUNK_SIZE - begun);
		bytea	   *value = bytea_of(bytes, piece);

		CHECK_FOR_INTERRUPTS();
		values[2] = Int32GetDatum((int32) (at / WF_FILE_CHUNK_SIZE));
		values[3] = PointerGetDatum(value);
		(void) wf_statement_execute(begun > 0 ? &extend_statement : &insert_statement, values, NULL, 0);
		pfree(value);
		at += piece;
		bytes += piece;
		length -= piece;
	}
}

/* What is done with the bytes of a file, part by part. */
typedef void (*Sink) (void *arg, const char *bytes, int64 length);

/* Read bytes from `at` to `end` of a version, as far as there are any. */
static void
walk(const char *path, int64 version, int64 at, int64 end, Sink sink, void *arg)
{
	Datum		values[3] = {CStringGetTextDatum(path), Int64GetDatum(version)};
	uint64		n = PIECES;

	while (at < end && n == PIECES)
	{
		CHECK_FOR_INTERRUPTS();
		values[2] = Int32GetDatum((int32) (at / WF_FILE_CHUNK_SIZE));
		n = wf_statement_execute(&read_statement, values, NULL,
								 Min(PIECES, (end - 1) / WF_FILE_CHUNK_SIZE - at / WF_FILE_CHUNK_SIZE + 1));
		for (uint64 i = 0; i < n; i++)
		{
			WfFound		found = wf_found(i);
			bool		isnull;
			Datum		stored = wf_found_column(&found, 0, &isnull);
			bytea	   *bytes = DatumGetByteaPP(stored);
			int64		from = at % WF_FILE_CHUNK_SIZE;
			int64		length = Min((int64) VARSIZE_ANY_EXHDR(bytes) - from, end - at);

			if (length <= 0)
				return;
			sink(arg, VARDATA_ANY(bytes) + from, length);
			at += length;
			if ((Pointer) bytes != DatumGetPointer(stored))
				pfree(bytes);
		}
		SPI_freetuptable(SPI_tuptable);
	}
}

static void
append(void *arg, const char *bytes, int64 length)
{
	bytea	   *result = arg;

	memcpy((char *) result + VARSIZE(result), bytes, length);
	SET_VARSIZE(result, VARSIZE(result) + length);
}

/*
 * So many bytes of a version from `at` on, fewer at its end; in the memory context that
 * was current when SPI was connected.
 */
bytea *
wf_file_chunk_read(const char *path, int64 version, int64 at, int64 length)
{
	bytea	   *result = SPI_palloc(VARHDRSZ + length);

	SET_VARSIZE(result, VARHDRSZ);
	walk(path, version, at, at + length, append, result);
	return result;
}

/* The pieces of a version become those of another one. */
void
wf_file_chunk_move(const char *path, int64 from, int64 to)
{
	Datum		values[3] = {CStringGetTextDatum(path), Int64GetDatum(from), Int64GetDatum(to)};

	(void) wf_statement_execute(&move_statement, values, NULL, 0);
}

/* Delete those of versions from one to another. */
void
wf_file_chunk_delete(const char *path, int64 from, int64 to)
{
	Datum		values[3] = {CStringGetTextDatum(path), Int64GetDatum(from), Int64GetDatum(to)};

	(void) wf_statement_execute(&delete_statement, values, NULL, 0);
}

static void
update_hash(void *arg, const char *bytes, int64 length)
{
	if (pg_cryptohash_update(arg, (const uint8 *) bytes, length) < 0)
		elog(ERROR, "could not compute SHA-256: %s", pg_cryptohash_error(arg));
}

/* The SHA-256 of what is stored of a version. */
void
wf_file_chunk_hash(const char *path, int64 version, int64 size, uint8 *sha256)
{
	pg_cryptohash_ctx *hash = pg_cryptohash_create(PG_SHA256);

	if (hash == NULL || pg_cryptohash_init(hash) < 0)
		elog(ERROR, "could not compute SHA-256");
	walk(path, version, 0, size, update_hash, hash);
	if (pg_cryptohash_final(hash, sha256, PG_SHA256_DIGEST_LENGTH) < 0)
		elog(ERROR, "could not compute SHA-256: %s", pg_cryptohash_error(hash));
	pg_cryptohash_free(hash);
}
