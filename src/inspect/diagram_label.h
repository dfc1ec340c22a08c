/*
 * diagram_label.h
 *	  What is written at the states and arrows of a diagram.
 */
#ifndef WF_DIAGRAM_LABEL_H
#define WF_DIAGRAM_LABEL_H

#include "lib/stringinfo.h"

#include "chart/chart.h"

typedef struct WfDiagram
{
	const WfChart *chart;
	const bool *active;			/* by state, to be marked; or NULL */
	bool		names_only;		/* states and events, nothing of what the
								 * author computes and calls */
} WfDiagram;

typedef struct WfDiagramWriter
{
	const WfDiagram *diagram;
	StringInfoData buf;
	int			depth;
} WfDiagramWriter;

/* Calls for each transition that has a target, in document order. */
typedef void (*WfDiagramEdge) (void *arg, const WfState *source,
							   const WfTransition *transition,
							   const char *label);

extern void wf_diagram_label_line(WfDiagramWriter *w);
extern bool wf_diagram_label_shows_root(const WfDiagram *diagram);
extern char *wf_diagram_label_title(const WfDiagram *diagram, const WfState *state);
extern char *wf_diagram_label_default(const WfDiagram *diagram,
									  const WfTransition *transition);
extern char **wf_diagram_label_lines(const WfDiagram *diagram, const WfState *state,
									 int *n);
extern void wf_diagram_label_edges(const WfDiagram *diagram, WfDiagramEdge edge,
								   void *arg);

#endif							/* WF_DIAGRAM_LABEL_H */
