/*-------------------------------------------------------------------------
 *
 * keep.c
 *	  The table workflow.keep: for how long what is over is kept, by rules.
 *
 * Runs in sessions that make rules, in the runtime, and in executors, which bring into
 * archives what is to be removed.  retention.c and run_expire.c ask rules by the texts of
 * keep.h, in statements of their own, which they use where there are rules.
 *
 * Who makes or changes a rule has its row locked, and so has who archives; executors and
 * the runtime skip one that is locked.
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
#include "base/version.h"
#include "shmem/wakeup.h"
#include "store/found.h"
#include "store/given.h"
#include "store/keep.h"
#include "store/statement.h"

/* What is read of a row, in the order of the enum. */
#define COLUMNS \
	"e.id, e.kind, e.name, e.outcome, e.owner, e.keep, e.relation, e.archive_to, e.search_path, e.time_zone," \
	" e.due, e.\"position\", e.archived, e.failed, e.error, e.losses"

enum
{
	COLUMN_id, COLUMN_kind, COLUMN_name, COLUMN_outcome, COLUMN_owner, COLUMN_keep, COLUMN_relation,
	COLUMN_archive_to, COLUMN_search_path, COLUMN_time_zone, COLUMN_due, COLUMN_position, COLUMN_archived,
	COLUMN_failed, COLUMN_error, COLUMN_losses
};

/* Seconds of the shortest one; a month has 30 days.  No row: there is no rule. */
static WfStatement shortest_statement = {
	.sql = "SELECT pg_catalog.min(pg_catalog.date_part('epoch', e.keep)) FROM workflow.keep e"
	" HAVING pg_catalog.count(*) OPERATOR(pg_catalog.>) 0"
};

static WfStatement set_statement = {
	.sql = "INSERT INTO workflow.keep AS e (kind, name, outcome, owner, keep, relation, archive_to, search_path,"
	" time_zone, set_at, set_by)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
	" ON CONFLICT (kind, name, outcome) DO UPDATE SET (owner, keep, relation, archive_to, search_path, time_zone,"
	" set_at, set_by, due, \"position\", archived, failed, error, losses) ="
	" ($4, $5, $6, $7, $8, $9, $10, $11, NULL, NULL, 0, 0, NULL, 0)",
	WF_ARGS(TEXTOID, TEXTOID, TEXTOID, INT4OID, INTERVALOID, OIDOID, TEXTOID, TEXTOID, TEXTOID, TIMESTAMPTZOID, TEXTOID),
	.latest = true
};

static WfStatement remove_statement = {
	.sql = "DELETE FROM workflow.keep WHERE kind OPERATOR(pg_catalog.=) $1 AND name OPERATOR(pg_catalog.=) $2"
	" AND outcome OPERATOR(pg_catalog.=) $3",
	WF_ARGS(TEXTOID, TEXTOID, TEXTOID),
	.latest = true
};

static WfStatement drop_statement = {
	.sql = "DELETE FROM workflow.keep WHERE kind OPERATOR(pg_catalog.=) $1 AND name OPERATOR(pg_catalog.=) $2",
	WF_ARGS(TEXTOID, TEXTOID),
	.latest = true
};

static WfStatement hand_over_statement = {
	.sql = "UPDATE workflow.keep SET owner = $3 WHERE kind OPERATOR(pg_catalog.=) $1"
	" AND name OPERATOR(pg_catalog.=) $2 RETURNING due",
	WF_ARGS(TEXTOID, TEXTOID, INT4OID),
	.latest = true
};

static WfStatement hand_over_all_statement = {
	.sql = "UPDATE workflow.keep SET owner = $2 WHERE owner OPERATOR(pg_catalog.=) $1 RETURNING due",
	WF_ARGS(INT4OID, INT4OID),
	.latest = true
};

/* The names of tables stay what they were, their OIDs do not. */
static WfStatement resolve_statement = {
	.sql = "UPDATE workflow.keep SET relation = COALESCE(pg_catalog.to_regclass(archive_to)::pg_catalog.oid, 0)"
	" WHERE archive_to IS NOT NULL"
};

/* One that is locked is being changed, or somebody is at it. */
static WfStatement announce_statement = {
	.sql = "UPDATE workflow.keep SET due = $2 WHERE id OPERATOR(pg_catalog.=) ANY (ARRAY("
	"SELECT e.id FROM workflow.keep e WHERE e.id OPERATOR(pg_catalog.=) ANY ($1) AND e.due IS NULL"
	" AND e.losses OPERATOR(pg_catalog.<) 3 FOR UPDATE SKIP LOCKED)) RETURNING owner",
	WF_ARGS(INT4ARRAYOID, TIMESTAMPTZOID),
	.latest = true
};

static WfStatement next_due_statement = {
	.sql = "SELECT pg_catalog.min(e.due) FROM workflow.keep e WHERE e.owner OPERATOR(pg_catalog.=) $1",
	WF_ARGS(INT4OID)
};

static WfStatement claim_statement = {
	.sql = "SELECT " COLUMNS " FROM workflow.keep e WHERE e.owner OPERATOR(pg_catalog.=) $1"
	" AND e.due OPERATOR(pg_catalog.<=) $2 ORDER BY e.due, e.id LIMIT 1 FOR UPDATE SKIP LOCKED",
	WF_ARGS(INT4OID, TIMESTAMPTZOID)
};

static WfStatement lock_free_statement = {
	.sql = "SELECT " COLUMNS " FROM workflow.keep e WHERE e.id OPERATOR(pg_catalog.=) $1 FOR UPDATE SKIP LOCKED",
	WF_ARGS(INT4OID),
	.latest = true
};

static WfStatement update_statement = {
	.sql = "UPDATE workflow.keep SET (due, \"position\", archived, failed, error, losses) = ($2, $3, $4, $5, $6, $7)"
	" WHERE id OPERATOR(pg_catalog.=) $1",
	WF_ARGS(INT4OID, TIMESTAMPTZOID, UUIDOID, INT8OID, INT8OID, TEXTOID, INT2OID),
	.latest = true
};

/* One that somebody is at now was not to blame. */
static WfStatement suspect_statement = {
	.sql = "UPDATE workflow.keep SET losses = losses OPERATOR(pg_catalog.+) 1, due = NULL, \"position\" = NULL,"
	" error = 'the server, or an executor, ended while something was being archived'"
	" WHERE id OPERATOR(pg_catalog.=) ANY (ARRAY(SELECT e.id FROM workflow.keep e"
	"  WHERE e.owner OPERATOR(pg_catalog.=) $1 AND e.due OPERATOR(pg_catalog.<=) $2 FOR UPDATE SKIP LOCKED))",
	WF_ARGS(INT4OID, TIMESTAMPTZOID)
};

/* Does the SQL of this database know rules? */
bool
wf_keep_known(void)
{
	return wf_version_has_column("keep", "keep");
}

/*
 * Is there any rule?  *us: the shortest time that one keeps something, in microseconds;
 * 0: they keep for ever.  SPI must be connected, as for all of these.
 */
bool
wf_keep_shortest(int64 *us)
{
	bool		isnull;
	Datum		seconds;

	*us = 0;
	if (!wf_keep_known() || wf_statement_execute(&shortest_statement, NULL, NULL, 1) == 0)
		return false;
	seconds = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	if (!isnull)
		*us = (int64) (DatumGetFloat8(seconds) * USECS_PER_SEC);
	return true;
}

/* --- rules ------------------------------------------------------------------------- */

/* Store a rule, in place of the one for the same. */
void
wf_keep_set(const WfKeep *rule)
{
	WfGiven		given = {0};

	wf_given_text(&given, rule->kind);
	wf_given_text(&given, rule->name);
	wf_given_text(&given, rule->outcome);
	wf_given_add(&given, Int32GetDatum(rule->owner), false);
	wf_given_add(&given, IntervalPGetDatum(rule->keep), rule->keep == NULL);
	wf_given_add(&given, ObjectIdGetDatum(rule->relation), rule->archive_to == NULL);
	wf_given_text(&given, rule->archive_to);
	wf_given_text(&given, rule->search_path);
	wf_given_text(&given, rule->time_zone);
	wf_given_time(&given, wf_clock_now());
	wf_given_text(&given, GetUserNameFromId(GetUserId(), false));
	(void) wf_statement_execute(&set_statement, given.values, given.nulls, 0);
}

/* Remove a rule; false: there is none. */
bool
wf_keep_remove(const char *kind, const char *name, const char *outcome)
{
	Datum		values[3] = {CStringGetTextDatum(kind), CStringGetTextDatum(name), CStringGetTextDatum(outcome)};

	return wf_statement_execute(&remove_statement, values, NULL, 0) > 0;
}

/* What its rules are for is dropped. */
void
wf_keep_drop(const char *kind, const char *name)
{
	Datum		values[2] = {CStringGetTextDatum(kind), CStringGetTextDatum(name)};

	if (wf_keep_known())
		(void) wf_statement_execute(&drop_statement, values, NULL, 0);
}

/* The executors of this owner have to look, if any rule that was given to it has work. */
static void
wake(int32 owner, uint64 n)
{
	bool		isnull;

	for (uint64 i = 0; i < n; i++)
	{
		(void) SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull);
		if (!isnull)
			wf_wakeup_work(owner, WF_LANE_BULKS, DT_NOBEGIN);
	}
}

/* What its rules are for is given to another owner. */
void
wf_keep_hand_over(const char *kind, const char *name, int32 owner)
{
	Datum		values[3] = {CStringGetTextDatum(kind), CStringGetTextDatum(name), Int32GetDatum(owner)};

	if (wf_keep_known())
		wake(owner, wf_statement_execute(&hand_over_statement, values, NULL, 0));
}

/* All that an owner has is given to another one. */
void
wf_keep_hand_over_all(int32 from, int32 to)
{
	Datum		values[2] = {Int32GetDatum(from), Int32GetDatum(to)};

	if (wf_keep_known())
		wake(to, wf_statement_execute(&hand_over_all_statement, values, NULL, 0));
}

/* For adopt(): archives have other OIDs here.  Those that are not found have 0. */
void
wf_keep_resolve(bool foreign)
{
	if (foreign && wf_keep_known())
		(void) wf_statement_execute(&resolve_statement, NULL, NULL, 0);
}

/* --- archives ---------------------------------------------------------------------- */

/* Add a rule, by its number, to a list of n, unless it is there. */
void
wf_keep_note(Datum id, int *n, Datum **ids)
{
	for (int i = 0; i < *n; i++)
		if (DatumGetInt32((*ids)[i]) == DatumGetInt32(id))
			return;
	*ids = *ids == NULL ? palloc(sizeof(Datum)) : repalloc(*ids, sizeof(Datum) * (*n + 1));
	(*ids)[(*n)++] = id;
}

/* Something outlives n rules (their numbers) that have archives: executors bring it there. */
void
wf_keep_announce(int n, Datum *ids)
{
	Datum		values[2];
	uint64		found;

	if (n == 0)
		return;
	values[0] = PointerGetDatum(construct_array(ids, n, INT4OID, sizeof(int32), true, TYPALIGN_INT));
	values[1] = TimestampTzGetDatum(wf_clock_now());
	found = wf_statement_execute(&announce_statement, values, NULL, 0);
	for (uint64 i = 0; i < found; i++)
	{
		bool		isnull;

		wf_wakeup_work(DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull)),
					   WF_LANE_BULKS, DatumGetTimestampTz(values[1]));
	}
}

/* When something is to be archived for an owner; infinity: nothing. */
TimestampTz
wf_keep_next_due(int32 owner)
{
	Datum		value = Int32GetDatum(owner);
	WfFound		found;

	if (!wf_keep_known() || wf_statement_execute(&next_due_statement, &value, NULL, 1) == 0)
		return DT_NOEND;
	found = wf_found(0);
	return wf_found_time(&found, 0, DT_NOEND);
}

/* Read the rule that a statement has found, into the current memory context. */
static void
read_row(WfKeep *rule)
{
	WfFound		found = wf_found(0);
	bool		isnull;
	Datum		position;

	memset(rule, 0, sizeof(*rule));
	rule->id = DatumGetInt32(wf_found_column(&found, COLUMN_id, &isnull));
	rule->kind = wf_found_text(&found, COLUMN_kind);
	rule->name = wf_found_text(&found, COLUMN_name);
	rule->outcome = wf_found_text(&found, COLUMN_outcome);
	rule->owner = DatumGetInt32(wf_found_column(&found, COLUMN_owner, &isnull));
	rule->keep = wf_found_interval(&found, COLUMN_keep);
	rule->relation = DatumGetObjectId(wf_found_column(&found, COLUMN_relation, &isnull));
	rule->archive_to = wf_found_text(&found, COLUMN_archive_to);
	rule->search_path = wf_found_text(&found, COLUMN_search_path);
	rule->time_zone = wf_found_text(&found, COLUMN_time_zone);
	rule->due = wf_found_time(&found, COLUMN_due, DT_NOEND);
	position = wf_found_column(&found, COLUMN_position, &isnull);
	if (!isnull)
		rule->position = *DatumGetUUIDP(position);
	rule->archived = DatumGetInt64(wf_found_column(&found, COLUMN_archived, &isnull));
	rule->failed = DatumGetInt64(wf_found_column(&found, COLUMN_failed, &isnull));
	rule->error = wf_found_text(&found, COLUMN_error);
	rule->losses = DatumGetInt16(wf_found_column(&found, COLUMN_losses, &isnull));
}

/* Lock a rule of an owner that is due until then; false: there is none that is free. */
bool
wf_keep_claim(int32 owner, TimestampTz until, WfKeep *rule)
{
	Datum		values[2] = {Int32GetDatum(owner), TimestampTzGetDatum(until)};

	if (!wf_keep_known() || wf_statement_execute(&claim_statement, values, NULL, 1) == 0)
		return false;
	read_row(rule);
	return true;
}

/* Lock this one; false: it is gone, or somebody has it. */
bool
wf_keep_lock_if_free(int32 id, WfKeep *rule)
{
	Datum		value = Int32GetDatum(id);

	if (wf_statement_execute(&lock_free_statement, &value, NULL, 1) == 0)
		return false;
	read_row(rule);
	return true;
}

/* Write how far the archiving has come. */
void
wf_keep_update(const WfKeep *rule)
{
	static const pg_uuid_t nobody;
	WfGiven		given = {0};

	wf_given_add(&given, Int32GetDatum(rule->id), false);
	wf_given_time(&given, rule->due);
	wf_given_add(&given, UUIDPGetDatum(&rule->position), memcmp(&rule->position, &nobody, UUID_LEN) == 0);
	wf_given_add(&given, Int64GetDatum(rule->archived), false);
	wf_given_add(&given, Int64GetDatum(rule->failed), false);
	wf_given_text(&given, rule->error);
	wf_given_add(&given, Int16GetDatum(rule->losses), false);
	(void) wf_statement_execute(&update_statement, given.values, given.nulls, 0);
	if (rule->due != DT_NOEND)
		wf_wakeup_work(rule->owner, WF_LANE_BULKS, rule->due);
}

/*
 * The server ended while something may have been archived by a rule of an owner that is due
 * until then: that waits for the next walk, and after the third time for another rule.
 */
void
wf_keep_suspect(int32 owner, TimestampTz until)
{
	Datum		values[2] = {Int32GetDatum(owner), TimestampTzGetDatum(until)};

	if (wf_keep_known())
		(void) wf_statement_execute(&suspect_statement, values, NULL, 0);
}
