/*
 * run_row.h
 *	  Rows of the tables workflow.run and workflow.run_history, in memory.
 */
#ifndef WF_RUN_ROW_H
#define WF_RUN_ROW_H

#include "access/tupdesc.h"
#include "datatype/timestamp.h"
#include "storage/itemptr.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

/* Values of run.state and run_history.state. */
typedef enum WfRunState
{
	WF_RUN_WAITING,
	WF_RUN_RUNNING,
	WF_RUN_ABORTING,
	WF_RUN_FINISHED,
	WF_RUN_FAILED,
	WF_RUN_ABORTED,
	WF_RUN_EXPIRED
} WfRunState;

/* Values of run.awaits: what happens when a run that it waits for does not finish. */
typedef enum WfRunAwaits
{
	WF_RUN_AWAITS_CANCEL,		/* it is aborted */
	WF_RUN_AWAITS_RUN,			/* nothing: it is done after all of them */
	WF_RUN_AWAITS_SKIP,			/* it is finished without having been done */
	WF_RUN_AWAITS_RESTORER		/* it was lost, and that one decides about it */
} WfRunAwaits;

/*
 * Run.level says how urgent a run is, from -2, the most urgent, to 2; and of how many elements of
 * its queue's placement it was given back by who should have done it: so runs whose places differ
 * stand in the indexes as those do whose priorities differ.
 */
#define WF_RUN_PASSED_STEP	8
#define WF_RUN_PASSED(level)	(((level) + 2) / WF_RUN_PASSED_STEP)
#define WF_RUN_URGENCY(level)	((level) - WF_RUN_PASSED_STEP * WF_RUN_PASSED(level))

/* The last level of those with the same number of elements. */
#define WF_RUN_LAST_OF_PASSED(level)	(2 + WF_RUN_PASSED_STEP * WF_RUN_PASSED(level))

/*
 * The columns of workflow.run and of workflow.run_history, with their types: names,
 * positions and descriptors come from here.
 */
#define WF_RUN_LIST(C) \
	C(id, UUIDOID) \
	C(seq, INT8OID) \
	C(executor, INT4OID) \
	C(queue, INT4OID) \
	C(root, INT4OID) \
	C(part, INT8OID) \
	C(level, INT2OID) \
	C(due, TIMESTAMPTZOID) \
	C(ready, BOOLOID) \
	C(state, INT2OID) \
	C(attempts, INT2OID) \
	C(losses, INT2OID) \
	C(job, INT4OID) \
	C(placed, TIMESTAMPTZOID) \
	C(starter, OIDOID) \
	C(started_by, TEXTOID) \
	C(partition, TEXTOID) \
	C(key, TEXTOID) \
	C(params, JSONBOID) \
	C(actor, TEXTOID) \
	C(start_by, TIMESTAMPTZOID) \
	C(error, JSONBOID) \
	C(fence, INT8OID) \
	C(claimer, OIDOID) \
	C(worker, TEXTOID) \
	C(begun, TIMESTAMPTZOID) \
	C(lease, INTERVALOID) \
	C(lease_until, TIMESTAMPTZOID) \
	C(progress, JSONBOID) \
	C(parked, TEXTOID) \
	C(awaits, INT2OID) \
	C(process, UUIDOID) \
	C(invoke, TEXTOID) \
	C(rules, JSONBOID) \
	C(ordered, BOOLOID) \
	C(tenant, TEXTOID) \
	C(round, INT4OID) \
	C(traceparent, TEXTOID) \
	C(timeline, INT4OID)

#define WF_RUN_ENDED_LIST(C) \
	C(run, UUIDOID) \
	C(ended_at, TIMESTAMPTZOID) \
	C(state, INT2OID) \
	C(job, INT4OID) \
	C(queue, INT4OID) \
	C(attempts, INT2OID) \
	C(losses, INT2OID) \
	C(due, TIMESTAMPTZOID) \
	C(placed, TIMESTAMPTZOID) \
	C(begun, TIMESTAMPTZOID) \
	C(starter, OIDOID) \
	C(started_by, TEXTOID) \
	C(level, INT2OID) \
	C(partition, TEXTOID) \
	C(key, TEXTOID) \
	C(params, JSONBOID) \
	C(actor, TEXTOID) \
	C(worker, TEXTOID) \
	C(progress, JSONBOID) \
	C(result, JSONBOID) \
	C(error, JSONBOID) \
	C(process, UUIDOID) \
	C(invoke, TEXTOID) \
	C(rules, JSONBOID) \
	C(slot, INT2OID) \
	C(tenant, TEXTOID) \
	C(round, INT4OID) \
	C(traceparent, TEXTOID) \
	C(xid, XID8OID)

#define WF_RUN_POSITION(column, type) WF_RUN_##column,
enum
{
	WF_RUN_LIST(WF_RUN_POSITION)
	WF_RUN_NCOLUMNS
};

#define WF_RUN_ENDED_POSITION(column, type) WF_RUN_ENDED_##column,
enum
{
	WF_RUN_ENDED_LIST(WF_RUN_ENDED_POSITION)
	WF_RUN_ENDED_NCOLUMNS
};

/* A row of workflow.run: as it was read, or is to be written. */
typedef struct WfRunRow
{
	ItemPointerData tid;		/* where it was read */
	Datum		values[WF_RUN_NCOLUMNS];
	bool		nulls[WF_RUN_NCOLUMNS];
} WfRunRow;

extern TupleDesc wf_run_row_descriptor(void);
extern TupleDesc wf_run_row_ended_descriptor(void);
extern void wf_run_row_init(WfRunRow *row);
extern WfRunRow *wf_run_row_copy(const WfRunRow *row);
extern const char *wf_run_row_state_name(WfRunState state);
extern const char *wf_run_row_span(const WfRunRow *row);

/* Set a column of a row, or make it null. */
static inline void
wf_run_row_set(WfRunRow *row, int column, Datum value)
{
	row->values[column] = value;
	row->nulls[column] = false;
}

static inline void
wf_run_row_clear(WfRunRow *row, int column)
{
	row->values[column] = (Datum) 0;
	row->nulls[column] = true;
}

static inline pg_uuid_t *
wf_run_row_id(const WfRunRow *row)
{
	return DatumGetUUIDP(row->values[WF_RUN_id]);
}

static inline int64
wf_run_row_seq(const WfRunRow *row)
{
	return DatumGetInt64(row->values[WF_RUN_seq]);
}

static inline TimestampTz
wf_run_row_due(const WfRunRow *row)
{
	return DatumGetTimestampTz(row->values[WF_RUN_due]);
}

static inline int32
wf_run_row_job(const WfRunRow *row)
{
	return DatumGetInt32(row->values[WF_RUN_job]);
}

/* Whose it is, a text or 0. */
static inline Datum
wf_run_row_tenant(const WfRunRow *row)
{
	return row->nulls[WF_RUN_tenant] ? (Datum) 0 : row->values[WF_RUN_tenant];
}

static inline int
wf_run_row_attempts(const WfRunRow *row)
{
	return DatumGetInt16(row->values[WF_RUN_attempts]);
}

/* It is to be done once more, whatever has become of it elsewhere. */
static inline void
wf_run_row_next_round(WfRunRow *row)
{
	row->values[WF_RUN_round] = Int32GetDatum(DatumGetInt32(row->values[WF_RUN_round]) + 1);
}

#endif							/* WF_RUN_ROW_H */
