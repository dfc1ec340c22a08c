/*
 * mermaid.h
 *	  A chart as the text of a picture.
 *
 * Pure, like chart.h.
 */
#ifndef WF_DIAGRAM_H
#define WF_DIAGRAM_H

#include "chart/chart.h"

typedef struct WfDiagram
{
	const WfChart *chart;
	const bool *active;			/* by state, to be marked; or NULL */
	bool		names_only;		/* states and events, nothing of what the
								 * author computes and calls */
} WfDiagram;

/*
 * The text of a stateDiagram-v2 of Mermaid, and of a digraph of Graphviz.
 * States are called s0, s1 ... in document order; whatever the author wrote
 * stands in labels only, escaped.  Allocated in the current memory context.
 */
extern char *wf_diagram_mermaid(const WfDiagram *diagram);
extern char *wf_diagram_dot(const WfDiagram *diagram);

/* --- what both have in common: plain text, to be escaped --------------- */

typedef struct WfDiagramWriter
{
	const WfDiagram *diagram;
	StringInfoData buf;
	int			depth;
} WfDiagramWriter;

/* Begin a line as deep as we are. */
extern void wf_diagram_line(WfDiagramWriter *w);

/* Is the root drawn as a state, or only what is in it? */
extern bool wf_diagram_shows_root(const WfDiagram *diagram);

/* "open", "before (H*)" */
extern char *wf_diagram_title(const WfDiagram *diagram, const WfState *state);

/* " / actions" of a default transition, or "". */
extern char *wf_diagram_default(const WfDiagram *diagram,
								const WfTransition *transition);

/*
 * The lines that stand in a state: its entry and exit actions, invokes,
 * deferred events, transitions that lead nowhere.
 */
extern char **wf_diagram_lines(const WfDiagram *diagram, const WfState *state,
							   int *n);

/* Calls for each transition that has a target, in document order. */
typedef void (*WfDiagramEdge) (void *arg, const WfState *source,
							   const WfTransition *transition,
							   const char *label);
extern void wf_diagram_edges(const WfDiagram *diagram, WfDiagramEdge edge,
							 void *arg);

#endif							/* WF_DIAGRAM_H */
