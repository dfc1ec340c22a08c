/*-------------------------------------------------------------------------
 *
 * act.c
 *	  The table workflow.act: what operators have done.
 *
 * Runs in the sessions of operators, and where the ring of retention.c moves on, to
 * which the partitions of this table belong.  The row says as which role it was done,
 * and who had logged in.  What is done with definitions stands in
 * definition_change (definition/definition_log.c) for as long as the definition is
 * there; the view workflow.audit shows both.
 *
 * Only inserts, but where rows expire and a process is erased.  SQL of before 0.3.0 has
 * no such table: nothing is noted there.
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
#include "base/uuid.h"
#include "base/version.h"
#include "store/act.h"
#include "store/retention.h"
#include "store/statement.h"

/* So many expire at a time, where the ring does not take them. */
#define PIECE	1000

static WfStatement note_statement = {
	.sql = "INSERT INTO workflow.act (id, at, act, kind, object, owner, role, login, actor, detail, note, slot)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, " WF_RETENTION_SLOT ")",
	WF_ARGS(UUIDOID, TIMESTAMPTZOID, TEXTOID, TEXTOID, TEXTOID, INT4OID, TEXTOID, TEXTOID, TEXTOID, JSONBOID,
			TEXTOID)
};

/* That something was done with it stays; what it was about goes with the process. */
static WfStatement forget_statement = {
	.sql = "UPDATE workflow.act SET actor = NULL, detail = NULL, note = NULL"
	" WHERE kind OPERATOR(pg_catalog.=) 'process' AND object OPERATOR(pg_catalog.=) $1",
	WF_ARGS(TEXTOID),
	.latest = true
};

/* Whoever is at a row sees to it: nobody waits. */
static WfStatement expire_statement = {
	.sql = "DELETE FROM workflow.act d USING (SELECT a.id, a.slot FROM workflow.act a"
	" WHERE a.at OPERATOR(pg_catalog.<) $1 ORDER BY a.at LIMIT $2 FOR UPDATE SKIP LOCKED) a"
	" WHERE d.id OPERATOR(pg_catalog.=) a.id AND d.slot OPERATOR(pg_catalog.=) a.slot",
	WF_ARGS(TIMESTAMPTZOID, INT8OID)
};

/* TRUNCATE takes no parameters. */
#define TRUNCATE(n) {.sql = "TRUNCATE workflow.act_" #n}
static WfStatement truncate_statements[WF_RETENTION_SLOTS] = {
	TRUNCATE(0), TRUNCATE(1), TRUNCATE(2), TRUNCATE(3),
	TRUNCATE(4), TRUNCATE(5), TRUNCATE(6), TRUNCATE(7)
};

/* See wf_act_of_many(). */
static bool of_many = false;

static bool
has_table(void)
{
	return wf_version_has_column("act", "login");
}

static Datum
text_or_null(const char *text, char *null)
{
	*null = text == NULL ? 'n' : ' ';
	return text == NULL ? (Datum) 0 : CStringGetTextDatum(text);
}

/* The name of a role; its number, if it was dropped while it is here. */
static char *
name_of(Oid role)
{
	char	   *name = GetUserNameFromId(role, true);

	return name != NULL ? name : psprintf("%u", role);
}

/*
 * Note what the current user has done, in this transaction.  SPI must be connected, as
 * for all of these.
 */
void
wf_act(const WfAct *act)
{
	pg_uuid_t	id;
	char		nulls[12] = "           ";
	Datum		values[11] = {
		UUIDPGetDatum(&id), TimestampTzGetDatum(wf_clock_now()), CStringGetTextDatum(act->act),
		CStringGetTextDatum(act->kind), text_or_null(act->object, &nulls[4]), Int32GetDatum(act->owner),
		CStringGetTextDatum(name_of(GetUserId())), CStringGetTextDatum(name_of(GetSessionUserId())),
		text_or_null(act->actor, &nulls[8]), JsonbPGetDatum(act->detail), text_or_null(act->note, &nulls[10])
	};

	if (of_many || !has_table())
		return;
	wf_uuid_make(&id, WF_UUID_NO_SLOT);
	nulls[9] = act->detail == NULL ? 'n' : ' ';
	(void) wf_statement_execute(&note_statement, values, nulls, 0);
}

/*
 * What is done from now on is one thing done to many, which was noted as a whole: nothing is
 * noted of each of them.  Returns what held before; the caller sets it back, also after an
 * error.
 */
bool
wf_act_of_many(bool many)
{
	bool		before = of_many;

	of_many = many;
	return before;
}

/* A process is erased: what was said of what was done with it goes, too. */
void
wf_act_forget(const pg_uuid_t *process)
{
	Datum		value = CStringGetTextDatum(wf_uuid_text(process));

	if (has_table())
		(void) wf_statement_execute(&forget_statement, &value, NULL, 0);
}

/* Delete a piece of what was done before then; true: there may be more. */
bool
wf_act_expire(TimestampTz before)
{
	Datum		values[2] = {TimestampTzGetDatum(before), Int64GetDatum(PIECE)};

	return has_table() && wf_statement_execute(&expire_statement, values, NULL, 0) == PIECE;
}

/* Empty a partition that is locked. */
void
wf_act_truncate(int slot)
{
	if (has_table())
		(void) wf_statement_execute(&truncate_statements[slot], NULL, NULL, 0);
}
