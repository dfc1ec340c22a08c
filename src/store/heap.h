/*
 * heap.h
 *	  Writes rows of our own tables without a plan.
 */
#ifndef WF_HEAP_H
#define WF_HEAP_H

#include "access/tupdesc.h"
#include "storage/itemptr.h"
#include "utils/uuid.h"

typedef struct WfHeap WfHeap;

/* A row: values of the columns that were named to wf_heap_open(). */
typedef struct WfHeapRow
{
	Datum	   *values;
	bool	   *nulls;
} WfHeapRow;

extern WfHeap *wf_heap_open(const char *name, int slot, TupleDesc columns);
extern void wf_heap_close(WfHeap *table);
extern void wf_heap_insert(WfHeap *table, int n, const WfHeapRow *rows);
extern void wf_heap_update(WfHeap *table, ItemPointer tid, const WfHeapRow *row);
extern bool wf_heap_delete(WfHeap *table, ItemPointer tid);
extern bool wf_heap_delete_if_free(WfHeap *table, const ItemPointerData *tid);
extern void wf_heap_have(const char *name, const char *index, int n,
						 const pg_uuid_t *const *processes, bool *found);

#endif							/* WF_HEAP_H */
