/*-------------------------------------------------------------------------
 *
 * file_talk.c
 *	  What is said to the other server of its files.
 *
 * Runs in who takes files over.  These are the calls of any runtime (doc/files.md), on a line
 * whose answers are bytes: a file as text is twice as long.  What is no content is made a
 * text over there.  What makes no sense is trouble of the line: paths are looked at again
 * where files are written, but nothing is to be remembered of others.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"

#include "base/quote.h"
#include "file/file_path.h"
#include "remote/file_talk.h"
#include "remote/wire.h"

/* So long (ms) an answer may take; one with what is in files. */
#define TIMEOUT			10000
#define CONTENT_TIMEOUT	120000

/* Bytes of a file that are asked for at a time, and of any file. */
#define PART			(4 * 1024 * 1024)
#define SIZE_MAX_OF_ANY	(64 * 1024 * 1024)

#define AS_TEXT			"::pg_catalog.text"

#define DATABASE \
	"SELECT d.oid" AS_TEXT " AS dbid FROM pg_catalog.pg_database d" \
	" WHERE d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()"

#define FORGET \
	"SELECT workflow.forget_files($1, $2::pg_catalog.int8)"

#define POSITION \
	"SELECT p.xid" AS_TEXT ", p.request" AS_TEXT \
	" FROM workflow.file_position($1, $2::pg_catalog.int8, $3::pg_catalog.xid8, $4::pg_catalog.int8) p"

#define PULL \
	"SELECT f.request" AS_TEXT ", f.path, f.version" AS_TEXT ", f.sha256, f.size" AS_TEXT ", f.deleted" AS_TEXT "," \
	" f.content, f.mode FROM workflow.pull_files($1, $2::pg_catalog.int8, $3::pg_catalog.int4, $4::pg_catalog.bool) f"

#define CONFIRM \
	"SELECT workflow.confirm_files($1, $2::pg_catalog.int8, $3::pg_catalog.int8[], $4::pg_catalog.text[])" AS_TEXT " AS rest"

#define NEWEST \
	"SELECT f.version" AS_TEXT ", f.sha256, f.size" AS_TEXT ", f.mode" \
	" FROM workflow.files f WHERE f.path OPERATOR(pg_catalog.=) $1"

#define PATHS \
	"SELECT f.path FROM workflow.files f"

#define READ_PART \
	"SELECT workflow.get_file_part($1, $2::pg_catalog.int8, $3::pg_catalog.int8, $4::pg_catalog.int4) AS bytes"

#define COMMIT_POSITION \
	"SELECT workflow.commit_position()" AS_TEXT " AS position"

static const char *
number(int64 value)
{
	return psprintf(INT64_FORMAT, value);
}

static PGresult *
ask(WfFileTalk *talk, const char *sql, int n, const char *const *values, int timeout)
{
	talk->line.bytes = true;
	return wf_line_ask(&talk->line, sql, n, values, timeout);
}

/* --- where we are --------------------------------------------------------------------- */

/* The OID of the database there.  False: there is trouble, as with all of these. */
bool
wf_file_talk_database(WfFileTalk *talk, Oid *dbid)
{
	PGresult   *answer = ask(talk, DATABASE, 0, NULL, TIMEOUT);

	if (answer == NULL)
		return false;
	*dbid = (Oid) strtoul(wf_line_value(answer, 0, "dbid"), NULL, 10);
	wf_line_library()->clear(answer);
	return true;
}

/* Say that we have nothing. */
bool
wf_file_talk_forget(WfFileTalk *talk)
{
	const char *values[2] = {talk->id, number(talk->epoch)};
	PGresult   *answer = ask(talk, FORGET, lengthof(values), values, TIMEOUT);

	if (answer == NULL)
		return false;
	wf_line_library()->clear(answer);
	return true;
}

/* How far are we?  given: or NULL; say first that we are so far. */
bool
wf_file_talk_position(WfFileTalk *talk, const WfFilePosition *given, WfFilePosition *position)
{
	const char *values[4] = {talk->id, number(talk->epoch)};
	PGresult   *answer;

	if (given != NULL)
	{
		values[2] = psprintf(UINT64_FORMAT, given->xid);
		values[3] = number(given->request);
	}
	answer = ask(talk, POSITION, lengthof(values), values, TIMEOUT);
	if (answer == NULL)
		return false;
	position->xid = strtou64(wf_line_value(answer, 0, "xid"), NULL, 10);
	position->request = strtoi64(wf_line_value(answer, 0, "request"), NULL, 10);
	wf_line_library()->clear(answer);
	return true;
}

/* Where the log of the other server is, past all that it has answered. */
bool
wf_file_talk_log(WfFileTalk *talk, XLogRecPtr *position)
{
	PGresult   *answer = ask(talk, COMMIT_POSITION, 0, NULL, TIMEOUT);
	uint32		high;
	uint32		low;
	bool		good;

	if (answer == NULL)
		return false;
	good = sscanf(wf_line_value(answer, 0, "position"), "%X/%X", &high, &low) == 2;
	if (good)
		*position = ((XLogRecPtr) high << 32) | low;
	else
		wf_line_trouble(&talk->line, "the other server does not say where its log is");
	wf_line_library()->clear(answer);
	return good;
}

/* --- rows ------------------------------------------------------------------------------ */

/* What is in a version; false: it makes no sense. */
static bool
read_version(const PGresult *answer, int i, WfFileRow *row)
{
	size_t		length;
	const char *sha256 = wf_line_bytes(answer, i, "sha256", &length);

	row->version = strtoi64(wf_line_value(answer, i, "version"), NULL, 10);
	row->size = strtoi64(wf_line_value(answer, i, "size"), NULL, 10);
	row->mode = wf_line_column(answer, i, "mode");
	if (row->deleted)
		return true;
	if (sha256 == NULL || length != sizeof(row->sha256) || row->size < 0 || row->size > SIZE_MAX_OF_ANY)
		return false;
	memcpy(row->sha256, sha256, sizeof(row->sha256));
	return true;
}

/* A row of pull_files(); false: it makes no sense. */
static bool
read_row(const PGresult *answer, int i, WfFileRow *row)
{
	size_t		length;

	memset(row, 0, sizeof(*row));
	row->path = wf_line_value(answer, i, "path");
	row->request = strtoi64(wf_line_value(answer, i, "request"), NULL, 10);
	row->deleted = strcmp(wf_line_value(answer, i, "deleted"), "true") == 0;
	row->content = wf_line_bytes(answer, i, "content", &length);
	return wf_file_path_fault(row->path) == NULL && read_version(answer, i, row) &&
		(row->content == NULL || (int64) length == row->size);
}

/*
 * What we have to take over next, at most n; -1: there is trouble.  The rows live as long as the
 * answer, which is to be cleared.
 */
int
wf_file_talk_pull(WfFileTalk *talk, int n, bool with_content, WfFileRow **rows, PGresult **answer)
{
	const char *values[4] = {talk->id, number(talk->epoch), number(n), with_content ? "t" : "f"};
	int			count;

	*answer = ask(talk, PULL, lengthof(values), values, CONTENT_TIMEOUT);
	if (*answer == NULL)
		return -1;
	count = wf_line_library()->ntuples(*answer);
	*rows = palloc(sizeof(WfFileRow) * (count + 1));
	for (int i = 0; i < count; i++)
		if (!read_row(*answer, i, &(*rows)[i]))
		{
			wf_line_trouble(&talk->line, "the other server gives a file that makes no sense");
			wf_line_library()->clear(*answer);
			*answer = NULL;
			return -1;
		}
	return count;
}

/* An element of an array of texts. */
static void
append_element(StringInfo array, const char *text)
{
	appendStringInfoChar(array, '"');
	for (; *text != '\0'; text++)
	{
		if (*text == '"' || *text == '\\')
			appendStringInfoChar(array, '\\');
		appendStringInfoChar(array, *text);
	}
	appendStringInfoChar(array, '"');
}

/* What has become of n files, as arrays; plain: in ASCII. */
static void
write_arrays(int n, const WfFileRow *rows, const char **faults, bool plain, StringInfo requests, StringInfo errors)
{
	initStringInfo(requests);
	initStringInfo(errors);
	appendStringInfoChar(requests, '{');
	appendStringInfoChar(errors, '{');
	for (int i = 0; i < n; i++)
	{
		appendStringInfo(requests, "%s" INT64_FORMAT, i == 0 ? "" : ",", rows[i].request);
		appendStringInfoString(errors, i == 0 ? "" : ",");
		if (faults[i] == NULL)
			appendStringInfoString(errors, "NULL");
		else
			append_element(errors, plain ? wf_quote_plain(faults[i]) : wf_wire_out(faults[i]));
	}
	appendStringInfoChar(requests, '}');
	appendStringInfoChar(errors, '}');
}

/* Say it. */
static PGresult *
ask_confirm(WfFileTalk *talk, int n, const WfFileRow *rows, const char **faults, bool plain)
{
	const char *values[4] = {talk->id, number(talk->epoch)};
	StringInfoData requests;
	StringInfoData errors;

	write_arrays(n, rows, faults, plain, &requests, &errors);
	values[2] = requests.data;
	values[3] = errors.data;
	return ask(talk, CONFIRM, lengthof(values), values, TIMEOUT);
}

/* We have these n files, or could not write them, for these reasons; *left: so many are left to us. */
bool
wf_file_talk_confirm(WfFileTalk *talk, int n, const WfFileRow *rows, const char **faults, int *left)
{
	PGresult   *answer = ask_confirm(talk, n, rows, faults, false);

	/* the database there may not have the characters of our errors */
	if (answer == NULL && wf_line_is_open(&talk->line) && strncmp(talk->line.sqlstate, "22", 2) == 0)
		answer = ask_confirm(talk, n, rows, faults, true);
	if (answer == NULL)
		return false;
	*left = atoi(wf_line_value(answer, 0, "rest"));
	wf_line_library()->clear(answer);
	return true;
}

/* --- what is stored --------------------------------------------------------------------- */

/* The newest version of a path, if it was not deleted. */
WfFileFound
wf_file_talk_newest(WfFileTalk *talk, const char *path, WfFileRow *row)
{
	const char *values[1] = {path};
	PGresult   *answer = wf_line_is_open(&talk->line) ? ask(talk, NEWEST, 1, values, TIMEOUT) : NULL;
	WfFileFound found = WF_FILE_NOT_STORED;

	memset(row, 0, sizeof(*row));
	if (answer == NULL)
		return WF_FILE_NOT_KNOWN;
	row->path = path;
	if (wf_line_library()->ntuples(answer) > 0)
		found = read_version(answer, 0, row) ? WF_FILE_STORED : WF_FILE_NOT_KNOWN;
	if (row->mode != NULL)
		row->mode = pstrdup(row->mode);
	wf_line_library()->clear(answer);
	return found;
}

/* A part of a version goes to the writer; what went wrong, or NULL. */
static const char *
write_part(WfFileTalk *talk, WfFileWriter *writer, const WfFileRow *row, int64 at)
{
	int64		length = Min(PART, row->size - at);
	const char *values[4] = {row->path, number(row->version), number(at), number(length)};
	PGresult   *answer = wf_line_is_open(&talk->line) ? ask(talk, READ_PART, lengthof(values), values, CONTENT_TIMEOUT) : NULL;
	const char *bytes;
	size_t		come;
	const char *why;

	if (answer == NULL)
		return pstrdup(talk->line.trouble);
	bytes = wf_line_bytes(answer, 0, "bytes", &come);
	why = bytes == NULL || (int64) come != length ? "the other server does not give what is in the file" :
		wf_file_write_part(writer, bytes, come);
	wf_line_library()->clear(answer);
	return why;
}

/* Write all that is in a version; what went wrong, or NULL. */
const char *
wf_file_talk_write(WfFileTalk *talk, WfFileWriter *writer, const WfFileRow *row)
{
	const char *why = NULL;

	if (row->content != NULL)
		return wf_file_write_part(writer, row->content, row->size);
	for (int64 at = 0; why == NULL && at < row->size; at += PART)
		why = write_part(talk, writer, row, at);
	return why;
}

static int
compare_paths(const void *a, const void *b)
{
	return strcmp(*(const char *const *) a, *(const char *const *) b);
}

/* All paths that are stored, in the order of strcmp(); they live as long as the answer, which is to be cleared. */
bool
wf_file_talk_paths(WfFileTalk *talk, PGresult **answer, const char ***paths, int *n)
{
	*answer = ask(talk, PATHS, 0, NULL, CONTENT_TIMEOUT);
	if (*answer == NULL)
		return false;
	*n = wf_line_library()->ntuples(*answer);
	*paths = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(char *) * (*n + 1));
	for (int i = 0; i < *n; i++)
		(*paths)[i] = wf_line_value(*answer, i, "path");
	qsort(*paths, *n, sizeof(char *), compare_paths);
	return true;
}
