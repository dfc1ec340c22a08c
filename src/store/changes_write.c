/*-------------------------------------------------------------------------
 *
 * changes_write.c
 *	  Writes what changes.c collected, one table after the other.
 *
 * Runs in any backend; the caller holds the row locks of all processes
 * concerned, or has just made them.  Rows of tables that every step writes
 * (process, history, timer) go there without a plan (heap.c), unless the table
 * does not allow that; all others are written by one statement a set, which
 * sees the set as a named relation.
 *
 * Sets are written in the order of WF_SETS: processes first, whose rows the
 * caller has locked, then what hangs on them.  Timers are deleted before new
 * ones are inserted, and attributes are forgotten before they are added.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "commands/sequence.h"
#include "miscadmin.h"
#include "utils/lsyscache.h"
#include "utils/queryenvironment.h"
#include "utils/uuid.h"
#include "utils/xid8.h"

#include "base/version.h"
#include "store/change_sets.h"
#include "store/changes.h"
#include "store/changes_write.h"
#include "store/heap.h"
#include "store/retention.h"
#include "store/statement.h"

/* The columns of a set that are written, for an INSERT, ... */
#define NONE(set, column, type)
#define FIRST_NAME(set, column, type) #column
#define NEXT_NAME(set, column, type) ", " #column
#define COLUMNS_OF(set) WF_##set##_COLUMNS(NONE, FIRST_NAME, NEXT_NAME)

/* ... and for an UPDATE from that set with the alias s. */
#define FIRST_ASSIGNMENT(set, column, type) #column " = s." #column
#define NEXT_ASSIGNMENT(set, column, type) ", " #column " = s." #column
#define ASSIGNMENTS_OF(set) WF_##set##_COLUMNS(NONE, FIRST_ASSIGNMENT, NEXT_ASSIGNMENT)

#define OLDER_COLUMNS_OF(set) WF_##set##_OLDER_COLUMNS(NONE, FIRST_NAME, NEXT_NAME)

/* A timer of a state may be there already. */
#define ARM(columns) \
	"INSERT INTO workflow.timer (" columns ")" \
	" SELECT " columns " FROM wf_armed a" \
	" WHERE NOT a.if_absent OR NOT EXISTS (SELECT FROM workflow.timer t" \
	"  WHERE t.process OPERATOR(pg_catalog.=) a.process" \
	"  AND t.name OPERATOR(pg_catalog.=) a.name AND t.state OPERATOR(pg_catalog.=) a.state)"

/* For the SQL of versions before 0.3.0, whose tables do not have the last columns. */
static WfStatement older_statements[WF_NSETS] = {
	[WF_SET_STARTED] = {
		.sql = "INSERT INTO workflow.process (" OLDER_COLUMNS_OF(STARTED) ")"
		" SELECT " OLDER_COLUMNS_OF(STARTED) " FROM wf_started"
	},
	[WF_SET_NOTED] = {
		.sql = "INSERT INTO workflow.history (" OLDER_COLUMNS_OF(NOTED) ")"
		" SELECT " OLDER_COLUMNS_OF(NOTED) " FROM wf_noted"
	},
	[WF_SET_ARMED] = {
		.sql = ARM(OLDER_COLUMNS_OF(ARMED))
	}
};

static WfStatement statements[WF_NSETS] = {
	[WF_SET_STARTED] = {
		.sql = "INSERT INTO workflow.process (" COLUMNS_OF(STARTED) ")"
		" SELECT " COLUMNS_OF(STARTED) " FROM wf_started"
	},
	[WF_SET_STEPPED] = {
		.sql = "UPDATE workflow.process p SET " ASSIGNMENTS_OF(STEPPED)
		" FROM wf_stepped s WHERE p.ctid OPERATOR(pg_catalog.=) s.tid"
	},
	[WF_SET_MIGRATED] = {
		.sql = "UPDATE workflow.process p SET " ASSIGNMENTS_OF(MIGRATED)
		" FROM wf_migrated s WHERE p.ctid OPERATOR(pg_catalog.=) s.tid"
	},
	[WF_SET_NOTED] = {
		.sql = "INSERT INTO workflow.history (" COLUMNS_OF(NOTED) ")"
		" SELECT " COLUMNS_OF(NOTED) " FROM wf_noted"
	},
	[WF_SET_DISARMED] = {
		/* one that had failed and was to be tried again is no error any more */
		.sql = "WITH gone AS (DELETE FROM workflow.timer t USING wf_disarmed d"
		" WHERE t.process OPERATOR(pg_catalog.=) d.process"
		" AND (d.name IS NULL"
		"  OR (t.name OPERATOR(pg_catalog.=) d.name AND t.state IS NOT DISTINCT FROM d.state))"
		" RETURNING t.process, t.seq, t.attempts)"
		" DELETE FROM workflow.failure f USING gone g WHERE g.attempts OPERATOR(pg_catalog.>) 0"
		" AND f.process OPERATOR(pg_catalog.=) g.process AND f.seq OPERATOR(pg_catalog.=) g.seq"
	},
	[WF_SET_ARMED] = {
		.sql = ARM(COLUMNS_OF(ARMED))
	},
	[WF_SET_LET_GO] = {
		.sql = "UPDATE workflow.timer t SET child = NULL FROM wf_let_go g"
		" WHERE t.process OPERATOR(pg_catalog.=) g.process"
		" AND t.child OPERATOR(pg_catalog.=) g.child"
	},
	[WF_SET_RECALLED] = {
		.sql = "DELETE FROM workflow.deferred d USING wf_recalled r"
		" WHERE d.process OPERATOR(pg_catalog.=) r.process"
		/* one, or all; a range, for OR is nothing that an index can look up */
		" AND d.seq OPERATOR(pg_catalog.>=) COALESCE(r.seq, 0)"
		" AND d.seq OPERATOR(pg_catalog.<=) COALESCE(r.seq, 9223372036854775807)"
	},
	[WF_SET_DEFERRED] = {
		.sql = "INSERT INTO workflow.deferred (" COLUMNS_OF(DEFERRED) ")"
		" SELECT " COLUMNS_OF(DEFERRED) " FROM wf_deferred"
	},
	[WF_SET_RECOVERED] = {
		.sql = "DELETE FROM workflow.failure f USING wf_recovered r"
		" WHERE f.process OPERATOR(pg_catalog.=) r.process AND f.seq OPERATOR(pg_catalog.=) r.seq"
	},
	[WF_SET_REOPENED] = {
		.sql = "UPDATE workflow.failure f SET given_up = true, handled = false FROM wf_reopened r"
		" WHERE f.process OPERATOR(pg_catalog.=) r.process AND f.told OPERATOR(pg_catalog.=) r.told AND f.handled"
	},
	[WF_SET_ENDED] = {
		.sql = "DELETE FROM workflow.failure f USING wf_ended e"
		" WHERE f.process OPERATOR(pg_catalog.=) e.process",
		.latest = true
	},
	[WF_SET_RESTING] = {
		.sql = "INSERT INTO workflow.resting (" COLUMNS_OF(RESTING) ")"
		" SELECT " COLUMNS_OF(RESTING) " FROM wf_resting"
		" ON CONFLICT DO NOTHING"
	},
	[WF_SET_FORGOTTEN] = {
		.sql = "DELETE FROM workflow.attribute a USING wf_forgotten f"
		" WHERE a.process OPERATOR(pg_catalog.=) f.process"
		" AND (f.name IS NULL OR a.name OPERATOR(pg_catalog.=) f.name)"
	},
	[WF_SET_SEARCHABLE] = {
		.sql = "INSERT INTO workflow.attribute (" COLUMNS_OF(SEARCHABLE) ")"
		" SELECT " COLUMNS_OF(SEARCHABLE) " FROM wf_searchable"
	},
	[WF_SET_CLOSED] = {
		.sql = "WITH gone AS (UPDATE workflow.task t SET " ASSIGNMENTS_OF(CLOSED) " FROM wf_closed s"
		" WHERE t.process OPERATOR(pg_catalog.=) s.process AND t.closed_at IS NULL"
		" AND (s.state IS NULL OR t.state OPERATOR(pg_catalog.=) s.state) RETURNING t.id)"
		" DELETE FROM workflow.task_seat e USING gone g WHERE e.task OPERATOR(pg_catalog.=) g.id"
	},
	[WF_SET_MOVED] = {
		.sql = "UPDATE workflow.task t SET " ASSIGNMENTS_OF(MOVED) " FROM wf_moved s"
		" WHERE t.process OPERATOR(pg_catalog.=) s.process AND t.closed_at IS NULL"
		" AND t.state OPERATOR(pg_catalog.=) s.was"
	},
	[WF_SET_POSTPONED] = {
		.sql = "WITH new AS (UPDATE workflow.task t SET " ASSIGNMENTS_OF(POSTPONED) " FROM wf_postponed s"
		" WHERE t.process OPERATOR(pg_catalog.=) s.process AND t.closed_at IS NULL"
		" AND t.state OPERATOR(pg_catalog.=) s.state RETURNING t.id, t.due)"
		" UPDATE workflow.task_seat e SET due = COALESCE(n.due, 'infinity') FROM new n"
		" WHERE e.task OPERATOR(pg_catalog.=) n.id"
	},
	[WF_SET_ASKED] = {
		.sql = "WITH new AS (INSERT INTO workflow.task (" COLUMNS_OF(ASKED) ")"
		" SELECT " COLUMNS_OF(ASKED) " FROM wf_asked RETURNING id, process, definition, priority, due, need, names, tenant)"
		" INSERT INTO workflow.task_seat (task, name, process, definition, rank, due, several, tenant)"
		" SELECT n.id, e.name, n.process, n.definition, OPERATOR(pg_catalog.-) n.priority, COALESCE(n.due, 'infinity'),"
		"  n.need OPERATOR(pg_catalog.<>) 1, n.tenant FROM new n, pg_catalog.unnest(n.names) e(name)"
	},
};

/* Transactions of another place are none of this one, by which spans would be told. */
static WfStatement untold_statement = {
	.sql = "UPDATE workflow.history SET xid = NULL WHERE xid IS NOT NULL"
};

static void
set_known(WfHeapRow *row, int column, Datum value)
{
	row->values[column] = value;
	row->nulls[column] = false;
}

/*
 * Leave only the processes that have failures: few of those that end have, and
 * a look without a plan costs little beside a statement.
 */
static void
drop_unfailed(WfSetRows *ended)
{
	const pg_uuid_t **processes;
	bool	   *failed;
	int			kept = 0;

	if (ended->n == 0)
		return;
	processes = palloc(sizeof(pg_uuid_t *) * ended->n);
	failed = palloc(sizeof(bool) * ended->n);
	for (int i = 0; i < ended->n; i++)
		processes[i] = DatumGetUUIDP(ended->rows[i].values[WF_ENDED_process]);
	wf_heap_have("failure", "failure_pkey", ended->n, processes, failed);
	for (int i = 0; i < ended->n; i++)
		if (failed[i])
			ended->rows[kept++] = ended->rows[i];
	ended->n = kept;
}

/* Set what is the same for all rows of a set, or is known only now. */
static void
complete(WfChanges *out, WfSetKind kind, int16 slot)
{
	WfSetRows  *set = &out->sets[kind];

	if (kind == WF_SET_NOTED)
		for (int i = 0; i < set->n; i++)
		{
			set_known(&set->rows[i], WF_NOTED_slot, Int16GetDatum(slot));
			if (unlikely(!set->rows[i].nulls[WF_NOTED_traceparent]))
				set_known(&set->rows[i], WF_NOTED_xid,
						  FullTransactionIdGetDatum(GetTopFullTransactionId()));
		}
	else if (kind == WF_SET_ARMED)
	{
		Oid			sequence = get_relname_relid("timer_seq_seq",
												 get_namespace_oid("workflow", false));

		for (int i = 0; i < set->n; i++)
			if (set->rows[i].nulls[WF_ARMED_seq])
				set_known(&set->rows[i], WF_ARMED_seq,
						  Int64GetDatum(nextval_internal(sequence, false)));
	}
}

/*
 * Write a set without a plan, where its table allows that.  Returns false when
 * a statement has to do it.
 */
static bool
write_rows(WfChanges *out, WfSetKind kind, int16 slot)
{
	const WfSetRows *set = &out->sets[kind];
	WfHeap    *table = NULL;

	if (kind == WF_SET_STARTED || kind == WF_SET_STEPPED)
		table = wf_heap_open("process", -1, wf_changes_descriptor(kind));
	else if (kind == WF_SET_NOTED)
		table = wf_heap_open("history", slot, wf_changes_descriptor(kind));
	else if (kind == WF_SET_ARMED && !out->looks)
		table = wf_heap_open("timer", -1, wf_changes_descriptor(kind));
	if (table == NULL)
		return false;

	if (kind == WF_SET_STEPPED)
		for (int i = 0; i < set->n; i++)
			wf_heap_update(table, (ItemPointer) DatumGetPointer(set->rows[i].values[WF_STEPPED_tid]),
						   &set->rows[i]);
	else
		wf_heap_insert(table, set->n, set->rows);
	wf_heap_close(table);
	return true;
}

/*
 * Make a set a named relation of this SPI connection.  The caller unregisters it
 * and ends the tuplestore.
 */
static Tuplestorestate *
show(WfChanges *out, WfSetKind kind)
{
	const WfSetRows *set = &out->sets[kind];
	Tuplestorestate *store = tuplestore_begin_heap(false, false, work_mem);
	EphemeralNamedRelation enr = palloc0(sizeof(EphemeralNamedRelationData));

	for (int i = 0; i < set->n; i++)
		tuplestore_putvalues(store, wf_changes_descriptor(kind), set->rows[i].values, set->rows[i].nulls);
	enr->md.name = unconstify(char *, wf_changes_set_name(kind));
	enr->md.reliddesc = InvalidOid;
	enr->md.tupdesc = wf_changes_descriptor(kind);
	enr->md.enrtype = ENR_NAMED_TUPLESTORE;
	enr->md.enrtuples = set->n;
	enr->reldata = store;
	if (SPI_register_relation(enr) != SPI_OK_REL_REGISTER)
		elog(ERROR, "could not register \"%s\"", wf_changes_set_name(kind));
	return store;
}

static void
run_statement(WfChanges *out, WfSetKind kind)
{
	Tuplestorestate *store = show(out, kind);
	bool		older = older_statements[kind].sql != NULL && !wf_version_has_column("timer", "traceparent");
	uint64		n = wf_statement_execute_raised(older ? &older_statements[kind] : &statements[kind], NULL, NULL, 0);

	SPI_unregister_relation(wf_changes_set_name(kind));
	tuplestore_end(store);

	/* The caller holds the locks of these rows: none can have moved. */
	if ((kind == WF_SET_STEPPED || kind == WF_SET_MIGRATED) && n != (uint64) out->sets[kind].n)
		elog(ERROR, "wrote " UINT64_FORMAT " of %d processes", n,
			 out->sets[kind].n);
}

/*
 * Write all sets, and empty them.  Returns the earliest due time of a timer of
 * the claimed owner (see wf_changes_new()) that was written since then,
 * infinity if there was none.  SPI must be connected.
 */
TimestampTz
wf_changes_write(WfChanges *out)
{
	WfRights	rights;

	wf_statement_raise_rights(&rights);
	for (int kind = 0; kind < WF_NSETS; kind++)
	{
		int16		slot;

		if (kind == WF_SET_ENDED)
			drop_unfailed(&out->sets[kind]);
		if (out->sets[kind].n == 0)
			continue;
		slot = kind == WF_SET_NOTED ? wf_retention_slot() : -1;
		complete(out, kind, slot);
		if (!write_rows(out, kind, slot))
			run_statement(out, kind);
		out->sets[kind].n = 0;
	}
	wf_statement_restore_rights(&rights);
	return out->next;
}

/* For adopt() in another place: spans of what was written before are not told here. */
void
wf_changes_write_forget_spans(void)
{
	if (wf_version_has_column("history", "xid"))
		(void) wf_statement_execute(&untold_statement, NULL, NULL, 0);
}
