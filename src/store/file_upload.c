/*-------------------------------------------------------------------------
 *
 * file_upload.c
 *	  The table workflow.file_upload: files that are sent in parts.
 *
 * Runs in sessions that send them, which have their rows locked, and in the runtime, which
 * forgets those that nobody ends.  SPI must be connected.
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
#include "store/file_upload.h"
#include "store/found.h"
#include "store/given.h"
#include "store/statement.h"

/* An upload of which nothing has come for so long (hours) is forgotten, so many at a time. */
#define KEPT		24
#define PIECE		10

static WfStatement insert_statement = {
	.sql = "INSERT INTO workflow.file_upload (path, mode, role, size, at) VALUES ($1, $2, $3, 0, $4) RETURNING id",
	WF_ARGS(TEXTOID, TEXTOID, OIDOID, TIMESTAMPTZOID)
};

static WfStatement lock_statement = {
	.sql = "SELECT u.id, u.path, u.mode, u.role, u.size FROM workflow.file_upload u"
	" WHERE u.id OPERATOR(pg_catalog.=) $1 FOR UPDATE",
	WF_ARGS(INT8OID),
	.latest = true
};

static WfStatement old_statement = {
	.sql = "SELECT u.id, u.path, u.mode, u.role, u.size FROM workflow.file_upload u"
	" WHERE u.at OPERATOR(pg_catalog.<) $1 LIMIT $2 FOR UPDATE SKIP LOCKED",
	WF_ARGS(TIMESTAMPTZOID, INT8OID)
};

static WfStatement all_statement = {
	.sql = "SELECT u.id, u.path, u.mode, u.role, u.size FROM workflow.file_upload u FOR UPDATE"
};

static WfStatement update_statement = {
	.sql = "UPDATE workflow.file_upload SET size = $2, at = $3 WHERE id OPERATOR(pg_catalog.=) $1",
	WF_ARGS(INT8OID, INT8OID, TIMESTAMPTZOID)
};

static WfStatement delete_statement = {
	.sql = "DELETE FROM workflow.file_upload WHERE id OPERATOR(pg_catalog.=) $1",
	WF_ARGS(INT8OID)
};

static void
read_row(uint64 n, WfFileUpload *upload)
{
	WfFound		found = wf_found(n);
	bool		isnull;

	upload->id = DatumGetInt64(wf_found_column(&found, 0, &isnull));
	upload->path = wf_found_text(&found, 1);
	upload->mode = wf_found_text(&found, 2);
	upload->role = DatumGetObjectId(wf_found_column(&found, 3, &isnull));
	upload->size = DatumGetInt64(wf_found_column(&found, 4, &isnull));
}

/* A new one, of which nothing has come; fills in its number. */
void
wf_file_upload_insert(WfFileUpload *upload)
{
	WfGiven		given = {0};
	WfFound		found;
	bool		isnull;

	wf_given_text(&given, upload->path);
	wf_given_text(&given, upload->mode);
	wf_given_add(&given, ObjectIdGetDatum(upload->role), false);
	wf_given_time(&given, wf_clock_now());
	(void) wf_statement_execute(&insert_statement, given.values, given.nulls, 0);
	found = wf_found(0);
	upload->id = DatumGetInt64(wf_found_column(&found, 0, &isnull));
}

/* Lock one; false: there is none. */
bool
wf_file_upload_lock(int64 id, WfFileUpload *upload)
{
	Datum		value = Int64GetDatum(id);

	if (wf_statement_execute(&lock_statement, &value, NULL, 1) == 0)
		return false;
	read_row(0, upload);
	return true;
}

/* Something has come of one that is locked. */
void
wf_file_upload_update(const WfFileUpload *upload)
{
	Datum		values[3] = {
		Int64GetDatum(upload->id), Int64GetDatum(upload->size), TimestampTzGetDatum(wf_clock_now())
	};

	(void) wf_statement_execute(&update_statement, values, NULL, 0);
}

/* One that is locked has ended; its bytes are the caller's. */
void
wf_file_upload_delete(const WfFileUpload *upload)
{
	Datum		value = Int64GetDatum(upload->id);

	(void) wf_statement_execute(&delete_statement, &value, NULL, 0);
}

/* Forget those that a statement has found, with what has come of them. */
static uint64
forget(WfStatement *statement, Datum *values)
{
	uint64		n = wf_statement_execute(statement, values, NULL, 0);
	WfFileUpload *uploads = palloc(sizeof(WfFileUpload) * (n + 1));

	for (uint64 i = 0; i < n; i++)
		read_row(i, &uploads[i]);
	for (uint64 i = 0; i < n; i++)
	{
		int64		version = WF_FILE_UPLOAD_VERSION(&uploads[i]);

		wf_file_chunk_delete(uploads[i].path, version, version);
		wf_file_upload_delete(&uploads[i]);
	}
	return n;
}

/* For the runtime: forget those that nobody ends.  Returns whether there are more. */
bool
wf_file_upload_expire(void)
{
	Datum		values[2] = {TimestampTzGetDatum(wf_clock_now() - KEPT * USECS_PER_HOUR), Int64GetDatum(PIECE)};

	return forget(&old_statement, values) == PIECE;
}

/* For adopt(): those of another place are nobody's here. */
void
wf_file_upload_forget_all(void)
{
	if (wf_version_has_column("file_upload", "id"))
		(void) forget(&all_statement, NULL);
}
