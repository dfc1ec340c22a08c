/*-------------------------------------------------------------------------
 *
 * load_note.c
 *	  The table workflow.load_note: what each transaction has done.
 *
 * Runs in any backend that steps processes or ends runs.  A transaction writes a row for
 * each definition, job, queue and tenant that it has done something of: one for a whole
 * batch, mostly.  So what was counted is what was committed, whatever ends in between, and
 * nobody waits for a counter.  metrics/load_sum.c sums these rows, and deletes them.
 *
 * Locks nothing but the table, as an INSERT does.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/tupdesc.h"
#include "catalog/namespace.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/array.h"
#include "store/heap.h"
#include "store/load_note.h"
#include "store/statement.h"

/* So many of the last entries are looked through; two of the same do no harm. */
#define LOOK_BACK	8

/* The columns of the table. */
#define COLUMN_LIST(C) \
	C(minute, TIMESTAMPTZOID) \
	C(kind, INT2OID) \
	C(what, INT4OID) \
	C(queue, INT4OID) \
	C(runtime, TEXTOID) \
	C(tenant, TEXTOID) \
	C(started, INT4OID) \
	C(finished, INT4OID) \
	C(failed, INT4OID) \
	C(ended, INT4OID) \
	C(steps, INT4OID) \
	C(lag, FLOAT8OID) \
	C(lags, INT4OID) \
	C(busy, FLOAT8OID) \
	C(took, INT8ARRAYOID)

#define COLUMN_POSITION(column, type) COLUMN_##column,
enum
{
	COLUMN_LIST(COLUMN_POSITION)
	NCOLUMNS
};

/* The columns, for heap.c; in TopMemoryContext. */
static TupleDesc
descriptor(void)
{
	static TupleDesc made = NULL;
	MemoryContext old;
	TupleDesc	desc;
	int			n = 0;

	if (made != NULL)
		return made;
	old = MemoryContextSwitchTo(TopMemoryContext);
	desc = CreateTemplateTupleDesc(NCOLUMNS);
#define COLUMN_ENTRY(column, type) TupleDescInitEntry(desc, ++n, #column, type, -1, 0);
	COLUMN_LIST(COLUMN_ENTRY)
	MemoryContextSwitchTo(old);
	return made = desc;
}

/* The beginning of the minute of a time. */
static TimestampTz
minute_of(TimestampTz at)
{
	int64		rest = at % USECS_PER_MINUTE;

	return at - (rest < 0 ? rest + USECS_PER_MINUTE : rest);
}

/* Are two texts the same, of which either may be 0? */
static bool
is_same_text(Datum a, Datum b)
{
	if (a == 0 || b == 0)
		return a == b;
	return a == b || DatumGetBool(DirectFunctionCall2Coll(texteq, C_COLLATION_OID, a, b));
}

static bool
is_of(const WfLoadOf *a, const WfLoadOf *b)
{
	return a->at == b->at && a->kind == b->kind && a->what == b->what && a->queue == b->queue &&
		is_same_text(a->tenant, b->tenant) && is_same_text(a->runtime, b->runtime);
}

/*
 * What is noted of this, to be added to before the next call.  What the texts point to has
 * to stay until it is written.
 */
WfLoadCounts *
wf_load_note(WfLoadNotes *notes, const WfLoadOf *of)
{
	WfLoadOf	wanted = *of;
	WfLoadEntry *entry;

	wanted.at = minute_of(of->at);
	for (int i = notes->n - 1; i >= Max(0, notes->n - LOOK_BACK); i--)
		if (is_of(&notes->entries[i].of, &wanted))
			return &notes->entries[i].counts;
	entry = wf_array_grow(notes->entries, notes->n, notes->size);
	entry->of = wanted;
	return &entry->counts;
}

/* So many seconds after it was due something began. */
double
wf_load_note_late(TimestampTz due, TimestampTz at)
{
	if (TIMESTAMP_NOT_FINITE(due) || at < due)
		return 0;
	return (at - due) / (double) USECS_PER_SEC;
}

static Datum
text_or_empty(Datum text)
{
	return text != 0 ? text : CStringGetTextDatum("");
}

static void
fill(const WfLoadEntry *entry, WfHeapRow *row)
{
	const WfLoadCounts *counts = &entry->counts;

	row->values = palloc0(sizeof(Datum) * NCOLUMNS);
	row->nulls = palloc0(sizeof(bool) * NCOLUMNS);
	row->values[COLUMN_minute] = TimestampTzGetDatum(entry->of.at);
	row->values[COLUMN_kind] = Int16GetDatum(entry->of.kind);
	row->values[COLUMN_what] = Int32GetDatum(entry->of.what);
	row->values[COLUMN_queue] = Int32GetDatum(entry->of.queue);
	row->values[COLUMN_runtime] = text_or_empty(entry->of.runtime);
	row->values[COLUMN_tenant] = text_or_empty(entry->of.tenant);
	row->values[COLUMN_started] = Int32GetDatum(counts->started);
	row->values[COLUMN_finished] = Int32GetDatum(counts->finished);
	row->values[COLUMN_failed] = Int32GetDatum(counts->failed);
	row->values[COLUMN_ended] = Int32GetDatum(counts->ended);
	row->values[COLUMN_steps] = Int32GetDatum(counts->steps);
	row->values[COLUMN_lag] = Float8GetDatum(counts->lag);
	row->values[COLUMN_lags] = Int32GetDatum(counts->lags);
	row->values[COLUMN_busy] = Float8GetDatum(counts->busy);
	row->nulls[COLUMN_took] = counts->took.n == 0;
	if (counts->took.n > 0)
		row->values[COLUMN_took] = PointerGetDatum(wf_histogram_array(&counts->took));
}

/*
 * Write what was noted, if anything was.  The SQL of before 0.3.0 has no such table: nothing
 * is noted there.
 */
void
wf_load_note_write(const WfLoadNotes *notes)
{
	WfHeapRow  *rows;
	WfHeap	   *table;
	WfRights	rights;

	if (notes->n == 0 || !OidIsValid(get_relname_relid("load_note", get_namespace_oid("workflow", false))))
		return;
	rows = palloc(sizeof(WfHeapRow) * notes->n);
	for (int i = 0; i < notes->n; i++)
		fill(&notes->entries[i], &rows[i]);
	wf_statement_raise_rights(&rights);
	table = wf_heap_open("load_note", -1, descriptor());
	if (table == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("table \"workflow.load_note\" has triggers, rules or columns that are not ours"),
				 errhint("Drop them.")));
	wf_heap_insert(table, notes->n, rows);
	wf_heap_close(table);
	wf_statement_restore_rights(&rights);
}
