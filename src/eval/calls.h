/*
 * calls.h
 *	  What an expression or a statement calls, by names that last.
 */
#ifndef WF_CALLS_H
#define WF_CALLS_H

#include "nodes/nodes.h"
#include "nodes/pg_list.h"
#include "utils/jsonb.h"

#include "chart/chart.h"

extern List *wf_calls_objects(Node *tree);
extern const char *wf_calls_key(const WfExpr *expr);
extern Jsonb *wf_calls_names(Node *tree);
extern void wf_calls_check(const Jsonb *calls, const char *key, const char *what, const char *text,
						   Node *tree);
extern Oid	wf_calls_find_function(const char *signature, Oid *schema);
extern Oid	wf_calls_find_operator(const char *signature, Oid *schema);
extern const char *wf_calls_arguments(const char *signature);
extern char *wf_calls_function_name(Oid function);

#endif							/* WF_CALLS_H */
