/*
 * job_type.h
 *	  A type of SQL: between its values and JSON.
 */
#ifndef WF_JOB_TYPE_H
#define WF_JOB_TYPE_H

#include "access/tupdesc.h"
#include "fmgr.h"
#include "utils/jsonb.h"

/* A type as a job names it.  It is found when it is needed. */
typedef struct WfJobType
{
	const char *name;			/* canonical, see wf_job_type_canonical() */
	Oid			oid;			/* InvalidOid: not found yet */
	int32		typmod;
	bool		plain;			/* built in and immutable: needs no author */
	bool		is_json;		/* json, jsonb, or a domain over them */
	bool		takes_any;		/* also objects and arrays */
	Oid			input;			/* function */
	Oid			ioparam;
	FmgrInfo	to_jsonb;
	FmgrInfo	to_record;		/* reads objects and arrays: one column of the type */
	TupleDesc	record;
	MemoryContext context;		/* of the last three */
} WfJobType;

extern char *wf_job_type_canonical(const char *name, Oid *oid);
extern void wf_job_type_find(WfJobType *type);
extern Datum wf_job_type_read(WfJobType *type, Jsonb *value, bool *isnull);
extern Jsonb *wf_job_type_write(WfJobType *type, Datum value);
extern bool wf_job_type_is_written(const WfJobType *type, const Jsonb *value);

#endif							/* WF_JOB_TYPE_H */
