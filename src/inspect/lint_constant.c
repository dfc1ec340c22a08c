/*-------------------------------------------------------------------------
 *
 * lint_constant.c
 *	  A rule about constants that another language would compute.
 *
 * Pure C.  A definition that comes from elsewhere may have "{{ context.n + 1 }}" in
 * it, "{% $n + 1 %}", "${n}", a function of JavaScript, or a key "n.$".  All of it is
 * legal data, and kept as it stands.  Only a string that is nothing else is named: a text
 * with such a place in it may be meant for who fills it in later.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRONTEND
#include "postgres.h"
#else
#include "postgres_fe.h"
#endif

#include "chart/chart.h"
#include "chart/json.h"
#include "inspect/lint_constant.h"
#include "inspect/lint_finding.h"

#define MOST_SHOWN	40			/* bytes of a constant in a message, at least */

/* Where constants are looked at. */
typedef struct Place
{
	WfLinter   *l;
	const WfState *state;
	const char *path;
} Place;

static bool
is_between(const char *text, const char *begin, const char *end)
{
	size_t		len = strlen(text);

	return len >= strlen(begin) + strlen(end) && strncmp(text, begin, strlen(begin)) == 0 &&
		strcmp(text + len - strlen(end), end) == 0;
}

/* Is a string nothing but what another language computes? */
static bool
is_foreign(const char *text)
{
	return is_between(text, "{{", "}}") || is_between(text, "={{", "}}") ||
		is_between(text, "{%", "%}") || is_between(text, "${", "}") ||
		(is_between(text, "(", "") && strstr(text, ") =>") != NULL) ||
		is_between(text, "function (", "}") || is_between(text, "function(", "}");
}

/* Has this member of an object, a constant, a path of the Amazon States Language? */
static bool
is_foreign_member(const char *key, const char *json)
{
	return is_between(key, "", ".$") && strncmp(json, "\"$", 2) == 0;
}

/* The first string of a constant that another language would compute, or NULL. */
static const char *
find_foreign(const WfJson *json)
{
	if (json->kind == WF_JSON_STRING)
		return is_foreign(json->text) ? json->text : NULL;
	if (json->kind != WF_JSON_ARRAY && json->kind != WF_JSON_OBJECT)
		return NULL;
	for (int i = 0; i < json->n; i++)
	{
		const char *found = json->kind == WF_JSON_OBJECT &&
			is_foreign_member(json->keys[i], wf_json_text(json->items[i])) ? json->keys[i] : find_foreign(json->items[i]);

		if (found != NULL)
			return found;
	}
	return NULL;
}

static void
add_finding(const Place *place, const char *found)
{
	size_t		len = strlen(found);
	size_t		shown = Min(len, MOST_SHOWN);

	/* to the end of the character */
	while (shown < len && ((unsigned char) found[shown] & 0xc0) == 0x80)
		shown++;
	wf_lint_finding_add(place->l, place->state, place->path, "not_computed",
						"What is computed is SQL, and written {\"@expr\": \"...\"}.",
						"\"%s%s\" is a constant here: nobody computes it",
						pnstrdup(found, shown), shown < len ? "..." : "");
}

static void
check_value(const Place *place, const WfValue *value);

/* A member of an object of which others are computed, or a key of an assign. */
static void
check_member(const Place *place, const char *key, const WfValue *value)
{
	if (value->kind == WF_VALUE_CONST && is_foreign_member(key, value->text))
		add_finding(place, key);
	else
		check_value(place, value);
}

static void
check_value(const Place *place, const WfValue *value)
{
	WfFaults	faults = {0};
	const WfJson *json;
	const char *found;

	if (value == NULL)
		return;
	for (int i = 0; i < value->nparts; i++)
		check_member(place, value->kind == WF_VALUE_OBJECT ? value->keys[i] : "", value->parts[i]);
	if (value->kind != WF_VALUE_CONST || strpbrk(value->text, "{}$=>(") == NULL)
		return;
	WF_MAY_BE_CANCELLED();
	json = wf_json_parse(value->text, strlen(value->text), &faults);
	found = json == NULL ? NULL : find_foreign(json);
	if (found != NULL)
		add_finding(place, found);
}

static void
check_actions(WfLinter *l, const WfState *state, const WfActionList *actions)
{
	for (int i = 0; i < actions->n; i++)
	{
		const WfAction *action = actions->items[i];
		Place		place = {l, state, action->path};

		for (int k = 0; k < action->nkeys; k++)
			check_member(&place, action->keys[k], action->values[k]);
		check_value(&place, action->event_data);
		for (int b = 0; b < action->nbranches; b++)
			check_actions(l, state, &action->branches[b].actions);
		check_actions(l, state, &action->actions);
	}
}

static void
check_state(WfLinter *l, const WfState *state)
{
	Place		place = {l, state, state->path};

	check_actions(l, state, &state->entry);
	check_actions(l, state, &state->exit);
	check_value(&place, state->output);
	for (int i = 0; i < state->ninvokes; i++)
	{
		place.path = state->invokes[i].path;
		check_value(&place, state->invokes[i].input);
	}
	if (state->initial != NULL)
		check_actions(l, state, &state->initial->actions);
	for (int i = 0; i < state->nalways; i++)
		check_actions(l, state, &state->always[i]->actions);
	for (int h = 0; h < state->nhandlers; h++)
		for (int t = 0; t < state->handlers[h].ntransitions; t++)
			check_actions(l, state, &state->handlers[h].transitions[t]->actions);
}

/* Report constants that whoever wrote them takes for expressions. */
void
wf_lint_constants(WfLinter *l)
{
	Place		root = {l, &l->chart->states[0], "$.context"};

	check_value(&root, l->chart->context);
	for (int s = 0; s < l->chart->nstates; s++)
		check_state(l, &l->chart->states[s]);
}
