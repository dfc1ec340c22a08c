/*
 * diagram_label.h
 *	  The texts at the states and arrows of a diagram.
 *
 * Pure, like chart.h.
 */
#ifndef WF_DIAGRAM_LABEL_H
#define WF_DIAGRAM_LABEL_H

#include "lib/stringinfo.h"

#include "chart/chart.h"

/* What is drawn. */
typedef struct WfDiagram
{
	const WfChart *chart;
	const bool *active;			/* by state: mark it; or NULL */
	bool		names_only;		/* only states and events, no SQL of the
								 * author's */
} WfDiagram;

/* The text of a diagram that is being written. */
typedef struct WfDiagramWriter
{
	const WfDiagram *diagram;
	StringInfoData buf;
	int			depth;
	int			longest;		/* texts are cut off behind so many bytes; 0: not */
} WfDiagramWriter;

/* Draws the arrows of a transition. */
typedef void (*WfDiagramEdge) (void *arg, const WfState *source,
							   const WfTransition *transition,
							   const char *label);

extern void wf_diagram_label_line(WfDiagramWriter *w);
extern bool wf_diagram_label_is_leaf(const WfDiagram *diagram, const WfState *state);
extern bool wf_diagram_label_shows_root(const WfDiagram *diagram);
extern char *wf_diagram_label_title(const WfDiagram *diagram, const WfState *state);
extern char *wf_diagram_label_default(const WfDiagram *diagram,
									  const WfTransition *transition);
extern char **wf_diagram_label_lines(const WfDiagram *diagram,
									 const WfState *state, int *n);
extern void wf_diagram_label_edges(const WfDiagram *diagram, WfDiagramEdge edge,
								   void *arg);

#endif							/* WF_DIAGRAM_LABEL_H */
