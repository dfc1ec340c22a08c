/*
 * heap.h
 *	  Rows of our own tables, written without a plan.
 */
#ifndef WF_TABLE_H
#define WF_TABLE_H

#include "access/tupdesc.h"
#include "storage/itemptr.h"

typedef struct WfTable WfTable;

/* The values of some columns. */
typedef struct WfTableRow
{
	Datum	   *values;
	bool	   *nulls;
} WfTableRow;

/*
 * Open a table of our schema for writing rows that consist of these columns; of
 * one that is partitioned, the partition for this slot (else -1).  A column
 * that the table does not have is not written.  No columns: to delete rows.
 *
 * NULL: writing it takes more than we do here (it has triggers, rules, or
 * columns that somebody has to fill in), so it is to be done by a statement.
 *
 * Takes the lock that an INSERT or UPDATE takes, until the end of the
 * transaction.  No rights are looked at: the rows are ours, and the table is.
 */
extern WfTable *wf_table_open(const char *name, int slot, TupleDesc columns);

/* What was written can be seen by the next command. */
extern void wf_table_close(WfTable *table);

/* Insert n rows.  What is not among their columns becomes null. */
extern void wf_table_insert(WfTable *table, int n, const WfTableRow *rows);

/*
 * Update the row with this tuple id, which the caller has locked; an error if
 * it is gone all the same.  What is not among the columns stays.
 */
extern void wf_table_update(WfTable *table, ItemPointer tid, const WfTableRow *row);

/*
 * Delete the row with this tuple id.  Returns false when somebody else had
 * deleted or changed it; in REPEATABLE READ or above that is an error.
 */
extern bool wf_table_delete(WfTable *table, ItemPointer tid);

#endif							/* WF_TABLE_H */
