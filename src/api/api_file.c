/*-------------------------------------------------------------------------
 *
 * api_file.c
 *	  Files that all runtimes have: putting, deleting and reading them.
 *
 * Runs in client backends.  Who changes a file locks its path; who reads locks nothing.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"

#include "api/api.h"
#include "api/arg.h"
#include "api/result.h"
#include "base/errcodes.h"
#include "base/quote.h"
#include "definition/owner_role.h"
#include "definition/privilege.h"
#include "file/file_path.h"
#include "file/file_put.h"
#include "file/file_right.h"
#include "store/file_chunk.h"
#include "store/file_row.h"

PG_FUNCTION_INFO_V1(workflow_put_file);
PG_FUNCTION_INFO_V1(workflow_begin_file);
PG_FUNCTION_INFO_V1(workflow_put_file_part);
PG_FUNCTION_INFO_V1(workflow_end_file);
PG_FUNCTION_INFO_V1(workflow_delete_file);
PG_FUNCTION_INFO_V1(workflow_get_file);
PG_FUNCTION_INFO_V1(workflow_get_file_part);
PG_FUNCTION_INFO_V1(workflow_may_file);

/* --- arguments ---------------------------------------------------------------------- */

static bytea *
bytea_arg(FunctionCallInfo fcinfo, int n, const char *name)
{
	wf_arg_require(fcinfo, n, name);
	return PG_GETARG_BYTEA_PP(n);
}

static int64
number_arg(FunctionCallInfo fcinfo, int n, const char *name)
{
	wf_arg_require(fcinfo, n, name);
	return PG_GETARG_INT64(n);
}

/* A row of version and SHA-256. */
static Datum
result_of(FunctionCallInfo fcinfo, const WfFileRow *row)
{
	Datum		values[2] = {Int64GetDatum(row->version)};
	bool		nulls[2] = {false};
	bytea	   *sha256 = palloc(VARHDRSZ + sizeof(row->sha256));

	SET_VARSIZE(sha256, VARHDRSZ + sizeof(row->sha256));
	memcpy(VARDATA(sha256), row->sha256, sizeof(row->sha256));
	values[1] = PointerGetDatum(sha256);
	return wf_result_row(fcinfo, values, nulls);
}

/* --- changes ------------------------------------------------------------------------ */

/* SQL function workflow.put_file(path, content, mode) of sql/parts/file.sql. */
Datum
workflow_put_file(PG_FUNCTION_ARGS)
{
	char	   *path = wf_arg_string(fcinfo, 0, "path");
	bytea	   *content = bytea_arg(fcinfo, 1, "content");
	char	   *mode = wf_arg_string_or_null(fcinfo, 2);
	WfFileRow	row;

	wf_api_connect_to_write(fcinfo);
	wf_file_put(path, content, mode, &row);
	SPI_finish();
	return result_of(fcinfo, &row);
}

/* SQL function workflow.begin_file(path, mode) of sql/parts/file.sql.  Locks nothing. */
Datum
workflow_begin_file(PG_FUNCTION_ARGS)
{
	char	   *path = wf_arg_string(fcinfo, 0, "path");
	char	   *mode = wf_arg_string_or_null(fcinfo, 1);
	int64		upload;

	wf_api_connect_to_write(fcinfo);
	upload = wf_file_put_begin(path, mode);
	SPI_finish();
	PG_RETURN_INT64(upload);
}

/* SQL function workflow.put_file_part(upload, at, content) of sql/parts/file.sql. */
Datum
workflow_put_file_part(PG_FUNCTION_ARGS)
{
	int64		upload = number_arg(fcinfo, 0, "upload");
	int64		at = number_arg(fcinfo, 1, "at");
	bytea	   *content = bytea_arg(fcinfo, 2, "content");
	int64		size;

	wf_api_connect_to_write(fcinfo);
	size = wf_file_put_part(upload, at, content);
	SPI_finish();
	PG_RETURN_INT64(size);
}

/* SQL function workflow.end_file(upload, sha256) of sql/parts/file.sql. */
Datum
workflow_end_file(PG_FUNCTION_ARGS)
{
	int64		upload = number_arg(fcinfo, 0, "upload");
	bytea	   *sha256 = bytea_arg(fcinfo, 1, "sha256");
	WfFileRow	row;

	if (VARSIZE_ANY_EXHDR(sha256) != sizeof(row.sha256))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a SHA-256 has 32 bytes, not %d", (int) VARSIZE_ANY_EXHDR(sha256))));
	wf_api_connect_to_write(fcinfo);
	wf_file_put_end(upload, (uint8 *) VARDATA_ANY(sha256), &row);
	SPI_finish();
	return result_of(fcinfo, &row);
}

/* SQL function workflow.delete_file(path) of sql/parts/file.sql. */
Datum
workflow_delete_file(PG_FUNCTION_ARGS)
{
	char	   *path = wf_arg_string(fcinfo, 0, "path");
	int64		version;

	wf_api_connect_to_write(fcinfo);
	version = wf_file_put_deletion(path);
	SPI_finish();
	PG_RETURN_INT64(version);
}

/* --- reading ------------------------------------------------------------------------ */

/*
 * Find a version of a file, or, 0, the newest, that the current user may read.  Errors
 * WF010 there is none, WF002, 22023.
 */
static void
find(const char *path, int64 version, WfFileRow *row)
{
	bool		found;

	(void) wf_file_path_check(path);
	found = version == 0 ? wf_file_row_newest(path, false, row) : wf_file_row_find(path, version, row);
	if (found && !row->deleted)
		wf_file_right_require(path, row->role, "read");
	else if (version == 0)
		ereport(ERROR,
				(errcode(WF_ERR_NO_JOB),
				 errmsg("file \"%s\" does not exist", wf_quote(path))));
	else
		ereport(ERROR,
				(errcode(WF_ERR_NO_JOB),
				 errmsg("file \"%s\" has no version " INT64_FORMAT, wf_quote(path), version),
				 errdetail("It was never there, or has been forgotten, or is that of a deletion.")));
}

/* A number of a version.  Error 22023. */
static int64
version_arg(FunctionCallInfo fcinfo, int n)
{
	int64		version = number_arg(fcinfo, n, "version");

	if (version < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a version must be at least 1, not " INT64_FORMAT, version)));
	return version;
}

static Datum
look_get_file(PG_FUNCTION_ARGS)
{
	char	   *path = wf_arg_string(fcinfo, 0, "path");
	int64		version = PG_ARGISNULL(1) ? 0 : version_arg(fcinfo, 1);
	WfFileRow	row;
	bytea	   *content;

	wf_api_connect_to_look();
	find(path, version, &row);
	content = wf_file_chunk_read(path, row.version, 0, row.size);
	SPI_finish();
	PG_RETURN_BYTEA_P(content);
}

static Datum
look_get_file_part(PG_FUNCTION_ARGS)
{
	char	   *path = wf_arg_string(fcinfo, 0, "path");
	int64		version = version_arg(fcinfo, 1);
	int64		at = number_arg(fcinfo, 2, "at");
	WfFileRow	row;
	bytea	   *content;
	int32		length;

	wf_arg_require(fcinfo, 3, "length");
	length = PG_GETARG_INT32(3);
	if (at < 0 || length < 0 || length > WF_FILE_PIECE_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid part of a file"),
				 errdetail("It begins at byte 0 or later, and has at most %d bytes.", WF_FILE_PIECE_MAX)));
	wf_api_connect_to_look();
	find(path, version, &row);
	content = wf_file_chunk_read(path, row.version, at, Max(Min((int64) length, row.size - at), 0));
	SPI_finish();
	PG_RETURN_BYTEA_P(content);
}

static Datum
look_may_file(PG_FUNCTION_ARGS)
{
	char	   *path = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char	   *privilege = text_to_cstring(PG_GETARG_TEXT_PP(2));
	bool		may;

	if (!wf_privilege_is_known(WF_PRIVILEGE_FILE, privilege))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown privilege \"%s\"", wf_quote(privilege)),
				 errhint("Privileges on files are read and write.")));
	wf_api_connect_to_look();
	may = wf_file_right_may(path, wf_owner_role_of(PG_GETARG_INT32(1)), privilege);
	SPI_finish();
	PG_RETURN_BOOL(may);
}

/* SQL function workflow.get_file(path, version) of sql/parts/file.sql. */
Datum
workflow_get_file(PG_FUNCTION_ARGS)
{
	return wf_api_look(look_get_file, fcinfo);
}

/* SQL function workflow.get_file_part(path, version, at, length) of sql/parts/file.sql. */
Datum
workflow_get_file_part(PG_FUNCTION_ARGS)
{
	return wf_api_look(look_get_file_part, fcinfo);
}

/* SQL function workflow.may_file(path, owner, privilege), for the views. */
Datum
workflow_may_file(PG_FUNCTION_ARGS)
{
	return wf_api_look(look_may_file, fcinfo);
}
