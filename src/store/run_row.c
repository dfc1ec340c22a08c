/*-------------------------------------------------------------------------
 *
 * run_row.c
 *	  Rows of the tables workflow.run and workflow.run_history, in memory.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/memutils.h"

#include "base/span.h"
#include "store/run_row.h"

typedef struct Column
{
	const char *name;
	Oid			type;
} Column;

#define COLUMN(column, type) {#column, type},

static const Column columns[] = {WF_RUN_LIST(COLUMN)};
static const Column ended_columns[] = {WF_RUN_ENDED_LIST(COLUMN)};

/* A descriptor of these columns, for as long as the session lives. */
static TupleDesc
describe(const Column *list, int n)
{
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);
	TupleDesc	desc = CreateTemplateTupleDesc(n);

	for (int i = 0; i < n; i++)
		TupleDescInitEntry(desc, i + 1, list[i].name, list[i].type, -1, 0);
	MemoryContextSwitchTo(old);
	return desc;
}

/* What a WfRunRow is made of, for wf_heap_open(). */
TupleDesc
wf_run_row_descriptor(void)
{
	static TupleDesc desc = NULL;

	if (desc == NULL)
		desc = describe(columns, lengthof(columns));
	return desc;
}

/* The columns of WF_RUN_ENDED_LIST, for wf_heap_open(). */
TupleDesc
wf_run_row_ended_descriptor(void)
{
	static TupleDesc desc = NULL;

	if (desc == NULL)
		desc = describe(ended_columns, lengthof(ended_columns));
	return desc;
}

/* A row all of whose columns are null. */
void
wf_run_row_init(WfRunRow *row)
{
	ItemPointerSetInvalid(&row->tid);
	memset(row->values, 0, sizeof(row->values));
	memset(row->nulls, true, sizeof(row->nulls));
}

/* Copy a row with all that it points to into the current memory context. */
WfRunRow *
wf_run_row_copy(const WfRunRow *row)
{
	WfRunRow   *copy = palloc(sizeof(WfRunRow));
	TupleDesc	desc = wf_run_row_descriptor();

	*copy = *row;
	for (int i = 0; i < WF_RUN_NCOLUMNS; i++)
	{
		Form_pg_attribute column = TupleDescAttr(desc, i);

		if (!row->nulls[i])
			copy->values[i] = datumCopy(row->values[i], column->attbyval, column->attlen);
	}
	return copy;
}

/* The word for a state; workflow.run_state() says the same. */
const char *
wf_run_row_state_name(WfRunState state)
{
	static const char *const names[] = {
		[WF_RUN_WAITING] = "waiting",
		[WF_RUN_RUNNING] = "running",
		[WF_RUN_ABORTING] = "aborting",
		[WF_RUN_FINISHED] = "finished",
		[WF_RUN_FAILED] = "failed",
		[WF_RUN_ABORTED] = "aborted",
		[WF_RUN_EXPIRED] = "expired"
	};

	return names[state];
}

/*
 * The trace context of what happens in the span of a run, in the current memory context;
 * NULL: it is in no trace.
 */
const char *
wf_run_row_span(const WfRunRow *row)
{
	return likely(row->nulls[WF_RUN_traceparent]) ? NULL :
		wf_span_of(TextDatumGetCString(row->values[WF_RUN_traceparent]), wf_run_row_id(row), 0);
}
