/*
 * virtual_column.h
 *	  Columns that are computed when a row is read.
 */
#ifndef WF_VIRTUAL_COLUMN_H
#define WF_VIRTUAL_COLUMN_H

#include "executor/tuptable.h"
#include "utils/rel.h"

typedef struct WfVirtualColumns WfVirtualColumns;

extern WfVirtualColumns *wf_virtual_column_begin(Relation relation);
extern TupleTableSlot *wf_virtual_column_fill(WfVirtualColumns *columns, TupleTableSlot *row);
extern void wf_virtual_column_end(WfVirtualColumns *columns);

#endif							/* WF_VIRTUAL_COLUMN_H */
