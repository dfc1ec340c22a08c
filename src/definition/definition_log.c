/*-------------------------------------------------------------------------
 *
 * definition_log.c
 *	  The table workflow.definition_change: what was done with a definition.
 *
 * Runs in sessions that define, pause, grant, hand over and drop.  These touch no
 * process, so they have no row in a process's history: the definition has one of
 * its own.  It is kept for as long as the definition is there, as that of a
 * process is; of a definition that was dropped it expires like that of a process
 * that has ended.
 *
 * Jobs, queues and limits, with their prefix, have their grants here.  What else is done
 * with them, and with processes, is in act (store/act.c); workflow.audit shows both.
 *
 * Only inserts, but when a definition is dropped.  Takes no lock but those of
 * rows.  SQL of before 0.3.0 has no such table: nothing is noted there.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/version.h"
#include "definition/definition_log.h"
#include "store/statement.h"

static WfStatement note_statement = {
	.sql = "INSERT INTO workflow.definition_change (definition, version, at, event, actor, data, note, login)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
	WF_ARGS(TEXTOID, INT4OID, TIMESTAMPTZOID, TEXTOID, TEXTOID, JSONBOID, TEXTOID, TEXTOID)
};

static WfStatement last_version_statement = {
	.sql = "SELECT COALESCE(pg_catalog.max(c.version), 0) FROM workflow.definition_change c"
	" WHERE c.definition OPERATOR(pg_catalog.=) $1 AND c.gone IS NULL",
	WF_ARGS(TEXTOID)
};

static WfStatement gone_statement = {
	.sql = "UPDATE workflow.definition_change SET gone = $2"
	" WHERE definition OPERATOR(pg_catalog.=) $1 AND gone IS NULL",
	WF_ARGS(TEXTOID, TIMESTAMPTZOID),
	.latest = true
};

/* Whoever is at a row sees to it: nobody waits. */
static WfStatement expire_statement = {
	.sql = "DELETE FROM workflow.definition_change c WHERE c.ctid OPERATOR(pg_catalog.=) ANY (ARRAY("
	"SELECT g.ctid FROM workflow.definition_change g WHERE g.gone OPERATOR(pg_catalog.<) $1"
	" FOR UPDATE SKIP LOCKED))",
	WF_ARGS(TIMESTAMPTZOID)
};

static bool
has_table(void)
{
	return wf_version_has_column("definition_change", "gone");
}

/*
 * Note what the current user does with a definition.  SPI must be connected.
 */
void
wf_definition_log(const WfDefinitionLog *log)
{
	char	   *login = GetUserNameFromId(GetSessionUserId(), true);
	Datum		values[8] = {
		CStringGetTextDatum(log->definition), Int32GetDatum(log->version),
		TimestampTzGetDatum(wf_clock_now()), CStringGetTextDatum(log->event),
		CStringGetTextDatum(GetUserNameFromId(GetUserId(), false)),
		log->data ? JsonbPGetDatum(log->data) : (Datum) 0,
		log->note ? CStringGetTextDatum(log->note) : (Datum) 0,
		login ? CStringGetTextDatum(login) : (Datum) 0
	};
	char		nulls[9] = "        ";

	if (!has_table())
		return;
	nulls[1] = log->version == 0 ? 'n' : ' ';
	nulls[5] = log->data == NULL ? 'n' : ' ';
	nulls[6] = log->note == NULL ? 'n' : ' ';
	nulls[7] = login == NULL ? 'n' : ' ';
	(void) wf_statement_execute(&note_statement, values, nulls, 0);
}

/*
 * The last version that was ever stored of a definition that is there, also if it
 * was dropped, as far as was noted; 0: none.  SPI must be connected.
 */
int32
wf_definition_log_last_version(const char *definition)
{
	Datum		value = CStringGetTextDatum(definition);
	bool		isnull;

	if (!has_table())
		return 0;
	(void) wf_statement_execute(&last_version_statement, &value, NULL, 1);
	return DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
}

/*
 * The definition is dropped: what was noted belongs to none that will have the
 * name later, and will expire.  SPI must be connected.
 */
void
wf_definition_log_gone(const char *definition)
{
	Datum		values[2] = {CStringGetTextDatum(definition), TimestampTzGetDatum(wf_clock_now())};

	if (has_table())
		(void) wf_statement_execute(&gone_statement, values, NULL, 0);
}

/*
 * Delete what was noted of definitions that were dropped before that time.  SPI
 * must be connected.
 */
void
wf_definition_log_expire(TimestampTz before)
{
	Datum		value = TimestampTzGetDatum(before);

	if (has_table())
		(void) wf_statement_execute(&expire_statement, &value, NULL, 0);
}
