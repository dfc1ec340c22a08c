/*-------------------------------------------------------------------------
 *
 * graphviz.c
 *	  A chart as a graph of Graphviz.
 *
 * Pure C.  A state with states inside is a cluster.  Graphviz draws arrows
 * between nodes only, so an invisible node in each cluster stands for it,
 * and the arrow is clipped at the border of the cluster.  Ranks are those of
 * the whole (newrank): cluster by cluster dot fails to find them, and to draw
 * the arrows, in every other chart whose arrows go between nested states.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRONTEND
#include "postgres.h"
#else
#include "postgres_fe.h"
#endif

#include "chart/chart.h"
#include "inspect/diagram_label.h"
#include "inspect/graphviz.h"

/*
 * Append text inside of a quoted string, in which backslashes begin escapes
 * and entities of HTML are replaced.
 */
static void
put_text(WfDiagramWriter *w, const char *text)
{
	for (; *text; text++)
	{
		if (*text == '"' || *text == '\\')
			appendStringInfoChar(&w->buf, '\\');
		if (*text == '&')
			appendStringInfoString(&w->buf, "&amp;");
		else if ((unsigned char) *text < ' ')
			appendStringInfoChar(&w->buf, ' ');
		else
			appendStringInfoChar(&w->buf, *text);
	}
}

static void
put_quoted(WfDiagramWriter *w, const char *text)
{
	appendStringInfoChar(&w->buf, '"');
	put_text(w, text);
	appendStringInfoChar(&w->buf, '"');
}

static bool
is_composite(const WfState *state)
{
	return state->kind == WF_STATE_COMPOUND ||
		state->kind == WF_STATE_PARALLEL;
}

static bool
is_active(const WfDiagramWriter *w, const WfState *state)
{
	return w->diagram->active != NULL && w->diagram->active[state->id];
}

/*
 * Append the title and the lines of a state.  "\l" ends a line that is
 * aligned to the left.
 */
static void
put_label(WfDiagramWriter *w, const WfState *state)
{
	int			n;
	char	  **lines = wf_diagram_label_lines(w->diagram, state, &n);

	appendStringInfoString(&w->buf, "label=\"");
	put_text(w, wf_diagram_label_title(w->diagram, state));
	if (n > 0)
		appendStringInfoString(&w->buf, "\\n");
	for (int i = 0; i < n; i++)
	{
		put_text(w, lines[i]);
		appendStringInfoString(&w->buf, "\\l");
	}
	appendStringInfoChar(&w->buf, '"');
}

/*
 * Append an arrow.  It ends at the border of a cluster, unless the cluster
 * surrounds both of its ends.  source is NULL for the arrow of a default
 * transition.
 */
static void
put_arrow(WfDiagramWriter *w, const char *from, const WfState *source,
		  const WfState *target, const char *label)
{
	const WfChart *chart = w->diagram->chart;

	wf_diagram_label_line(w);
	appendStringInfo(&w->buf, "%s -> s%d [label=", from, target->id);
	put_quoted(w, label);
	if (source != NULL && is_composite(source) && source != target &&
		!wf_is_descendant(chart, target->id, source->id))
		appendStringInfo(&w->buf, ", ltail=cluster_%d", source->id);
	if (is_composite(target) && source != target &&
		(source == NULL || !wf_is_descendant(chart, source->id, target->id)))
		appendStringInfo(&w->buf, ", lhead=cluster_%d", target->id);
	appendStringInfoString(&w->buf, "];\n");
}

/* Append the arrows of a default transition. */
static void
put_defaults(WfDiagramWriter *w, const char *from, const WfTransition *transition)
{
	const char *label = wf_diagram_label_default(w->diagram, transition);

	for (int i = 0; i < transition->ntargets; i++)
		put_arrow(w, from, NULL,
				  &w->diagram->chart->states[transition->targets[i]],
				  *label ? label + 1 : label);
}

static void
put_node(WfDiagramWriter *w, const WfState *state)
{
	wf_diagram_label_line(w);
	appendStringInfo(&w->buf, "s%d [", state->id);
	put_label(w, state);
	if (state->kind == WF_STATE_FINAL)
		appendStringInfoString(&w->buf, ", peripheries=2");
	if (state->kind == WF_STATE_HISTORY)
		appendStringInfoString(&w->buf, ", shape=ellipse");
	if (is_active(w, state))
		appendStringInfoString(&w->buf, ", style=\"filled,rounded\", "
							   "fillcolor=\"#ffe082\", color=\"#e65100\"");
	appendStringInfoString(&w->buf, "];\n");
}

static void put_state(WfDiagramWriter *w, const WfState *state);

static void
put_children(WfDiagramWriter *w, const WfState *state)
{
	const WfState *states = w->diagram->chart->states;

	if (state->kind == WF_STATE_COMPOUND)
	{
		wf_diagram_label_line(w);
		appendStringInfo(&w->buf, "i%d [shape=point, width=0.15, label=\"\"];\n",
						 state->id);
	}
	for (int i = 0; i < state->nchildren; i++)
		put_state(w, &states[state->children[i]]);
}

static void
put_state(WfDiagramWriter *w, const WfState *state)
{
	const WfState *parent = state->parent == WF_NO_STATE ? NULL :
		&w->diagram->chart->states[state->parent];
	bool		region = parent != NULL && parent->kind == WF_STATE_PARALLEL;

	if (!is_composite(state))
	{
		put_node(w, state);
		return;
	}
	wf_diagram_label_line(w);
	appendStringInfo(&w->buf, "subgraph cluster_%d {\n", state->id);
	w->depth++;
	wf_diagram_label_line(w);
	put_label(w, state);
	appendStringInfoString(&w->buf, ";\n");
	wf_diagram_label_line(w);
	/* subgraphs inherit these attributes, so every cluster sets them all */
	appendStringInfo(&w->buf, "graph [style=%s, color=\"%s\", penwidth=%d];\n",
					 region ? "dashed" : "rounded",
					 is_active(w, state) ? "#e65100" : "black",
					 is_active(w, state) ? 2 : 1);
	wf_diagram_label_line(w);
	appendStringInfo(&w->buf, "s%d [shape=point, style=invis, label=\"\"];\n",
					 state->id);
	put_children(w, state);
	w->depth--;
	wf_diagram_label_line(w);
	appendStringInfoString(&w->buf, "}\n");
}

static void
put_edge(void *arg, const WfState *source, const WfTransition *transition,
		 const char *label)
{
	WfDiagramWriter *w = arg;

	for (int i = 0; i < transition->ntargets; i++)
		put_arrow(w, psprintf("s%d", source->id), source,
				  &w->diagram->chart->states[transition->targets[i]], label);
}

/*
 * Return a digraph for Graphviz, in the current memory context.  States are
 * named s0, s1, ... in document order; whatever the author wrote is in
 * labels only, escaped.
 */
char *
wf_graphviz(const WfDiagram *diagram)
{
	const WfChart *chart = diagram->chart;
	WfDiagramWriter writer = {.diagram = diagram};
	WfDiagramWriter *w = &writer;

	initStringInfo(&w->buf);
	appendStringInfoString(&w->buf, "digraph ");
	put_quoted(w, chart->name);
	appendStringInfoString(&w->buf, " {\n"
						   "    compound=true;\n"
						   "    newrank=true;\n"
						   "    node [shape=box, style=rounded];\n");
	w->depth = 1;
	if (wf_diagram_label_shows_root(diagram))
		put_state(w, &chart->states[0]);
	else
		put_children(w, &chart->states[0]);
	for (int i = 0; i < chart->nstates; i++)
	{
		const WfState *state = &chart->states[i];

		if (state->initial != NULL)
			put_defaults(w, psprintf("%c%d", state->kind == WF_STATE_HISTORY ?
									 's' : 'i', i), state->initial);
	}
	wf_diagram_label_edges(diagram, put_edge, w);
	appendStringInfoString(&w->buf, "}\n");
	return w->buf.data;
}
