/*-------------------------------------------------------------------------
 *
 * file_cursor.c
 *	  The tables workflow.file_cursor and workflow.file_receipt: how far runtimes have taken
 *	  files over.
 *
 * Runs in the sessions of runtimes, and where one is forgotten.  Requests do not commit in
 * the order of their numbers.  So newest versions are taken over in the order of (xid,
 * request), and what a runtime has confirmed is noted one by one until it has all before
 * some place, where no transaction is under way any more: behind that its cursor is.  Of
 * what lies before it nothing can appear any more.
 *
 * Locks the row of the runtime's cursor.  SPI must be connected.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/xid8.h"

#include "base/clock.h"
#include "base/version.h"
#include "store/file_cursor.h"
#include "store/found.h"
#include "store/given.h"
#include "store/statement.h"

/* What a runtime has still to take over; $1 to $4: WfFileCursor. */
#define OUTSTANDING(receipt) \
	" FROM workflow.file f WHERE f.newest AND (f.xid, f.request) OPERATOR(pg_catalog.>=) ($2, $3)" \
	" AND (f.size IS NOT NULL OR f.xid OPERATOR(pg_catalog.>=) $4)" \
	" AND NOT EXISTS (SELECT FROM workflow.file_receipt r WHERE r.runtime OPERATOR(pg_catalog.=) $1" \
	"  AND r.request OPERATOR(pg_catalog.=) f.request AND " receipt ")"
#define CURSOR_ARGS	TEXTOID, XID8OID, INT8OID, XID8OID
#define NCURSOR		4

/* One that has never pulled begins now; of what was deleted before it does not hear. */
static WfStatement enter_statement = {
	.sql = "INSERT INTO workflow.file_cursor (runtime, xid, request, base, at)"
	" VALUES ($1, '0', 0, pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot()), $2)"
	" ON CONFLICT (runtime) DO NOTHING",
	WF_ARGS(TEXTOID, TIMESTAMPTZOID)
};

static WfStatement lock_statement = {
	.sql = "SELECT c.xid, c.request, c.base FROM workflow.file_cursor c"
	" WHERE c.runtime OPERATOR(pg_catalog.=) $1 FOR NO KEY UPDATE",
	WF_ARGS(TEXTOID),
	.latest = true
};

static WfStatement find_statement = {
	.sql = "SELECT c.xid, c.request, c.base FROM workflow.file_cursor c"
	" WHERE c.runtime OPERATOR(pg_catalog.=) $1",
	WF_ARGS(TEXTOID)
};

/* No error is kept back for longer than 5 minutes, but where a clock was set back. */
static WfStatement next_statement = {
	.sql = "SELECT f.request, f.path, f.version, f.size, f.sha256, f.mode"
	OUTSTANDING("(r.error IS NULL OR r.retry_at OPERATOR(pg_catalog.>) $5"
				" AND r.retry_at OPERATOR(pg_catalog.<=) ($5 OPERATOR(pg_catalog.+) '5 min'::pg_catalog.interval))")
	" ORDER BY f.xid, f.request LIMIT $6",
	WF_ARGS(CURSOR_ARGS, TIMESTAMPTZOID, INT8OID)
};

static WfStatement waiting_statement = {
	.sql = "SELECT pg_catalog.count(*)" OUTSTANDING("r.error IS NULL"),
	WF_ARGS(CURSOR_ARGS)
};

/*
 * What is no newest version, or lies before the cursor, needs no receipt.  Of an error 1000
 * characters are kept: who reads them has a few lines, and who says them may say anything.
 */
static WfStatement confirm_statement = {
	.sql = "INSERT INTO workflow.file_receipt AS t (runtime, request, error, attempts, retry_at)"
	" SELECT $1, f.request, g.error, 1, $6 OPERATOR(pg_catalog.+) '1 s'::pg_catalog.interval"
	" FROM (SELECT u.request, pg_catalog.left(pg_catalog.max(u.error), 1000) AS error FROM ROWS FROM (pg_catalog.unnest($4), pg_catalog.unnest($5)) u(request, error)"
	"  GROUP BY u.request) g"
	" JOIN workflow.file f ON f.request OPERATOR(pg_catalog.=) g.request"
	" WHERE f.newest AND (f.xid, f.request) OPERATOR(pg_catalog.>=) ($2, $3)"
	" ON CONFLICT (runtime, request) DO UPDATE SET error = EXCLUDED.error,"
	"  attempts = LEAST(t.attempts OPERATOR(pg_catalog.+) 1, 10),"
	"  retry_at = $6 OPERATOR(pg_catalog.+) LEAST('5 min'::pg_catalog.interval,"
	"   '1 s'::pg_catalog.interval OPERATOR(pg_catalog.*) pg_catalog.power(2, t.attempts))",
	WF_ARGS(TEXTOID, XID8OID, INT8OID, INT8ARRAYOID, TEXTARRAYOID, TIMESTAMPTZOID)
};

/* Up to the first that it has not, or to transactions that may be under way. */
static WfStatement advance_statement = {
	.sql = "UPDATE workflow.file_cursor c SET at = $5,"
	" xid = CASE WHEN n.stays THEN n.xid ELSE n.xmin END,"
	" request = CASE WHEN n.stays THEN n.request ELSE 0 END"
	" FROM (SELECT m.xmin, o.xid, o.request, COALESCE(o.xid OPERATOR(pg_catalog.<) m.xmin, false) AS stays"
	"  FROM (SELECT pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot())) m(xmin)"
	"  LEFT JOIN LATERAL (SELECT f.xid, f.request" OUTSTANDING("r.error IS NULL")
	"   ORDER BY f.xid, f.request LIMIT 1) o ON true) n"
	" WHERE c.runtime OPERATOR(pg_catalog.=) $1",
	WF_ARGS(CURSOR_ARGS, TIMESTAMPTZOID)
};

static WfStatement sweep_statement = {
	.sql = "DELETE FROM workflow.file_receipt d USING workflow.file_cursor c"
	" WHERE d.runtime OPERATOR(pg_catalog.=) $1 AND c.runtime OPERATOR(pg_catalog.=) $1"
	" AND NOT EXISTS (SELECT FROM workflow.file f WHERE f.request OPERATOR(pg_catalog.=) d.request"
	"  AND f.newest AND (f.xid, f.request) OPERATOR(pg_catalog.>=) (c.xid, c.request))",
	WF_ARGS(TEXTOID)
};

static WfStatement restart_statement = {
	.sql = "UPDATE workflow.file_cursor SET xid = '0', request = 0,"
	" base = pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot()), at = $2"
	" WHERE runtime OPERATOR(pg_catalog.=) $1",
	WF_ARGS(TEXTOID, TIMESTAMPTZOID),
	.latest = true
};

static WfStatement set_back_statement = {
	.sql = "UPDATE workflow.file_cursor SET xid = $2, request = $3 WHERE runtime OPERATOR(pg_catalog.=) $1"
	" AND (xid, request) OPERATOR(pg_catalog.<>) ($2, $3)",
	WF_ARGS(TEXTOID, XID8OID, INT8OID),
	.latest = true
};

static WfStatement forget_done_statement = {
	.sql = "DELETE FROM workflow.file_receipt WHERE runtime OPERATOR(pg_catalog.=) $1 AND error IS NULL",
	WF_ARGS(TEXTOID),
	.latest = true
};

static WfStatement retry_statement = {
	.sql = "SELECT pg_catalog.min(r.retry_at) FROM workflow.file_receipt r"
	" WHERE r.runtime OPERATOR(pg_catalog.=) $1 AND r.error IS NOT NULL",
	WF_ARGS(TEXTOID)
};

#define FORGET(table, which) "DELETE FROM workflow." table which

static WfStatement forget_receipts_statement = {
	.sql = FORGET("file_receipt", " WHERE runtime OPERATOR(pg_catalog.=) $1"),
	WF_ARGS(TEXTOID),
	.latest = true
};

static WfStatement forget_statement = {
	.sql = FORGET("file_cursor", " WHERE runtime OPERATOR(pg_catalog.=) $1"),
	WF_ARGS(TEXTOID),
	.latest = true
};

static WfStatement forget_all_receipts_statement = {.sql = FORGET("file_receipt", "")};
static WfStatement forget_all_statement = {.sql = FORGET("file_cursor", "")};

static bool
read_cursor(WfStatement *statement, const char *runtime, WfFileCursor *cursor)
{
	Datum		value = CStringGetTextDatum(runtime);
	WfFound		found;
	bool		isnull;

	memset(cursor, 0, sizeof(*cursor));
	cursor->runtime = runtime;
	if (wf_statement_execute(statement, &value, NULL, 1) == 0)
		return false;
	found = wf_found(0);
	cursor->xid = DatumGetFullTransactionId(wf_found_column(&found, 0, &isnull));
	cursor->request = DatumGetInt64(wf_found_column(&found, 1, &isnull));
	cursor->base = DatumGetFullTransactionId(wf_found_column(&found, 2, &isnull));
	return true;
}

/* Lock how far a runtime is; one that has never pulled is at the beginning from now on. */
void
wf_file_cursor_lock(const char *runtime, WfFileCursor *cursor)
{
	Datum		values[2] = {CStringGetTextDatum(runtime), TimestampTzGetDatum(wf_clock_now())};

	if (read_cursor(&lock_statement, runtime, cursor))
		return;
	(void) wf_statement_execute(&enter_statement, values, NULL, 0);
	if (!read_cursor(&lock_statement, runtime, cursor))
		elog(ERROR, "the cursor of runtime \"%s\" was not made", runtime);
}

static void
give_cursor(WfGiven *given, const WfFileCursor *cursor)
{
	wf_given_text(given, cursor->runtime);
	wf_given_add(given, FullTransactionIdGetDatum(cursor->xid), false);
	wf_given_add(given, Int64GetDatum(cursor->request), false);
	wf_given_add(given, FullTransactionIdGetDatum(cursor->base), false);
}

static void
read_next(uint64 n, WfFileRow *row)
{
	WfFound		found = wf_found(n);
	bool		isnull;
	Datum		sha256;

	memset(row, 0, sizeof(*row));
	row->request = DatumGetInt64(wf_found_column(&found, 0, &isnull));
	row->path = wf_found_text(&found, 1);
	row->version = DatumGetInt64(wf_found_column(&found, 2, &isnull));
	row->size = DatumGetInt64(wf_found_column(&found, 3, &row->deleted));
	sha256 = wf_found_column(&found, 4, &isnull);
	if (!isnull)
		memcpy(row->sha256, VARDATA_ANY(DatumGetByteaPP(sha256)),
			   Min(sizeof(row->sha256), VARSIZE_ANY_EXHDR(DatumGetByteaPP(sha256))));
	row->mode = wf_found_text(&found, 5);
}

/* What a runtime has to take over next, at most n; returns how many. */
int
wf_file_cursor_next(const WfFileCursor *cursor, int n, WfFileRow **rows)
{
	WfGiven		given = {0};
	int			count;

	give_cursor(&given, cursor);
	wf_given_time(&given, wf_clock_now());
	wf_given_add(&given, Int64GetDatum(n), false);
	count = (int) wf_statement_execute(&next_statement, given.values, given.nulls, 0);
	*rows = palloc(sizeof(WfFileRow) * (count + 1));
	for (int i = 0; i < count; i++)
		read_next(i, &(*rows)[i]);
	return count;
}

/*
 * A runtime, whose cursor is locked, has these, or could not write them; errors is an
 * array of as many texts.
 */
void
wf_file_cursor_confirm(const WfFileCursor *cursor, ArrayType *requests, ArrayType *errors)
{
	WfGiven		given = {0};

	give_cursor(&given, cursor);
	given.n--;					/* without base */
	wf_given_array(&given, requests);
	wf_given_array(&given, errors);
	wf_given_time(&given, wf_clock_now());
	(void) wf_statement_execute(&confirm_statement, given.values, given.nulls, 0);
}

/* Move a cursor that is locked as far as it can be, and forget receipts behind it. */
void
wf_file_cursor_advance(const WfFileCursor *cursor)
{
	WfGiven		given = {0};

	give_cursor(&given, cursor);
	wf_given_time(&given, wf_clock_now());
	(void) wf_statement_execute(&advance_statement, given.values, given.nulls, 0);
	(void) wf_statement_execute(&sweep_statement, given.values, NULL, 0);
}

/* How many newest versions a runtime has still to take over. */
int
wf_file_cursor_waiting(const char *runtime)
{
	WfGiven		given = {0};
	WfFileCursor cursor;
	WfFound		found;
	bool		isnull;

	if (!wf_version_has_column("file_cursor", "runtime"))
		return 0;
	if (!read_cursor(&find_statement, runtime, &cursor))
		cursor.base = FullTransactionIdFromU64(PG_UINT64_MAX);
	give_cursor(&given, &cursor);
	(void) wf_statement_execute(&waiting_statement, given.values, given.nulls, 0);
	found = wf_found(0);
	return (int) Min(DatumGetInt64(wf_found_column(&found, 0, &isnull)), PG_INT32_MAX);
}

/* A runtime has nothing any more. */
void
wf_file_cursor_begin_anew(const char *runtime)
{
	Datum		values[2] = {CStringGetTextDatum(runtime), TimestampTzGetDatum(wf_clock_now())};

	(void) wf_statement_execute(&restart_statement, values, NULL, 0);
	(void) wf_statement_execute(&forget_receipts_statement, values, NULL, 0);
}

/* A runtime, whose cursor is locked, is not further than that, whatever it has confirmed. */
void
wf_file_cursor_set_back(const char *runtime, FullTransactionId xid, int64 request)
{
	Datum		values[3] = {CStringGetTextDatum(runtime), FullTransactionIdGetDatum(xid), Int64GetDatum(request)};

	(void) wf_statement_execute(&set_back_statement, values, NULL, 0);
	(void) wf_statement_execute(&forget_done_statement, values, NULL, 0);
}

/* When the first file that a runtime could not write comes again; infinity: there is none. */
TimestampTz
wf_file_cursor_retry_at(const char *runtime)
{
	Datum		value = CStringGetTextDatum(runtime);
	WfFound		found;

	(void) wf_statement_execute(&retry_statement, &value, NULL, 0);
	found = wf_found(0);
	return wf_found_time(&found, 0, DT_NOEND);
}

/* A runtime is forgotten. */
void
wf_file_cursor_forget(const char *runtime)
{
	Datum		value = CStringGetTextDatum(runtime);

	if (!wf_version_has_column("file_cursor", "runtime"))
		return;
	(void) wf_statement_execute(&forget_receipts_statement, &value, NULL, 0);
	(void) wf_statement_execute(&forget_statement, &value, NULL, 0);
}

/* For adopt(): those of another place are unknown here. */
void
wf_file_cursor_forget_all(void)
{
	if (!wf_version_has_column("file_cursor", "runtime"))
		return;
	(void) wf_statement_execute(&forget_all_receipts_statement, NULL, NULL, 0);
	(void) wf_statement_execute(&forget_all_statement, NULL, NULL, 0);
}
