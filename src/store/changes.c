/*-------------------------------------------------------------------------
 *
 * changes.c
 *	  What the steps of one transaction are going to write, set by set.
 *
 * Runs in any backend, under locks on all processes concerned.  Rows are
 * collected, for a single command as for a thousand timers, and written by
 * changes_write.c.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "base/array.h"
#include "base/clock.h"
#include "shmem/wakeup.h"
#include "store/change_sets.h"
#include "store/changes.h"
#include "store/heap.h"
#include "store/process_row.h"
#include "store/status.h"
#include "store/timer.h"

#define MAX_COLUMNS 18

/* A set of rows to be written. */
typedef struct Set
{
	const char *name;			/* in our statements */
	int			ncolumns;
	Oid			types[MAX_COLUMNS];
	const char *columns[MAX_COLUMNS];
} Set;

/* ANYENUMOID stands for workflow.status, whose OID differs. */
static const Set sets[WF_NSETS] = {
	[WF_SET_STARTED] = {"wf_started", 18,
		{UUIDOID, TIMESTAMPTZOID, TIMESTAMPTZOID, INT4OID, INT4OID, ANYENUMOID, BOOLOID, TEXTARRAYOID,
			JSONBOID, TEXTOID, TEXTOID, JSONBOID, OIDOID, JSONBOID, JSONBOID,
		UUIDOID, TEXTOID, INT4OID},
		{"id", "started_at", "updated_at", "definition", "step", "status", "suspended", "states", "context",
			"started_by", "key", "history", "starter", "children", "output", "parent", "invoke",
	"depth"}},
	[WF_SET_STEPPED] = {"wf_stepped", 10,
		{TIDOID, TIMESTAMPTZOID, INT4OID, ANYENUMOID, BOOLOID, TEXTARRAYOID,
		JSONBOID, JSONBOID, JSONBOID, JSONBOID},
	{"tid", "updated_at", "step", "status", "suspended", "states", "context", "history", "children", "output"}},
	[WF_SET_MIGRATED] = {"wf_migrated", 7,
		{TIDOID, TIMESTAMPTZOID, INT4OID, INT4OID, TEXTARRAYOID, JSONBOID, JSONBOID},
	{"tid", "at", "definition", "step", "states", "history", "children"}},
	[WF_SET_NOTED] = {"wf_noted", 12,
		{UUIDOID, TIMESTAMPTZOID, TIMESTAMPTZOID, INT4OID, BOOLOID, TEXTOID,
		TEXTARRAYOID, TEXTARRAYOID, TEXTOID, JSONBOID, TEXTOID, INT2OID},
	{"process", "at", "due", "step", "taken", "event", "from_states", "to_states", "actor", "data", "reason", "slot"}},
	[WF_SET_DISARMED] = {"wf_disarmed", 3,
		{UUIDOID, TEXTOID, TEXTOID},
	{"process", "state", "name"}},
	[WF_SET_ARMED] = {"wf_armed", 13,
		{UUIDOID, INT8OID, TIMESTAMPTZOID, INT4OID, INT2OID, BOOLOID, BOOLOID,
		TEXTOID, TEXTOID, TEXTOID, TEXTOID, JSONBOID, UUIDOID},
	{"process", "seq", "due", "owner", "attempts", "parked", "if_absent", "event", "name", "state", "actor", "data", "child"}},
	[WF_SET_LET_GO] = {"wf_let_go", 2,
		{UUIDOID, UUIDOID},
	{"process", "child"}},
	[WF_SET_RECALLED] = {"wf_recalled", 2,
		{UUIDOID, INT8OID},
	{"process", "seq"}},
	[WF_SET_DEFERRED] = {"wf_deferred", 7,
		{UUIDOID, TIMESTAMPTZOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, JSONBOID},
	{"process", "at", "state", "event", "name", "actor", "data"}},
	[WF_SET_RECOVERED] = {"wf_recovered", 2,
		{UUIDOID, INT8OID},
	{"process", "seq"}},
	[WF_SET_RESTING] = {"wf_resting", 2,
		{TEXTOID, UUIDOID},
	{"definition", "process"}},
	[WF_SET_FORGOTTEN] = {"wf_simulate_forgotten", 2,
		{UUIDOID, TEXTOID},
	{"process", "name"}},
	[WF_SET_SEARCHABLE] = {"wf_searchable", 4,
		{UUIDOID, TEXTOID, TEXTOID, JSONBOID},
	{"process", "definition", "name", "value"}},
};

/* Descriptors of the sets; remade when the extension's enum is another one. */
static TupleDesc descriptors[WF_NSETS];
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
	for (int i = 0; i < WF_NSETS; i++)
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

/* The columns of a set, and its name where a statement reads it. */
TupleDesc
wf_changes_descriptor(WfSetKind kind)
{
	return descriptors[kind];
}

const char *
wf_changes_set_name(WfSetKind kind)
{
	return sets[kind].name;
}

/*
 * claimed: the owner whose timers this transaction claimed, 0 if none; its
 * new timers are the claimer's to announce (see wakeup.h), all others are
 * announced here.
 */
WfChanges *
wf_changes_new(int32 claimed)
{
	WfChanges   *out = palloc0(sizeof(WfChanges));

	make_descriptors();
	out->context = CurrentMemoryContext;
	out->claimed = claimed;
	out->next = DT_NOEND;
	return out;
}

/* Write nothing, announce nothing: timers go to the sink, the rest nowhere. */
void
wf_changes_divert(WfChanges *out, WfChangesObserver *sink)
{
	out->sink = sink;
}

static void
put(WfChanges *out, WfSetKind kind, const Datum *values, const bool *nulls)
{
	TupleDesc	desc = descriptors[kind];
	WfSetRows  *set = &out->sets[kind];
	MemoryContext old;
	WfHeapRow *row;

	if (unlikely(out->sink != NULL))
		return;
	old = MemoryContextSwitchTo(out->context);
	row = wf_array_grow(set->rows, set->n, set->size);
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
wf_changes_start(WfChanges *out, const WfRow *row, TimestampTz at,
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
	put(out, WF_SET_STARTED, values, nulls);
}

void
wf_changes_step(WfChanges *out, const WfRow *row, TimestampTz at)
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
	put(out, WF_SET_STEPPED, values, nulls);
}

/* Another version: definition, step, states and history of the row. */
void
wf_changes_migrate(WfChanges *out, const WfRow *row, TimestampTz at)
{
	bool		nulls[MAX_COLUMNS] = {0};
	Datum		values[MAX_COLUMNS] = {
		PointerGetDatum(&row->tid), TimestampTzGetDatum(at),
		Int32GetDatum(row->definition), Int32GetDatum(row->step), row->states,
		row->history, row->children
	};

	nulls[5] = row->history == (Datum) 0;
	nulls[6] = row->children == (Datum) 0;
	put(out, WF_SET_MIGRATED, values, nulls);
}

void
wf_changes_history(WfChanges *out, const WfRow *row, const char *event,
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
	put(out, WF_SET_NOTED, values, nulls);
}

/* state and name NULL: all timers of the process. */
void
wf_changes_disarm(WfChanges *out, const pg_uuid_t *process,
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
	put(out, WF_SET_DISARMED, values, nulls);
}

/* timer->seq 0: a new one.  if_absent: not when (state, name) is there. */
void
wf_changes_arm(WfChanges *out, const WfTimerRow *timer, int32 owner,
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
	put(out, WF_SET_ARMED, values, nulls);
	out->looks = out->looks || if_absent;
	if (parked)
		return;
	if (owner != out->claimed)
		wf_wakeup_timer(owner, timer->due);
	else if (timer->due < out->next)
		out->next = timer->due;
}

/*
 * A child of this process is let go: what it sent until now counts, even when
 * it is delivered later; nothing that it sends from now on does.
 */
void
wf_changes_let_go(WfChanges *out, const pg_uuid_t *process, const pg_uuid_t *child)
{
	bool		nulls[MAX_COLUMNS] = {0};
	Datum		values[MAX_COLUMNS] = {UUIDPGetDatum(process), UUIDPGetDatum(child)};

	put(out, WF_SET_LET_GO, values, nulls);
}

/* An event is kept for later, as `state` wants it; it waits no longer (seq 0: none). */
void
wf_changes_defer(WfChanges *out, const WfTimerRow *event, const char *state)
{
	bool		nulls[MAX_COLUMNS] = {0};
	Datum		values[MAX_COLUMNS] = {
		UUIDPGetDatum(&event->process), TimestampTzGetDatum(wf_clock_now()),
		CStringGetTextDatum(state), CStringGetTextDatum(event->event)
	};

	values[4] = text_datum(event->name, &nulls[4]);
	values[5] = text_datum(event->actor, &nulls[5]);
	values[6] = jsonb_datum(event->data, &nulls[6]);
	put(out, WF_SET_DEFERRED, values, nulls);
}

void
wf_changes_recall(WfChanges *out, const pg_uuid_t *process, int64 seq)
{
	bool		nulls[MAX_COLUMNS] = {0};
	Datum		values[MAX_COLUMNS] = {UUIDPGetDatum(process), Int64GetDatum(seq)};

	nulls[1] = seq == 0;
	put(out, WF_SET_RECALLED, values, nulls);
}

/*
 * A claimed timer needs no more attempts: its event went well, or is dropped.
 * If it had failed before, its failure goes; the timer itself is in no table.
 */
void
wf_changes_settled(WfChanges *out, const WfTimerRow *timer)
{
	bool		nulls[MAX_COLUMNS] = {0};
	Datum		values[MAX_COLUMNS];

	if (likely(timer->attempts == 0))
		return;
	values[0] = UUIDPGetDatum(&timer->process);
	values[1] = Int64GetDatum(timer->seq);
	put(out, WF_SET_RECOVERED, values, nulls);
}

/* Its definition, with this name, is paused: a process with parked timers. */
void
wf_changes_rest(WfChanges *out, const char *definition, const pg_uuid_t *process)
{
	bool		nulls[MAX_COLUMNS] = {0};
	Datum		values[MAX_COLUMNS] = {CStringGetTextDatum(definition), UUIDPGetDatum(process)};

	put(out, WF_SET_RESTING, values, nulls);
}

/* What a process can be searched by: forget (name NULL: all), then add. */
void
wf_changes_forget(WfChanges *out, const pg_uuid_t *process, const char *name)
{
	bool		nulls[MAX_COLUMNS] = {0};
	Datum		values[MAX_COLUMNS] = {UUIDPGetDatum(process)};

	values[1] = text_datum(name, &nulls[1]);
	put(out, WF_SET_FORGOTTEN, values, nulls);
}

void
wf_changes_attribute(WfChanges *out, const pg_uuid_t *process, const char *definition,
					 const char *name, Jsonb *value)
{
	bool		nulls[MAX_COLUMNS] = {0};
	Datum		values[MAX_COLUMNS] = {
		UUIDPGetDatum(process), CStringGetTextDatum(definition),
		CStringGetTextDatum(name), JsonbPGetDatum(value)
	};

	put(out, WF_SET_SEARCHABLE, values, nulls);
}
