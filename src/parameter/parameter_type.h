/*
 * parameter_type.h
 *	  A type of SQL: between its values and JSON.
 */
#ifndef WF_PARAMETER_TYPE_H
#define WF_PARAMETER_TYPE_H

#include "access/tupdesc.h"
#include "fmgr.h"
#include "utils/jsonb.h"

/* A type as it is declared.  It is found when it is needed. */
typedef struct WfParameterType
{
	const char *name;			/* canonical, see wf_parameter_type_canonical() */
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
} WfParameterType;

extern char *wf_parameter_type_canonical(const char *name, Oid *oid);
extern void wf_parameter_type_find(WfParameterType *type);
extern Datum wf_parameter_type_read(WfParameterType *type, Jsonb *value, bool *isnull);
extern Jsonb *wf_parameter_type_write(WfParameterType *type, Datum value);
extern bool wf_parameter_type_is_written(const WfParameterType *type, const Jsonb *value);

#endif							/* WF_PARAMETER_TYPE_H */
