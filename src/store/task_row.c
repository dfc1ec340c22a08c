/*-------------------------------------------------------------------------
 *
 * task_row.c
 *	  The tables workflow.task, task_seat and task_act: what people may or have to do.
 *
 * Runs in any backend under the lock on the process row, which makes its tasks the
 * caller's: two who claim or vote at once come one after the other.  Steps make and close
 * tasks through changes_write.c.  task_seat says in whose inbox an open task is, under the
 * names that it is for, so that an inbox is read off an index.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "store/statement.h"
#include "store/task_row.h"
#include "store/tenant.h"

static WfStatement process_statement = {
	.sql = "SELECT process, tenant FROM workflow.task WHERE id OPERATOR(pg_catalog.=) $1",
	WF_ARGS(UUIDOID),
	.latest = true
};

static WfStatement lock_statement = {
	.sql = "SELECT process, definition, state, title, priority, due, need, names, events, claimed_by, data"
	" FROM workflow.task WHERE id OPERATOR(pg_catalog.=) $1 AND closed_at IS NULL FOR NO KEY UPDATE",
	WF_ARGS(UUIDOID),
	.latest = true
};

static WfStatement close_statement = {
	.sql = "WITH gone AS (UPDATE workflow.task SET closed_at = $2, closed_by = $3, event = $4"
	"  WHERE id OPERATOR(pg_catalog.=) $1 AND closed_at IS NULL RETURNING id)"
	" DELETE FROM workflow.task_seat e USING gone g WHERE e.task OPERATOR(pg_catalog.=) g.id",
	WF_ARGS(UUIDOID, TIMESTAMPTZOID, TEXTOID, TEXTOID)
};

static WfStatement hold_statement = {
	.sql = "WITH gone AS (DELETE FROM workflow.task_seat WHERE task OPERATOR(pg_catalog.=) $1)"
	" UPDATE workflow.task SET names = $2, claimed_by = $3 WHERE id OPERATOR(pg_catalog.=) $1",
	WF_ARGS(UUIDOID, TEXTARRAYOID, TEXTOID)
};

/* It is for whoever has claimed it, or for all names that have not voted. */
static WfStatement seat_statement = {
	.sql = "INSERT INTO workflow.task_seat (task, name, process, definition, rank, due, several, tenant)"
	" SELECT t.id, e.name, t.process, t.definition, OPERATOR(pg_catalog.-) t.priority, COALESCE(t.due, 'infinity'),"
	"  t.need OPERATOR(pg_catalog.<>) 1, t.tenant"
	" FROM workflow.task t, pg_catalog.unnest(CASE WHEN t.claimed_by IS NULL THEN t.names"
	"  ELSE ARRAY[t.claimed_by::pg_catalog.text] END) e(name)"
	" WHERE t.id OPERATOR(pg_catalog.=) $1 AND NOT EXISTS (SELECT FROM workflow.task_act a"
	"  WHERE a.task OPERATOR(pg_catalog.=) t.id AND a.act OPERATOR(pg_catalog.=) 'vote'"
	"  AND a.name OPERATOR(pg_catalog.=) e.name"
	"  AND t.need OPERATOR(pg_catalog.<=) pg_catalog.cardinality(t.names))",
	WF_ARGS(UUIDOID),
	.latest = true
};

static WfStatement note_statement = {
	.sql = "INSERT INTO workflow.task_act (task, process, at, act, actor, name, other, event, note, data)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
	WF_ARGS(UUIDOID, UUIDOID, TIMESTAMPTZOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, JSONBOID)
};

static WfStatement votes_statement = {
	.sql = "SELECT actor, name, event, note, data, at FROM workflow.task_act"
	" WHERE task OPERATOR(pg_catalog.=) $1 AND act OPERATOR(pg_catalog.=) 'vote' ORDER BY id",
	WF_ARGS(UUIDOID),
	.latest = true
};

/* The roles of which a role is a member by GRANT: a superuser is not one of every role. */
static WfStatement groups_statement = {
	.sql = "WITH RECURSIVE g(role) AS (SELECT $1 UNION SELECT m.roleid FROM pg_catalog.pg_auth_members m, g"
	"  WHERE m.member OPERATOR(pg_catalog.=) g.role)"
	" SELECT r.rolname FROM g, pg_catalog.pg_roles r WHERE r.oid OPERATOR(pg_catalog.=) g.role"
	" AND g.role OPERATOR(pg_catalog.<>) $1",
	WF_ARGS(OIDOID)
};

/* --- lists of strings ------------------------------------------------------------ */

/* Strings as text[]. */
Datum
wf_task_row_texts(const List *strings)
{
	Datum	   *values = palloc(sizeof(Datum) * (list_length(strings) + 1));
	ListCell   *cell;
	int			n = 0;

	foreach(cell, strings)
		values[n++] = CStringGetTextDatum(lfirst(cell));
	return PointerGetDatum(construct_array(values, n, TEXTOID, -1, false, TYPALIGN_INT));
}

/* The elements of a text[], none of which is null, in the current memory context. */
static List *
strings_of(Datum array)
{
	Datum	   *values;
	int			n;
	List	   *strings = NIL;

	deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false, TYPALIGN_INT, &values, NULL, &n);
	for (int i = 0; i < n; i++)
		strings = lappend(strings, TextDatumGetCString(values[i]));
	return strings;
}

/* Is this string one of these? */
bool
wf_task_row_has(const List *strings, const char *string)
{
	ListCell   *cell;

	foreach(cell, strings)
		if (strcmp(lfirst(cell), string) == 0)
			return true;
	return false;
}

/*
 * The names by which a task may be for an actor: its own, and these groups, or, unless they
 * are known, the roles that it is a member of.  SPI must be connected, as for all that follow.
 */
List *
wf_task_row_names(const char *actor, bool has_groups, const List *groups)
{
	Oid			role = get_role_oid(actor, true);
	Datum		value = ObjectIdGetDatum(role);
	List	   *names = list_make1(pstrdup(actor));
	uint64		n;

	if (has_groups)
		return list_concat(names, groups);
	if (!OidIsValid(role))
		return names;
	n = wf_statement_execute(&groups_statement, &value, NULL, 0);
	for (uint64 i = 0; i < n; i++)
		names = lappend(names, SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1));
	return names;
}

/* --- tasks ------------------------------------------------------------------------ */

/*
 * Set *process to the process of a task, which may be closed; false: for the session there
 * is none.
 */
bool
wf_task_row_process(const pg_uuid_t *id, pg_uuid_t *process)
{
	Datum		value = UUIDPGetDatum(id);
	bool		isnull;

	if (wf_statement_execute(&process_statement, &value, NULL, 1) == 0)
		return false;
	*process = *DatumGetUUIDP(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	return wf_tenant_sees(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2, &isnull));
}

/*
 * Lock and read an open task, whose process the caller has locked, in the current memory
 * context; false: there is none.
 */
bool
wf_task_row_lock(const pg_uuid_t *id, WfTaskRow *task)
{
	Datum		value = UUIDPGetDatum(id);
	HeapTuple	row;
	TupleDesc	desc;
	Datum		column;
	bool		isnull;

	if (wf_statement_execute(&lock_statement, &value, NULL, 1) == 0)
		return false;
	row = SPI_tuptable->vals[0];
	desc = SPI_tuptable->tupdesc;
	task->id = *id;
	task->process = *DatumGetUUIDP(SPI_getbinval(row, desc, 1, &isnull));
	task->definition = SPI_getvalue(row, desc, 2);
	task->state = SPI_getvalue(row, desc, 3);
	task->title = SPI_getvalue(row, desc, 4);
	task->priority = DatumGetInt16(SPI_getbinval(row, desc, 5, &isnull));
	column = SPI_getbinval(row, desc, 6, &isnull);
	task->due = isnull ? DT_NOEND : DatumGetTimestampTz(column);
	task->need = DatumGetInt32(SPI_getbinval(row, desc, 7, &isnull));
	task->names = strings_of(SPI_getbinval(row, desc, 8, &isnull));
	task->events = strings_of(SPI_getbinval(row, desc, 9, &isnull));
	task->claimed_by = SPI_getvalue(row, desc, 10);
	column = SPI_getbinval(row, desc, 11, &isnull);
	task->data = isnull ? NULL : DatumGetJsonbPCopy(column);
	return true;
}

/* An event has ended a task, which its state may outlive. */
void
wf_task_row_close(const WfTaskRow *task, const char *event, const char *actor)
{
	Datum		values[4] = {UUIDPGetDatum(&task->id), TimestampTzGetDatum(wf_clock_now()),
	CStringGetTextDatum(actor), CStringGetTextDatum(event)};

	wf_statement_execute(&close_statement, values, NULL, 0);
}

/* Write the names of a task and who has claimed it, and in whose inboxes it is then. */
void
wf_task_row_reseat(const WfTaskRow *task)
{
	Datum		values[3] = {UUIDPGetDatum(&task->id), wf_task_row_texts(task->names), (Datum) 0};

	if (task->claimed_by != NULL)
		values[2] = CStringGetTextDatum(task->claimed_by);
	wf_statement_execute(&hold_statement, values, task->claimed_by == NULL ? "  n" : NULL, 0);
	wf_statement_execute(&seat_statement, values, NULL, 0);
}

/* --- what was done with them -------------------------------------------------------- */

/* Note what somebody has done with a task, now. */
void
wf_task_row_note(const WfTaskRow *task, const WfTaskAct *act)
{
	const char *texts[] = {act->act, act->actor, act->name, act->other, act->event, act->note};
	Datum		values[10] = {UUIDPGetDatum(&task->id), UUIDPGetDatum(&task->process),
	TimestampTzGetDatum(wf_clock_now())};
	char		nulls[] = "          ";

	for (int i = 0; i < (int) lengthof(texts); i++)
	{
		nulls[3 + i] = texts[i] == NULL ? 'n' : ' ';
		values[3 + i] = texts[i] == NULL ? (Datum) 0 : CStringGetTextDatum(texts[i]);
	}
	nulls[9] = act->data == NULL ? 'n' : ' ';
	values[9] = PointerGetDatum(act->data);
	wf_statement_execute(&note_statement, values, nulls, 0);
}

/* The votes on a task in their order, in the current memory context; returns how many. */
int
wf_task_row_votes(const pg_uuid_t *id, WfTaskAct **votes)
{
	Datum		value = UUIDPGetDatum(id);
	int			n = wf_statement_execute(&votes_statement, &value, NULL, 0);

	*votes = palloc0(sizeof(WfTaskAct) * (n + 1));
	for (int i = 0; i < n; i++)
	{
		WfTaskAct  *vote = &(*votes)[i];
		HeapTuple	row = SPI_tuptable->vals[i];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		Datum		data;
		bool		isnull;

		vote->act = WF_TASK_VOTE;
		vote->actor = SPI_getvalue(row, desc, 1);
		vote->name = SPI_getvalue(row, desc, 2);
		vote->event = SPI_getvalue(row, desc, 3);
		vote->note = SPI_getvalue(row, desc, 4);
		data = SPI_getbinval(row, desc, 5, &isnull);
		vote->data = isnull ? NULL : DatumGetJsonbPCopy(data);
		vote->at = DatumGetTimestampTz(SPI_getbinval(row, desc, 6, &isnull));
	}
	return n;
}
