/*
 * author.c
 *	  A chart, made from bytes: states, their transitions, actions and guards.
 */
#include "postgres_fe.h"

#include "author.h"
#include "chart/chart.h"

#define DEEPEST			5

typedef struct Node
{
	WfStateKind kind;
	int			parent;
	int			depth;
	int			nchildren;
	int			children[4];
	char		name[64];		/* below the root; "" for that */
} Node;

typedef struct Author
{
	Bytes	   *bytes;
	int			n;
	Node		nodes[MOST_STATES];
	StringInfoData text;
} Author;

const char *const event_names[EVENT_NAMES] = {
	"E", "F", "G", "E.x", "E.x.y", "error.execution", "stop",
};

static const char *const descriptors[] = {
	"E", "F", "G", "E.x", "E.*", "E.x.*", "*", "error.*", "done.*",
};

static void
plant(Author *author, int id)
{
	Bytes	   *bytes = author->bytes;
	Node	   *node = &author->nodes[id];
	int			n = 0;

	if (node->kind == WF_STATE_COMPOUND || node->kind == WF_STATE_PARALLEL)
		n = 1 + choose(bytes, 4);
	for (int i = 0; i < n && author->n < MOST_STATES; i++)
	{
		static const WfStateKind kinds[] = {
			WF_STATE_ATOMIC, WF_STATE_COMPOUND, WF_STATE_PARALLEL,
			WF_STATE_FINAL, WF_STATE_HISTORY, WF_STATE_ATOMIC,
		};
		int			child = author->n++;
		Node	   *made = &author->nodes[child];

		memset(made, 0, sizeof(Node));
		made->kind = kinds[choose(bytes, lengthof(kinds))];
		if (i == 0 && made->kind == WF_STATE_HISTORY)
			made->kind = WF_STATE_ATOMIC;
		if (node->depth + 1 >= DEEPEST && made->kind != WF_STATE_FINAL)
			made->kind = WF_STATE_ATOMIC;
		made->parent = id;
		made->depth = node->depth + 1;
		snprintf(made->name, sizeof(made->name), "%s%s%c", node->name,
				 id ? "." : "", "pqrs"[i]);
		node->children[node->nchildren++] = child;
		plant(author, child);
	}
	/* There was no room left for children. */
	if (node->nchildren == 0 &&
		(node->kind == WF_STATE_COMPOUND || node->kind == WF_STATE_PARALLEL))
		node->kind = WF_STATE_ATOMIC;
}

static void write_actions(Author *author, const char *key, int depth);

static void
write_reference(Author *author, int id)
{
	appendStringInfo(&author->text, id ? "\"#m.%s\"" : "\"#m\"",
					 author->nodes[id].name);
}

/* One state or several; whether they fit together is the compiler's worry. */
static void
write_targets(Author *author, int within)
{
	int			n = one_in(author->bytes, 4) ? 1 + choose(author->bytes, 3) : 1;

	appendStringInfoChar(&author->text, '[');
	for (int i = 0; i < n; i++)
	{
		int			id = choose(author->bytes, author->n);

		/* Climb down a given state's children, not to miss it all the time. */
		if (within >= 0)
		{
			const Node *node = &author->nodes[within];

			id = node->children[choose(author->bytes, node->nchildren)];
			while (author->nodes[id].nchildren && one_in(author->bytes, 2))
				id = author->nodes[id].children[choose(author->bytes, author->nodes[id].nchildren)];
		}
		if (i > 0)
			appendStringInfoChar(&author->text, ',');
		write_reference(author, id);
	}
	appendStringInfoChar(&author->text, ']');
}

static void
write_guard(Author *author, int depth)
{
	static const char *const plain[] = {"\"g\"", "true", "false"};
	static const char *const joins[] = {"and", "or"};
	int			kind = choose(author->bytes, depth < 3 ? 6 : 4);

	if (kind < 3)
		appendStringInfoString(&author->text, plain[kind]);
	else if (kind == 3)
	{
		appendStringInfoString(&author->text, "{\"type\":\"stateIn\",\"stateId\":");
		write_reference(author, choose(author->bytes, author->n));
		appendStringInfoChar(&author->text, '}');
	}
	else if (kind == 4)
	{
		appendStringInfoString(&author->text, "{\"type\":\"not\",\"guard\":");
		write_guard(author, depth + 1);
		appendStringInfoChar(&author->text, '}');
	}
	else
	{
		appendStringInfo(&author->text, "{\"type\":\"%s\",\"guards\":[",
						 joins[choose(author->bytes, 2)]);
		write_guard(author, depth + 1);
		appendStringInfoChar(&author->text, ',');
		write_guard(author, depth + 1);
		appendStringInfoString(&author->text, "]}");
	}
}

static void
write_transition(Author *author, int source, bool eventless)
{
	Bytes	   *bytes = author->bytes;

	if (!eventless && one_in(bytes, 12))
	{
		appendStringInfoString(&author->text, "null");
		return;
	}
	appendStringInfo(&author->text, "{\"reenter\":%s",
					 one_in(bytes, 3) ? "true" : "false");
	if (!one_in(bytes, 6))
	{
		appendStringInfoString(&author->text, ",\"target\":");
		write_targets(author, author->nodes[source].nchildren &&
					  one_in(bytes, 3) ? source : -1);
	}
	if (eventless || one_in(bytes, 3))
	{
		appendStringInfoString(&author->text, ",\"guard\":");
		write_guard(author, 0);
	}
	if (!eventless && one_in(bytes, 8))
		appendStringInfoString(&author->text, ",\"allow\":{\"role\":[\"r\"]}");
	write_actions(author, "actions", 0);
	appendStringInfoChar(&author->text, '}');
}

static void
write_transitions(Author *author, int source, bool eventless)
{
	appendStringInfoChar(&author->text, '[');
	do
	{
		write_transition(author, source, eventless);
		appendStringInfoChar(&author->text, ',');
	} while (one_in(author->bytes, 3));
	author->text.data[author->text.len - 1] = ']';
}

static void
write_action(Author *author, int depth)
{
	StringInfo	text = &author->text;
	Bytes	   *bytes = author->bytes;

	switch (choose(bytes, depth < 2 ? 6 : 3))
	{
		case 0:
		case 1:
			appendStringInfoString(text, "\"act\"");
			break;
		case 2:
			appendStringInfo(text, "{\"type\":\"raise\",\"event\":\"%s\"}",
							 event_names[choose(bytes, lengthof(event_names))]);
			break;
		case 3:
			appendStringInfoString(text, "{\"type\":\"send\",\"event\":\"E\",\"delay\":5}");
			break;
		case 4:
			appendStringInfoString(text, "{\"type\":\"foreach\",\"array\":[1,2],\"item\":\"i\"");
			write_actions(author, "actions", depth + 1);
			appendStringInfoChar(text, '}');
			break;
		case 5:
			appendStringInfoString(text, "{\"type\":\"choose\",\"branches\":[{\"guard\":");
			write_guard(author, 1);
			write_actions(author, "actions", depth + 1);
			appendStringInfoString(text, "},{\"actions\":[\"act\"]}]}");
			break;
	}
}

static void
write_actions(Author *author, const char *key, int depth)
{
	int			n = choose(author->bytes, 3);

	appendStringInfo(&author->text, ",\"%s\":[", key);
	for (int i = 0; i < n; i++)
	{
		if (i > 0)
			appendStringInfoChar(&author->text, ',');
		write_action(author, depth);
	}
	appendStringInfoChar(&author->text, ']');
}

static void
write_reactions(Author *author, int id)
{
	StringInfo	text = &author->text;
	Bytes	   *bytes = author->bytes;
	int			used = choose(bytes, 1 << 7) | choose(bytes, 1 << 7) << 7;
	bool		first = true;

	/* A descriptor needs two bits of these fourteen, so that few are used. */
	used &= used >> 5;
	appendStringInfoString(text, ",\"on\":{");
	for (int i = 0; i < (int) lengthof(descriptors); i++)
	{
		if ((used >> i & 1) == 0)
			continue;
		appendStringInfo(text, "%s\"%s\":", first ? "" : ",", descriptors[i]);
		write_transitions(author, id, false);
		first = false;
	}
	appendStringInfoChar(text, '}');
	if (one_in(bytes, 5))
	{
		appendStringInfoString(text, ",\"always\":");
		write_transitions(author, id, true);
	}
	if (one_in(bytes, 4))
	{
		appendStringInfoString(text, ",\"after\":{\"5\":");
		write_transition(author, id, false);
		appendStringInfoChar(text, '}');
	}
	if (one_in(bytes, 5))
	{
		appendStringInfoString(text, ",\"invoke\":{\"src\":\"job\",\"onDone\":");
		write_transition(author, id, false);
		appendStringInfoChar(text, '}');
	}
	if (author->nodes[id].nchildren && id > 0 && one_in(bytes, 3))
	{
		appendStringInfoString(text, ",\"onDone\":");
		write_transitions(author, id, false);
	}
	if (one_in(bytes, 8))
		appendStringInfoString(text, ",\"defer\":[\"F\",\"E.*\"]");
}

static void
write_state(Author *author, int id)
{
	static const char *const types[] = {
		"atomic", "compound", "parallel", "final", "history",
	};
	const Node *node = &author->nodes[id];
	StringInfo	text = &author->text;

	appendStringInfo(text, "{\"type\":\"%s\"", types[node->kind]);
	if (id == 0)
		appendStringInfoString(text, ",\"id\":\"m\"");
	if (node->kind == WF_STATE_HISTORY)
	{
		if (one_in(author->bytes, 2))
			appendStringInfoString(text, ",\"history\":\"deep\"");
		if (one_in(author->bytes, 2))
		{
			appendStringInfoString(text, ",\"target\":{\"target\":");
			write_targets(author, node->parent);
			write_actions(author, "actions", 0);
			appendStringInfoChar(text, '}');
		}
		appendStringInfoChar(text, '}');
		return;
	}
	write_actions(author, "entry", 0);
	write_actions(author, "exit", 0);
	if (node->kind == WF_STATE_COMPOUND)
	{
		appendStringInfoString(text, ",\"initial\":{\"target\":");
		write_targets(author, id);
		write_actions(author, "actions", 0);
		appendStringInfoChar(text, '}');
	}
	if (node->kind != WF_STATE_FINAL)
		write_reactions(author, id);
	for (int i = 0; i < node->nchildren; i++)
	{
		appendStringInfo(text, "%s\"%c\":", i ? "," : ",\"states\":{",
						 "pqrs"[i]);
		write_state(author, node->children[i]);
	}
	appendStringInfoString(text, node->nchildren ? "}}" : "}");
}

const char *
write_definition(Bytes *bytes)
{
	Author	   *author = palloc0(sizeof(Author));

	author->bytes = bytes;
	author->n = 1;
	author->nodes[0].kind = one_in(bytes, 4) ? WF_STATE_PARALLEL :
		WF_STATE_COMPOUND;
	plant(author, 0);
	initStringInfo(&author->text);
	write_state(author, 0);
	return author->text.data;
}
