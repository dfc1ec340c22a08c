/*-------------------------------------------------------------------------
 *
 * deferred_row.c
 *	  The table workflow.deferred: events that processes keep for later.
 *
 * Runs in any backend under the lock on the process row, which makes its
 * deferred events the caller's.  Steps insert and delete them through
 * changes_write.c; what a process does with them is in process/deferred.c.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"

#include "store/deferred_row.h"
#include "store/statement.h"

static WfStatement count_statement = {
	.sql = "SELECT pg_catalog.count(*), pg_catalog.max(seq) FROM workflow.deferred"
	" WHERE process OPERATOR(pg_catalog.=) $1 AND seq OPERATOR(pg_catalog.>) $2",
	WF_ARGS(UUIDOID, INT8OID)
};

static WfStatement load_statement = {
	.sql = "SELECT seq, event, name, actor, data FROM workflow.deferred"
	" WHERE process OPERATOR(pg_catalog.=) $1 ORDER BY seq",
	WF_ARGS(UUIDOID)
};

static WfStatement without_statement = {
	.sql = "SELECT p.id FROM pg_catalog.unnest($1) WITH ORDINALITY p(id, place) WHERE NOT EXISTS"
	" (SELECT FROM workflow.deferred d WHERE d.process OPERATOR(pg_catalog.=) p.id)"
	" ORDER BY p.place",
	WF_ARGS(UUIDARRAYOID)
};

static WfStatement forget_statement = {
	.sql = "DELETE FROM workflow.deferred WHERE process OPERATOR(pg_catalog.=) $1"
	" AND name OPERATOR(pg_catalog.=) $2",
	WF_ARGS(UUIDOID, TEXTOID),
	.latest = true
};

/*
 * Count the events of a process behind the number *last, which becomes the
 * highest of theirs; it stays if there are none.
 */
int64
wf_deferred_row_count(const pg_uuid_t *process, int64 *last)
{
	Datum		args[2] = {UUIDPGetDatum(process), Int64GetDatum(*last)};
	Datum		highest;
	int64		count;
	bool		isnull;

	wf_statement_execute(&count_statement, args, NULL, 1);
	count = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc,
										1, &isnull));
	highest = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2, &isnull);
	if (!isnull)
		*last = DatumGetInt64(highest);
	return count;
}

/*
 * The events of a process in their order, in the current memory context; returns
 * how many.  They have no due time and no state.
 */
int
wf_deferred_row_load(const pg_uuid_t *process, WfTimerRow **events)
{
	Datum		id = UUIDPGetDatum(process);
	int			n = wf_statement_execute(&load_statement, &id, NULL, 0);

	*events = palloc0(sizeof(WfTimerRow) * (n + 1));
	for (int i = 0; i < n; i++)
	{
		WfTimerRow *event = &(*events)[i];
		HeapTuple	row = SPI_tuptable->vals[i];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		Datum		data;
		bool		isnull;

		event->process = *process;
		event->seq = DatumGetInt64(SPI_getbinval(row, desc, 1, &isnull));
		event->event = SPI_getvalue(row, desc, 2);
		event->name = SPI_getvalue(row, desc, 3);
		event->actor = SPI_getvalue(row, desc, 4);
		data = SPI_getbinval(row, desc, 5, &isnull);
		event->data = isnull ? NULL : DatumGetJsonbPCopy(data);
	}
	return n;
}

/*
 * Those of these processes that have no events here, in the same order and in
 * the current memory context; returns how many.
 */
int
wf_deferred_row_without(ArrayType *processes, pg_uuid_t **without)
{
	Datum		ids = PointerGetDatum(processes);
	int			n = wf_statement_execute(&without_statement, &ids, NULL, 0);

	*without = palloc(sizeof(pg_uuid_t) * (n + 1));
	for (int i = 0; i < n; i++)
	{
		bool		isnull;

		(*without)[i] = *DatumGetUUIDP(SPI_getbinval(SPI_tuptable->vals[i],
													 SPI_tuptable->tupdesc, 1, &isnull));
	}
	return n;
}

/* Delete the events that were posted to a process under this id; returns how many. */
uint64
wf_deferred_row_forget(const pg_uuid_t *process, const char *name)
{
	Datum		args[2] = {UUIDPGetDatum(process), CStringGetTextDatum(name)};

	return wf_statement_execute(&forget_statement, args, NULL, 0);
}
