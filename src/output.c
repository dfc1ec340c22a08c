/*-------------------------------------------------------------------------
 *
 * output.c
 *	  What the steps of one transaction write, one statement a table.
 *
 * Runs in any backend, under locks on all processes concerned.  Rows are
 * collected in tuplestores which our statements see as named relations; that
 * is one path for a single command and for a thousand timers.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/tupdesc.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/queryenvironment.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "clock.h"
#include "ring.h"
#include "session.h"
#include "store.h"
#include "wake.h"

#define MAX_COLUMNS 16

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
	[STARTED] = {"wf_started", 16,
		{UUIDOID, TIMESTAMPTZOID, INT4OID, INT4OID, ANYENUMOID, TEXTARRAYOID,
			JSONBOID, TEXTOID, TEXTOID, JSONBOID, OIDOID, JSONBOID, JSONBOID,
		UUIDOID, TEXTOID, INT4OID},
		{"id", "at", "definition", "step", "status", "states", "context", "started_by", "key", "history", "starter",
	"children", "output", "parent", "invoke", "depth"}},
	[STEPPED] = {"wf_stepped", 10,
		{TIDOID, TIMESTAMPTZOID, INT4OID, ANYENUMOID, BOOLOID, TEXTARRAYOID,
		JSONBOID, JSONBOID, JSONBOID, JSONBOID},
	{"tid", "at", "step", "status", "suspended", "states", "context", "history", "children", "output"}},
	[MIGRATED] = {"wf_migrated", 7,
		{TIDOID, TIMESTAMPTZOID, INT4OID, INT4OID, TEXTARRAYOID, JSONBOID, JSONBOID},
	{"tid", "at", "definition", "step", "states", "history", "children"}},
	[NOTED] = {"wf_noted", 11,
		{UUIDOID, TIMESTAMPTZOID, TIMESTAMPTZOID, INT4OID, BOOLOID, TEXTOID,
		TEXTARRAYOID, TEXTARRAYOID, TEXTOID, JSONBOID, TEXTOID},
	{"process", "at", "due", "step", "taken", "event", "from_states", "to_states", "actor", "data", "reason"}},
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

static WfStatement statements[NSETS] = {
	[STARTED] = {
		"INSERT INTO workflow.process (id, started_at, updated_at, definition, step, status,"
		" suspended, states, context, started_by, key, history, starter, children, output, parent, invoke, depth)"
		" SELECT id, at, at, definition, step, status, false, states, context, started_by, key, history, starter,"
		"  children, output, parent, invoke, depth"
		" FROM wf_started"
	},
	[STEPPED] = {
		"UPDATE workflow.process p SET updated_at = s.at, step = s.step, status = s.status,"
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
		" SELECT " WF_RING_SLOT ", process, at, due, step, taken, event, from_states, to_states, actor, data, reason"
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
		" SELECT a.process,"
		"  COALESCE(a.seq, pg_catalog.nextval('workflow.timer_seq_seq'::pg_catalog.regclass)),"
		"  a.due, a.owner, a.attempts, a.parked, a.event, a.name, a.state, a.actor, a.data, a.child"
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

struct WfOutput
{
	Tuplestorestate *stores[NSETS];
	int			counts[NSETS];
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
put(WfOutput *out, SetKind kind, Datum *values, bool *nulls)
{
	if (unlikely(out->sink != NULL))
		return;
	if (out->stores[kind] == NULL)
		out->stores[kind] = tuplestore_begin_heap(false, false, work_mem);
	tuplestore_putvalues(out->stores[kind], descriptors[kind], values, nulls);
	out->counts[kind]++;
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
		UUIDPGetDatum(&row->id), TimestampTzGetDatum(at),
		Int32GetDatum(row->definition), Int32GetDatum(row->step),
		ObjectIdGetDatum(wf_status_oid(row->status)), row->states, row->context,
		CStringGetTextDatum(GetUserNameFromId(starter, false))
	};

	values[8] = text_datum(key, &nulls[8]);
	values[9] = row->history;
	nulls[9] = row->history == (Datum) 0;
	values[10] = ObjectIdGetDatum(starter);
	values[11] = row->children;
	nulls[11] = row->children == (Datum) 0;
	values[12] = row->output;
	nulls[12] = row->output == (Datum) 0;
	values[13] = UUIDPGetDatum(&row->parent);
	values[14] = text_datum(row->invoke, &nulls[14]);
	values[15] = Int32GetDatum(row->depth);
	nulls[13] = nulls[15] = !row->has_parent;
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

/* Make a set visible to the statements of this SPI connection. */
static void
show(WfOutput *out, SetKind kind)
{
	EphemeralNamedRelation enr = palloc0(sizeof(EphemeralNamedRelationData));

	enr->md.name = unconstify(char *, sets[kind].name);
	enr->md.reliddesc = InvalidOid;
	enr->md.tupdesc = descriptors[kind];
	enr->md.enrtype = ENR_NAMED_TUPLESTORE;
	enr->md.enrtuples = out->counts[kind];
	enr->reldata = out->stores[kind];
	if (SPI_register_relation(enr) != SPI_OK_REL_REGISTER)
		elog(ERROR, "could not register \"%s\"", sets[kind].name);
}

TimestampTz
wf_output_write(WfOutput *out)
{
	WfRights	rights;

	wf_rights_raise(&rights);
	for (int kind = 0; kind < NSETS; kind++)
	{
		uint64		n;

		if (out->counts[kind] == 0)
			continue;
		show(out, kind);
		n = wf_run(&statements[kind], NULL, NULL, 0);
		SPI_unregister_relation(sets[kind].name);

		/* What we hold locked cannot have moved. */
		if ((kind == STEPPED || kind == MIGRATED) && n != (uint64) out->counts[kind])
			elog(ERROR, "wrote " UINT64_FORMAT " of %d processes", n,
				 out->counts[kind]);
		tuplestore_end(out->stores[kind]);
		out->stores[kind] = NULL;
		out->counts[kind] = 0;
	}
	wf_rights_restore(&rights);
	return out->next;
}
