/*-------------------------------------------------------------------------
 *
 * file_request.c
 *	  The table workflow.file_request: what was changed in files.
 *
 * Runs in sessions that change files, and in the runtime, which forgets.  Runtimes pull
 * what workflow.file says; this is for people.  SPI must be connected.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "store/file_request.h"
#include "store/given.h"
#include "store/statement.h"

/* They are kept for so long (days). */
#define KEPT		7

/* So many are forgotten at a time. */
#define PIECE		1000

static WfStatement insert_statement = {
	.sql = "INSERT INTO workflow.file_request (request, path, version, size, at, actor)"
	" VALUES ($1, $2, $3, $4, $5, $6)",
	WF_ARGS(INT8OID, TEXTOID, INT8OID, INT8OID, TIMESTAMPTZOID, TEXTOID)
};

static WfStatement expire_statement = {
	.sql = "DELETE FROM workflow.file_request d WHERE d.request OPERATOR(pg_catalog.=) ANY (ARRAY("
	"SELECT q.request FROM workflow.file_request q WHERE q.at OPERATOR(pg_catalog.<) $1"
	" ORDER BY q.at LIMIT $2 FOR UPDATE SKIP LOCKED))",
	WF_ARGS(TIMESTAMPTZOID, INT8OID)
};

/* The current user has made this version. */
void
wf_file_request_insert(const WfFileRow *row)
{
	WfGiven		given = {0};

	wf_given_add(&given, Int64GetDatum(row->request), false);
	wf_given_text(&given, row->path);
	wf_given_add(&given, Int64GetDatum(row->version), false);
	wf_given_add(&given, Int64GetDatum(row->size), row->deleted);
	wf_given_time(&given, wf_clock_now());
	wf_given_text(&given, GetUserNameFromId(GetUserId(), false));
	(void) wf_statement_execute(&insert_statement, given.values, given.nulls, 0);
}

/* For the runtime: forget a piece of those that are too old.  Returns whether there are more. */
bool
wf_file_request_expire(void)
{
	Datum		values[2] = {TimestampTzGetDatum(wf_clock_now() - KEPT * USECS_PER_DAY), Int64GetDatum(PIECE)};

	return wf_statement_execute(&expire_statement, values, NULL, 0) == PIECE;
}
