/*
 * json_mutator.c
 *	  Changes of a JSON text that leave it JSON.
 *
 * Bytes changed at random seldom make a definition that gets past the parser.
 * Here a definition is changed as its author would: keys and values are other
 * ones, moved, copied, left out.
 */
#include "postgres_fe.h"

#include "chart/json.h"
#include "json_mutator.h"
#include "memory.h"

#define MOST_NODES	20000

typedef struct Nodes
{
	int			n;
	WfJson	   *items[MOST_NODES];
} Nodes;

typedef struct Mutator
{
	uint64		state;
	Nodes		own;
	Nodes		others;			/* what may be copied from */
} Mutator;

/* Words of the language: as keys and as values. */
static const char *const words[] = {
	"actions", "after", "always", "allow", "and", "array", "assign", "atomic",
	"branches", "cancel", "choose", "compound", "context", "data", "deep",
	"defer", "delay", "delays", "description", "detached", "entry", "event",
	"exit", "final", "foreach", "guard", "guards", "history", "id", "in",
	"index", "initial", "input", "invoke", "item", "keep", "label", "log",
	"meta", "not", "on", "onDone", "onError", "on_error", "or", "order",
	"output", "parallel", "params", "raise", "reenter", "retry", "send",
	"shallow", "src", "stateId", "stateIn", "states", "step_timeout", "tags",
	"target", "timeout", "type", "value", "@expr", "@lang", "@literal", "*",
	"a.*", ".a", "#a", "#", "", "PT1H", "1 day", "-1", "0", "1000", "a", "b",
	"done.state.a", "after.1000.a", "error.execution", "xstate.assign", "a b",
	"\"", "\\", "\n", "\xc3\xa4", "#_parent", "#_internal",
	"outcome", "failure", "success", "timezone", "sensitive", "Europe/Berlin", "errors", "maxAttempts",
	"unlimited", "then", "terminate", "error.step", "error.step.a",
};

static const char *const numbers[] = {
	"0", "-0", "1", "-1", "0.5", "1e3", "1e308", "1e999", "-1e-999",
	"9223372036854775807", "9223372036854775808", "99999999999999999999999",
};

static uint32
any(Mutator *m, uint32 n)
{
	m->state = m->state * UINT64CONST(6364136223846793005) + UINT64CONST(1442695040888963407);
	return n ? (uint32) (m->state >> 33) % n : 0;
}

static void
collect(Nodes *nodes, WfJson *json)
{
	if (nodes->n < MOST_NODES)
		nodes->items[nodes->n++] = json;
	for (int i = 0; i < json->n; i++)
		collect(nodes, json->items[i]);
}

static WfJson *
parse(const char *text, size_t len)
{
	WfFaults	faults = {0};

	return wf_json_parse(text, len, &faults);
}

static WfJson *
new_scalar(Mutator *m)
{
	WfJson	   *json = palloc0(sizeof(WfJson));

	json->kind = any(m, WF_JSON_STRING + 1);
	json->boolean = any(m, 2);
	if (json->kind == WF_JSON_NUMBER)
		json->text = numbers[any(m, lengthof(numbers))];
	else if (json->kind == WF_JSON_STRING)
		json->text = words[any(m, lengthof(words))];
	return json;
}

/* A copy, so that no tree ever contains itself. */
static WfJson *
copy_of(const WfJson *json)
{
	char	   *text = wf_json_text(json);

	return parse(text, strlen(text));
}

static WfJson *
some_value(Mutator *m)
{
	const Nodes *from = m->others.n && any(m, 2) ? &m->others : &m->own;
	WfJson	   *copy = any(m, 3) ? copy_of(from->items[any(m, from->n)]) : NULL;

	return copy ? copy : new_scalar(m);
}

static const char *
some_key(Mutator *m)
{
	const Nodes *from = m->others.n && any(m, 2) ? &m->others : &m->own;
	const WfJson *json = from->items[any(m, from->n)];

	if (json->kind == WF_JSON_OBJECT && json->n && any(m, 3))
		return json->keys[any(m, json->n)];
	return words[any(m, lengthof(words))];
}

static void
insert(Mutator *m, WfJson *into)
{
	int			at = any(m, into->n + 1);
	WfJson	  **items = palloc((into->n + 1) * sizeof(WfJson *));
	const char **keys = palloc((into->n + 1) * sizeof(char *));

	for (int i = 0, k = 0; i < into->n + 1; i++)
	{
		bool		here = i == at;

		items[i] = here ? some_value(m) : into->items[k];
		keys[i] = here ? some_key(m) : into->keys ? into->keys[k] : NULL;
		k += !here;
	}
	into->items = items;
	if (into->kind == WF_JSON_OBJECT)
		into->keys = keys;
	into->n++;
}

static void
drop(WfJson *from, int at)
{
	for (int i = at; i + 1 < from->n; i++)
	{
		from->items[i] = from->items[i + 1];
		if (from->keys)
			from->keys[i] = from->keys[i + 1];
	}
	from->n--;
}

/* Two members of one object or array change places. */
static void
exchange(WfJson *json, int a, int b)
{
	WfJson	   *item = json->items[a];

	json->items[a] = json->items[b];
	json->items[b] = item;
	if (json->keys)
	{
		const char *key = json->keys[a];

		json->keys[a] = json->keys[b];
		json->keys[b] = key;
	}
}

/* "x" becomes ["x"]: many places take both. */
static WfJson *
wrapped(WfJson *item)
{
	WfJson	   *list = palloc0(sizeof(WfJson));

	list->kind = WF_JSON_ARRAY;
	list->n = 1;
	list->items = palloc(sizeof(WfJson *));
	list->items[0] = item;
	return list;
}

static void
change(Mutator *m)
{
	WfJson	   *json = m->own.items[any(m, m->own.n)];
	int			at;

	if (json->kind < WF_JSON_ARRAY)
	{
		WfJson	   *other = any(m, 2) ? new_scalar(m) :
			m->own.items[any(m, m->own.n)];

		if (other->kind < WF_JSON_ARRAY)
			*json = *other;
		return;
	}
	if (json->n == 0)
	{
		insert(m, json);
		return;
	}
	at = any(m, json->n);
	switch (any(m, 7))
	{
		case 0:
			insert(m, json);
			break;
		case 1:
			drop(json, at);
			break;
		case 2:
			exchange(json, at, any(m, json->n));
			break;
		case 3:
			if (json->keys)
				json->keys[at] = some_key(m);
			break;
		case 4:
			json->items[at] = wrapped(json->items[at]);
			break;
		default:
			json->items[at] = some_value(m);
			break;
	}
}

size_t
wf_mutate_json(const char *text, size_t len, const char *donor,
			   size_t donor_len, char *out, size_t max, unsigned int seed)
{
	static Mutator mutator;
	Mutator    *m = &mutator;
	WfJson	   *root = parse(text, len);
	size_t		size = 0;

	m->state = seed * UINT64CONST(0x9e3779b97f4a7c15) + 1;
	m->own.n = m->others.n = 0;
	if (root)
	{
		WfJson	   *other = donor ? parse(donor, donor_len) : NULL;
		char	   *result;

		if (other)
			collect(&m->others, other);
		for (int n = 1 + any(m, 4); n > 0; n--)
		{
			m->own.n = 0;
			collect(&m->own, root);
			change(m);
		}
		result = wf_json_text(root);
		if (strlen(result) <= max)
			memcpy(out, result, size = strlen(result));
	}
	wf_memory_reset();
	return size;
}
