/*
 * process_row.h
 *	  The table workflow.process: reads rows into memory, and locks them.
 */
#ifndef WF_PROCESS_ROW_H
#define WF_PROCESS_ROW_H

#include "datatype/timestamp.h"
#include "storage/itemptr.h"
#include "utils/array.h"
#include "utils/jsonb.h"
#include "utils/uuid.h"

#include "store/heap_find.h"
#include "store/status.h"

/*
 * A process as it was read.  Values of varying length are as they came from the
 * table, possibly toasted, so that what a step does not change is not written
 * anew.
 */
typedef struct WfRow
{
	ItemPointerData tid;
	pg_uuid_t	id;
	int32		definition;
	int32		step;
	WfStatus	status;
	bool		suspended;
	Datum		states;
	Datum		context;
	Datum		history;		/* 0: null */
	Datum		children;		/* 0: null */
	Datum		output;			/* 0: null; set when it ends, never read */
	bool		has_parent;
	pg_uuid_t	parent;
	const char *invoke;			/* its id in the parent */
	int			depth;			/* levels below one that was started; 0: no child */
	Datum		key;			/* its business key, a text; 0: null */
	Datum		tenant;			/* whose it is, a text; 0: null */
	Datum		traceparent;	/* the trace context in which it was started, a text;
								 * 0: null */
	struct WfProcess *process;	/* of the stepper that has it, or NULL */
	bool		overtaken;		/* another session took some of its timers after
								 * the claim had seen them, and may have put them
								 * back: those that were claimed may not be its
								 * first ones */
} WfRow;

/*
 * What a statement selects of workflow.process p, as its first columns, for
 * wf_process_row_fill(); F is the first one.  Names and positions come from here.  The
 * last WF_ROW_NNEW are not there in versions before 0.3.0.
 */
#define WF_ROW_LIST(F, N) \
	WF_ROW_OLDER_LIST(F, N) \
	N(tenant) \
	N(traceparent)

#define WF_ROW_NNEW	2

#define WF_ROW_OLDER_LIST(F, N) \
	F(ctid) \
	N(id) \
	N(definition) \
	N(step) \
	N(status) \
	N(suspended) \
	N(states) \
	N(context) \
	N(history) \
	N(children) \
	N(parent) \
	N(invoke) \
	N(depth) \
	N(key)

#define WF_ROW_FIRST(column) "p." #column
#define WF_ROW_NEXT(column) ", p." #column
#define WF_ROW_COLUMNS WF_ROW_LIST(WF_ROW_FIRST, WF_ROW_NEXT)
#define WF_ROW_OLDER_COLUMNS WF_ROW_OLDER_LIST(WF_ROW_FIRST, WF_ROW_NEXT) ", NULL::pg_catalog.text, NULL::pg_catalog.text"

/* WF_ROW_ctid, ..., WF_ROW_NCOLUMNS: the positions of these columns. */
#define WF_ROW_POSITION(column) WF_ROW_##column,
enum
{
	WF_ROW_LIST(WF_ROW_POSITION, WF_ROW_POSITION)
	WF_ROW_NCOLUMNS
};

/*
 * wf_process_row_is_over() in the text of a statement, for the row with this
 * alias.  workflow.is_over() says the same, but an older version of our SQL does
 * not have it.
 */
#define WF_PROCESS_ROW_IS_OVER(p) \
	" (" p ".status OPERATOR(pg_catalog.=) 'finalized' OR (" p ".status OPERATOR(pg_catalog.=) 'terminated'" \
	" AND " p ".states OPERATOR(pg_catalog.=) '{}' AND " p ".step OPERATOR(pg_catalog.>) 0))"

/* May a process of this definition and tenant (or 0) be locked?  Throws if not. */
typedef void (*WfProcessRowCheck) (const pg_uuid_t *id, int32 definition, Datum tenant);

extern void wf_process_row_fill(WfRow *row, Datum *values, bool *nulls);
extern bool wf_process_row_is_over(const WfRow *row);
extern int	wf_process_row_definitions(ArrayType *processes, int32 **definitions);
extern bool wf_process_row_read(const pg_uuid_t *id, WfRow *row);
extern WfHeapLocker *wf_process_row_locker(void);
extern bool wf_process_row_next(WfHeapLocker *locker, const pg_uuid_t *id, WfRow *row);
extern bool wf_process_row_lock_if_free(const pg_uuid_t *id, WfRow *row);
extern bool wf_process_row_lock(const pg_uuid_t *id, bool nowait, WfProcessRowCheck check,
								WfRow *row);
extern int	wf_process_row_read_many(ArrayType *ids, WfRow **rows);
extern int	wf_process_row_lock_many(ArrayType *ids, ArrayType *definitions, bool nowait,
									 WfRow **rows);
extern void wf_process_row_stop(const pg_uuid_t *id);
extern void wf_process_row_resolve_starters(bool foreign);

#endif							/* WF_PROCESS_ROW_H */
