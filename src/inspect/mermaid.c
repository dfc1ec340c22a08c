/*-------------------------------------------------------------------------
 *
 * mermaid.c
 *	  A chart as a state diagram of Mermaid.
 *
 * Pure C.  An arrow that is written inside of a composite state draws its
 * ends into that state.  Therefore the initial arrows are written before the
 * children that they lead to, and all others at the very end, at the top
 * level.
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
#include "inspect/mermaid.h"

/* Mermaid refuses a longer text unless it is told otherwise. */
#define LONGEST_DIAGRAM		50000

/*
 * Does a command begin here that Mermaid recognizes in the middle of a text?
 */
static bool
is_command(const char *text)
{
	return pg_strncasecmp(text, "end note", 8) == 0 ||
		pg_strncasecmp(text, "direction", 9) == 0;
}

/*
 * Append text so that Mermaid takes it literally: whatever is not a letter,
 * a digit or one of the harmless characters becomes an entity, "#34;".  So
 * does the ligature that Mermaid itself uses for entities while it works,
 * and the first letter of what would be a command.
 */
static void
put_marked_text(WfDiagramWriter *w, const char *text, const char *harmless)
{
	static const char ligature[] = "\xef\xac\x82";
	const char *begin = text;

	for (; *text; text++)
	{
		unsigned char c = *text;

		/* an ASCII character begins here, so no other is cut in two */
		if (w->longest > 0 && c < 0x80 && text - begin >= w->longest)
		{
			appendStringInfoString(&w->buf, "...");
			return;
		}
		if (strncmp(text, ligature, sizeof(ligature) - 1) == 0)
		{
			appendStringInfoString(&w->buf, "#64258;");
			text += sizeof(ligature) - 2;
		}
		else if (!is_command(text) &&
				 (c >= 0x80 || isalnum(c) || strchr(harmless, c) != NULL))
			appendStringInfoChar(&w->buf, c);
		else
			appendStringInfo(&w->buf, "#%d;", c);
	}
}

/* Append text between quotes. */
static void
put_title(WfDiagramWriter *w, const char *text)
{
	put_marked_text(w, text, " _.,/+-=");
}

/* Append text behind a colon, or in a note. */
static void
put_text(WfDiagramWriter *w, const char *text)
{
	put_marked_text(w, text, " _.,/+-=()[]'");
}

static bool
is_composite(const WfState *state)
{
	return state->kind == WF_STATE_COMPOUND ||
		state->kind == WF_STATE_PARALLEL;
}

/*
 * Append the arrows of a default transition: "[*] --> target", or "history
 * --> target".
 */
static void
put_defaults(WfDiagramWriter *w, const char *from, const WfTransition *transition)
{
	const char *label = wf_diagram_label_default(w->diagram, transition);

	for (int i = 0; i < transition->ntargets; i++)
	{
		wf_diagram_label_line(w);
		appendStringInfo(&w->buf, "%s --> s%d", from, transition->targets[i]);
		if (*label)
		{
			appendStringInfoString(&w->buf, " : ");
			put_text(w, label + 1);
		}
		appendStringInfoChar(&w->buf, '\n');
	}
}

static void put_state(WfDiagramWriter *w, const WfState *state);

/*
 * Append the children of a composite state, with a separator between the
 * regions of a parallel one.
 */
static void
put_children(WfDiagramWriter *w, const WfState *state)
{
	const WfState *states = w->diagram->chart->states;
	bool		region = false;

	if (state->kind == WF_STATE_COMPOUND && state->initial != NULL)
		put_defaults(w, "[*]", state->initial);
	for (int i = 0; i < state->nchildren; i++)
	{
		const WfState *child = &states[state->children[i]];
		bool		history = child->kind == WF_STATE_HISTORY;

		if (state->kind == WF_STATE_PARALLEL && region && !history)
		{
			wf_diagram_label_line(w);
			appendStringInfoString(&w->buf, "--\n");
		}
		region = region || !history;
		put_state(w, child);
	}
	for (int i = 0; i < state->nchildren; i++)
		if (states[state->children[i]].kind == WF_STATE_FINAL &&
			state->kind == WF_STATE_COMPOUND)
		{
			wf_diagram_label_line(w);
			appendStringInfo(&w->buf, "s%d --> [*]\n", state->children[i]);
		}
}

/*
 * Append what is written into a state, or beside one that has states inside.
 */
static void
put_lines(WfDiagramWriter *w, const WfState *state)
{
	int			n;
	char	  **lines = wf_diagram_label_lines(w->diagram, state, &n);
	bool		beside = is_composite(state) && n > 0;

	if (beside)
	{
		wf_diagram_label_line(w);
		appendStringInfo(&w->buf, "note right of s%d\n", state->id);
		w->depth++;
	}
	for (int i = 0; i < n; i++)
	{
		wf_diagram_label_line(w);
		if (!beside)
			appendStringInfo(&w->buf, "s%d : ", state->id);
		put_text(w, lines[i]);
		appendStringInfoChar(&w->buf, '\n');
	}
	if (beside)
	{
		w->depth--;
		wf_diagram_label_line(w);
		appendStringInfoString(&w->buf, "end note\n");
	}
}

static void
put_state(WfDiagramWriter *w, const WfState *state)
{
	wf_diagram_label_line(w);
	appendStringInfoString(&w->buf, "state \"");
	put_title(w, wf_diagram_label_title(w->diagram, state));
	appendStringInfo(&w->buf, "\" as s%d", state->id);
	if (is_composite(state))
	{
		appendStringInfoString(&w->buf, " {\n");
		w->depth++;
		put_children(w, state);
		w->depth--;
		wf_diagram_label_line(w);
		appendStringInfoString(&w->buf, "}\n");
	}
	else
		appendStringInfoChar(&w->buf, '\n');
	put_lines(w, state);
}

static void
put_edge(void *arg, const WfState *source, const WfTransition *transition,
		 const char *label)
{
	WfDiagramWriter *w = arg;

	for (int i = 0; i < transition->ntargets; i++)
	{
		wf_diagram_label_line(w);
		appendStringInfo(&w->buf, "s%d --> s%d : ", source->id,
						 transition->targets[i]);
		put_text(w, label);
		appendStringInfoChar(&w->buf, '\n');
	}
}

/*
 * Append the marks of active states: where the process is stands out from what
 * is around it.
 */
static void
put_active(WfDiagramWriter *w)
{
	static const char *const styles[][2] = {
		{"around", "fill:#fffdf5,stroke:#e65100,color:#000"},
		{"active", "fill:#ffe082,stroke:#e65100,color:#000"}
	};
	const WfDiagram *diagram = w->diagram;
	bool		defined[2] = {false, false};

	for (int i = wf_diagram_label_shows_root(diagram) ? 0 : 1;
		 diagram->active != NULL && i < diagram->chart->nstates; i++)
	{
		int			leaf;

		if (!diagram->active[i])
			continue;
		leaf = wf_diagram_label_is_leaf(diagram, &diagram->chart->states[i]);
		if (!defined[leaf])
		{
			wf_diagram_label_line(w);
			appendStringInfo(&w->buf, "classDef %s %s\n", styles[leaf][0], styles[leaf][1]);
			defined[leaf] = true;
		}
		wf_diagram_label_line(w);
		appendStringInfo(&w->buf, "class s%d %s\n", i, styles[leaf][0]);
	}
}

/*
 * Return the diagram with texts of at most `longest` bytes, 0 for any, behind a
 * note that may be "".
 */
static char *
draw(const WfDiagram *diagram, int longest, const char *note)
{
	const WfChart *chart = diagram->chart;
	WfDiagramWriter writer = {.diagram = diagram,.longest = longest};
	WfDiagramWriter *w = &writer;

	initStringInfo(&w->buf);
	appendStringInfo(&w->buf, "stateDiagram-v2\n%s", note);
	w->depth = 1;
	if (wf_diagram_label_shows_root(diagram))
	{
		appendStringInfoString(&w->buf, "    [*] --> s0\n");
		put_state(w, &chart->states[0]);
	}
	else
		put_children(w, &chart->states[0]);
	for (int i = 0; i < chart->nstates; i++)
		if (chart->states[i].kind == WF_STATE_HISTORY &&
			chart->states[i].initial != NULL)
			put_defaults(w, psprintf("s%d", i), chart->states[i].initial);
	wf_diagram_label_edges(diagram, put_edge, w);
	put_active(w);
	return w->buf.data;
}

/* Return the length of a text as Mermaid counts it, in units of UTF-16. */
static int
length_of(const char *text)
{
	int			length = 0;

	for (; *text; text++)
	{
		unsigned char c = *text;

		length += (c < 0x80 || c >= 0xc0) + (c >= 0xf0);
	}
	return length;
}

/*
 * Return a stateDiagram-v2 for Mermaid, in the current memory context.
 * States are named s0, s1, ... in document order; whatever the author wrote
 * is in labels only, escaped.  A diagram that would be longer than Mermaid
 * draws is shortened, more and more, and says so.
 */
char *
wf_mermaid(const WfDiagram *diagram)
{
	static const int longest[] = {60, 30, 15};
	WfDiagram	names_only = *diagram;
	char	   *text = draw(diagram, 0, "");
	int			length = length_of(text);
	const char *note;

	if (length <= LONGEST_DIAGRAM)
		return text;
	note = psprintf("    %%%% Shortened: in full this diagram has %d characters, and Mermaid draws %d, "
					"unless its setting maxTextSize is higher.\n", length, LONGEST_DIAGRAM);
	names_only.names_only = true;
	for (int i = 0; i < 2 * (int) lengthof(longest); i++)
	{
		text = draw(i < (int) lengthof(longest) ? diagram : &names_only,
					longest[i % (int) lengthof(longest)], note);
		if (length_of(text) <= LONGEST_DIAGRAM)
			break;
	}
	return text;
}
