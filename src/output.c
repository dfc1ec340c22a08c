/*-------------------------------------------------------------------------
 *
 * output.c
 *	  What the steps of one transaction write, one table after the other.
 *
 * Runs in any backend, under locks on all processes concerned.  Rows are
 * collected in sets.  Those that every step has are written as they are, the
 * others by statements which see a set as a named relation; that is one path
 * for a single command and for a thousand timers.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "access/tableam.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "commands/sequence.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/queryenvironment.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "clock.h"
#include "session.h"
#include "store.h"
#include "table.h"
#include "wake.h"

#define MAX_COLUMNS 18

/* A set of rows to be written. */
typedef struct Set
{
	const char *name;			/* in our statements */
	int			ncolumns;
	Oid			types[MAX_COLUMNS];
	const char *columns[MAX_COLUMNS];
} Set;

typedef enum SetKind
{
	STARTED,
	STEPPED,
	MIGRATED,
	NOTED,
	DISARMED,
	ARMED,
	LET_GO,
	RECALLED,
	DEFERRED,
	RECOVERED,
	RESTING,
	FORGOTTEN,
	SEARCHABLE,
	NSETS
} SetKind;

/* ANYENUMOID stands for workflow.status, whose OID differs. */
static const Set sets[NSETS] = {
	[STARTED] = {"wf_started", 18,
		{UUIDOID, TIMESTAMPTZOID, TIMESTAMPTZOID, INT4OID, INT4OID, ANYENUMOID, BOOLOID, TEXTARRAYOID,
			JSONBOID, TEXTOID, TEXTOID, JSONBOID, OIDOID, JSONBOID, JSONBOID,
		UUIDOID, TEXTOID, INT4OID},
		{"id", "started_at", "updated_at", "definition", "step", "status", "suspended", "states", "context",
			"started_by", "key", "history", "starter", "children", "output", "parent", "invoke",
	"depth"}},
	[STEPPED] = {"wf_stepped", 10,
		{TIDOID, TIMESTAMPTZOID, INT4OID, ANYENUMOID, BOOLOID, TEXTARRAYOID,
		JSONBOID, JSONBOID, JSONBOID, JSONBOID},
	{"tid", "updated_at", "step", "status", "suspended", "states", "context", "history", "children", "output"}},
	[MIGRATED] = {"wf_migrated", 7,
		{TIDOID, TIMESTAMPTZOID, INT4OID, INT4OID, TEXTARRAYOID, JSONBOID, JSONBOID},
	{"tid", "at", "definition", "step", "states", "history", "children"}},
	[NOTED] = {"wf_noted", 12,
		{UUIDOID, TIMESTAMPTZOID, TIMESTAMPTZOID, INT4OID, BOOLOID, TEXTOID,
		TEXTARRAYOID, TEXTARRAYOID, TEXTOID, JSONBOID, TEXTOID, INT2OID},
	{"process", "at", "due", "step", "taken", "event", "from_states", "to_states", "actor", "data", "reason", "slot"}},
	[DISARMED] = {"wf_disarmed", 3,
		{UUIDOID, TEXTOID, TEXTOID},
	{"process", "state", "name"}},
	[ARMED] = {"wf_armed", 13,
		{UUIDOID, INT8OID, TIMESTAMPTZOID, INT4OID, INT2OID, BOOLOID, BOOLOID,
		TEXTOID, TEXTOID, TEXTOID, TEXTOID, JSONBOID, UUIDOID},
	{"process", "seq", "due", "owner", "attempts", "parked", "if_absent", "event", "name", "state", "actor", "data", "child"}},
	[LET_GO] = {"wf_let_go", 2,
		{UUIDOID, UUIDOID},
	{"process", "child"}},
	[RECALLED] = {"wf_recalled", 2,
		{UUIDOID, INT8OID},
	{"process", "seq"}},
	[DEFERRED] = {"wf_deferred", 7,
		{UUIDOID, TIMESTAMPTZOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, JSONBOID},
	{"process", "at", "state", "event", "name", "actor", "data"}},
	[RECOVERED] = {"wf_recovered", 2,
		{UUIDOID, INT8OID},
	{"process", "seq"}},
	[RESTING] = {"wf_resting", 2,
		{TEXTOID, UUIDOID},
	{"definition", "process"}},
	[FORGOTTEN] = {"wf_forgotten", 2,
		{UUIDOID, TEXTOID},
	{"process", "name"}},
	[SEARCHABLE] = {"wf_searchable", 4,
		{UUIDOID, TEXTOID, TEXTOID, JSONBOID},
	{"process", "definition", "name", "value"}},
};

/* Columns that are known last, or wanted alone. */
#define STEPPED_TID 0
#define NOTED_SLOT 11
#define ARMED_SEQ 1

/* Of workflow.ring. */
#define RING_SLOT 2

static WfStatement statements[NSETS] = {
	[STARTED] = {
		"INSERT INTO workflow.process (id, started_at, updated_at, definition, step, status,"
		" suspended, states, context, started_by, key, history, starter, children, output, parent, invoke, depth)"
		" SELECT id, started_at, updated_at, definition, step, status,"
		"  suspended, states, context, started_by, key, history, starter, children, output, parent, invoke, depth"
		" FROM wf_started"
	},
	[STEPPED] = {
		"UPDATE workflow.process p SET updated_at = s.updated_at, step = s.step, status = s.status,"
		" suspended = s.suspended, states = s.states, context = s.context, history = s.history,"
		" children = s.children, output = s.output"
		" FROM wf_stepped s WHERE p.ctid OPERATOR(pg_catalog.=) s.tid"
	},
	[MIGRATED] = {
		"UPDATE workflow.process p SET updated_at = m.at, definition = m.definition,"
		" step = m.step, states = m.states, history = m.history, children = m.children"
		" FROM wf_migrated m WHERE p.ctid OPERATOR(pg_catalog.=) m.tid"
	},
	[NOTED] = {
		"INSERT INTO workflow.history (slot, process, at, due, step, taken, event, from_states, to_states, actor, data, reason)"
		" SELECT slot, process, at, due, step, taken, event, from_states, to_states, actor, data, reason"
		" FROM wf_noted"
	},
	[DISARMED] = {
		/* one that had failed and was to be tried again is no error any more */
		"WITH gone AS (DELETE FROM workflow.timer t USING wf_disarmed d"
		" WHERE t.process OPERATOR(pg_catalog.=) d.process"
		" AND (d.name IS NULL"
		"  OR (t.name OPERATOR(pg_catalog.=) d.name AND t.state IS NOT DISTINCT FROM d.state))"
		" RETURNING t.process, t.seq, t.attempts)"
		" DELETE FROM workflow.failure f USING gone g WHERE g.attempts OPERATOR(pg_catalog.>) 0"
		" AND f.process OPERATOR(pg_catalog.=) g.process AND f.seq OPERATOR(pg_catalog.=) g.seq"
	},
	[ARMED] = {
		"INSERT INTO workflow.timer (process, seq, due, owner, attempts, parked, event, name, state, actor, data, child)"
		" SELECT a.process, a.seq, a.due, a.owner, a.attempts, a.parked, a.event, a.name, a.state, a.actor, a.data, a.child"
		" FROM wf_armed a"
		" WHERE NOT a.if_absent OR NOT EXISTS (SELECT FROM workflow.timer t"
		"  WHERE t.process OPERATOR(pg_catalog.=) a.process"
		"  AND t.name OPERATOR(pg_catalog.=) a.name AND t.state OPERATOR(pg_catalog.=) a.state)"
	},
	[LET_GO] = {
		"UPDATE workflow.timer t SET child = NULL FROM wf_let_go g"
		" WHERE t.process OPERATOR(pg_catalog.=) g.process"
		" AND t.child OPERATOR(pg_catalog.=) g.child"
	},
	[RECALLED] = {
		"DELETE FROM workflow.deferred d USING wf_recalled r"
		" WHERE d.process OPERATOR(pg_catalog.=) r.process"
		/* one, or all; a range, for OR is nothing that an index can look up */
		" AND d.seq OPERATOR(pg_catalog.>=) COALESCE(r.seq, 0)"
		" AND d.seq OPERATOR(pg_catalog.<=) COALESCE(r.seq, 9223372036854775807)"
	},
	[DEFERRED] = {
		"INSERT INTO workflow.deferred (process, at, state, event, name, actor, data)"
		" SELECT process, at, state, event, name, actor, data FROM wf_deferred"
	},
	[RECOVERED] = {
		"DELETE FROM workflow.failure f USING wf_recovered r"
		" WHERE f.process OPERATOR(pg_catalog.=) r.process AND f.seq OPERATOR(pg_catalog.=) r.seq"
	},
	[RESTING] = {
		"INSERT INTO workflow.resting (definition, process) SELECT definition, process FROM wf_resting"
		" ON CONFLICT DO NOTHING"
	},
	[FORGOTTEN] = {
		"DELETE FROM workflow.attribute a USING wf_forgotten f"
		" WHERE a.process OPERATOR(pg_catalog.=) f.process"
		" AND (f.name IS NULL OR a.name OPERATOR(pg_catalog.=) f.name)"
	},
	[SEARCHABLE] = {
		"INSERT INTO workflow.attribute (process, definition, name, value)"
		" SELECT process, definition, name, value FROM wf_searchable"
	},
};

/* Rows that were put into a set. */
typedef struct Rows
{
	WfTableRow *rows;
	int			n;
	int			size;
} Rows;

struct WfOutput
{
	MemoryContext context;
	Rows		sets[NSETS];
	bool		looks;			/* some timer is armed only if there is none */
	WfOutputSink *sink;			/* or NULL: the tables */
	int32		claimed;		/* owner, or 0 */
	TimestampTz next;			/* earliest new timer of that owner */
};

/* Descriptors of the sets; remade when the extension's enum is another one. */
static TupleDesc descriptors[NSETS];
static Oid	descriptor_enum = InvalidOid;

static void
make_descriptors(void)
{
	Oid			status = GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid,
										 CStringGetDatum("status"),
										 ObjectIdGetDatum(get_namespace_oid("workflow", false)));
	MemoryContext old;

	if (descriptor_enum == status)
		return;
	old = MemoryContextSwitchTo(TopMemoryContext);
	for (int i = 0; i < NSETS; i++)
	{
		TupleDesc	desc = CreateTemplateTupleDesc(sets[i].ncolumns);

		for (int c = 0; c < sets[i].ncolumns; c++)
			TupleDescInitEntry(desc, c + 1, sets[i].columns[c],
							   sets[i].types[c] == ANYENUMOID ? status : sets[i].types[c],
							   -1, 0);
		descriptors[i] = desc;
	}
	MemoryContextSwitchTo(old);
	descriptor_enum = status;
}

WfOutput *
wf_output_new(int32 claimed)
{
	WfOutput   *out = palloc0(sizeof(WfOutput));

	make_descriptors();
	out->context = CurrentMemoryContext;
	out->claimed = claimed;
	out->next = DT_NOEND;
	return out;
}

void
wf_output_divert(WfOutput *out, WfOutputSink *sink)
{
	out->sink = sink;
}

static void
put(WfOutput *out, SetKind kind, const Datum *values, const bool *nulls)
{
	TupleDesc	desc = descriptors[kind];
	Rows	   *set = &out->sets[kind];
	MemoryContext old;
	WfTableRow *row;

	if (unlikely(out->sink != NULL))
		return;
	old = MemoryContextSwitchTo(out->context);
	row = wf_grow(set->rows, set->n, set->size);
	row->values = palloc((sizeof(Datum) + sizeof(bool)) * desc->natts);
	row->nulls = (bool *) (row->values + desc->natts);
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute column = TupleDescAttr(desc, i);

		row->nulls[i] = nulls[i];
		row->values[i] = nulls[i] || column->attbyval ? values[i] :
			datumCopy(values[i], false, column->attlen);
	}
	MemoryContextSwitchTo(old);
}

static Datum
text_datum(const char *text, bool *isnull)
{
	*isnull = text == NULL;
	return text == NULL ? (Datum) 0 : CStringGetTextDatum(text);
}

static Datum
jsonb_datum(Jsonb *jsonb, bool *isnull)
{
	*isnull = jsonb == NULL;
	return jsonb == NULL ? (Datum) 0 : JsonbPGetDatum(jsonb);
}

void
wf_output_start(WfOutput *out, const WfRow *row, TimestampTz at,
				Oid starter, const char *key)
{
	bool		nulls[MAX_COLUMNS] = {0};
	Datum		values[MAX_COLUMNS] = {
		UUIDPGetDatum(&row->id), TimestampTzGetDatum(at), TimestampTzGetDatum(at),
		Int32GetDatum(row->definition), Int32GetDatum(row->step),
		ObjectIdGetDatum(wf_status_oid(row->status)), BoolGetDatum(false),
		row->states, row->context,
		CStringGetTextDatum(GetUserNameFromId(starter, false))
	};

	values[10] = text_datum(key, &nulls[10]);
	values[11] = row->history;
	nulls[11] = row->history == (Datum) 0;
	values[12] = ObjectIdGetDatum(starter);
	values[13] = row->children;
	nulls[13] = row->children == (Datum) 0;
	values[14] = row->output;
	nulls[14] = row->output == (Datum) 0;
	values[15] = UUIDPGetDatum(&row->parent);
	values[16] = text_datum(row->invoke, &nulls[16]);
	values[17] = Int32GetDatum(row->depth);
	nulls[15] = nulls[17] = !row->has_parent;
	put(out, STARTED, values, nulls);
}

void
wf_output_step(WfOutput *out, const WfRow *row, TimestampTz at)
{
	bool		nulls[MAX_COLUMNS] = {0};
	Datum		values[MAX_COLUMNS] = {
		PointerGetDatum(&row->tid), TimestampTzGetDatum(at),
		Int32GetDatum(row->step), ObjectIdGetDatum(wf_status_oid(row->status)),
		BoolGetDatum(row->suspended), row->states, row->context, row->history,
		row->children, row->output
	};

	nulls[7] = row->history == (Datum) 0;
	nulls[8] = row->children == (Datum) 0;
	nulls[9] = row->output == (Datum) 0;
	put(out, STEPPED, values, nulls);
}

void
wf_output_migrate(WfOutput *out, const WfRow *row, TimestampTz at)
{
	bool		nulls[MAX_COLUMNS] = {0};
	Datum		values[MAX_COLUMNS] = {
		PointerGetDatum(&row->tid), TimestampTzGetDatum(at),
		Int32GetDatum(row->definition), Int32GetDatum(row->step), row->states,
		row->history, row->children
	};

	nulls[5] = row->history == (Datum) 0;
	nulls[6] = row->children == (Datum) 0;
	put(out, MIGRATED, values, nulls);
}

void
wf_output_history(WfOutput *out, const WfRow *row, const char *event,
				  TimestampTz at, TimestampTz due, bool taken,
				  Datum from_states, Datum to_states,
				  const char *actor, Jsonb *data, const char *reason)
{
	bool		nulls[MAX_COLUMNS] = {0};
	Datum		values[MAX_COLUMNS] = {
		UUIDPGetDatum(&row->id), TimestampTzGetDatum(at), TimestampTzGetDatum(due),
		Int32GetDatum(row->step), BoolGetDatum(taken), CStringGetTextDatum(event),
		from_states, to_states
	};

	nulls[2] = due == DT_NOBEGIN;
	values[8] = text_datum(actor, &nulls[8]);
	values[9] = jsonb_datum(data, &nulls[9]);
	values[10] = text_datum(reason, &nulls[10]);
	put(out, NOTED, values, nulls);
}

void
wf_output_disarm(WfOutput *out, const pg_uuid_t *process,
				 const char *state, const char *name)
{
	bool		nulls[MAX_COLUMNS] = {0};
	Datum		values[MAX_COLUMNS] = {UUIDPGetDatum(process)};

	if (unlikely(out->sink != NULL))
	{
		out->sink->disarm(out->sink, process, state, name);
		return;
	}
	values[1] = text_datum(state, &nulls[1]);
	values[2] = text_datum(name, &nulls[2]);
	put(out, DISARMED, values, nulls);
}

void
wf_output_arm(WfOutput *out, const WfTimerRow *timer, int32 owner,
			  bool parked, bool if_absent)
{
	bool		nulls[MAX_COLUMNS] = {0};
	Datum		values[MAX_COLUMNS] = {
		UUIDPGetDatum(&timer->process), Int64GetDatum(timer->seq),
		TimestampTzGetDatum(timer->due), Int32GetDatum(owner),
		Int16GetDatum(timer->attempts), BoolGetDatum(parked),
		BoolGetDatum(if_absent), CStringGetTextDatum(timer->event)
	};

	if (unlikely(out->sink != NULL))
	{
		out->sink->arm(out->sink, timer, parked, if_absent);
		return;
	}
	nulls[1] = timer->seq == 0;
	values[8] = text_datum(timer->name, &nulls[8]);
	values[9] = text_datum(timer->state, &nulls[9]);
	values[10] = text_datum(timer->actor, &nulls[10]);
	values[11] = jsonb_datum(timer->data, &nulls[11]);
	values[12] = UUIDPGetDatum(&timer->child);
	nulls[12] = !timer->from_child;
	put(out, ARMED, values, nulls);
	out->looks = out->looks || if_absent;
	if (parked)
		return;
	if (owner != out->claimed)
		wf_wake_timer(owner, timer->due);
	else if (timer->due < out->next)
		out->next = timer->due;
}

void
wf_output_let_go(WfOutput *out, const pg_uuid_t *process, const pg_uuid_t *child)
{
	bool		nulls[MAX_COLUMNS] = {0};
	Datum		values[MAX_COLUMNS] = {UUIDPGetDatum(process), UUIDPGetDatum(child)};

	put(out, LET_GO, values, nulls);
}

void
wf_output_defer(WfOutput *out, const WfTimerRow *event, const char *state)
{
	bool		nulls[MAX_COLUMNS] = {0};
	Datum		values[MAX_COLUMNS] = {
		UUIDPGetDatum(&event->process), TimestampTzGetDatum(wf_now()),
		CStringGetTextDatum(state), CStringGetTextDatum(event->event)
	};

	values[4] = text_datum(event->name, &nulls[4]);
	values[5] = text_datum(event->actor, &nulls[5]);
	values[6] = jsonb_datum(event->data, &nulls[6]);
	put(out, DEFERRED, values, nulls);
}

void
wf_output_recall(WfOutput *out, const pg_uuid_t *process, int64 seq)
{
	bool		nulls[MAX_COLUMNS] = {0};
	Datum		values[MAX_COLUMNS] = {UUIDPGetDatum(process), Int64GetDatum(seq)};

	nulls[1] = seq == 0;
	put(out, RECALLED, values, nulls);
}

void
wf_output_recovered(WfOutput *out, const pg_uuid_t *process, int64 seq)
{
	bool		nulls[MAX_COLUMNS] = {0};
	Datum		values[MAX_COLUMNS] = {UUIDPGetDatum(process), Int64GetDatum(seq)};

	put(out, RECOVERED, values, nulls);
}

void
wf_output_rest(WfOutput *out, const char *definition, const pg_uuid_t *process)
{
	bool		nulls[MAX_COLUMNS] = {0};
	Datum		values[MAX_COLUMNS] = {CStringGetTextDatum(definition), UUIDPGetDatum(process)};

	put(out, RESTING, values, nulls);
}

void
wf_output_forget(WfOutput *out, const pg_uuid_t *process, const char *name)
{
	bool		nulls[MAX_COLUMNS] = {0};
	Datum		values[MAX_COLUMNS] = {UUIDPGetDatum(process)};

	values[1] = text_datum(name, &nulls[1]);
	put(out, FORGOTTEN, values, nulls);
}

void
wf_output_attribute(WfOutput *out, const pg_uuid_t *process, const char *definition,
					const char *name, Jsonb *value)
{
	bool		nulls[MAX_COLUMNS] = {0};
	Datum		values[MAX_COLUMNS] = {
		UUIDPGetDatum(process), CStringGetTextDatum(definition),
		CStringGetTextDatum(name), JsonbPGetDatum(value)
	};

	put(out, SEARCHABLE, values, nulls);
}

/* --- writing ----------------------------------------------------------- */

/*
 * The partition of the ring that is written to.  Without a row nothing has ever
 * expired here.
 */
static int16
ring_slot(void)
{
	Relation	ring = table_open(get_relname_relid("ring", get_namespace_oid("workflow", false)),
								  AccessShareLock);
	TupleTableSlot *row = table_slot_create(ring, NULL);
	Snapshot	snapshot = RegisterSnapshot(GetTransactionSnapshot());
	TableScanDesc scan = table_beginscan(ring, snapshot, 0, NULL);
	int16		slot = 0;
	bool		isnull;

	if (table_scan_getnextslot(scan, ForwardScanDirection, row))
		slot = DatumGetInt16(slot_getattr(row, RING_SLOT, &isnull));
	table_endscan(scan);
	UnregisterSnapshot(snapshot);
	ExecDropSingleTupleTableSlot(row);
	table_close(ring, NoLock);
	return slot;
}

/* What is the same for all rows of a set, or comes last. */
static void
complete(WfOutput *out, SetKind kind, int16 slot)
{
	Rows	   *set = &out->sets[kind];

	if (kind == NOTED)
		for (int i = 0; i < set->n; i++)
			set->rows[i].values[NOTED_SLOT] = Int16GetDatum(slot);
	else if (kind == ARMED)
	{
		Oid			sequence = get_relname_relid("timer_seq_seq",
												 get_namespace_oid("workflow", false));

		for (int i = 0; i < set->n; i++)
			if (set->rows[i].nulls[ARMED_SEQ])
			{
				set->rows[i].values[ARMED_SEQ] = Int64GetDatum(nextval_internal(sequence, false));
				set->rows[i].nulls[ARMED_SEQ] = false;
			}
	}
}

/*
 * Without a plan, where a table allows that.  Returns false when a statement
 * has to do it.
 */
static bool
write_rows(WfOutput *out, SetKind kind, int16 slot)
{
	const Rows *set = &out->sets[kind];
	WfTable    *table = NULL;

	if (kind == STARTED || kind == STEPPED)
		table = wf_table_open("process", -1, descriptors[kind]);
	else if (kind == NOTED)
		table = wf_table_open("history", slot, descriptors[kind]);
	else if (kind == ARMED && !out->looks)
		table = wf_table_open("timer", -1, descriptors[kind]);
	if (table == NULL)
		return false;

	if (kind == STEPPED)
		for (int i = 0; i < set->n; i++)
			wf_table_update(table, (ItemPointer) DatumGetPointer(set->rows[i].values[STEPPED_TID]),
							&set->rows[i]);
	else
		wf_table_insert(table, set->n, set->rows);
	wf_table_close(table);
	return true;
}

/* Make a set visible to the statements of this SPI connection. */
static Tuplestorestate *
show(WfOutput *out, SetKind kind)
{
	const Rows *set = &out->sets[kind];
	Tuplestorestate *store = tuplestore_begin_heap(false, false, work_mem);
	EphemeralNamedRelation enr = palloc0(sizeof(EphemeralNamedRelationData));

	for (int i = 0; i < set->n; i++)
		tuplestore_putvalues(store, descriptors[kind], set->rows[i].values, set->rows[i].nulls);
	enr->md.name = unconstify(char *, sets[kind].name);
	enr->md.reliddesc = InvalidOid;
	enr->md.tupdesc = descriptors[kind];
	enr->md.enrtype = ENR_NAMED_TUPLESTORE;
	enr->md.enrtuples = set->n;
	enr->reldata = store;
	if (SPI_register_relation(enr) != SPI_OK_REL_REGISTER)
		elog(ERROR, "could not register \"%s\"", sets[kind].name);
	return store;
}

static void
run_statement(WfOutput *out, SetKind kind)
{
	Tuplestorestate *store = show(out, kind);
	uint64		n = wf_run(&statements[kind], NULL, NULL, 0);

	SPI_unregister_relation(sets[kind].name);
	tuplestore_end(store);

	/* What we hold locked cannot have moved. */
	if ((kind == STEPPED || kind == MIGRATED) && n != (uint64) out->sets[kind].n)
		elog(ERROR, "wrote " UINT64_FORMAT " of %d processes", n,
			 out->sets[kind].n);
}

TimestampTz
wf_output_write(WfOutput *out)
{
	WfRights	rights;

	wf_rights_raise(&rights);
	for (int kind = 0; kind < NSETS; kind++)
	{
		int16		slot;

		if (out->sets[kind].n == 0)
			continue;
		slot = kind == NOTED ? ring_slot() : -1;
		complete(out, kind, slot);
		if (!write_rows(out, kind, slot))
			run_statement(out, kind);
		out->sets[kind].n = 0;
	}
	wf_rights_restore(&rights);
	return out->next;
}
