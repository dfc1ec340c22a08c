/*
 * compile_tree.h
 *	  The tree of states: order, kinds, names and ids.
 *
 * Pure, like chart.h.
 */
#ifndef WF_COMPILE_TREE_H
#define WF_COMPILE_TREE_H

#include "chart/chart.h"
#include "chart/json.h"
#include "compiler/compiler.h"
#include "compiler/list.h"

extern void wf_compile_tree(WfCompiler *c, const WfJson *json);
extern WfNamed *wf_compile_tree_ids(const WfChart *chart, int *n);

#endif							/* WF_COMPILE_TREE_H */
