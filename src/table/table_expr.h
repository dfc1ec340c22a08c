/*
 * table_expr.h
 *	  Expressions of a row of a user's table: keys and conditions.
 */
#ifndef WF_TABLE_EXPR_H
#define WF_TABLE_EXPR_H

#include "access/tupdesc.h"
#include "nodes/execnodes.h"
#include "utils/jsonb.h"
#include "utils/plancache.h"

#include "table/table_row.h"

/* One expression, kept by the session. */
typedef struct WfTableExpr
{
	const char *text;
	bool		is_condition;	/* boolean; else text */
	const Jsonb *calls;			/* what it called when it was stored, among others; or NULL */
	TupleDesc	desc;			/* of the table, as it was compiled for; or NULL */
	CachedExpression *cached;	/* or NULL: to be compiled (again) */
	bool		pure;			/* needs no author */
} WfTableExpr;

/* The same for the rows of one statement. */
typedef struct WfTableExprState
{
	ExprState  *state;			/* NULL: there is no expression */
	ExprContext *econtext;
	ParamListInfo params;
} WfTableExprState;

extern WfTableExpr *wf_table_expr_new(const char *text, bool is_condition);
extern void wf_table_expr_forget(WfTableExpr *expr);
extern bool wf_table_expr_is_compiled(const WfTableExpr *expr, TupleDesc desc);
extern Jsonb *wf_table_expr_calls(WfTableExpr *key, WfTableExpr *when);
extern void wf_table_expr_compile(WfTableExpr *expr, TupleDesc desc);
extern void wf_table_expr_begin(const WfTableExpr *expr, WfTableRow *row, WfTableExprState *state);
extern Datum wf_table_expr_evaluate(WfTableExprState *state, bool *isnull);
extern void wf_table_expr_end(WfTableExprState *state);

#endif							/* WF_TABLE_EXPR_H */
