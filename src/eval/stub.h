/*
 * stub.h
 *	  What a simulation takes for functions that do not exist yet.
 */
#ifndef WF_STUB_H
#define WF_STUB_H

#include "nodes/nodes.h"

#include "chart/chart.h"
#include "eval/evaluator.h"

extern bool wf_stub_is_wanted(const WfEvaluator *evaluator, const WfExpr *expr);
extern Node *wf_stub_tree(const WfEvaluator *evaluator, const WfExpr *expr, Oid *type);

#endif							/* WF_STUB_H */
