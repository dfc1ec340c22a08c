/*-------------------------------------------------------------------------
 *
 * compile_transition.c
 *	  Transitions in all their forms, and who is allowed to cause them.
 *
 * Pure C.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRONTEND
#include "postgres.h"
#else
#include "postgres_fe.h"
#endif

#include "chart/chart.h"
#include "chart/diagnostic.h"
#include "chart/json.h"
#include "chart/json_string.h"
#include "chart/path.h"
#include "compiler/compile_action.h"
#include "compiler/compile_delay.h"
#include "compiler/compile_fault.h"
#include "compiler/compile_on_error.h"
#include "compiler/compile_read.h"
#include "compiler/compile_target.h"
#include "compiler/compile_transition.h"
#include "compiler/compile_value.h"
#include "compiler/compiler.h"
#include "compiler/list.h"

/* Make a transition that does nothing, until it is filled. */
static WfTransition *
new_transition(WfCompiler *c, WfStateId source, const WfPath *path)
{
	WfTransition *transition = palloc0(sizeof(WfTransition));

	WF_MAY_BE_CANCELLED();
	transition->order = c->chart->ntransitions++;
	transition->source = source;
	transition->targetless = true;
	transition->domain = source;
	transition->on_error = c->chart->states[source].on_error;
	transition->step_timeout = c->chart->states[source].step_timeout;
	transition->path = wf_path_text(path);
	return transition;
}

/*
 * Set the targets of a transition, and what follows from them and its
 * source.
 */
static void
set_targets(WfCompiler *c, WfTransition *transition, WfStateId *targets,
			int n)
{
	const WfChart *chart = c->chart;

	transition->targetless = (n == 0);
	transition->ntargets = n;
	transition->targets = targets;
	for (int i = 0; i < n; i++)
		if (chart->states[targets[i]].kind == WF_STATE_HISTORY)
			transition->has_history = true;
	if (n > 0)
		transition->domain = wf_chart_domain(chart, transition, targets, n);
}

/* ----------------------------------------------------------------
 *						Who is allowed
 * ----------------------------------------------------------------
 */

/* Compile a list of roles, and append it to the canonical text. */
static const char **
compile_roles(WfCompiler *c, StringInfo buf, const WfJson *json,
			  const WfPath *path, int *n)
{
	const char **roles = wf_compile_read_strings(c, json, path, n);

	appendStringInfoString(buf, "\"role\":[");
	for (int i = 0; i < *n; i++)
	{
		if (i > 0)
			appendStringInfoChar(buf, ',');
		wf_json_string_write(buf, roles[i]);
	}
	appendStringInfoChar(buf, ']');
	return roles;
}

/*
 * Compile {role, fn} of `allow` or of its `deny`, and append the canonical
 * text without the closing brace.  Returns false if neither key is present.
 */
static bool
compile_who(WfCompiler *c, StringInfo buf, const WfJson *json,
			const WfPath *path, const char ***roles, int *nroles,
			const WfExpr **function)
{
	const WfJson *role = wf_json_get(json, "role");
	bool		written = role != NULL || wf_compile_read_get(json, "fn") != NULL;
	const char *name;

	appendStringInfoChar(buf, '{');
	if (json->kind != WF_JSON_OBJECT)
	{
		*roles = compile_roles(c, buf, json, path, nroles);
		return true;
	}
	if (!written && (json->n == 0 || wf_json_get(json, "fn") != NULL) &&
		wf_json_get(json, "deny") == NULL)
		wf_compile_fault(c, path, "Write {\"role\": [...]} or "
						 "{\"fn\": \"...\"}.", "neither \"role\" nor \"fn\" is given");
	if (role != NULL)
		*roles = compile_roles(c, buf, role, WF_AT_KEY(path, "role"), nroles);
	name = wf_compile_read_string(c, json, "fn", path);
	if (name != NULL)
	{
		appendStringInfo(buf, "%s\"fn\":", role != NULL ? "," : "");
		wf_json_string_write(buf, name);
		*function = wf_compile_value_call(c, WF_USE_GUARD, name, NULL,
										  WF_AT_KEY(path, "fn"));
	}
	return written;
}

/*
 * Compile an `allow`: a role, a list of roles, or {role, fn, deny: {role,
 * fn}}.  Never returns NULL.
 */
const WfAllow *
wf_compile_transition_allow(WfCompiler *c, const WfJson *json, const WfPath *path)
{
	static const char *const known[] = {"role", "fn", "deny", NULL};
	static const char *const inner[] = {"role", "fn", NULL};
	WfAllow    *allow = palloc0(sizeof(WfAllow));
	const WfJson *deny = wf_json_get(json, "deny");
	StringInfoData buf;

	c->features[WF_HAS_ALLOW] = true;
	initStringInfo(&buf);
	if (json->kind == WF_JSON_OBJECT)
		wf_compile_read_keys(c, json, path, known);
	allow->everybody = !compile_who(c, &buf, json, path, &allow->roles,
									&allow->nroles, &allow->function);
	if (!allow->everybody && allow->nroles == 0 && allow->function == NULL)
		wf_compile_fault_warning(c, path, "Name a role or a function.",
								 "nobody is allowed to cause the transition");
	if (deny != NULL)
	{
		const WfPath *at = WF_AT_KEY(path, "deny");

		appendStringInfo(&buf, "%s\"deny\":", buf.len > 1 ? "," : "");
		if (deny->kind == WF_JSON_OBJECT)
			wf_compile_read_keys(c, deny, at, inner);
		(void) compile_who(c, &buf, deny, at, &allow->denied, &allow->ndenied,
						   &allow->deny_function);
		appendStringInfoChar(&buf, '}');
	}
	appendStringInfoChar(&buf, '}');
	allow->text = buf.data;
	return allow;
}

/* ----------------------------------------------------------------
 *						Transitions
 * ----------------------------------------------------------------
 */

static void
compile_guards(WfCompiler *c, WfTransition *transition, const WfJson *json,
			   const WfPath *path)
{
	const char *key = wf_json_get(json, "cond") ? "cond" : "guard";
	const WfJson *guard = wf_compile_read_get(json, key);
	const WfJson *in = wf_compile_read_get(json, "in");

	wf_compile_read_same(c, json, path, "guard", "cond");
	if (guard != NULL)
		transition->guard = wf_compile_value_guard(c, guard, WF_AT_KEY(path, key));
	if (in != NULL)
	{
		WfGuard    *in_state = palloc0(sizeof(WfGuard));

		in_state->kind = WF_GUARD_IN_STATE;
		in_state->state = wf_compile_target_state(c, in, WF_AT_KEY(path, "in"));
		transition->guard = wf_compile_value_and(transition->guard, in_state);
		c->features[WF_HAS_IN_STATE] = true;
	}
}

/*
 * Compile the targets of a transition.  Returns false if it can never be
 * taken.
 */
static bool
compile_target(WfCompiler *c, WfTransition *transition, const WfJson *target,
			   const WfPath *path)
{
	/* the root has no siblings: names without a prefix are its children */
	WfStateId	source = transition->source;
	WfStateId	base = source == 0 ? 0 : c->chart->states[source].parent;
	int			n;
	WfStateId  *targets = wf_compile_targets(c, target, path, base, source,
											 &n);

	set_targets(c, transition, targets, n);
	return wf_compile_target_together(c, targets, n, path, false);
}

/*
 * Compile `on_error` and `step_timeout`.  Returns the limit for the code of the
 * transition.
 */
static const WfDelay *
compile_failing(WfCompiler *c, WfTransition *transition, const WfJson *json,
				const WfPath *path)
{
	const WfJson *limit = wf_json_get(json, "step_timeout");
	const WfJson *on_error = wf_compile_read_get(json, "on_error");

	if (limit != NULL)
	{
		transition->step_timeout = wf_compile_delay_limit(c, limit, WF_AT_KEY(path, "step_timeout"));
		c->chart->inner_limits = true;
	}
	if (on_error != NULL)
	{
		wf_compile_on_error_add(c, on_error, WF_AT_KEY(path, "on_error"), &transition->on_error,
								psprintf(WF_STEP_ERROR_EVENT ".%s.#%d",
										 c->chart->states[transition->source].name,
										 c->caught.n + 1));
		c->chart->inner_policies = true;
	}
	return transition->step_timeout;
}

/* What the event is published with: a string or a number, or an expression. */
static const WfValue *
compile_correlate(WfCompiler *c, const WfJson *json, const WfPath *path)
{
	const WfValue *value = wf_compile_value(c, json, path);

	if (value->kind != WF_VALUE_EXPR &&
		(value->kind != WF_VALUE_CONST || strchr("\"-0123456789", value->text[0]) == NULL ||
		 strcmp(value->text, "\"\"") == 0))
		wf_compile_fault_warning(c, path, "Write a string, a number or {\"@expr\": ...}.",
								 "the state cannot be entered: its \"correlate\" is no string or number");
	return value;
}

/*
 * Compile a transition that is an object.  Returns false if it can never be
 * taken.
 */
static bool
fill_transition(WfCompiler *c, WfTransition *transition, const WfJson *json,
				const WfPath *path)
{
	const WfDelay *around = c->limit;
	const WfJson *target = wf_compile_read_get(json, "target");
	const WfJson *actions = wf_compile_read_get(json, "actions");
	const WfJson *allow = wf_compile_read_get(json, "allow");
	const WfJson *correlate = wf_compile_read_get(json, "correlate");
	const WfJson *meta = wf_compile_read_get(json, "meta");
	bool		possible = true;

	/* "internal": false in XState 4 is "reenter": true in XState 5 */
	if (wf_json_get(json, "reenter") != NULL)
		transition->reenter = wf_compile_read_bool(c, json, "reenter", path);
	else if (wf_compile_read_get(json, "internal") != NULL)
		transition->reenter = !wf_compile_read_bool(c, json, "internal", path);
	if (transition->reenter)
		c->features[WF_HAS_REENTER] = true;
	if (transition->reenter && wf_json_get(json, "reenter") != NULL &&
		wf_compile_read_get(json, "internal") != NULL &&
		wf_compile_read_bool(c, json, "internal", path))
		wf_compile_fault(c, path, "Use one of them.",
						 "\"reenter\": true and \"internal\": true contradict each other");

	c->limit = compile_failing(c, transition, json, path);
	if (target != NULL)
		possible = compile_target(c, transition, target,
								  WF_AT_KEY(path, "target"));
	compile_guards(c, transition, json, path);
	if (actions != NULL)
		transition->actions = wf_compile_actions(c, actions,
												 WF_AT_KEY(path, "actions"));
	if (allow != NULL)
		transition->allow = wf_compile_transition_allow(c, allow,
														WF_AT_KEY(path, "allow"));
	transition->description = wf_compile_read_string(c, json, "description", path);
	if (meta != NULL)
		transition->meta = wf_json_text(meta);
	if (correlate != NULL)
		transition->correlate = compile_correlate(c, correlate, WF_AT_KEY(path, "correlate"));
	c->limit = around;
	return possible;
}

/*
 * Compile one transition.  Returns NULL if it can never be taken.  keep: see
 * wf_compile_transitions().
 */
static WfTransition *
compile_transition(WfCompiler *c, WfStateId source, const WfJson *json,
				   const WfPath *path, bool *keep)
{
	static const char *const known[] = {"target", "guard", "cond", "actions",
		"reenter", "internal", "description", "meta", "allow", "in", "keep",
	"on_error", "step_timeout", "correlate", NULL};
	WfTransition *transition = new_transition(c, source, path);
	bool		possible = true;

	switch (json->kind)
	{
		case WF_JSON_NULL:
			break;
		case WF_JSON_STRING:
			possible = compile_target(c, transition, json, path);
			break;
		case WF_JSON_OBJECT:
			wf_compile_read_keys(c, json, path, known);
			possible = fill_transition(c, transition, json, path);
			if (wf_compile_read_get(json, "keep") == NULL)
				break;
			if (keep == NULL)
				wf_compile_fault(c, WF_AT_KEY(path, "keep"), NULL,
								 "\"keep\" is allowed only under `after`");
			else if (wf_compile_read_bool(c, json, "keep", path))
				*keep = true;
			break;
		default:
			wf_compile_fault(c, path,
							 "Write a target, {\"target\": ...} or a list.",
							 "transition cannot be of type %s",
							 wf_json_kind_name(json->kind));
			break;
	}
	return possible ? transition : NULL;
}

static void
add_transition(WfCompiler *c, WfStateId source, const WfJson *json,
			   const WfPath *path, WfList *into, bool *keep)
{
	WfTransition *transition = compile_transition(c, source, json, path,
												  keep);

	if (transition != NULL)
		wf_list_add(into, transition);
}

/*
 * Compile the transitions of one event, or of `always`, and append them to
 * `into`: a list of transitions, a single one, or null, which is one that
 * does nothing.  *keep is set if one of them has `keep`; keep is NULL where
 * that has no meaning.
 */
void
wf_compile_transitions(WfCompiler *c, WfStateId source, const WfJson *json,
					   const WfPath *path, WfList *into, bool *keep)
{
	if (json->kind != WF_JSON_ARRAY)
	{
		add_transition(c, source, json, path, into, keep);
		return;
	}
	for (int i = 0; i < json->n; i++)
		add_transition(c, source, json->items[i], WF_AT_INDEX(path, i), into,
					   keep);
}

/* ----------------------------------------------------------------
 *						Default transitions
 * ----------------------------------------------------------------
 */

/*
 * Check that the targets of a default transition lie inside of its
 * container, and that no history state leads to another one.
 */
static void
check_default(WfCompiler *c, const WfTransition *transition,
			  WfStateId container, const WfPath *path)
{
	const WfChart *chart = c->chart;
	bool		history =
		chart->states[transition->source].kind == WF_STATE_HISTORY;

	for (int i = 0; i < transition->ntargets; i++)
	{
		const WfState *target = &chart->states[transition->targets[i]];

		if (!wf_is_descendant(chart, target->id, container))
			wf_compile_fault(c, path, NULL,
							 "\"%s\" does not lie inside of \"%s\"",
							 target->name, chart->states[container].name);
		else if (history && target->kind == WF_STATE_HISTORY)
			wf_compile_fault(c, path, NULL,
							 "the default of a history state cannot be a "
							 "history state");
	}
}

/*
 * Compile the initial transition of a compound state, or the default
 * transition of a history state: targets, or {target, actions}.  Returns
 * NULL after a fault that leaves nothing to work with.
 */
WfTransition *
wf_compile_transition_default(WfCompiler *c, WfStateId source, const WfJson *json,
							  const WfPath *path)
{
	static const char *const known[] = {"target", "actions", NULL};
	const WfState *state = &c->chart->states[source];
	WfStateId	container = state->kind == WF_STATE_HISTORY ?
		state->parent : source;
	WfTransition *transition = new_transition(c, source, path);
	const WfJson *target = json;
	const WfJson *actions = NULL;
	const WfPath *inner = WF_AT_KEY(path, "target");
	const WfPath *at = path;
	WfStateId  *targets;
	int			n;

	if (json->kind == WF_JSON_OBJECT)
	{
		wf_compile_read_keys(c, json, path, known);
		target = wf_compile_read_get(json, "target");
		actions = wf_compile_read_get(json, "actions");
		at = inner;
		if (target == NULL)
		{
			wf_compile_fault(c, path, NULL, "\"target\" is missing");
			return NULL;
		}
	}
	targets = wf_compile_targets(c, target, at, container, container, &n);
	set_targets(c, transition, targets, n);
	check_default(c, transition, container, at);
	wf_compile_target_together(c, targets, n, at, true);
	if (n == 0 && target->kind == WF_JSON_ARRAY && target->n == 0)
		wf_compile_fault(c, at, NULL, "the list of targets is empty");
	if (actions != NULL)
		transition->actions = wf_compile_actions(c, actions,
												 WF_AT_KEY(path, "actions"));
	return transition;
}
