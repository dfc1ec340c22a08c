/*
 * change_sets.h
 *	  The sets of rows that changes.c collects and changes_write.c writes.
 */
#ifndef WF_CHANGE_SETS_H
#define WF_CHANGE_SETS_H

#include "datatype/timestamp.h"
#include "utils/uuid.h"

#include "store/heap.h"
#include "store/task_row.h"
#include "store/timer.h"

/*
 * The columns of each set, one a line, with the type that they have in the set
 * (ANYENUMOID stands for workflow.status, whose OID differs).  All that is known
 * of columns comes from here: names, types, positions, how many there are, and
 * the lists in the texts of statements.
 *
 * K says which rows of the table are meant, or whether.  F and N are written to
 * the column of that name; F is the first of those, which has no comma before
 * it.  A new column is one more N here, and in changes.c a line that sets it.
 */
#define WF_STARTED_COLUMNS(K, F, N) \
	WF_STARTED_OLDER_COLUMNS(K, F, N) \
	N(STARTED, tenant, TEXTOID) \
	N(STARTED, traceparent, TEXTOID)

/* Those that versions before 0.3.0 have, too. */
#define WF_STARTED_OLDER_COLUMNS(K, F, N) \
	F(STARTED, id, UUIDOID) \
	N(STARTED, started_at, TIMESTAMPTZOID) \
	N(STARTED, updated_at, TIMESTAMPTZOID) \
	N(STARTED, definition, INT4OID) \
	N(STARTED, step, INT4OID) \
	N(STARTED, status, ANYENUMOID) \
	N(STARTED, suspended, BOOLOID) \
	N(STARTED, states, TEXTARRAYOID) \
	N(STARTED, context, JSONBOID) \
	N(STARTED, started_by, TEXTOID) \
	N(STARTED, key, TEXTOID) \
	N(STARTED, history, JSONBOID) \
	N(STARTED, starter, OIDOID) \
	N(STARTED, children, JSONBOID) \
	N(STARTED, output, JSONBOID) \
	N(STARTED, parent, UUIDOID) \
	N(STARTED, invoke, TEXTOID) \
	N(STARTED, depth, INT4OID)

#define WF_STEPPED_COLUMNS(K, F, N) \
	K(STEPPED, tid, TIDOID) \
	F(STEPPED, updated_at, TIMESTAMPTZOID) \
	N(STEPPED, step, INT4OID) \
	N(STEPPED, status, ANYENUMOID) \
	N(STEPPED, suspended, BOOLOID) \
	N(STEPPED, states, TEXTARRAYOID) \
	N(STEPPED, context, JSONBOID) \
	N(STEPPED, history, JSONBOID) \
	N(STEPPED, children, JSONBOID) \
	N(STEPPED, output, JSONBOID)

#define WF_MIGRATED_COLUMNS(K, F, N) \
	K(MIGRATED, tid, TIDOID) \
	F(MIGRATED, updated_at, TIMESTAMPTZOID) \
	N(MIGRATED, definition, INT4OID) \
	N(MIGRATED, step, INT4OID) \
	N(MIGRATED, states, TEXTARRAYOID) \
	N(MIGRATED, context, JSONBOID) \
	N(MIGRATED, history, JSONBOID) \
	N(MIGRATED, children, JSONBOID)

#define WF_NOTED_COLUMNS(K, F, N) \
	WF_NOTED_OLDER_COLUMNS(K, F, N) \
	N(NOTED, traceparent, TEXTOID) \
	N(NOTED, began, TIMESTAMPTZOID) \
	N(NOTED, xid, XID8OID)

#define WF_NOTED_OLDER_COLUMNS(K, F, N) \
	F(NOTED, process, UUIDOID) \
	N(NOTED, at, TIMESTAMPTZOID) \
	N(NOTED, due, TIMESTAMPTZOID) \
	N(NOTED, step, INT4OID) \
	N(NOTED, taken, BOOLOID) \
	N(NOTED, event, TEXTOID) \
	N(NOTED, from_states, TEXTARRAYOID) \
	N(NOTED, to_states, TEXTARRAYOID) \
	N(NOTED, actor, TEXTOID) \
	N(NOTED, data, JSONBOID) \
	N(NOTED, reason, TEXTOID) \
	N(NOTED, slot, INT2OID)

#define WF_DISARMED_COLUMNS(K, F, N) \
	K(DISARMED, process, UUIDOID) \
	K(DISARMED, state, TEXTOID) \
	K(DISARMED, name, TEXTOID)

#define WF_ARMED_COLUMNS(K, F, N) \
	WF_ARMED_OLDER_COLUMNS(K, F, N) \
	N(ARMED, traceparent, TEXTOID)

#define WF_ARMED_OLDER_COLUMNS(K, F, N) \
	K(ARMED, if_absent, BOOLOID) \
	F(ARMED, process, UUIDOID) \
	N(ARMED, seq, INT8OID) \
	N(ARMED, due, TIMESTAMPTZOID) \
	N(ARMED, owner, INT4OID) \
	N(ARMED, attempts, INT2OID) \
	N(ARMED, parked, BOOLOID) \
	N(ARMED, event, TEXTOID) \
	N(ARMED, name, TEXTOID) \
	N(ARMED, state, TEXTOID) \
	N(ARMED, actor, TEXTOID) \
	N(ARMED, data, JSONBOID) \
	N(ARMED, child, UUIDOID)

#define WF_LET_GO_COLUMNS(K, F, N) \
	K(LET_GO, process, UUIDOID) \
	K(LET_GO, child, UUIDOID)

#define WF_RECALLED_COLUMNS(K, F, N) \
	K(RECALLED, process, UUIDOID) \
	K(RECALLED, seq, INT8OID)

#define WF_DEFERRED_COLUMNS(K, F, N) \
	F(DEFERRED, process, UUIDOID) \
	N(DEFERRED, at, TIMESTAMPTZOID) \
	N(DEFERRED, state, TEXTOID) \
	N(DEFERRED, event, TEXTOID) \
	N(DEFERRED, name, TEXTOID) \
	N(DEFERRED, actor, TEXTOID) \
	N(DEFERRED, data, JSONBOID)

#define WF_RECOVERED_COLUMNS(K, F, N) \
	K(RECOVERED, process, UUIDOID) \
	K(RECOVERED, seq, INT8OID)

#define WF_REOPENED_COLUMNS(K, F, N) \
	K(REOPENED, process, UUIDOID) \
	K(REOPENED, told, INT8OID)

#define WF_ENDED_COLUMNS(K, F, N) \
	K(ENDED, process, UUIDOID)

#define WF_RESTING_COLUMNS(K, F, N) \
	F(RESTING, definition, TEXTOID) \
	N(RESTING, process, UUIDOID)

#define WF_FORGOTTEN_COLUMNS(K, F, N) \
	K(FORGOTTEN, process, UUIDOID) \
	K(FORGOTTEN, name, TEXTOID)

#define WF_SEARCHABLE_COLUMNS(K, F, N) \
	F(SEARCHABLE, process, UUIDOID) \
	N(SEARCHABLE, definition, TEXTOID) \
	N(SEARCHABLE, name, TEXTOID) \
	N(SEARCHABLE, value, JSONBOID)

#define WF_CLOSED_COLUMNS(K, F, N) \
	K(CLOSED, process, UUIDOID) \
	K(CLOSED, state, TEXTOID) \
	F(CLOSED, closed_at, TIMESTAMPTZOID) \
	N(CLOSED, closed_by, TEXTOID) \
	N(CLOSED, event, TEXTOID)

#define WF_MOVED_COLUMNS(K, F, N) \
	K(MOVED, process, UUIDOID) \
	K(MOVED, was, TEXTOID) \
	F(MOVED, state, TEXTOID) \
	N(MOVED, events, TEXTARRAYOID)

#define WF_POSTPONED_COLUMNS(K, F, N) \
	K(POSTPONED, process, UUIDOID) \
	K(POSTPONED, state, TEXTOID) \
	F(POSTPONED, due, TIMESTAMPTZOID)

#define WF_ASKED_COLUMNS(K, F, N) \
	F(ASKED, id, UUIDOID) \
	N(ASKED, process, UUIDOID) \
	N(ASKED, definition, TEXTOID) \
	N(ASKED, state, TEXTOID) \
	N(ASKED, made_at, TIMESTAMPTZOID) \
	N(ASKED, title, TEXTOID) \
	N(ASKED, priority, INT2OID) \
	N(ASKED, due, TIMESTAMPTZOID) \
	N(ASKED, need, INT4OID) \
	N(ASKED, names, TEXTARRAYOID) \
	N(ASKED, events, TEXTARRAYOID) \
	N(ASKED, data, JSONBOID) \
	N(ASKED, tenant, TEXTOID)

/* Sets of rows, in the order in which they are written, and their names in SQL. */
#define WF_SETS(S) \
	S(STARTED, wf_started) \
	S(STEPPED, wf_stepped) \
	S(MIGRATED, wf_migrated) \
	S(NOTED, wf_noted) \
	S(DISARMED, wf_disarmed) \
	S(ARMED, wf_armed) \
	S(LET_GO, wf_let_go) \
	S(RECALLED, wf_recalled) \
	S(DEFERRED, wf_deferred) \
	S(RECOVERED, wf_recovered) \
	S(REOPENED, wf_reopened) \
	S(ENDED, wf_ended) \
	S(RESTING, wf_resting) \
	S(FORGOTTEN, wf_forgotten) \
	S(SEARCHABLE, wf_searchable) \
	S(CLOSED, wf_closed) \
	S(MOVED, wf_moved) \
	S(POSTPONED, wf_postponed) \
	S(ASKED, wf_asked)

/* WF_SET_STARTED, ...: the sets. */
typedef enum WfSetKind
{
#define WF_SET_KIND(set, relation) WF_SET_##set,
	WF_SETS(WF_SET_KIND)
	WF_NSETS
} WfSetKind;

/* WF_STARTED_id, ..., WF_STARTED_NCOLUMNS: the positions of each set's columns. */
#define WF_SET_POSITION(set, column, type) WF_##set##_##column,
#define WF_SET_POSITIONS(set, relation) \
enum \
{ \
	WF_##set##_COLUMNS(WF_SET_POSITION, WF_SET_POSITION, WF_SET_POSITION) \
	WF_##set##_NCOLUMNS \
};
WF_SETS(WF_SET_POSITIONS)

/* Rows that were put into a set. */
typedef struct WfSetRows
{
	WfHeapRow *rows;
	int			n;
	int			size;
} WfSetRows;

typedef struct WfChanges WfChanges;

/* How many rows of each set had been collected at a moment. */
typedef struct WfChangesMark
{
	int			n[WF_NSETS];
} WfChangesMark;

/* Takes what would be written of timers, when nothing is to be written. */
typedef struct WfChangesObserver
{
	void		(*disarm) (struct WfChangesObserver *self, const pg_uuid_t *process,
						   const char *state, const char *name);
	void		(*arm) (struct WfChangesObserver *self, const WfTimerRow *timer,
						bool parked, bool if_absent);
} WfChangesObserver;

/* What the steps of one transaction write. */
struct WfChanges
{
	MemoryContext context;		/* of the rows */
	WfSetRows	sets[WF_NSETS];
	bool		looks;			/* some timer is armed only if there is none */
	WfChangesObserver *sink;	/* NULL: rows go to the tables */
	int32		claimed;		/* see wf_changes_new() */
	TimestampTz next;			/* earliest new timer of that owner */
};

#endif							/* WF_CHANGE_SETS_H */
