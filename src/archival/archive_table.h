/*
 * archive_table.h
 *	  Tables of users as archives: their columns, and how they are filled.
 */
#ifndef WF_ARCHIVE_TABLE_H
#define WF_ARCHIVE_TABLE_H

#include "executor/spi.h"

#include "eval/evaluator.h"

extern void wf_archive_table_check(Oid relation, bool of_runs, const WfAuthor *owner);
extern SPIPlanPtr wf_archive_table_prepare(Oid relation, bool of_runs, bool *document);

#endif							/* WF_ARCHIVE_TABLE_H */
