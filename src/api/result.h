/*
 * result.h
 *	  The rows that SQL-callable functions return.
 */
#ifndef WF_RESULT_H
#define WF_RESULT_H

#include "access/tupdesc.h"
#include "fmgr.h"

#include "process/process.h"

extern TupleDesc wf_result_type(FunctionCallInfo fcinfo);
extern void wf_result_process(WfProcess *process, Datum *values);
extern Datum wf_result_row(FunctionCallInfo fcinfo, Datum *values, bool *nulls);

#endif							/* WF_RESULT_H */
