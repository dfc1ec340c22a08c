/*
 * heap.h
 *	  Rows of our own tables, written without a plan.
 */
#ifndef WF_HEAP_H
#define WF_HEAP_H

#include "access/tupdesc.h"
#include "storage/itemptr.h"

typedef struct WfTable WfTable;

/* The values of some columns. */
typedef struct WfTableRow
{
	Datum	   *values;
	bool	   *nulls;
} WfTableRow;

extern WfTable *wf_table_open(const char *name, int slot, TupleDesc columns);
extern void wf_table_close(WfTable *table);
extern void wf_table_insert(WfTable *table, int n, const WfTableRow *rows);
extern void wf_table_update(WfTable *table, ItemPointer tid, const WfTableRow *row);
extern bool wf_table_delete(WfTable *table, ItemPointer tid);

#endif							/* WF_HEAP_H */
