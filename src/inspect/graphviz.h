/*
 * graphviz.h
 *	  A chart as a graph of Graphviz.
 *
 * Pure, like chart.h.
 */
#ifndef WF_GRAPHVIZ_H
#define WF_GRAPHVIZ_H

#include "inspect/diagram_label.h"

extern char *wf_graphviz(const WfDiagram *diagram);

#endif							/* WF_GRAPHVIZ_H */
