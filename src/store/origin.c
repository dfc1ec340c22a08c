/*-------------------------------------------------------------------------
 *
 * origin.c
 *	  Is this database the one its rows were written in?
 *
 * Runs in any backend.  The only row of workflow.stamp names the system
 * identifier, the OID of the database and the OID of that table.  A restored
 * dump brings a row that names another server or database or, in the same
 * database, a table that was dropped.
 *
 * A restore loads one table after the other, in any order.  So where something
 * is stored and the stamp is missing, a restore is under way and the stamp has
 * still to come.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xlog.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/version.h"
#include "shmem/wakeup.h"
#include "store/origin.h"
#include "store/statement.h"

static WfStatement read_statement = {
	.sql = "SELECT s.system_identifier OPERATOR(pg_catalog.=) $1 AND s.database OPERATOR(pg_catalog.=) $2"
	" AND s.relation OPERATOR(pg_catalog.=) $3,"
	" EXISTS (SELECT FROM workflow.owner) OR EXISTS (SELECT FROM workflow.definition)"
	" FROM (SELECT) one LEFT JOIN workflow.stamp s ON true",
	WF_ARGS(INT8OID, OIDOID, OIDOID)
};

static WfStatement write_statement = {
	.sql = "INSERT INTO workflow.stamp (system_identifier, database, relation, at)"
	" SELECT $1, $2, $3, $4 WHERE NOT EXISTS (SELECT FROM workflow.owner)"
	" AND NOT EXISTS (SELECT FROM workflow.definition)"
	" ON CONFLICT (one) DO NOTHING",
	WF_ARGS(INT8OID, OIDOID, OIDOID, TIMESTAMPTZOID)
};

static WfStatement renew_statement = {
	.sql = "INSERT INTO workflow.stamp (system_identifier, database, relation, at) VALUES ($1, $2, $3, $4)"
	" ON CONFLICT (one) DO UPDATE SET system_identifier = EXCLUDED.system_identifier,"
	" database = EXCLUDED.database, relation = EXCLUDED.relation, at = EXCLUDED.at",
	WF_ARGS(INT8OID, OIDOID, OIDOID, TIMESTAMPTZOID)
};

/*
 * What numbers the rows of a table: the next one is beyond those that are used in
 * what `used` selects.
 */
#define SEQUENCE(table, column, used) { \
	table, column, { \
		.sql = "SELECT pg_catalog.setval(s.name, GREATEST(pg_catalog.nextval(s.name), s.last))" \
		" FROM (SELECT pg_catalog.pg_get_serial_sequence('workflow." table "', '" column "')::pg_catalog.regclass AS name," \
		" (SELECT pg_catalog.max(u.n) FROM (" used ") u(n)) AS last) s" \
	} \
}

static struct
{
	const char *table;
	const char *column;
	WfStatement catch_up;
}			sequences[] = {
	SEQUENCE("owner", "id", "SELECT id FROM workflow.owner"),
	SEQUENCE("definition", "id", "SELECT id FROM workflow.definition"),
	SEQUENCE("definition_change", "seq", "SELECT seq FROM workflow.definition_change"),
	/* failures go by the number of the timer */
	SEQUENCE("timer", "seq", "SELECT seq FROM workflow.timer UNION ALL SELECT seq FROM workflow.failure"),
	SEQUENCE("early", "seq", "SELECT seq FROM workflow.early"),
	SEQUENCE("deferred", "seq", "SELECT seq FROM workflow.deferred"),
	SEQUENCE("task_act", "id", "SELECT id FROM workflow.task_act"),
	SEQUENCE("job", "id", "SELECT id FROM workflow.job"),
	SEQUENCE("queue", "id", "SELECT id FROM workflow.queue"),
	SEQUENCE("rate_limit", "id", "SELECT id FROM workflow.rate_limit"),
	SEQUENCE("run", "seq", "SELECT seq FROM workflow.run"),
	SEQUENCE("run_request", "seq", "SELECT seq FROM workflow.run_request"),
	SEQUENCE("published", "id", "SELECT id FROM workflow.published"),
	SEQUENCE("schedule", "id", "SELECT id FROM workflow.schedule"),
	SEQUENCE("alert", "id", "SELECT id FROM workflow.alert"),
	SEQUENCE("file_trigger", "id", "SELECT id FROM workflow.file_trigger UNION ALL SELECT trigger FROM workflow.file_seen"),
	SEQUENCE("keep", "id", "SELECT id FROM workflow.keep"),
	SEQUENCE("file", "request", "SELECT request FROM workflow.file UNION ALL SELECT request FROM workflow.file_request"),
	SEQUENCE("file_upload", "id", "SELECT id FROM workflow.file_upload"),
	SEQUENCE("outcome", "number", "SELECT number FROM workflow.outcome"),
};

/*
 * The table whose stamp was found to be ours: it stays so for the life of the
 * extension in this database.
 */
static Oid	checked_relation = InvalidOid;

/* What a stamp of this place says, but for the time.  Returns the table's OID. */
static Oid
fill_in(Datum *values)
{
	Oid			relation = get_relname_relid("stamp",
											 get_namespace_oid("workflow", false));

	values[0] = Int64GetDatum((int64) GetSystemIdentifier());
	values[1] = ObjectIdGetDatum(MyDatabaseId);
	values[2] = ObjectIdGetDatum(relation);
	return relation;
}

/*
 * Were the rows of this database written here, or is nothing stored yet?  False
 * also while a restore is under way.  SPI must be connected.
 */
bool
wf_origin_is_ours(void)
{
	Datum		values[3];
	Oid			relation = fill_in(values);
	HeapTuple	row;
	TupleDesc	desc;
	bool		fits;
	bool		isnull;

	if (relation == checked_relation)
		return true;
	wf_statement_execute(&read_statement, values, NULL, 1);
	row = SPI_tuptable->vals[0];
	desc = SPI_tuptable->tupdesc;
	fits = DatumGetBool(SPI_getbinval(row, desc, 1, &isnull));
	if (isnull)
		return !DatumGetBool(SPI_getbinval(row, desc, 2, &isnull));
	if (fits)
		checked_relation = relation;
	return fits;
}

/*
 * The same, and something is stored, as the stamp says: for who deletes or changes rows
 * for want of others.  In the middle of a restore those may come later, and as long as
 * neither owners nor definitions have come the database looks like one in which nothing
 * was ever stored.
 */
bool
wf_origin_is_certain(void)
{
	Datum		values[3];

	return wf_origin_is_ours() && fill_in(values) == checked_relation;
}

/* Error 55000 unless wf_origin_is_ours().  SPI must be connected. */
void
wf_origin_require(void)
{
	if (!wf_origin_is_ours())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the workflows of this database were made in another one"),
				 errdetail("It was restored from a dump, copied, or upgraded; nothing runs here yet."),
				 errhint("If they are to go on here, and no longer there: SELECT workflow.adopt();")));
}

/* Execute a statement with a stamp of this place as its parameters.  Was it written? */
static bool
stamp(WfStatement *statement)
{
	Datum		values[4];

	fill_in(values);
	values[3] = TimestampTzGetDatum(wf_clock_now());
	return wf_statement_execute(statement, values, NULL, 0) > 0;
}

/*
 * Write the stamp before the first row is stored; does nothing when something is
 * stored.  A runtime is to come then: the instance is registered where there is a
 * stamp.  Error 55000 as wf_origin_require().  SPI must be connected.
 */
void
wf_origin_write(void)
{
	if (stamp(&write_statement))
		wf_wakeup_extension();
	wf_origin_require();
}

/*
 * For adopt(): write a stamp of this place, whatever it was before.  SPI must be
 * connected.
 */
void
wf_origin_renew(void)
{
	(void) stamp(&renew_statement);
}

/*
 * For adopt() of what came from elsewhere: have sequences go on behind the rows
 * that are there.  Logical replication brings rows and no sequences.  SPI must be
 * connected.
 */
void
wf_origin_catch_up(void)
{
	for (size_t i = 0; i < lengthof(sequences); i++)
	{
		/* SQL of versions before 0.3.0 has fewer */
		if (wf_version_has_column(sequences[i].table, sequences[i].column))
			wf_statement_execute(&sequences[i].catch_up, NULL, NULL, 0);
	}
}
