/*-------------------------------------------------------------------------
 *
 * changes.c
 *	  Collects what the steps of one transaction write, in sets of rows.
 *
 * Runs in any backend; the caller holds the row locks of all processes
 * concerned, or has just made them.  A single command and a batch of a thousand
 * timers go the same way: functions here put rows into sets, and
 * changes_write.c writes all sets at the end.  So a batch costs one write a
 * table, and nothing is written for a step that fails.
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
#include "base/version.h"
#include "shmem/wakeup.h"
#include "store/change_sets.h"
#include "store/changes.h"
#include "store/heap.h"
#include "store/process_row.h"
#include "store/status.h"
#include "store/timer.h"

/* As many columns as the widest set has. */
#define WIDTH(set, relation) char set[WF_##set##_NCOLUMNS];
#define MAX_COLUMNS sizeof(union { WF_SETS(WIDTH) })

/* A set of rows to be written. */
typedef struct Set
{
	const char *name;			/* in our statements */
	int			ncolumns;
	Oid			types[MAX_COLUMNS];
	const char *columns[MAX_COLUMNS];
} Set;

#define TYPE(set, column, type) type,
#define NAME(set, column, type) #column,
#define SET(set, relation) \
	[WF_SET_##set] = {#relation, WF_##set##_NCOLUMNS, \
		{WF_##set##_COLUMNS(TYPE, TYPE, TYPE)}, \
		{WF_##set##_COLUMNS(NAME, NAME, NAME)}},

static const Set sets[WF_NSETS] = {
	WF_SETS(SET)
};

/*
 * Descriptors of the sets, in TopMemoryContext.  They are made anew when the
 * extension was, since its enum has another OID then.
 */
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

/*
 * The columns of a set, for whoever writes its rows.  Lives as long as the
 * session; wf_changes_new() has been called.
 */
TupleDesc
wf_changes_descriptor(WfSetKind kind)
{
	return descriptors[kind];
}

/* The name by which the text of a statement refers to a set. */
const char *
wf_changes_set_name(WfSetKind kind)
{
	return sets[kind].name;
}

/*
 * Begin to collect, in the current memory context.  claimed: the owner whose
 * timers this transaction claimed, 0 if none; the claimer itself announces new
 * timers of that owner (see wakeup.h), all others are announced here.
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

/*
 * Write nothing and announce nothing: timers go to the sink, all other rows
 * nowhere.  For simulations.
 */
void
wf_changes_divert(WfChanges *out, WfChangesObserver *sink)
{
	out->sink = sink;
}

/* Remember what has been collected, for wf_changes_back_to(). */
void
wf_changes_mark(const WfChanges *out, WfChangesMark *mark)
{
	for (int kind = 0; kind < WF_NSETS; kind++)
		mark->n[kind] = out->sets[kind].n;
}

/*
 * Forget what was collected since.  Timers among it may have been announced: whoever
 * looks for them finds nothing.
 */
void
wf_changes_back_to(WfChanges *out, const WfChangesMark *mark)
{
	for (int kind = 0; kind < WF_NSETS; kind++)
		out->sets[kind].n = mark->n[kind];
}

/* --- a row ---------------------------------------------------------------- */

/* A row of a set in the making.  What is not set is null. */
typedef struct Row
{
	Datum		values[MAX_COLUMNS];
	bool		known[MAX_COLUMNS];
} Row;

static inline void
set(Row *row, int column, Datum value)
{
	row->values[column] = value;
	row->known[column] = true;
}

/* A value that is a pointer; 0 is null. */
static inline void
set_pointer(Row *row, int column, Datum value)
{
	if (value != (Datum) 0)
		set(row, column, value);
}

/* NULL is null. */
static inline void
set_text(Row *row, int column, const char *text)
{
	if (text != NULL)
		set(row, column, CStringGetTextDatum(text));
}

/* NULL is null. */
static inline void
set_jsonb(Row *row, int column, Jsonb *jsonb)
{
	set_pointer(row, column, PointerGetDatum(jsonb));
}

/* Add a copy of the row to a set. */
static void
put(WfChanges *out, WfSetKind kind, const Row *new)
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

		row->nulls[i] = !new->known[i];
		row->values[i] = row->nulls[i] || column->attbyval ? new->values[i] :
			datumCopy(new->values[i], false, column->attlen);
	}
	MemoryContextSwitchTo(old);
}

/* --- what goes into the sets ------------------------------------------------ */

/*
 * A process is made: `starter` is the role that starts it, key NULL if it has
 * none.
 */
void
wf_changes_start(WfChanges *out, const WfRow *row, TimestampTz at,
				 Oid starter, const char *key)
{
	Row			new = {0};

	set(&new, WF_STARTED_id, UUIDPGetDatum(&row->id));
	set(&new, WF_STARTED_started_at, TimestampTzGetDatum(at));
	set(&new, WF_STARTED_updated_at, TimestampTzGetDatum(at));
	set(&new, WF_STARTED_definition, Int32GetDatum(row->definition));
	set(&new, WF_STARTED_step, Int32GetDatum(row->step));
	set(&new, WF_STARTED_status, ObjectIdGetDatum(wf_status_oid(row->status)));
	set(&new, WF_STARTED_suspended, BoolGetDatum(false));
	set(&new, WF_STARTED_states, row->states);
	set(&new, WF_STARTED_context, row->context);
	set_text(&new, WF_STARTED_started_by, GetUserNameFromId(starter, false));
	set_text(&new, WF_STARTED_key, key);
	set_pointer(&new, WF_STARTED_history, row->history);
	set(&new, WF_STARTED_starter, ObjectIdGetDatum(starter));
	set_pointer(&new, WF_STARTED_children, row->children);
	set_pointer(&new, WF_STARTED_output, row->output);
	if (row->has_parent)
	{
		set(&new, WF_STARTED_parent, UUIDPGetDatum(&row->parent));
		set(&new, WF_STARTED_depth, Int32GetDatum(row->depth));
	}
	set_text(&new, WF_STARTED_invoke, row->invoke);
	set_pointer(&new, WF_STARTED_tenant, row->tenant);
	set_pointer(&new, WF_STARTED_traceparent, row->traceparent);
	put(out, WF_SET_STARTED, &new);
}

/* A process was stepped, and is now as the row says. */
void
wf_changes_step(WfChanges *out, const WfRow *row, TimestampTz at)
{
	Row			new = {0};

	set(&new, WF_STEPPED_tid, PointerGetDatum(&row->tid));
	set(&new, WF_STEPPED_updated_at, TimestampTzGetDatum(at));
	set(&new, WF_STEPPED_step, Int32GetDatum(row->step));
	set(&new, WF_STEPPED_status, ObjectIdGetDatum(wf_status_oid(row->status)));
	set(&new, WF_STEPPED_suspended, BoolGetDatum(row->suspended));
	set(&new, WF_STEPPED_states, row->states);
	set(&new, WF_STEPPED_context, row->context);
	set_pointer(&new, WF_STEPPED_history, row->history);
	set_pointer(&new, WF_STEPPED_children, row->children);
	set_pointer(&new, WF_STEPPED_output, row->output);
	put(out, WF_SET_STEPPED, &new);
}

/*
 * A process goes to another version: definition, step, states, context, history
 * and children of the row.
 */
void
wf_changes_migrate(WfChanges *out, const WfRow *row, TimestampTz at)
{
	Row			new = {0};

	set(&new, WF_MIGRATED_tid, PointerGetDatum(&row->tid));
	set(&new, WF_MIGRATED_updated_at, TimestampTzGetDatum(at));
	set(&new, WF_MIGRATED_definition, Int32GetDatum(row->definition));
	set(&new, WF_MIGRATED_step, Int32GetDatum(row->step));
	set(&new, WF_MIGRATED_states, row->states);
	set(&new, WF_MIGRATED_context, row->context);
	set_pointer(&new, WF_MIGRATED_history, row->history);
	set_pointer(&new, WF_MIGRATED_children, row->children);
	put(out, WF_SET_MIGRATED, &new);
}

/*
 * A row of the history: an event reached a process, whose step it was.  due
 * DT_NOBEGIN: a command.  from_states and to_states are text[]; actor, data and
 * reason may be NULL, and so may traced.
 */
void
wf_changes_history(WfChanges *out, const WfRow *row, const char *event,
				   TimestampTz at, TimestampTz due, bool taken,
				   Datum from_states, Datum to_states,
				   const char *actor, Jsonb *data, const char *reason, const WfTraced *traced)
{
	Row			new = {0};

	set(&new, WF_NOTED_process, UUIDPGetDatum(&row->id));
	set(&new, WF_NOTED_at, TimestampTzGetDatum(at));
	if (due != DT_NOBEGIN)
		set(&new, WF_NOTED_due, TimestampTzGetDatum(due));
	set(&new, WF_NOTED_step, Int32GetDatum(row->step));
	set(&new, WF_NOTED_taken, BoolGetDatum(taken));
	set_text(&new, WF_NOTED_event, event);
	set(&new, WF_NOTED_from_states, from_states);
	set(&new, WF_NOTED_to_states, to_states);
	set_text(&new, WF_NOTED_actor, actor);
	set_jsonb(&new, WF_NOTED_data, data);
	set_text(&new, WF_NOTED_reason, reason);
	if (unlikely(traced != NULL && traced->context != NULL))
	{
		set_text(&new, WF_NOTED_traceparent, traced->context);
		set(&new, WF_NOTED_began, TimestampTzGetDatum(traced->began));
	}
	put(out, WF_SET_NOTED, &new);
}

/*
 * The timer `name` of a state (NULL: the event that was posted under that name)
 * does not come any more; name NULL: all timers of the process.
 */
void
wf_changes_disarm(WfChanges *out, const pg_uuid_t *process,
				  const char *state, const char *name)
{
	Row			new = {0};

	if (unlikely(out->sink != NULL))
	{
		out->sink->disarm(out->sink, process, state, name);
		return;
	}
	set(&new, WF_DISARMED_process, UUIDPGetDatum(process));
	set_text(&new, WF_DISARMED_state, state);
	set_text(&new, WF_DISARMED_name, name);
	put(out, WF_SET_DISARMED, &new);
}

/*
 * A timer of this owner, for an executor or, parked, for later.  timer->seq 0: a
 * new one.  if_absent: not when the process has one of its state and name.
 */
void
wf_changes_arm(WfChanges *out, const WfTimerRow *timer, int32 owner,
			   bool parked, bool if_absent)
{
	Row			new = {0};
	const pg_uuid_t *child;

	if (unlikely(out->sink != NULL))
	{
		out->sink->arm(out->sink, timer, parked, if_absent);
		return;
	}
	set(&new, WF_ARMED_if_absent, BoolGetDatum(if_absent));
	set(&new, WF_ARMED_process, UUIDPGetDatum(&timer->process));
	if (timer->seq != 0)
		set(&new, WF_ARMED_seq, Int64GetDatum(timer->seq));
	set(&new, WF_ARMED_due, TimestampTzGetDatum(timer->due));
	set(&new, WF_ARMED_owner, Int32GetDatum(owner));
	set(&new, WF_ARMED_attempts, Int16GetDatum(timer->attempts));
	set(&new, WF_ARMED_parked, BoolGetDatum(parked));
	set_text(&new, WF_ARMED_event, timer->event);
	set_text(&new, WF_ARMED_name, timer->name);
	set_text(&new, WF_ARMED_state, timer->state);
	set_text(&new, WF_ARMED_actor, timer->actor);
	set_jsonb(&new, WF_ARMED_data, wf_timer_row_pack(timer, &child));
	if (child != NULL)
		set(&new, WF_ARMED_child, UUIDPGetDatum(child));
	set_text(&new, WF_ARMED_traceparent, timer->trace);
	put(out, WF_SET_ARMED, &new);
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
	Row			new = {0};

	set(&new, WF_LET_GO_process, UUIDPGetDatum(process));
	set(&new, WF_LET_GO_child, UUIDPGetDatum(child));
	put(out, WF_SET_LET_GO, &new);
}

/* An event is kept for later, because `state` defers it. */
void
wf_changes_defer(WfChanges *out, const WfTimerRow *event, const char *state)
{
	Row			new = {0};

	set(&new, WF_DEFERRED_process, UUIDPGetDatum(&event->process));
	set(&new, WF_DEFERRED_at, TimestampTzGetDatum(wf_clock_now()));
	set_text(&new, WF_DEFERRED_state, state);
	set_text(&new, WF_DEFERRED_event, event->event);
	set_text(&new, WF_DEFERRED_name, event->name);
	set_text(&new, WF_DEFERRED_actor, event->actor);
	set_jsonb(&new, WF_DEFERRED_data, event->data);
	put(out, WF_SET_DEFERRED, &new);
}

/* An event that was kept for later waits no longer; seq 0: all of the process. */
void
wf_changes_recall(WfChanges *out, const pg_uuid_t *process, int64 seq)
{
	Row			new = {0};

	set(&new, WF_RECALLED_process, UUIDPGetDatum(process));
	if (seq != 0)
		set(&new, WF_RECALLED_seq, Int64GetDatum(seq));
	put(out, WF_SET_RECALLED, &new);
}

/*
 * A claimed timer needs no more attempts: its event went well, or is dropped.
 * If it had failed before, its failure goes; the timer itself is in no table.
 */
void
wf_changes_settled(WfChanges *out, const WfTimerRow *timer)
{
	Row			new = {0};

	if (likely(timer->attempts == 0))
		return;
	set(&new, WF_RECOVERED_process, UUIDPGetDatum(&timer->process));
	set(&new, WF_RECOVERED_seq, Int64GetDatum(timer->seq));
	put(out, WF_SET_RECOVERED, &new);
}

/*
 * No transition took the event that told a process of a failure, or its step
 * failed in its turn: the failure counts as given up, not as handled.
 */
void
wf_changes_reopen(WfChanges *out, const WfTimerRow *told)
{
	Row			new = {0};

	if (!wf_version_has_column("failure", "told"))
		return;
	set(&new, WF_REOPENED_process, UUIDPGetDatum(&told->process));
	set(&new, WF_REOPENED_told, Int64GetDatum(told->seq));
	put(out, WF_SET_REOPENED, &new);
}

/* A process is over: it has no failures any more. */
void
wf_changes_end(WfChanges *out, const pg_uuid_t *process)
{
	Row			new = {0};

	set(&new, WF_ENDED_process, UUIDPGetDatum(process));
	put(out, WF_SET_ENDED, &new);
}

/* A process whose definition, with this name, is paused, has parked timers. */
void
wf_changes_rest(WfChanges *out, const char *definition, const pg_uuid_t *process)
{
	Row			new = {0};

	set_text(&new, WF_RESTING_definition, definition);
	set(&new, WF_RESTING_process, UUIDPGetDatum(process));
	put(out, WF_SET_RESTING, &new);
}

/*
 * A process is not to be found by the attribute `name` any more, as it was;
 * NULL: by any.  All of these are written before the new attributes.
 */
void
wf_changes_forget(WfChanges *out, const pg_uuid_t *process, const char *name)
{
	Row			new = {0};

	set(&new, WF_FORGOTTEN_process, UUIDPGetDatum(process));
	set_text(&new, WF_FORGOTTEN_name, name);
	put(out, WF_SET_FORGOTTEN, &new);
}

/* A process of the definition with this name can be found by a new attribute. */
void
wf_changes_attribute(WfChanges *out, const pg_uuid_t *process, const char *definition,
					 const char *name, Jsonb *value)
{
	Row			new = {0};

	set(&new, WF_SEARCHABLE_process, UUIDPGetDatum(process));
	set_text(&new, WF_SEARCHABLE_definition, definition);
	set_text(&new, WF_SEARCHABLE_name, name);
	set_jsonb(&new, WF_SEARCHABLE_value, value);
	put(out, WF_SET_SEARCHABLE, &new);
}

/*
 * A state is left, or, NULL, the process is over: its task is closed, by an event on behalf
 * of an actor; both may be NULL.  All of these are written before the new tasks.
 */
void
wf_changes_close_task(WfChanges *out, const pg_uuid_t *process, const char *state,
					  const char *event, const char *actor)
{
	Row			new = {0};

	set(&new, WF_CLOSED_process, UUIDPGetDatum(process));
	set_text(&new, WF_CLOSED_state, state);
	set(&new, WF_CLOSED_closed_at, TimestampTzGetDatum(wf_clock_now()));
	set_text(&new, WF_CLOSED_closed_by, actor);
	set_text(&new, WF_CLOSED_event, event);
	put(out, WF_SET_CLOSED, &new);
}

/* The task of a state is that of a state of another version, with these events. */
void
wf_changes_move_task(WfChanges *out, const pg_uuid_t *process, const char *was,
					 const char *state, const List *events)
{
	Row			new = {0};

	set(&new, WF_MOVED_process, UUIDPGetDatum(process));
	set_text(&new, WF_MOVED_was, was);
	set_text(&new, WF_MOVED_state, state);
	set(&new, WF_MOVED_events, wf_task_row_texts(events));
	put(out, WF_SET_MOVED, &new);
}

/* The task of a state is due at another time; DT_NOEND: never. */
void
wf_changes_postpone_task(WfChanges *out, const pg_uuid_t *process, const char *state, TimestampTz due)
{
	Row			new = {0};

	set(&new, WF_POSTPONED_process, UUIDPGetDatum(process));
	set_text(&new, WF_POSTPONED_state, state);
	if (due != DT_NOEND)
		set(&new, WF_POSTPONED_due, TimestampTzGetDatum(due));
	put(out, WF_SET_POSTPONED, &new);
}

/* A state is entered that has a task. */
void
wf_changes_ask(WfChanges *out, const WfTaskRow *task)
{
	Row			new = {0};

	set(&new, WF_ASKED_id, UUIDPGetDatum(&task->id));
	set(&new, WF_ASKED_process, UUIDPGetDatum(&task->process));
	set_text(&new, WF_ASKED_definition, task->definition);
	set_text(&new, WF_ASKED_state, task->state);
	set(&new, WF_ASKED_made_at, TimestampTzGetDatum(wf_clock_now()));
	set_text(&new, WF_ASKED_title, task->title);
	set(&new, WF_ASKED_priority, Int16GetDatum(task->priority));
	if (task->due != DT_NOEND)
		set(&new, WF_ASKED_due, TimestampTzGetDatum(task->due));
	set(&new, WF_ASKED_need, Int32GetDatum(task->need));
	set(&new, WF_ASKED_names, wf_task_row_texts(task->names));
	set(&new, WF_ASKED_events, wf_task_row_texts(task->events));
	set_jsonb(&new, WF_ASKED_data, task->data);
	set_pointer(&new, WF_ASKED_tenant, task->tenant);
	put(out, WF_SET_ASKED, &new);
}
