/*-------------------------------------------------------------------------
 *
 * compile_action.c
 *	  Actions: calls of functions and the built-in ones.
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
#include "chart/json.h"
#include "chart/path.h"
#include "compiler/compile_action.h"
#include "compiler/compile_delay.h"
#include "compiler/compile_fault.h"
#include "compiler/compile_foreign.h"
#include "compiler/compile_read.h"
#include "compiler/compile_value.h"
#include "compiler/compiler.h"

/* What JSON.stringify() makes of assign({x: () => ...}) is an empty context. */
#define ASSIGN_HINT "Write each key and its value, {\"@expr\": \"...\"} for a computed one; functions of JavaScript are lost in JSON."

typedef WfAction *(*ActionCompiler) (WfCompiler *c, const WfJson *json,
									 const WfPath *path);

static WfAction *
new_action(WfActionKind kind, const WfPath *path)
{
	WfAction   *action = palloc0(sizeof(WfAction));

	action->kind = kind;
	action->path = wf_path_text(path);
	return action;
}

/*
 * Compile the value of the first of two keys that is present.  NULL if
 * neither is; `other` may be NULL.
 */
static WfValue *
compile_member(WfCompiler *c, const WfJson *json, const char *key,
			   const char *other, const WfPath *path)
{
	const WfJson *found = wf_json_get(json, key);

	if (found == NULL && other != NULL)
	{
		found = wf_json_get(json, other);
		key = other;
	}
	return found ? wf_compile_value(c, found, WF_AT_KEY(path, key)) : NULL;
}

static bool
is_string_const(const WfValue *value, const char *json_text)
{
	return value->kind == WF_VALUE_CONST &&
		strcmp(value->text, json_text) == 0;
}

/* ----------------------------------------------------------------
 *						Data
 * ----------------------------------------------------------------
 */

static WfAction *
compile_assign(WfCompiler *c, const WfJson *json, const WfPath *path)
{
	static const char *const known[] = {"type", "context", "assignment", NULL};
	WfAction   *action = new_action(WF_ACTION_ASSIGN, path);
	const char *key = wf_json_get(json, "context") ? "context" : "assignment";
	const WfJson *context = wf_json_get(json, key);
	const WfPath *at = WF_AT_KEY(path, key);

	wf_compile_read_keys(c, json, path, known);
	wf_compile_read_same(c, json, path, "context", "assignment");
	c->features[WF_HAS_ASSIGN] = true;
	if (context == NULL)
	{
		wf_compile_fault(c, path, ASSIGN_HINT, "\"assign\" needs a \"context\"");
		return action;
	}
	if (wf_compile_value_is_expr(context))
	{
		action->expr = wf_compile_value_expr(c, WF_USE_VALUE, context, at);
		return action;
	}
	if (!wf_compile_read_expect(c, context, at, WF_JSON_OBJECT))
		return action;
	if (context->n == 0)
		wf_compile_fault_warning(c, at, ASSIGN_HINT,
								 "\"assign\" changes nothing: its context is empty");
	action->nkeys = context->n;
	action->keys = context->keys;
	action->values = palloc((context->n + 1) * sizeof(WfValue *));
	for (int i = 0; i < context->n; i++)
	{
		const WfPath *member = WF_AT_KEY(at, context->keys[i]);

		if (context->keys[i][0] == '@')
			wf_compile_fault(c, member, NULL,
							 "a key of the context cannot start with \"@\"");
		action->values[i] = wf_compile_value(c, context->items[i], member);
	}
	return action;
}

static WfAction *
compile_log(WfCompiler *c, const WfJson *json, const WfPath *path)
{
	static const char *const known[] = {"type", "value", "message", "args",
	"expr", "label", NULL};
	WfAction   *action = new_action(WF_ACTION_LOG, path);
	const WfJson *args = wf_json_get(json, "args");

	wf_compile_read_keys(c, json, path, known);
	for (int i = 1; i < 5; i++)
		for (int j = i + 1; j < 5; j++)
			wf_compile_read_same(c, json, path, known[i], known[j]);
	c->features[WF_HAS_LOG] = true;
	if (args != NULL && args->kind == WF_JSON_ARRAY && args->n == 1)
		action->event_data =
			wf_compile_value(c, args->items[0],
							 WF_AT_INDEX(WF_AT_KEY(path, "args"), 0));
	else if (args != NULL)
		action->event_data = compile_member(c, json, "args", NULL, path);
	else
		action->event_data = compile_member(c, json, "value", "message", path);
	if (action->event_data == NULL)
		action->event_data = compile_member(c, json, "expr", NULL, path);
	if (action->event_data == NULL)
		action->event_data = wf_compile_value_const(c, "null");
	action->label = wf_compile_read_string(c, json, "label", path);
	return action;
}

/* ----------------------------------------------------------------
 *						Events
 * ----------------------------------------------------------------
 */

/*
 * Compile the payload of an event: `data`, or all keys of the event but its
 * type.
 */
static WfValue *
compile_payload(WfCompiler *c, const WfJson *event, const WfPath *path)
{
	const WfJson *data = wf_json_get(event, "data");
	WfJson	   *fields;
	int			others = event->n - 1 - (data != NULL);

	if (others > 0 && data != NULL)
	{
		wf_compile_fault(c, path, "Put the other keys into \"data\".",
						 "an event has either \"data\" or keys of its own");
		return NULL;
	}
	if (data != NULL)
		return wf_compile_value(c, data, WF_AT_KEY(path, "data"));
	if (others <= 0)
		return NULL;

	fields = palloc0(sizeof(WfJson));
	fields->kind = WF_JSON_OBJECT;
	fields->keys = palloc(others * sizeof(char *));
	fields->items = palloc(others * sizeof(WfJson *));
	for (int i = 0; i < event->n && fields->n < others; i++)
	{
		if (strcmp(event->keys[i], "type") == 0)
			continue;
		fields->keys[fields->n] = event->keys[i];
		fields->items[fields->n++] = event->items[i];
	}
	return wf_compile_value(c, fields, path);
}

/*
 * Report a constant name of an event that would be refused each time it is
 * sent.
 */
static void
check_name(WfCompiler *c, const char *event, bool to_itself, const WfPath *path)
{
	const char *prefix = wf_chart_reserved_prefix(event, to_itself);

	if (prefix != NULL)
		wf_compile_fault(c, path, "Use a name of your own.",
						 "event \"%s\" cannot be sent: names that begin with \"%s\" are the engine's own",
						 event, prefix);
}

/* Compile the event of a raise or a send: its name and payload. */
static void
compile_event(WfCompiler *c, WfAction *action, const WfJson *json,
			  bool to_itself, const WfPath *path)
{
	const WfJson *event = wf_compile_read_get(json, "event");
	const WfPath *event_at = WF_AT_KEY(path, "event");
	const WfPath *type_at = WF_AT_KEY(event_at, "type");
	const WfPath *at = event_at;
	const WfJson *type = event;

	if (event == NULL)
	{
		wf_compile_fault(c, path,
						 "To pass on what came, as XState's forwardTo() does, write \"event\": {\"type\": "
						 "{\"@expr\": \"event->>'type'\"}, \"data\": {\"@expr\": \"event->'data'\"}}.",
						 "action has no \"event\"");
		return;
	}
	if (event->kind == WF_JSON_OBJECT && !wf_compile_value_is_expr(event))
	{
		type = wf_compile_read_get(event, "type");
		if (type == NULL)
		{
			wf_compile_fault(c, at, NULL, "event has no \"type\"");
			return;
		}
		action->event_data = compile_payload(c, event, at);
		at = type_at;
	}
	if (!wf_compile_value_is_expr(type) &&
		(type->kind != WF_JSON_STRING || type->text[0] == '\0'))
	{
		wf_compile_fault(c, at, NULL,
						 "an event's type must be a name or {\"@expr\": ...}");
		return;
	}
	if (type->kind == WF_JSON_STRING)
		check_name(c, type->text, to_itself, at);
	action->event_type = wf_compile_value(c, type, at);
}

/* Compile the id of what is sent, or taken back; NULL if there is none. */
static WfValue *
compile_id(WfCompiler *c, const WfJson *json, const WfPath *path)
{
	WfValue    *id = compile_member(c, json, "id", "sendId", path);

	if (id != NULL && id->kind != WF_VALUE_EXPR &&
		(id->kind != WF_VALUE_CONST || id->text[0] != '"'))
		wf_compile_fault_warning(c, WF_AT_KEY(path, wf_json_get(json, "id") ? "id" : "sendId"),
								 "Write a string or {\"@expr\": ...}.",
								 "the action fails: its \"id\" is not a string");
	return id;
}

/*
 * Compile what raise, send, sendTo and sendParent have in common.  The
 * receiver is left to the caller.
 */
static WfAction *
compile_sending(WfCompiler *c, WfActionKind kind, const WfJson *json,
				bool to_itself, const WfPath *path)
{
	WfAction   *action = new_action(kind, path);
	const WfJson *delay = wf_json_get(json, "delay");

	compile_event(c, action, json, to_itself, path);
	action->send_id = compile_id(c, json, path);
	if (delay != NULL)
	{
		action->delay = wf_compile_delay(c, delay, WF_AT_KEY(path, "delay"));
		c->features[WF_HAS_DELAY] = true;
	}
	c->features[kind == WF_ACTION_RAISE ? WF_HAS_RAISE : WF_HAS_SEND] = true;
	return action;
}

static WfAction *
compile_raise(WfCompiler *c, const WfJson *json, const WfPath *path)
{
	static const char *const known[] = {"type", "event", "delay", "id", NULL};

	wf_compile_read_keys(c, json, path, known);
	return compile_sending(c, WF_ACTION_RAISE, json, true, path);
}

/*
 * Does an action send to its own process?  If the receiver is computed, it
 * may.
 */
static bool
sends_to_itself(const WfJson *json)
{
	const WfJson *target = wf_json_get(json, "target");

	if (target == NULL)
		target = wf_json_get(json, "to");
	return target == NULL || target->kind != WF_JSON_STRING ||
		strcmp(target->text, "#_internal") == 0;
}

/* Is an action written as one that sends to another one?  A bare name has no type. */
static bool
is_send_to(const WfJson *json)
{
	const WfJson *type = wf_json_get(json, "type");
	bool		prefixed;

	return type != NULL && strcmp(wf_compile_value_builtin(type->text, &prefixed), "sendTo") == 0;
}

static WfAction *
compile_send(WfCompiler *c, const WfJson *json, const WfPath *path)
{
	static const char *const known[] = {"type", "event", "delay", "id",
	"target", "to", NULL};
	WfAction   *action;
	const char *key;

	wf_compile_read_keys(c, json, path, known);
	wf_compile_read_same(c, json, path, "target", "to");
	action = compile_sending(c, WF_ACTION_SEND, json, sends_to_itself(json), path);
	action->target = compile_member(c, json, "target", "to", path);
	if (action->target == NULL && is_send_to(json))
		wf_compile_fault_warning(c, path, "Write \"send\" if it is meant; a receiver that is a function of JavaScript is lost in JSON.",
								 "\"sendTo\" has no receiver: the process sends to itself");
	key = wf_json_get(json, "target") != NULL ? "target" : "to";
	if (action->target == NULL)
		return action;
	if (is_string_const(action->target, "\"#_internal\""))
	{
		action->kind = WF_ACTION_RAISE;
		action->target = NULL;
	}
	else if (action->target->kind != WF_VALUE_EXPR &&
			 (action->target->kind != WF_VALUE_CONST ||
			  action->target->text[0] != '"' ||
			  is_string_const(action->target, "\"\"")))
		wf_compile_fault(c, WF_AT_KEY(path, key),
						 "Write \"#_parent\", \"#_\" and the id of an "
						 "invoke, or the id of a process.",
						 "the receiver must be a string or {\"@expr\": ...}");
	return action;
}

static WfAction *
compile_send_parent(WfCompiler *c, const WfJson *json, const WfPath *path)
{
	static const char *const known[] = {"type", "event", "delay", "id", NULL};
	WfAction   *action;

	wf_compile_read_keys(c, json, path, known);
	action = compile_sending(c, WF_ACTION_SEND, json, false, path);
	action->target = wf_compile_value_const(c, "\"#_parent\"");
	return action;
}

static WfAction *
compile_cancel(WfCompiler *c, const WfJson *json, const WfPath *path)
{
	static const char *const known[] = {"type", "id", "sendId", NULL};
	WfAction   *action = new_action(WF_ACTION_CANCEL, path);

	wf_compile_read_keys(c, json, path, known);
	wf_compile_read_same(c, json, path, "id", "sendId");
	c->features[WF_HAS_CANCEL] = true;
	action->send_id = compile_id(c, json, path);
	if (action->send_id == NULL)
		wf_compile_fault(c, path, NULL,
						 "\"cancel\" needs the \"id\" of what was sent");
	return action;
}

/* ----------------------------------------------------------------
 *						Branches and loops
 * ----------------------------------------------------------------
 */

static WfAction *
compile_choose(WfCompiler *c, const WfJson *json, const WfPath *path)
{
	static const char *const known[] = {"type", "branches", "conds", NULL};
	static const char *const branch_keys[] = {"guard", "cond", "actions",
	NULL};
	WfAction   *action = new_action(WF_ACTION_CHOOSE, path);
	const char *key = wf_json_get(json, "conds") ? "conds" : "branches";
	const WfJson *branches = wf_compile_read_get(json, key);
	const WfPath *list = WF_AT_KEY(path, key);

	wf_compile_read_keys(c, json, path, known);
	wf_compile_read_same(c, json, path, "branches", "conds");
	c->features[WF_HAS_CHOOSE] = true;
	if (branches == NULL)
	{
		wf_compile_fault(c, path, NULL, "\"choose\" needs \"branches\"");
		return action;
	}
	if (!wf_compile_read_expect(c, branches, list, WF_JSON_ARRAY))
		return action;
	action->nbranches = branches->n;
	action->branches = palloc0((branches->n + 1) * sizeof(WfBranch));
	for (int i = 0; i < branches->n; i++)
	{
		const WfJson *branch = branches->items[i];
		const WfPath *at = WF_AT_INDEX(list, i);
		const WfJson *guard;
		const WfJson *actions;

		if (!wf_compile_read_expect(c, branch, at, WF_JSON_OBJECT))
			continue;
		wf_compile_read_keys(c, branch, at, branch_keys);
		wf_compile_read_same(c, branch, at, "guard", "cond");
		key = wf_json_get(branch, "cond") ? "cond" : "guard";
		guard = wf_compile_read_get(branch, key);
		actions = wf_compile_read_get(branch, "actions");
		if (guard != NULL)
			action->branches[i].guard =
				wf_compile_value_guard(c, guard, WF_AT_KEY(at, key));
		if (actions != NULL)
			action->branches[i].actions =
				wf_compile_actions(c, actions, WF_AT_KEY(at, "actions"));
	}
	return action;
}

static WfAction *
compile_foreach(WfCompiler *c, const WfJson *json, const WfPath *path)
{
	static const char *const known[] = {"type", "array", "item", "index",
	"actions", NULL};
	WfAction   *action = new_action(WF_ACTION_FOREACH, path);
	const WfJson *actions = wf_compile_read_get(json, "actions");

	wf_compile_read_keys(c, json, path, known);
	c->features[WF_HAS_FOREACH] = true;
	action->event_data = compile_member(c, json, "array", NULL, path);
	if (action->event_data == NULL)
		wf_compile_fault(c, path, NULL, "\"foreach\" needs an \"array\"");
	else if (action->event_data->kind == WF_VALUE_OBJECT ||
			 (action->event_data->kind == WF_VALUE_CONST && action->event_data->text[0] != '['))
		wf_compile_fault_warning(c, WF_AT_KEY(path, "array"), "Write an array or {\"@expr\": ...}.",
								 "\"foreach\" fails: its \"array\" is none");
	action->item = wf_compile_read_string(c, json, "item", path);
	action->index = wf_compile_read_string(c, json, "index", path);
	if (action->item == NULL)
		wf_compile_fault(c, path,
						 "Name the key of the context that takes the element.",
						 "\"foreach\" needs an \"item\"");
	else if (action->index != NULL && strcmp(action->item, action->index) == 0)
		wf_compile_fault_warning(c, WF_AT_KEY(path, "index"), "Name another key of the context.",
								 "\"index\" and \"item\" of \"foreach\" are the same key");
	if (actions != NULL)
		action->actions = wf_compile_actions(c, actions,
											 WF_AT_KEY(path, "actions"));
	return action;
}

/* ----------------------------------------------------------------
 *						Any action
 * ----------------------------------------------------------------
 */

static const struct
{
	const char *name;
	ActionCompiler compile;
}			builtins[] =
{
	{"assign", compile_assign},
	{"raise", compile_raise},
	{"send", compile_send},
	{"sendTo", compile_send},
	{"sendParent", compile_send_parent},
	{"cancel", compile_cancel},
	{"log", compile_log},
	{"choose", compile_choose},
	{"foreach", compile_foreach}
};

/*
 * Compile an action by its type, which is the name of a built-in one or of a
 * function.
 */
static WfAction *
compile_named_action(WfCompiler *c, const char *type, const WfJson *json,
					 const WfPath *path)
{
	const char *names[lengthof(builtins) + 1] = {NULL};
	bool		prefixed;
	const char *bare = wf_compile_value_builtin(type, &prefixed);
	WfAction   *action;

	for (int i = 0; i < (int) lengthof(builtins); i++)
		if (strcmp(bare, builtins[i].name) == 0)
			return builtins[i].compile(c, json, path);
	if (prefixed || strcmp(bare, "emit") == 0)
	{
		const char *hint = wf_compile_foreign_action(bare);

		wf_compile_fault(c, path, hint != NULL ? hint :
						 "Built-in actions are assign, raise, send, sendTo, "
						 "sendParent, cancel, log, choose and foreach.",
						 "there is no built-in action \"%s\"", type);
	}
	else
	{
		for (int i = 0; i < (int) lengthof(builtins); i++)
			names[i] = builtins[i].name;
		wf_compile_read_call_keys(c, WF_USE_ACTION, type, json, path, names);
	}
	action = new_action(WF_ACTION_CALL, path);
	action->expr = wf_compile_value_call(c, WF_USE_ACTION, type,
										 wf_json_get(json, "params"), path);
	return action;
}

/*
 * Compile one action.  Returns NULL after a fault that leaves nothing to
 * work with.
 */
static WfAction *
compile_action(WfCompiler *c, const WfJson *json, const WfPath *path)
{
	static const WfJson nothing = {.kind = WF_JSON_OBJECT};
	const char *type;

	if (json->kind == WF_JSON_STRING)
		return compile_named_action(c, json->text, &nothing, path);
	if (json->kind != WF_JSON_OBJECT)
	{
		wf_compile_fault(c, path, "Name a function, or write "
						 "{\"type\": ...}.", "action cannot be of type %s",
						 wf_json_kind_name(json->kind));
		return NULL;
	}
	if (wf_compile_value_is_expr(json))
	{
		wf_compile_fault(c, path,
						 "To change the context write {\"type\": \"assign\", "
						 "\"context\": {\"@expr\": ...}}.",
						 "an expression alone is not an action");
		return NULL;
	}
	type = wf_compile_read_string(c, json, "type", path);
	if (type == NULL)
	{
		wf_compile_fault(c, path, NULL, "action has no \"type\"");
		return NULL;
	}
	return compile_named_action(c, type, json, path);
}

/*
 * Compile a list of actions, or a single action without the list.  Actions
 * with faults may be missing in the result.
 */
WfActionList
wf_compile_actions(WfCompiler *c, const WfJson *json, const WfPath *path)
{
	WfActionList list = {0, NULL};
	bool		single = json->kind != WF_JSON_ARRAY;
	int			n = single ? 1 : json->n;

	list.items = palloc((n + 1) * sizeof(WfAction *));
	for (int i = 0; i < n; i++)
	{
		WfAction   *action;

		if (single)
			action = compile_action(c, json, path);
		else
			action = compile_action(c, json->items[i], WF_AT_INDEX(path, i));
		if (action != NULL)
			list.items[list.n++] = action;
	}
	return list;
}
