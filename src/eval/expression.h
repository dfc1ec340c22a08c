/*
 * expression.h
 *	  From the author's SQL text or function name to an expression tree.
 */
#ifndef WF_EXPRESSION_H
#define WF_EXPRESSION_H

#include "nodes/nodes.h"

#include "chart/chart.h"

/* Numbers of the two parameters of every tree. */
#define WF_PARAM_CONTEXT	1
#define WF_PARAM_EVENT		2

/*
 * Parse and analyse under the current user and search_path.  The tree's type
 * is one of those that its use allows (see WfExprUse):
 *	guard	boolean
 *	value	jsonb, or numeric, text or boolean to be taken as jsonb
 *	action	jsonb or void
 *	delay	interval, timestamptz or float8 (milliseconds)
 * Errors name what is wrong in the author's words.
 */
extern Node *wf_expression_parse(const WfExpr *expr, Oid *type);

extern bool wf_expression_uses_event(Node *tree);

/* Only built-in immutable functions: no rights, path or snapshot needed. */
extern bool wf_expression_is_pure(Node *tree);

/* Can its value, if it is a jsonb, be a constant of the tree? */
extern bool wf_expression_may_be_constant(Node *tree);

/* The function that a WfExpr with is_function names. */
extern Oid	wf_expression_function(const WfExpr *expr);

/* A hash of all that makes a function what it is: its definition and owner. */
extern char *wf_function_hash(Oid function);

#endif							/* WF_EXPRESSION_H */
