/*-------------------------------------------------------------------------
 *
 * run_log.c
 *	  The table workflow.run_log: what runs have said.
 *
 * Runs in executors and in the sessions of workers, which have the run locked, or have
 * taken it: so nobody else numbers its lines.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "store/retention.h"
#include "store/run_log.h"
#include "store/statement.h"

static WfStatement add_statement = {
	.sql = "INSERT INTO workflow.run_log (run, n, attempt, at, severity, message, data, slot)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
	WF_ARGS(UUIDOID, INT4OID, INT4OID, TIMESTAMPTZOID, TEXTOID, TEXTOID, JSONBOID, INT2OID)
};

static WfStatement last_statement = {
	.sql = "SELECT COALESCE(pg_catalog.max(l.n), 0) FROM workflow.run_log l WHERE l.run OPERATOR(pg_catalog.=) $1",
	WF_ARGS(UUIDOID),
	.latest = true
};

/* One of the words for how grave a line is, whatever the case of that; NULL: it is none. */
const char *
wf_run_log_severity(const char *word)
{
	static const char *const words[] = {"debug", "log", "info", "notice", "warning", "error"};

	for (int i = 0; i < (int) lengthof(words); i++)
		if (pg_strcasecmp(word, words[i]) == 0)
			return words[i];
	return NULL;
}

static int32
last_number(const pg_uuid_t *run)
{
	Datum		value = UUIDPGetDatum(run);
	bool		isnull;

	(void) wf_statement_execute(&last_statement, &value, NULL, 1);
	return DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
}

/* Lines of a run, behind those that it has.  SPI must be connected. */
void
wf_run_log_add(const pg_uuid_t *run, int attempt, int n, const WfRunLogLine *lines)
{
	int32		last = last_number(run);
	WfRights	rights;
	int16		slot;

	wf_statement_raise_rights(&rights);
	slot = wf_retention_slot();
	for (int i = 0; i < n; i++)
	{
		Datum		values[8] = {
			UUIDPGetDatum(run), Int32GetDatum(last + i + 1), Int32GetDatum(attempt),
			TimestampTzGetDatum(lines[i].at), CStringGetTextDatum(lines[i].severity),
			CStringGetTextDatum(lines[i].message), JsonbPGetDatum(lines[i].data), Int16GetDatum(slot)
		};

		(void) wf_statement_execute_raised(&add_statement, values, lines[i].data == NULL ? "      n " : NULL, 0);
	}
	wf_statement_restore_rights(&rights);
}
