/*
 * claimed_row.h
 *	  Runs that were claimed, as functions return them.
 */
#ifndef WF_CLAIMED_ROW_H
#define WF_CLAIMED_ROW_H

#include "store/run_row.h"

/* Columns of claim(), with which others begin; but for traceparent, which is the last one of all. */
#define WF_CLAIMED_ROW_COLUMNS	10

extern void wf_claimed_row_fill(const WfRunRow *row, Datum *values, bool *nulls);
extern void wf_claimed_row_trace(const WfRunRow *row, Datum *value, bool *null);

#endif							/* WF_CLAIMED_ROW_H */
