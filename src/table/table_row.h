/*
 * table_row.h
 *	  The rows that a statement has written to a user's table.
 */
#ifndef WF_TABLE_ROW_H
#define WF_TABLE_ROW_H

#include "commands/trigger.h"
#include "executor/tuptable.h"
#include "fmgr.h"
#include "utils/jsonb.h"
#include "utils/tuplestore.h"

#include "table/virtual_column.h"

/* To write rows as jsonb needs this of their author, and what comes before. */
typedef enum WfTableRowNeeds
{
	WF_TABLE_ROW_NOTHING,
	WF_TABLE_ROW_SETTINGS,
	WF_TABLE_ROW_AUTHOR			/* code of users may run */
} WfTableRowNeeds;

/* All of a statement, and the one that is there now. */
typedef struct WfTableRow
{
	MemoryContext memory;		/* where it was begun */
	TupleDesc	desc;
	TriggerEvent event;
	Tuplestorestate *stores[2]; /* of new and old rows, or NULL */
	int			places[2];		/* where they are read */
	TupleTableSlot *slots[2];
	WfVirtualColumns *virtual[2];	/* or NULL */
	FmgrInfo	to_jsonb;
	WfTableRowNeeds needs;
	int64		number;			/* of the row that is there, from 1 on */
	TupleTableSlot *new;		/* it, or NULL */
	TupleTableSlot *old;
} WfTableRow;

extern int64 wf_table_row_count(const TriggerData *data);
extern void wf_table_row_begin(WfTableRow *row, const TriggerData *data);
extern bool wf_table_row_next(WfTableRow *row);
extern Jsonb *wf_table_row_jsonb(WfTableRow *row, bool new);
extern void wf_table_row_end(WfTableRow *row);
extern const char *wf_table_row_op(const WfTableRow *row);

#endif							/* WF_TABLE_ROW_H */
