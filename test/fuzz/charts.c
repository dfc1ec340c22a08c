/*
 * charts.c
 *	  Fuzz target: a chart and a sequence of events, both made from the bytes.
 *
 * The bytes are read as a row of decisions: which states there are, their
 * transitions, then events, what guards answer and what actions do.  When they
 * have run out every decision is the first of its choices.  With WF_SHOW in the
 * environment the definition is printed.
 *
 * After each macrostep the host must find its books in order: timers armed and
 * children invoked for exactly the active states that have some, the
 * configuration legal.  And what is kept of a machine between two steps is all
 * there is to it: another one, made of its leaves and history, takes the next
 * event in the same way.
 */
#include "postgres_fe.h"

#include <setjmp.h>

#include "compile.h"
#include "interpret.h"
#include "memory.h"
#include "target.h"

#define MOST_STATES		48
#define MOST_EVENTS		40
#define DEEPEST			5

/* ----------------------------------------------------------------
 *						Decisions
 * ----------------------------------------------------------------
 */
typedef struct Bytes
{
	const uint8_t *data;
	size_t		size;
	size_t		at;
} Bytes;

static int
choose(Bytes *bytes, int n)
{
	return bytes->at < bytes->size ? bytes->data[bytes->at++] % n : 0;
}

static bool
one_in(Bytes *bytes, int n)
{
	return choose(bytes, n) == n - 1;
}

/* ----------------------------------------------------------------
 *						The chart
 * ----------------------------------------------------------------
 */
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

static const char *const event_names[] = {
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

static const char *
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

/* ----------------------------------------------------------------
 *						The host
 *
 * What guards answer and actions do depends on the bytes from `bytes.at` on,
 * and everything asked goes into `seen`, so that two machines that are asked
 * the same give the same there.
 * ----------------------------------------------------------------
 */
typedef struct Host
{
	Bytes		bytes;
	WfMachine  *machine;
	const WfChart *chart;
	int			salt;			/* guards of one macrostep are constant */
	int			rest;			/* actions of a macrostep may yet raise */
	uint64		seen;
	uint8		armed[MOST_STATES];
	uint8		invoked[MOST_STATES];
	uint8		started[MOST_STATES];
	int			ends;
	jmp_buf		thrown;
} Host;

static void
see(Host *host, int what, int which)
{
	host->seen = (host->seen ^ (what << 16 | which)) * UINT64CONST(0x100000001b3);
}

static bool
guard(void *self, const WfExpr *expr, const WfEvent *event)
{
	Host	   *host = self;

	see(host, 1, expr->id);
	if (host->salt == 255)
		longjmp(host->thrown, 1);
	host->machine->guard_failed |= host->salt == 254;
	return ((expr->id + 1) * (host->salt + 1) * 37 >> 3) & 1;
}

static bool
allowed(void *self, const WfTransition *transition, const WfEvent *event)
{
	Host	   *host = self;

	wf_insist(transition->allow != NULL, "asked about a transition for all");
	see(host, 2, transition->order);
	return (host->salt + transition->order) & 1;
}

static void
raise_some(Host *host, const char *name)
{
	WfEvent		event = {pstrdup(name), NULL};

	if (host->rest-- > 0)
		wf_raise(host->machine, &event);
}

static void
action(void *self, const WfAction *action, const WfEvent *event)
{
	Host	   *host = self;

	see(host, 3, action->kind);
	see(host, 4, event ? strlen(event->name) : 0);
	if (action->kind == WF_ACTION_FOREACH)
	{
		for (int n = choose(&host->bytes, 3); n > 0; n--)
		{
			wf_run_actions(host->machine, &action->actions, event);
			if (host->machine->skip_block)
				break;
		}
	}
	else if (action->kind == WF_ACTION_RAISE)
	{
		char	   *name = pstrdup(action->event_type->text + 1);

		name[strlen(name) - 1] = '\0';
		raise_some(host, name);
	}
	else
		switch (choose(&host->bytes, 16))
		{
			case 13:
				raise_some(host, event_names[choose(&host->bytes, lengthof(event_names))]);
				break;
			case 14:
				raise_some(host, "error.execution");
				host->machine->skip_block = true;
				break;
			case 15:
				if (one_in(&host->bytes, 4))
					longjmp(host->thrown, 1);
				break;
		}
}

static void
arm(void *self, const WfState *state, const WfEvent *event)
{
	Host	   *host = self;

	see(host, 5, state->id);
	wf_insist(state->ntimers > 0 && !host->armed[state->id]++,
			  "armed for nothing, or twice");
	wf_insist(wf_is_active(host->machine, state->id), "armed, but not active");
}

static void
disarm(void *self, const WfState *state)
{
	Host	   *host = self;

	see(host, 6, state->id);
	wf_insist(host->armed[state->id]--, "disarmed, but not armed");
}

static void
invoke(void *self, const WfState *state, const WfEvent *event)
{
	Host	   *host = self;

	see(host, 7, state->id);
	wf_insist(state->ninvokes > 0 && !host->invoked[state->id]++,
			  "invoked for nothing, or twice");
	wf_insist(wf_is_active(host->machine, state->id), "invoked, but not active");
}

static void
invoke_start(void *self, const WfState *state)
{
	Host	   *host = self;

	see(host, 8, state->id);
	wf_insist(host->invoked[state->id] && !host->started[state->id]++,
			  "started, but not invoked, or twice");
}

static void
uninvoke(void *self, const WfState *state)
{
	Host	   *host = self;

	see(host, 9, state->id);
	wf_insist(host->invoked[state->id]--, "uninvoked, but not invoked");
	host->started[state->id] = 0;
}

static void *
done_payload(void *self, const WfState *final, const WfEvent *event)
{
	Host	   *host = self;

	see(host, 10, final->id);
	wf_insist(final->kind == WF_STATE_FINAL, "done without a final state");
	return NULL;
}

static void
done(void *self, const WfState *final, const WfEvent *event)
{
	Host	   *host = self;

	see(host, 11, final->id);
	wf_insist(final->kind == WF_STATE_FINAL && host->ends++ == 0,
			  "ended without a final state, or twice");
}

static void
too_many_microsteps(void *self, int limit)
{
	Host	   *host = self;

	see(host, 12, limit);
	wf_insist(limit == host->machine->max_microsteps, "another limit");
	longjmp(host->thrown, 1);
}

static void
unheard(void *self, const WfEvent *event)
{
	Host	   *host = self;

	see(host, 13, strlen(event->name));
}

static const WfHost calls = {
	.guard = guard,
	.action = action,
	.arm = arm,
	.disarm = disarm,
	.invoke = invoke,
	.invoke_start = invoke_start,
	.uninvoke = uninvoke,
	.done_payload = done_payload,
	.done = done,
	.too_many_microsteps = too_many_microsteps,
	.allowed = allowed,
	.unheard = unheard,
};

/* ----------------------------------------------------------------
 *						What is kept between two steps
 * ----------------------------------------------------------------
 */
typedef struct Kept
{
	bool		running;
	int			nleaves;
	WfStateId	leaves[MOST_STATES];
	int			nhistory;
	WfHistoryValue *history;
} Kept;

static int
compare_values(const void *a, const void *b)
{
	return ((const WfHistoryValue *) a)->history -
		((const WfHistoryValue *) b)->history;
}

/* In the order of the history states: that of the array means nothing. */
static WfHistoryValue *
copy_history(const WfHistoryValue *history, int n)
{
	WfHistoryValue *copy = palloc(n * sizeof(WfHistoryValue));

	for (int i = 0; i < n; i++)
	{
		copy[i] = history[i];
		copy[i].states = palloc(history[i].n * sizeof(WfStateId));
		memcpy(copy[i].states, history[i].states,
			   history[i].n * sizeof(WfStateId));
	}
	qsort(copy, n, sizeof(WfHistoryValue), compare_values);
	return copy;
}

static bool
same_history(const WfHistoryValue *a, const WfHistoryValue *b, int n)
{
	for (int i = 0; i < n; i++)
		if (a[i].history != b[i].history || a[i].n != b[i].n ||
			memcmp(a[i].states, b[i].states, a[i].n * sizeof(WfStateId)) != 0)
			return false;
	return true;
}

static void
keep(WfMachine *machine, Kept *kept)
{
	const WfStateId *leaves;

	kept->running = machine->running;
	kept->nleaves = wf_machine_leaves(machine, &leaves);
	wf_insist(kept->nleaves <= machine->chart->nstates, "too many leaves");
	memcpy(kept->leaves, leaves, kept->nleaves * sizeof(WfStateId));
	kept->nhistory = machine->nhistory;
	kept->history = copy_history(machine->history, machine->nhistory);
}

static bool
same_kept(const Kept *a, const Kept *b)
{
	return a->running == b->running && a->nleaves == b->nleaves &&
		memcmp(a->leaves, b->leaves, a->nleaves * sizeof(WfStateId)) == 0 &&
		a->nhistory == b->nhistory &&
		same_history(a->history, b->history, a->nhistory);
}

/* history: the machine's to read, the caller's to keep. */
static void
restore(WfMachine *machine, Host *host, const Kept *kept,
		WfHistoryValue *history)
{
	wf_machine_reset(machine, host);
	for (int i = 0; i < kept->nleaves; i++)
		wf_insist(wf_machine_activate(machine, kept->leaves[i]),
				  "a leaf is none");
	machine->nhistory = kept->nhistory;
	machine->history = history;
}

/* ----------------------------------------------------------------
 *						The play
 * ----------------------------------------------------------------
 */

/* At rest, after a step that was not thrown out of. */
static void
check_books(Host *host)
{
	WfMachine  *machine = host->machine;
	const WfChart *chart = host->chart;

	wf_insist(machine->running != (host->ends > 0),
			  "it ended without a word, or goes on");
	wf_insist(machine->microsteps <= machine->max_microsteps,
			  "more microsteps than allowed");
	wf_insist(!machine->running || wf_machine_legal(machine),
			  "the configuration is not legal");
	for (int i = 0; i < chart->nstates; i++)
	{
		const WfState *state = &chart->states[i];
		bool		here = machine->running && wf_is_active(machine, i);

		wf_insist(host->armed[i] == (here && state->ntimers > 0),
				  "timers are armed for other states than the active ones");
		wf_insist(host->invoked[i] == (here && state->ninvokes > 0) &&
				  host->started[i] == host->invoked[i],
				  "children run for other states than the active ones");
	}
	for (int i = 0; i < machine->nhistory; i++)
	{
		const WfHistoryValue *value = &machine->history[i];

		wf_insist(value->n > 0 &&
				  chart->states[value->history].kind == WF_STATE_HISTORY,
				  "a history is none");
		for (int k = 0; k < value->n; k++)
			wf_insist(wf_is_descendant(chart, value->states[k],
									   chart->states[value->history].parent) &&
					  (k == 0 || value->states[k] > value->states[k - 1]),
					  "a history remembers other states");
	}
}

/* One macrostep.  Returns whether it came to rest; false: it was thrown out. */
static bool
step(Host *host, const char *name, bool *taken)
{
	WfEvent		event = {name, NULL};
	bool		would;

	host->seen = 0;
	host->rest = 30;
	*taken = false;
	if (setjmp(host->thrown))
		return false;
	if (name == NULL)
	{
		wf_start(host->machine);
		return true;
	}
	would = wf_would_take(host->machine, &event);
	(void) wf_deferred(host->machine, name);
	host->seen = 0;
	*taken = wf_dispatch(host->machine, &event);
	wf_insist(*taken || !would, "an event that would be taken was not");
	wf_insist(*taken == host->machine->taken && *taken == (host->machine->microsteps > 0),
			  "taken, or not?");
	return true;
}

/*
 * Some states that may be active together, no history states, perhaps none.
 * Returns how many.
 */
static int
some_places(Bytes *bytes, const WfChart *chart, WfStateId *places)
{
	WfStateId	a;
	WfStateId	b;
	int			n = 0;

	for (int i = choose(bytes, 3); i >= 0; i--)
	{
		int			id = choose(bytes, chart->nstates);

		if (chart->states[id].kind != WF_STATE_HISTORY)
			places[n++] = id;
	}
	return n > 0 && wf_chart_settle(chart, places, &n, &a, &b) ? n : 0;
}

/* Put the machine somewhere, instead of an event. */
static bool
move(Host *host, const WfStateId *places, int n, bool quiet)
{
	host->rest = 30;
	if (setjmp(host->thrown))
		return false;
	wf_move(host->machine, places, n, quiet, NULL);
	for (int i = 0; i < n && quiet; i++)
		wf_insist(wf_is_active(host->machine, places[i]),
				  "moved, but it is not there");
	return true;
}

/*
 * A second machine that is declared to be where the first was, then where a
 * quiet move has led that.
 */
static void
check_configure(Host *host, const Kept *start, const WfStateId *places, int n)
{
	WfMachine  *other = wf_machine_new(host->chart, &calls, NULL, 1);
	const WfStateId *leaves;
	const WfStateId *same;
	int			nleaves;

	wf_insist(wf_configure(other, start->leaves, start->nleaves),
			  "at its end, but it went on");
	wf_insist(wf_configure(other, places, n) == other->running &&
			  other->running == host->machine->running,
			  "it is at its end, or not?");
	wf_insist(wf_machine_legal(other), "configured, but not legal");
	nleaves = wf_machine_leaves(other, &leaves);
	wf_insist(nleaves == wf_machine_leaves(host->machine, &same) &&
			  memcmp(leaves, same, nleaves * sizeof(WfStateId)) == 0,
			  "configured, and moved elsewhere");
}

/* The names that events may have: also those that the chart waits for. */
static const char *
some_event(Bytes *bytes, const WfChart *chart)
{
	int			which = choose(bytes, 2 + lengthof(event_names));
	const WfState *state = &chart->states[choose(bytes, chart->nstates)];

	if (which < (int) lengthof(event_names))
		return event_names[which];
	if (state->ntimers)
		return state->timers[0].event;
	return state->nhandlers ? state->handlers[0].descriptor : "none";
}

/*
 * The same event for a machine that was just restored: it must be taken in the
 * same way.  The books are those of the first from before.
 */
static void
check_twin(Host *host, const Host *before, const Kept *start,
		   const char *name, bool rests, bool taken)
{
	static Host twin;
	WfHistoryValue *history = copy_history(start->history, start->nhistory);
	Kept		here;
	Kept		there;
	bool		twin_taken;

	memcpy(&twin, before, sizeof(Host));
	twin.machine = wf_machine_new(host->chart, &calls, &twin,
								  host->machine->max_microsteps);
	restore(twin.machine, &twin, start, history);
	wf_insist(step(&twin, name, &twin_taken) == rests &&
			  twin_taken == taken && twin.seen == host->seen,
			  "a restored machine behaves in another way");
	wf_insist(same_history(history, start->history, start->nhistory),
			  "the host's history was written to");
	if (!rests)
		return;
	check_books(&twin);
	keep(host->machine, &here);
	keep(twin.machine, &there);
	wf_insist(same_kept(&here, &there),
			  "a restored machine comes to rest elsewhere");
}

static void
check_stop(Host *host)
{
	WfMachine  *machine = host->machine;
	const WfStateId *leaves;

	if (setjmp(host->thrown))
		return;
	if (!machine->running)
		return;
	wf_stop(machine, NULL);
	wf_insist(!machine->running && wf_machine_leaves(machine, &leaves) == 0,
			  "stopped, and still active");
	for (int i = 0; i < host->chart->nstates; i++)
		wf_insist(!host->armed[i] && !host->invoked[i],
				  "stopped, and something goes on");
}

static void
play(Host *host)
{
	Bytes	   *bytes = &host->bytes;
	WfMachine  *machine;
	bool		taken;
	Kept		kept;

	machine = host->machine = wf_machine_new(host->chart, &calls, host,
											 1 + choose(bytes, 20));
	host->salt = choose(bytes, 255);
	if (!step(host, NULL, &taken))
		return;
	check_books(host);
	for (int n = 0; n < MOST_EVENTS && machine->running &&
		 bytes->at < bytes->size; n++)
	{
		static Host before;
		const char *name = some_event(bytes, host->chart);
		bool		rests;

		WfStateId	places[3];
		int			nplaces = 0;
		bool		quiet = false;

		host->salt = choose(bytes, 256);
		if (one_in(bytes, 8))
		{
			nplaces = some_places(bytes, host->chart, places);
			quiet = one_in(bytes, 2);
		}
		keep(machine, &kept);
		memcpy(&before, host, sizeof(Host));
		if (nplaces > 0)
		{
			rests = move(host, places, nplaces, quiet);
			if (rests)
				check_books(host);
			if (rests && quiet)
				check_configure(host, &kept, places, nplaces);
		}
		else
		{
			rests = step(host, name, &taken);
			if (rests)
				check_books(host);
			check_twin(host, &before, &kept, name, rests, taken);
		}
		if (!rests)
		{
			/* As in the server: what was thrown out of never happened. */
			size_t		at = bytes->at;

			memcpy(host, &before, sizeof(Host));
			bytes->at = at;
			machine = host->machine = wf_machine_new(host->chart, &calls, host,
													 machine->max_microsteps);
			restore(machine, host, &kept, kept.history);
			check_books(host);
		}
		else if (machine->running && one_in(bytes, 3))
		{
			keep(machine, &kept);
			restore(machine, host, &kept, kept.history);
		}
	}
	check_stop(host);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static Host host;
	WfFaults	faults = {0};
	const char *text;

	memset(&host, 0, sizeof(Host));
	host.bytes.data = data;
	host.bytes.size = size;
	text = write_definition(&host.bytes);
	if (getenv("WF_SHOW"))
		fprintf(stderr, "%s\n", text);
	host.chart = wf_compile(text, strlen(text), &faults);
	if (host.chart)
		play(&host);
	wf_memory_reset();
	return 0;
}
