/*
 * mermaid.h
 *	  A chart as a state diagram of Mermaid.
 *
 * Pure, like chart.h.
 */
#ifndef WF_MERMAID_H
#define WF_MERMAID_H

#include "inspect/diagram_label.h"

extern char *wf_mermaid(const WfDiagram *diagram);

#endif							/* WF_MERMAID_H */
