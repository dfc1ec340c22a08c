/*-------------------------------------------------------------------------
 *
 * purge.c
 *	  Deletes all that is stored of processes.
 *
 * Runs in sessions that erase a process, and where processes expire
 * (retention.c).  All tables with rows of a process are in one list here;
 * workflow.check() finds rows in each of them whose process does not exist.
 * Whoever adds a table adds it to both.  The caller has locked the processes.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"

#include "base/uuid.h"
#include "base/version.h"
#include "store/purge.h"
#include "store/statement.h"

#define DELETE_FROM(table) { \
	.sql = "DELETE FROM workflow." table " WHERE process OPERATOR(pg_catalog.=) ANY ($1)", \
	WF_ARGS(UUIDARRAYOID), \
	.latest = true \
}

static WfStatement statements[WF_PURGE_NTABLES] = {
	[WF_PURGE_TIMER] = DELETE_FROM("timer"),
	[WF_PURGE_DEFERRED] = DELETE_FROM("deferred"),
	[WF_PURGE_FAILURE] = DELETE_FROM("failure"),
	[WF_PURGE_HISTORY] = {
		.sql = "DELETE FROM workflow.history WHERE process OPERATOR(pg_catalog.=) ANY ($1)"
		" AND slot OPERATOR(pg_catalog.<>) $2",
		WF_ARGS(UUIDARRAYOID, INT2OID),
		.latest = true
	},
	[WF_PURGE_RECEIPT] = DELETE_FROM("receipt"),
	[WF_PURGE_ATTRIBUTE] = DELETE_FROM("attribute"),
	[WF_PURGE_ELEMENT] = DELETE_FROM("element"),
	[WF_PURGE_AWAITED] = DELETE_FROM("awaited"),
	[WF_PURGE_TASK_SEAT] = DELETE_FROM("task_seat"),
	[WF_PURGE_TASK_ACT] = DELETE_FROM("task_act"),
	[WF_PURGE_TASK] = DELETE_FROM("task"),
	[WF_PURGE_BULK_ITEM] = {
		.sql = "DELETE FROM workflow.bulk_item WHERE item OPERATOR(pg_catalog.=) ANY ($1)",
		WF_ARGS(UUIDARRAYOID),
		.latest = true
	},

	/* The indexes of these two begin with the name of the definition. */
	[WF_PURGE_RESTING] = {
		.sql = "DELETE FROM workflow.resting r USING workflow.process p, workflow.definition d"
		" WHERE p.id OPERATOR(pg_catalog.=) ANY ($1) AND d.id OPERATOR(pg_catalog.=) p.definition"
		" AND r.definition OPERATOR(pg_catalog.=) d.name AND r.process OPERATOR(pg_catalog.=) p.id",
		WF_ARGS(UUIDARRAYOID),
		.latest = true
	},
	[WF_PURGE_KEY] = {
		.sql = "DELETE FROM workflow.key k USING workflow.process p, workflow.definition d"
		" WHERE p.id OPERATOR(pg_catalog.=) ANY ($1) AND d.id OPERATOR(pg_catalog.=) p.definition"
		" AND k.definition OPERATOR(pg_catalog.=) d.name AND k.key OPERATOR(pg_catalog.=) p.key"
		" AND k.process OPERATOR(pg_catalog.=) p.id",
		WF_ARGS(UUIDARRAYOID)
	},
	[WF_PURGE_PROCESS] = {
		.sql = "DELETE FROM workflow.process WHERE id OPERATOR(pg_catalog.=) ANY ($1)",
		WF_ARGS(UUIDARRAYOID)
	}
};

/* Has the SQL of this database no such table? */
static bool
is_missing(WfPurgeTable table)
{
	switch (table)
	{
		case WF_PURGE_ELEMENT:
			return !wf_version_has_column("element", "child");
		case WF_PURGE_AWAITED:
			return !wf_version_has_column("awaited", "made");
		case WF_PURGE_TASK_SEAT:
		case WF_PURGE_TASK_ACT:
		case WF_PURGE_TASK:
			return !wf_version_has_column("task", "id");
		case WF_PURGE_BULK_ITEM:
			return !wf_version_has_column("bulk_item", "item");
		default:
			return false;
	}
}

static WfStatement lock_statement = {
	.sql = "SELECT p.id FROM workflow.process p WHERE p.id OPERATOR(pg_catalog.=) ANY ($1)"
	" FOR UPDATE SKIP LOCKED",
	WF_ARGS(UUIDARRAYOID),
	.latest = true
};

/*
 * Delete processes and all that is stored of them, except their history in the
 * partition but_slot, which is about to be emptied.  The caller has locked their
 * rows FOR UPDATE, or holds them.  counts[i], unless counts is NULL, becomes the
 * number of rows that were deleted from each table.  An event that is posted by a
 * transaction which has not committed is left behind: see erasure.c.  SPI must be
 * connected.
 */
void
wf_purge(ArrayType *ids, int16 but_slot, uint64 *counts)
{
	Datum		values[2] = {PointerGetDatum(ids), Int16GetDatum(but_slot)};

	for (int i = 0; i < WF_PURGE_NTABLES; i++)
	{
		uint64		n;

		if (is_missing(i))
			continue;
		n = wf_statement_execute(&statements[i], values, NULL, 0);

		if (counts != NULL)
			counts[i] = n;
	}
}

/*
 * The same with those of n processes that nobody has locked, whose rows are locked first.
 * Returns how many there were.
 */
uint64
wf_purge_free(Datum *ids, int n, int16 but_slot)
{
	Datum		value = PointerGetDatum(wf_uuid_array(ids, n));
	uint64		locked = wf_statement_execute(&lock_statement, &value, NULL, 0);
	Datum	   *free = palloc(sizeof(Datum) * (locked + 1));
	bool		isnull;

	for (uint64 i = 0; i < locked; i++)
		free[i] = SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull);
	if (locked > 0)
		wf_purge(wf_uuid_array(free, locked), but_slot, NULL);
	return locked;
}
