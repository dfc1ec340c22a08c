/*-------------------------------------------------------------------------
 *
 * named_by.c
 *	  Who still names a job, a definition or a queue that is dropped.
 *
 * Schedules and triggers name what they make runs or processes of.  Dropping that
 * does not drop them: it may be made again.  But it must not happen in silence,
 * because from then on schedules are suspended, and statements that write to a
 * table with a trigger fail.  So it is with a queue: runs that are to go there are
 * refused.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"

#include "base/quote.h"
#include "base/version.h"
#include "definition/named_by.h"
#include "store/statement.h"

/* The others are only counted. */
#define MOST_NAMES		10

static WfStatement named_by_statement = {
	.sql = "SELECT 'schedule' AS kind, s.name FROM workflow.schedule s"
	" WHERE CASE WHEN $2 THEN s.job ELSE s.definition END OPERATOR(pg_catalog.=) $1"
	" UNION ALL SELECT 'table trigger', t.name FROM workflow.table_trigger t"
	" WHERE CASE WHEN $2 THEN t.job ELSE t.definition END OPERATOR(pg_catalog.=) $1"
	" UNION ALL SELECT 'file trigger', f.name FROM workflow.file_trigger f"
	" WHERE $2 AND f.job OPERATOR(pg_catalog.=) $1"
	" ORDER BY 1, 2",
	WF_ARGS(TEXTOID, BOOLOID),
	.latest = true
};

static WfStatement queue_statement = {
	.sql = "SELECT 'definition' AS kind, d.name FROM (SELECT DISTINCT ON (name) name, chart FROM workflow.definition"
	" ORDER BY name, version DESC) d WHERE pg_catalog.jsonb_path_exists(d.chart::pg_catalog.jsonb,"
	" '$.**.invoke[*].queue ? (@ == $queue)', pg_catalog.jsonb_build_object('queue', $1))"
	" UNION ALL SELECT 'job', j.name FROM (SELECT DISTINCT ON (name) name, queue, dropped_at FROM workflow.job"
	" ORDER BY name, version DESC) j WHERE j.queue OPERATOR(pg_catalog.=) $2 AND j.dropped_at IS NULL"
	" ORDER BY 1, 2",
	WF_ARGS(TEXTOID, INT4OID),
	.latest = true
};

/* The n rows of a statement of this file, as a list for people. */
static char *
names_found(int n)
{
	StringInfoData names;

	initStringInfo(&names);
	for (int i = 0; i < Min(n, MOST_NAMES); i++)
		appendStringInfo(&names, "%s%s \"%s\"", i > 0 ? ", " : "",
						 SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1),
						 wf_quote(SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 2)));
	if (n > MOST_NAMES)
		appendStringInfo(&names, " and %d more", n - MOST_NAMES);
	return names.data;
}

/*
 * Warn of schedules and triggers that name a job or a definition, which there is not
 * any more.  SPI must be connected.
 */
void
wf_named_by_warn(const char *name, bool job)
{
	Datum		values[2] = {CStringGetTextDatum(name), BoolGetDatum(job)};
	int			n;

	if (!wf_version_has_column("schedule", "job") || !wf_version_has_column("file_trigger", "job"))
		return;
	n = wf_statement_execute(&named_by_statement, values, NULL, 0);
	if (n == 0)
		return;
	ereport(WARNING,
			(job ? errmsg("job \"%s\" is dropped, and still named", wf_quote(name)) :
			 errmsg("definition \"%s\" is dropped, and still named", wf_quote(name)),
			 errdetail("It is named by %s.", names_found(n)),
			 errhint("Drop these, too, or make it again: schedules are suspended when they are due, and statements fail that write to a table whose trigger names it.")));
}

/*
 * The same of jobs and definitions that name a queue, in their newest versions.  That
 * of a job's own, which has a negative number, is there without a row, too.
 */
void
wf_named_by_warn_of_queue(const char *name, int32 queue)
{
	Datum		values[2] = {CStringGetTextDatum(name), Int32GetDatum(queue)};
	int			n = queue < 0 ? 0 : wf_statement_execute(&queue_statement, values, NULL, 0);

	if (n > 0)
		ereport(WARNING,
				(errmsg("queue \"%s\" is dropped, and still named", wf_quote(name)),
				 errdetail("It is named by %s.", names_found(n)),
				 errhint("Make versions of these that name another one: runs that are to go there are refused.")));
}
