/*
 * expression.h
 *	  From the author's SQL text or function name to an expression tree.
 */
#ifndef WF_EXPRESSION_H
#define WF_EXPRESSION_H

#include "nodes/nodes.h"
#include "parser/parse_node.h"

#include "chart/chart.h"

/* Numbers of the parameters of every tree. */
#define WF_PARAM_CONTEXT	1	/* jsonb */
#define WF_PARAM_EVENT		2	/* jsonb */
#define WF_PARAM_STATES		3	/* text[]: the active atomic and final states */
#define WF_NPARAMS			3

/* Converts the analyzed tree of an expression. */
typedef Node *(*WfCoerce) (ParseState *pstate, Node *tree, void *arg);

extern Node *wf_expression_analyze(ParseState *pstate, const char *text, WfCoerce coerce,
								   void *arg);
extern Node *wf_expression_parse(const WfExpr *expr, Oid *type);
extern bool wf_expression_uses(Node *tree, int parameter);
extern bool wf_expression_may_be_constant(Node *tree);
extern Oid	wf_expression_find_function(const WfExpr *expr);
extern Oid	wf_expression_function(const WfExpr *expr);
extern char *wf_expression_function_hash(Oid function);

#endif							/* WF_EXPRESSION_H */
