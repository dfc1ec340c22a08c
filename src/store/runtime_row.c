/*-------------------------------------------------------------------------
 *
 * runtime_row.c
 *	  The table workflow.runtime: who shares the work of this database.
 *
 * Runs in sessions of runtimes and operators, and in the runtime process of the database.
 * Rows are written when the state of a runtime changes, never by a beat; who changes one
 * has it locked, and says so in shmem/member_change.c.  Which outcomes another server has
 * told are columns of their own, that change more often, and of which nobody needs to hear.
 * SPI must be connected for all of these.
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
#include "store/runtime_row.h"
#include "store/statement.h"

/* The columns, in the order of their parameters; the state as text. */
#define COLUMNS \
	"id, kind, role, state, epoch, login, approved, graced, restorer, restorer_epoch, fingerprint," \
	" address, info, since"

#define AS_READ \
	"r.id, r.kind, r.role, r.state::pg_catalog.text, r.epoch, r.login, r.approved, r.graced, r.restorer," \
	" r.restorer_epoch, r.fingerprint, r.address, r.info, r.since"

#define PARAMETERS \
	"$1, $2, $3, $4::workflow.runtime_state, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14"

#define TYPES \
	TEXTOID, TEXTOID, TEXTOID, TEXTOID, INT8OID, OIDOID, BOOLOID, BOOLOID, TEXTOID, INT8OID, TEXTOID, \
	TEXTOID, JSONBOID, TIMESTAMPTZOID

#define NCOLUMNS	14

static WfStatement find_statement = {
	.sql = "SELECT " AS_READ " FROM workflow.runtime r WHERE r.id OPERATOR(pg_catalog.=) $1",
	WF_ARGS(TEXTOID),
	.latest = true
};

static WfStatement lock_statement = {
	.sql = "SELECT " AS_READ " FROM workflow.runtime r WHERE r.id OPERATOR(pg_catalog.=) $1 FOR NO KEY UPDATE",
	WF_ARGS(TEXTOID),
	.latest = true
};

/* Stronger than a key needs: whoever declares it dead has to wait. */
static WfStatement lock_shared_statement = {
	.sql = "SELECT " AS_READ " FROM workflow.runtime r WHERE r.id OPERATOR(pg_catalog.=) $1 FOR SHARE",
	WF_ARGS(TEXTOID),
	.latest = true
};

static WfStatement try_lock_statement = {
	.sql = "SELECT " AS_READ " FROM workflow.runtime r WHERE r.id OPERATOR(pg_catalog.=) $1"
	" FOR NO KEY UPDATE SKIP LOCKED",
	WF_ARGS(TEXTOID),
	.latest = true
};

static WfStatement insert_statement = {
	.sql = "INSERT INTO workflow.runtime (" COLUMNS ") VALUES (" PARAMETERS ") ON CONFLICT (id) DO NOTHING",
	WF_ARGS(TYPES),
	.latest = true
};

static WfStatement update_statement = {
	.sql = "UPDATE workflow.runtime SET (" COLUMNS ") = (" PARAMETERS ") WHERE id OPERATOR(pg_catalog.=) $1",
	WF_ARGS(TYPES),
	.latest = true
};

static WfStatement delete_statement = {
	.sql = "DELETE FROM workflow.runtime WHERE id OPERATOR(pg_catalog.=) $1",
	WF_ARGS(TEXTOID),
	.latest = true
};

static WfStatement forget_statement = {
	.sql = "DELETE FROM workflow.runtime",
	.latest = true
};

static WfStatement any_statement = {
	.sql = "SELECT FROM workflow.runtime r WHERE r.kind OPERATOR(pg_catalog.<>) 'local' LIMIT 1",
	.latest = true
};

static WfStatement living_statement = {
	.sql = "SELECT r.id, r.epoch, r.login, r.role, r.approved, r.graced, r.kind, r.since FROM workflow.runtime r"
	" WHERE r.kind OPERATOR(pg_catalog.<>) 'local'"
	" AND r.state OPERATOR(pg_catalog.=) ANY ('{alive,self_restore,single}'::workflow.runtime_state[])",
	.latest = true
};

static WfStatement mine_statement = {
	.sql = "SELECT r.id FROM workflow.runtime r WHERE r.kind OPERATOR(pg_catalog.=) 'local'"
	" AND r.epoch OPERATOR(pg_catalog.=) $1 LIMIT 1",
	WF_ARGS(INT8OID),
	.latest = true
};

static WfStatement since_statement = {
	.sql = "SELECT CASE WHEN pg_catalog.count(*) OPERATOR(pg_catalog.>) 1 THEN"
	" pg_catalog.max(r.since) FILTER (WHERE r.epoch OPERATOR(pg_catalog.=) $1) ELSE '-infinity' END"
	" FROM workflow.runtime r WHERE r.kind OPERATOR(pg_catalog.=) 'local'",
	WF_ARGS(INT8OID),
	.latest = true
};

/* This instance, also when it has not registered itself since its start. */
static WfStatement instance_statement = {
	.sql = "SELECT r.role FROM workflow.runtime r WHERE r.kind OPERATOR(pg_catalog.=) 'local'"
	" AND (r.epoch OPERATOR(pg_catalog.=) $1 OR r.id OPERATOR(pg_catalog.=) ANY ($2))"
	" ORDER BY r.epoch OPERATOR(pg_catalog.=) $1 DESC, pg_catalog.array_position($2, r.id) LIMIT 1",
	WF_ARGS(INT8OID, TEXTARRAYOID),
	.latest = true
};

/* A local one that is not this instance was where this database is now. */
static WfStatement local_statement = {
	.sql = "SELECT r.id FROM workflow.runtime r WHERE r.kind OPERATOR(pg_catalog.=) 'local'"
	" AND r.id OPERATOR(pg_catalog.<>) $1 AND r.state OPERATOR(pg_catalog.<>) 'dead' LIMIT 1",
	WF_ARGS(TEXTOID),
	.latest = true
};

/*
 * Who needs recovery, in the order of priority: whom I was recovering; whom somebody was
 * recovering who has gone; who ran alone; who has gone, the longest gone first; for the
 * server that holds the database also whom somebody is recovering who lives, and may not
 * go on: it need not have turns any more.  The lock of the row keeps them apart.
 */
static WfStatement candidate_statement = {
	.sql = "SELECT c.id FROM (SELECT r.id, r.since,"
	"  CASE WHEN r.state OPERATOR(pg_catalog.=) 'terminated' THEN 4"
	"       WHEN r.state OPERATOR(pg_catalog.=) 'single' THEN 3"
	"       WHEN r.restorer OPERATOR(pg_catalog.=) $1 THEN 1"
	"       WHEN NOT EXISTS (SELECT FROM workflow.runtime b WHERE b.id OPERATOR(pg_catalog.=) r.restorer"
	"        AND b.epoch OPERATOR(pg_catalog.=) r.restorer_epoch"
	"        AND b.state OPERATOR(pg_catalog.=) ANY ('{alive,self_restore,single}'::workflow.runtime_state[])) THEN 2"
	"       WHEN EXISTS (SELECT FROM workflow.runtime l WHERE l.id OPERATOR(pg_catalog.=) $1"
	"        AND l.kind OPERATOR(pg_catalog.=) 'local') THEN 5"
	"  END AS priority"
	"  FROM workflow.runtime r WHERE r.id OPERATOR(pg_catalog.<>) $1 AND (r.state OPERATOR(pg_catalog.=) 'terminated'"
	"   OR r.state OPERATOR(pg_catalog.=) 'restore'"
	"   OR (r.state OPERATOR(pg_catalog.=) 'single' AND r.kind OPERATOR(pg_catalog.<>) 'local'))) c"
	" WHERE c.priority IS NOT NULL AND c.id OPERATOR(pg_catalog.<>) ALL ($2)"
	" ORDER BY c.priority, c.since, c.id LIMIT 1",
	WF_ARGS(TEXTOID, TEXTARRAYOID),
	.latest = true
};

static WfStatement grace_statement = {
	.sql = "UPDATE workflow.runtime SET graced = $3 WHERE id OPERATOR(pg_catalog.=) $1"
	" AND epoch OPERATOR(pg_catalog.=) $2 AND graced OPERATOR(pg_catalog.<>) $3",
	WF_ARGS(TEXTOID, INT8OID, BOOLOID),
	.latest = true
};

static WfStatement told_statement = {
	.sql = "UPDATE workflow.runtime SET outcomes = $3 WHERE id OPERATOR(pg_catalog.=) $1"
	" AND epoch OPERATOR(pg_catalog.=) $2 AND outcomes OPERATOR(pg_catalog.<) $3",
	WF_ARGS(TEXTOID, INT8OID, INT8OID),
	.latest = true
};

static WfStatement outcomes_statement = {
	.sql = "SELECT r.outcomes, r.restored_to IS NOT NULL FROM workflow.runtime r WHERE r.id OPERATOR(pg_catalog.=) $1"
	" AND r.epoch OPERATOR(pg_catalog.=) $2",
	WF_ARGS(TEXTOID, INT8OID),
	.latest = true
};

static WfStatement restored_statement = {
	.sql = "UPDATE workflow.runtime SET approved = false, restored_to = $2 WHERE id OPERATOR(pg_catalog.=) $1",
	WF_ARGS(TEXTOID, TIMESTAMPTZOID),
	.latest = true
};

static WfStatement accept_statement = {
	.sql = "UPDATE workflow.runtime SET outcomes = 0, restored_to = NULL WHERE id OPERATOR(pg_catalog.=) $1"
	" AND restored_to IS NOT NULL",
	WF_ARGS(TEXTOID),
	.latest = true
};

/* --- words ------------------------------------------------------------------------- */

static const char *const kinds[] = {
	[WF_RUNTIME_LOCAL] = "local",
	[WF_RUNTIME_REMOTE] = "remote",
	[WF_RUNTIME_STANDBY] = "standby",
	[WF_RUNTIME_APPLICATION] = "application"
};

static const char *const states[] = {
	[WF_RUNTIME_ALIVE] = "alive",
	[WF_RUNTIME_DEAD] = "dead",
	[WF_RUNTIME_TERMINATED] = "terminated",
	[WF_RUNTIME_SELF_RESTORE] = "self_restore",
	[WF_RUNTIME_RESTORE] = "restore",
	[WF_RUNTIME_SINGLE] = "single"
};

static const char *const roles[] = {
	[WF_MEMBER_BOTH] = "both",
	[WF_MEMBER_INTERFACE] = "interface",
	[WF_MEMBER_ENGINE] = "engine"
};

/* The word for a kind of runtimes. */
const char *
wf_runtime_row_kind_name(WfRuntimeKind kind)
{
	return kinds[kind];
}

/* The word for a state. */
const char *
wf_runtime_row_state_name(WfRuntimeState state)
{
	return states[state];
}

/* The word for a role. */
const char *
wf_runtime_row_role_name(WfMemberRole role)
{
	return roles[role];
}

/* The place of a word in a list; -1: it is not in there. */
static int
find_word(const char *const *words, int n, const char *word)
{
	for (int i = 0; i < n; i++)
		if (strcmp(words[i], word) == 0)
			return i;
	return -1;
}

/* The kind of that name; false: there is none. */
bool
wf_runtime_row_read_kind(const char *name, WfRuntimeKind *kind)
{
	int			found = find_word(kinds, lengthof(kinds), name);

	if (found >= 0)
		*kind = found;
	return found >= 0;
}

/* The role of that name; false: there is none. */
bool
wf_runtime_row_read_role(const char *name, WfMemberRole *role)
{
	int			found = find_word(roles, lengthof(roles), name);

	if (found >= 0)
		*role = found;
	return found >= 0;
}

/* --- parameters and columns ---------------------------------------------------------- */

static Datum
text_or_null(const char *text, char *null)
{
	*null = text == NULL ? 'n' : ' ';
	return text == NULL ? (Datum) 0 : CStringGetTextDatum(text);
}

static void
fill_in(const WfRuntimeRow *row, Datum *values, char *nulls)
{
	memset(nulls, ' ', NCOLUMNS);
	nulls[NCOLUMNS] = '\0';
	values[0] = CStringGetTextDatum(row->id);
	values[1] = CStringGetTextDatum(kinds[row->kind]);
	values[2] = CStringGetTextDatum(roles[row->role]);
	values[3] = CStringGetTextDatum(states[row->state]);
	values[4] = Int64GetDatum(row->epoch);
	values[5] = ObjectIdGetDatum(row->login);
	values[6] = BoolGetDatum(row->approved);
	values[7] = BoolGetDatum(row->graced);
	values[8] = text_or_null(row->restorer, &nulls[8]);
	values[9] = Int64GetDatum(row->restorer_epoch);
	nulls[9] = nulls[8];
	values[10] = text_or_null(row->fingerprint, &nulls[10]);
	values[11] = text_or_null(row->address, &nulls[11]);
	values[12] = JsonbPGetDatum(row->info);
	nulls[12] = row->info == NULL ? 'n' : ' ';
	values[13] = TimestampTzGetDatum(row->since);
}

static char *
text_column(HeapTuple tuple, int column)
{
	return SPI_getvalue(tuple, SPI_tuptable->tupdesc, column);
}

static Datum
column(HeapTuple tuple, int number, bool *isnull)
{
	return SPI_getbinval(tuple, SPI_tuptable->tupdesc, number, isnull);
}

/* The place of a word that our table has in a column. */
static int
word_column(HeapTuple tuple, int number, const char *const *words, int n)
{
	int			found = find_word(words, n, text_column(tuple, number));

	if (found < 0)
		elog(ERROR, "unexpected word \"%s\" in workflow.runtime", text_column(tuple, number));
	return found;
}

/* The row that a statement has found, in the current memory context; false: none. */
static bool
read_row(WfStatement *statement, const char *id, WfRuntimeRow *row)
{
	Datum		value = CStringGetTextDatum(id);
	HeapTuple	tuple;
	Datum		info;
	bool		isnull;

	if (wf_statement_execute(statement, &value, NULL, 1) == 0)
		return false;
	tuple = SPI_tuptable->vals[0];
	row->id = text_column(tuple, 1);
	row->kind = word_column(tuple, 2, kinds, lengthof(kinds));
	row->role = word_column(tuple, 3, roles, lengthof(roles));
	row->state = word_column(tuple, 4, states, lengthof(states));
	row->epoch = DatumGetInt64(column(tuple, 5, &isnull));
	row->login = DatumGetObjectId(column(tuple, 6, &isnull));
	row->approved = DatumGetBool(column(tuple, 7, &isnull));
	row->graced = DatumGetBool(column(tuple, 8, &isnull));
	row->restorer = text_column(tuple, 9);
	row->restorer_epoch = DatumGetInt64(column(tuple, 10, &isnull));
	row->fingerprint = text_column(tuple, 11);
	row->address = text_column(tuple, 12);
	info = column(tuple, 13, &isnull);
	row->info = isnull ? NULL : DatumGetJsonbPCopy(info);
	row->since = DatumGetTimestampTz(column(tuple, 14, &isnull));
	return true;
}

/* --- rows ---------------------------------------------------------------------------- */

/* Has the SQL of this database, which may be older, runtimes? */
bool
wf_runtime_row_exists(void)
{
	return wf_version_has_column("runtime", "epoch");
}

/* Read the row of a runtime as it is now; false: there is none. */
bool
wf_runtime_row_find(const char *id, WfRuntimeRow *row)
{
	return read_row(&find_statement, id, row);
}

/* The same, and lock it. */
bool
wf_runtime_row_lock(const char *id, WfRuntimeRow *row)
{
	return read_row(&lock_statement, id, row);
}

/* The same, so that others may, but nobody changes it. */
bool
wf_runtime_row_lock_shared(const char *id, WfRuntimeRow *row)
{
	return read_row(&lock_shared_statement, id, row);
}

/* Lock it for changes, unless somebody has it locked; then false, too. */
bool
wf_runtime_row_try_lock(const char *id, WfRuntimeRow *row)
{
	return read_row(&try_lock_statement, id, row);
}

/* Insert a row; false: there is one with its id.  Waits for who is inserting one. */
bool
wf_runtime_row_insert(const WfRuntimeRow *row)
{
	Datum		values[NCOLUMNS];
	char		nulls[NCOLUMNS + 1];

	fill_in(row, values, nulls);
	return wf_statement_execute(&insert_statement, values, nulls, 0) > 0;
}

/* Write a row that is locked. */
void
wf_runtime_row_update(const WfRuntimeRow *row)
{
	Datum		values[NCOLUMNS];
	char		nulls[NCOLUMNS + 1];

	fill_in(row, values, nulls);
	(void) wf_statement_execute(&update_statement, values, nulls, 0);
}

/* Delete a row that is locked. */
void
wf_runtime_row_delete(const char *id)
{
	Datum		value = CStringGetTextDatum(id);

	(void) wf_statement_execute(&delete_statement, &value, NULL, 0);
}

/* For adopt(): the runtimes of another place are nobody's here. */
void
wf_runtime_row_forget_all(void)
{
	if (wf_runtime_row_exists())
		(void) wf_statement_execute(&forget_statement, NULL, NULL, 0);
}

/* Are there any but local ones? */
bool
wf_runtime_row_any(void)
{
	return wf_statement_execute(&any_statement, NULL, NULL, 1) > 0;
}

/* Those that live, but for local ones; in the current memory context. */
int
wf_runtime_row_living(WfMemberRow **rows)
{
	int			n = (int) wf_statement_execute(&living_statement, NULL, NULL, 0);

	*rows = palloc0(sizeof(WfMemberRow) * (n + 1));
	for (int i = 0; i < n; i++)
	{
		HeapTuple	tuple = SPI_tuptable->vals[i];
		WfMemberRow *row = &(*rows)[i];
		bool		isnull;

		strlcpy(row->id, text_column(tuple, 1), sizeof(row->id));
		row->epoch = DatumGetInt64(column(tuple, 2, &isnull));
		row->login = DatumGetObjectId(column(tuple, 3, &isnull));
		row->role = word_column(tuple, 4, roles, lengthof(roles));
		row->approved = DatumGetBool(column(tuple, 5, &isnull));
		row->graced = DatumGetBool(column(tuple, 6, &isnull));
		row->kind = word_column(tuple, 7, kinds, lengthof(kinds));
		row->since = DatumGetTimestampTz(column(tuple, 8, &isnull));
	}
	return n;
}

/* The local runtime of that epoch; NULL: it is not registered yet. */
const char *
wf_runtime_row_mine(int64 epoch)
{
	Datum		value = Int64GetDatum(epoch);

	return wf_statement_execute(&mine_statement, &value, NULL, 1) == 0 ? NULL :
		text_column(SPI_tuptable->vals[0], 1);
}

/*
 * The role of the local runtime of that epoch; while it is not registered, of the first
 * one that there is of these ids.
 */
WfMemberRole
wf_runtime_row_local_role(int64 epoch, ArrayType *ids)
{
	Datum		values[2] = {Int64GetDatum(epoch), PointerGetDatum(ids)};

	return wf_statement_execute(&instance_statement, values, NULL, 1) == 0 ? WF_MEMBER_BOTH :
		word_column(SPI_tuptable->vals[0], 1, roles, lengthof(roles));
}

/*
 * Since when the local runtime of that epoch, or one of the same id, is the only one that has
 * been local; infinity: it is not registered yet.
 */
TimestampTz
wf_runtime_row_local_since(int64 epoch)
{
	Datum		value = Int64GetDatum(epoch);
	bool		isnull;

	(void) wf_statement_execute(&since_statement, &value, NULL, 1);
	value = column(SPI_tuptable->vals[0], 1, &isnull);
	return isnull ? DT_NOEND : DatumGetTimestampTz(value);
}

/* A local runtime that is not dead and not this one; NULL: there is none. */
const char *
wf_runtime_row_other_local(const char *id)
{
	Datum		value = CStringGetTextDatum(id);

	return wf_statement_execute(&local_statement, &value, NULL, 1) == 0 ? NULL :
		text_column(SPI_tuptable->vals[0], 1);
}

/* Who needs recovery by this runtime most, but for those; NULL: nobody. */
const char *
wf_runtime_row_to_recover(const char *by, ArrayType *but)
{
	Datum		values[2] = {CStringGetTextDatum(by), PointerGetDatum(but)};

	return wf_statement_execute(&candidate_statement, values, NULL, 1) == 0 ? NULL :
		text_column(SPI_tuptable->vals[0], 1);
}

/*
 * A start of the server has given a runtime of that epoch grace, or it has said something
 * since.
 */
void
wf_runtime_row_grace(const char *id, int64 epoch, bool graced)
{
	Datum		values[3] = {CStringGetTextDatum(id), Int64GetDatum(epoch), BoolGetDatum(graced)};

	(void) wf_statement_execute(&grace_statement, values, NULL, 0);
}

/* --- outcomes ------------------------------------------------------------------------- */

/* A runtime of that epoch has told the outcome with that number.  False: it has told later ones. */
bool
wf_runtime_row_told(const char *id, int64 epoch, int64 number)
{
	Datum		values[3] = {CStringGetTextDatum(id), Int64GetDatum(epoch), Int64GetDatum(number)};

	return wf_statement_execute(&told_statement, values, NULL, 0) == 1;
}

/*
 * The highest number that a runtime of that epoch has told; *restored: it had fewer once, and
 * was not approved since.  False: it has not that epoch.
 */
bool
wf_runtime_row_outcomes(const char *id, int64 epoch, int64 *number, bool *restored)
{
	Datum		values[2] = {CStringGetTextDatum(id), Int64GetDatum(epoch)};
	bool		isnull;

	if (wf_statement_execute(&outcomes_statement, values, NULL, 1) == 0)
		return false;
	*number = DatumGetInt64(column(SPI_tuptable->vals[0], 1, &isnull));
	*restored = DatumGetBool(column(SPI_tuptable->vals[0], 2, &isnull));
	return true;
}

/* A runtime whose row is locked was restored: what has ended later it may not have. */
void
wf_runtime_row_restored(const char *id, TimestampTz to)
{
	Datum		values[2] = {CStringGetTextDatum(id), TimestampTzGetDatum(to)};

	(void) wf_statement_execute(&restored_statement, values, NULL, 0);
}

/* What a runtime that was restored has now is what it is to have. */
void
wf_runtime_row_accept(const char *id)
{
	Datum		value = CStringGetTextDatum(id);

	(void) wf_statement_execute(&accept_statement, &value, NULL, 0);
}
