/*
 * parameter_expr.h
 *	  Expressions of a parameter: its check and its default.
 */
#ifndef WF_PARAMETER_EXPR_H
#define WF_PARAMETER_EXPR_H

#include "nodes/execnodes.h"
#include "utils/jsonb.h"
#include "utils/plancache.h"

#include "parameter/parameter_type.h"

/* One expression; made by setting text, is_check and type. */
typedef struct WfParameterExpr
{
	const char *text;
	bool		is_check;		/* boolean, and knows `value` */
	WfParameterType *type;			/* of the parameter */
	const Jsonb *calls;			/* what it called when it was stored, among others; or NULL */
	CachedExpression *cached;	/* or NULL: to be compiled (again) */
	bool		pure;			/* needs no author */
	ExprState  *state;			/* good for the next three */
	LocalTransactionId lxid;
	Oid			user;
	bool		foreign;
	bool		in_use;
} WfParameterExpr;

extern const char *wf_parameter_expr_key(const WfParameterExpr *expr);
extern Jsonb *wf_parameter_expr_calls(WfParameterExpr *expr);
extern void wf_parameter_expr_compile(WfParameterExpr *expr);
extern void wf_parameter_expr_forget(WfParameterExpr *expr);
extern Datum wf_parameter_expr_evaluate(WfParameterExpr *expr, Datum value, bool value_null,
								  Jsonb *params, bool foreign, bool *isnull);

#endif							/* WF_PARAMETER_EXPR_H */
