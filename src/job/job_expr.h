/*
 * job_expr.h
 *	  Expressions of a parameter: its check and its default.
 */
#ifndef WF_JOB_EXPR_H
#define WF_JOB_EXPR_H

#include "nodes/execnodes.h"
#include "utils/jsonb.h"
#include "utils/plancache.h"

#include "job/job_type.h"

/* One expression; made by setting text, is_check and type. */
typedef struct WfJobExpr
{
	const char *text;
	bool		is_check;		/* boolean, and knows `value` */
	WfJobType  *type;			/* of the parameter */
	CachedExpression *cached;	/* or NULL: to be compiled (again) */
	bool		pure;			/* needs no author */
	ExprState  *state;			/* good for the next three */
	LocalTransactionId lxid;
	Oid			user;
	bool		foreign;
	bool		in_use;
} WfJobExpr;

extern void wf_job_expr_compile(WfJobExpr *expr);
extern void wf_job_expr_forget(WfJobExpr *expr);
extern Datum wf_job_expr_evaluate(WfJobExpr *expr, Datum value, bool value_null,
								  Jsonb *params, bool foreign, bool *isnull);

#endif							/* WF_JOB_EXPR_H */
