/*-------------------------------------------------------------------------
 *
 * watch_seen.c
 *	  The table workflow.file_seen: files of which triggers have made runs, as they looked then.
 *
 * Runs where watch_row.c does; who writes has the row of the trigger locked, and writes in
 * the transaction that makes the runs: so each file makes one, whatever ends between.  The
 * table has what is there; what has gone is forgotten, and new when it comes again.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "store/found.h"
#include "store/given.h"
#include "store/statement.h"
#include "watch/watch_seen.h"

#define READ \
	"SELECT s.name, s.size, s.modified, s.inode, s.changed, s.sha256, s.run, s.seen_at, s.waits_since," \
	" s.waits_size, s.waits_modified FROM workflow.file_seen s WHERE s.trigger = $1"

static WfStatement all_statement = {
	.sql = READ,
	WF_ARGS(INT4OID)
};

static WfStatement find_statement = {
	.sql = READ " AND s.name = $2",
	WF_ARGS(INT4OID, TEXTOID),
	.latest = true
};

/* Without a run, the one before stays. */
static WfStatement enter_statement = {
	.sql = "INSERT INTO workflow.file_seen AS s (trigger, name, size, modified, inode, changed, sha256, run, seen_at)"
	" SELECT $1, u.name, u.size, u.modified, u.inode, u.changed, u.sha256, u.run, $9"
	" FROM unnest($2, $3, $4, $5, $6, $7, $8) u(name, size, modified, inode, changed, sha256, run)"
	" ON CONFLICT (trigger, name) DO UPDATE SET size = EXCLUDED.size, modified = EXCLUDED.modified,"
	" inode = EXCLUDED.inode, changed = EXCLUDED.changed, sha256 = EXCLUDED.sha256,"
	" run = COALESCE(EXCLUDED.run, s.run), seen_at = EXCLUDED.seen_at,"
	" waits_since = NULL, waits_size = NULL, waits_modified = NULL",
	WF_ARGS(INT4OID, TEXTARRAYOID, INT8ARRAYOID, TIMESTAMPTZARRAYOID, INT8ARRAYOID, TIMESTAMPTZARRAYOID,
			BYTEAARRAYOID, UUIDARRAYOID, TIMESTAMPTZOID)
};

static WfStatement wait_statement = {
	.sql = "INSERT INTO workflow.file_seen (trigger, name, waits_since, waits_size, waits_modified)"
	" VALUES ($1, $2, $3, $4, $5)"
	" ON CONFLICT (trigger, name) DO UPDATE SET waits_since = EXCLUDED.waits_since,"
	" waits_size = EXCLUDED.waits_size, waits_modified = EXCLUDED.waits_modified",
	WF_ARGS(INT4OID, TEXTOID, TIMESTAMPTZOID, INT8OID, TIMESTAMPTZOID)
};

static WfStatement runs_statement = {
	.sql = "SELECT s.name, s.run FROM workflow.file_seen s"
	" WHERE s.trigger = $1 AND s.name = ANY ($2) AND s.run IS NOT NULL",
	WF_ARGS(INT4OID, TEXTARRAYOID),
	.latest = true
};

static WfStatement forget_statement = {
	.sql = "DELETE FROM workflow.file_seen WHERE trigger = $1 AND name = ANY ($2)",
	WF_ARGS(INT4OID, TEXTARRAYOID),
	.latest = true
};

static WfStatement forget_all_statement = {
	.sql = "DELETE FROM workflow.file_seen WHERE trigger = $1",
	WF_ARGS(INT4OID),
	.latest = true
};

/* --- reading ---------------------------------------------------------------------- */

static int64
number_or(const WfFound *found, int column, int64 otherwise)
{
	bool		isnull;
	Datum		value = wf_found_column(found, column, &isnull);

	return isnull ? otherwise : DatumGetInt64(value);
}

static void
read_hash(const WfFound *found, int column, WfWatchSight *sight)
{
	Datum		value = wf_found_column(found, column, &sight->read);
	bytea	   *bytes;

	sight->read = !sight->read;
	if (!sight->read)
		return;
	bytes = DatumGetByteaPP(value);
	sight->read = VARSIZE_ANY_EXHDR(bytes) == sizeof(sight->sha256);
	if (sight->read)
		memcpy(sight->sha256, VARDATA_ANY(bytes), sizeof(sight->sha256));
}

/* Read a row that a statement has found, into the current memory context. */
static void
read_row(uint64 row, WfWatchSeen *seen)
{
	WfFound		found = wf_found(row);
	WfWatchFile *file = &seen->file;
	bool		isnull;
	Datum		run;

	memset(seen, 0, sizeof(*seen));
	seen->name = wf_found_text(&found, 0);
	file->sight.size = number_or(&found, 1, -1);
	file->sight.modified = wf_found_time(&found, 2, DT_NOBEGIN);
	file->sight.inode = number_or(&found, 3, 0);
	file->sight.changed = wf_found_time(&found, 4, DT_NOBEGIN);
	read_hash(&found, 5, &file->sight);
	run = wf_found_column(&found, 6, &isnull);
	seen->has_run = !isnull;
	if (!isnull)
		seen->run = *DatumGetUUIDP(run);
	file->seen = wf_found_time(&found, 7, DT_NOBEGIN) != DT_NOBEGIN;
	file->since = wf_found_time(&found, 8, DT_NOEND);
	file->size = number_or(&found, 9, -1);
	file->modified = wf_found_time(&found, 10, DT_NOBEGIN);
}

/*
 * All that is known of the files of a trigger, in the current memory context; returns how
 * many these are.  SPI must be connected, as for all of these.
 */
int64
wf_watch_seen_all(int32 trigger, WfWatchSeen **all)
{
	Datum		value = Int32GetDatum(trigger);
	int64		n = (int64) wf_statement_execute(&all_statement, &value, NULL, 0);

	*all = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(WfWatchSeen) * (n + 1));
	for (int64 i = 0; i < n; i++)
		read_row(i, &(*all)[i]);
	return n;
}

/* What is known of one; false: nothing. */
bool
wf_watch_seen_find(int32 trigger, const char *name, WfWatchSeen *seen)
{
	Datum		values[2] = {Int32GetDatum(trigger), CStringGetTextDatum(name)};

	if (wf_statement_execute(&find_statement, values, NULL, 1) == 0)
		return false;
	read_row(0, seen);
	return true;
}

/* --- arrays ------------------------------------------------------------------------ */

/* Values of a column, of n rows, some of which are null. */
typedef struct Column
{
	Datum	   *values;
	bool	   *nulls;
	int			n;
} Column;

static Column
new_column(int n)
{
	Column		column = {palloc(sizeof(Datum) * (n + 1)), palloc(sizeof(bool) * (n + 1)), 0};

	return column;
}

static void
add(Column *column, Datum value, bool isnull)
{
	column->values[column->n] = value;
	column->nulls[column->n++] = isnull;
}

static void
give_column(WfGiven *given, const Column *column, Oid type)
{
	int			dims[1] = {column->n};
	int			lower_bounds[1] = {1};
	int16		length;
	bool		by_value;
	char		align;

	get_typlenbyvalalign(type, &length, &by_value, &align);
	wf_given_array(given, construct_md_array(column->values, column->nulls, 1, dims, lower_bounds, type, length,
											 by_value, align));
}

static ArrayType *
array_of_names(int n, const char **names)
{
	Datum	   *values = palloc(sizeof(Datum) * (n + 1));

	for (int i = 0; i < n; i++)
		values[i] = CStringGetTextDatum(names[i]);
	return construct_array(values, n, TEXTOID, -1, false, TYPALIGN_INT);
}

static Datum
bytes_datum(const uint8 *bytes, size_t length)
{
	bytea	   *result = palloc(VARHDRSZ + length);

	SET_VARSIZE(result, VARHDRSZ + length);
	memcpy(VARDATA(result), bytes, length);
	return PointerGetDatum(result);
}

/* --- writing ---------------------------------------------------------------------- */

/* n files look so; those that have a run have made it now. */
void
wf_watch_seen_enter(int32 trigger, int n, const WfWatchSeen *seen)
{
	Column		names = new_column(n);
	Column		sizes = new_column(n);
	Column		modified = new_column(n);
	Column		inodes = new_column(n);
	Column		changed = new_column(n);
	Column		hashes = new_column(n);
	Column		runs = new_column(n);
	WfGiven		given = {0};

	for (int i = 0; i < n; i++)
	{
		const WfWatchSight *sight = &seen[i].file.sight;

		add(&names, CStringGetTextDatum(seen[i].name), false);
		add(&sizes, Int64GetDatum(sight->size), sight->size < 0);
		add(&modified, TimestampTzGetDatum(sight->modified), sight->modified == DT_NOBEGIN);
		add(&inodes, Int64GetDatum(sight->inode), sight->inode == 0);
		add(&changed, TimestampTzGetDatum(sight->changed), sight->changed == DT_NOBEGIN);
		add(&hashes, sight->read ? bytes_datum(sight->sha256, sizeof(sight->sha256)) : (Datum) 0, !sight->read);
		add(&runs, UUIDPGetDatum(&seen[i].run), !seen[i].has_run);
	}
	wf_given_add(&given, Int32GetDatum(trigger), false);
	give_column(&given, &names, TEXTOID);
	give_column(&given, &sizes, INT8OID);
	give_column(&given, &modified, TIMESTAMPTZOID);
	give_column(&given, &inodes, INT8OID);
	give_column(&given, &changed, TIMESTAMPTZOID);
	give_column(&given, &hashes, BYTEAOID);
	give_column(&given, &runs, UUIDOID);
	wf_given_time(&given, wf_clock_now());
	(void) wf_statement_execute(&enter_statement, given.values, given.nulls, 0);
}

/* A file that was reported has not settled, or has nothing to settle any more. */
void
wf_watch_seen_wait(int32 trigger, const WfWatchSeen *seen)
{
	const WfWatchFile *file = &seen->file;
	WfGiven		given = {0};

	wf_given_add(&given, Int32GetDatum(trigger), false);
	wf_given_text(&given, seen->name);
	wf_given_time(&given, file->since);
	wf_given_add(&given, Int64GetDatum(file->size), file->since == DT_NOEND || file->size < 0);
	wf_given_time(&given, file->since == DT_NOEND ? DT_NOEND : file->modified);
	(void) wf_statement_execute(&wait_statement, given.values, given.nulls, 0);
}

/* Fill in which runs n files have made last. */
void
wf_watch_seen_runs(int32 trigger, int n, WfWatchSeen *seen)
{
	const char **names = palloc(sizeof(char *) * (n + 1));
	Datum		values[2] = {Int32GetDatum(trigger)};
	uint64		found;

	for (int i = 0; i < n; i++)
		names[i] = seen[i].name;
	values[1] = PointerGetDatum(array_of_names(n, names));
	found = wf_statement_execute(&runs_statement, values, NULL, 0);
	for (uint64 row = 0; row < found; row++)
	{
		WfFound		one = wf_found(row);
		char	   *name = wf_found_text(&one, 0);
		bool		isnull;

		for (int i = 0; i < n; i++)
			if (strcmp(seen[i].name, name) == 0)
			{
				seen[i].run = *DatumGetUUIDP(wf_found_column(&one, 1, &isnull));
				seen[i].has_run = true;
			}
	}
}

/* n files have gone. */
void
wf_watch_seen_forget(int32 trigger, int n, const char **names)
{
	Datum		values[2] = {Int32GetDatum(trigger), PointerGetDatum(array_of_names(n, names))};

	(void) wf_statement_execute(&forget_statement, values, NULL, 0);
}

/* A trigger has. */
void
wf_watch_seen_forget_all(int32 trigger)
{
	Datum		value = Int32GetDatum(trigger);

	(void) wf_statement_execute(&forget_all_statement, &value, NULL, 0);
}
