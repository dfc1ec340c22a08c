/*-------------------------------------------------------------------------
 *
 * compile.c
 *	  From a definition's JSON text to a chart, or to the list of its
 *	  faults.
 *
 * Pure C, in any process and in programs.  First the tree of states is built
 * from keys and types alone.  Then every name can be resolved, and the
 * states are filled one by one.  All faults are collected on the way: after
 * a fault the compiler continues with a substitute that keeps it from
 * reporting consequences.
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
#include "chart/path.h"
#include "compiler/compile.h"
#include "compiler/compile_delay.h"
#include "compiler/compile_event.h"
#include "compiler/compile_fault.h"
#include "compiler/compile_foreign.h"
#include "compiler/compile_read.h"
#include "compiler/compile_sensitive.h"
#include "compiler/compile_state.h"
#include "compiler/compile_tree.h"
#include "compiler/compile_value.h"
#include "compiler/compiler.h"
#include "compiler/list.h"

/*
 * In bytes.  No definition is longer, and the limit keeps every array far
 * below 1 GB.
 */
#define LONGEST_TEXT	(32 * 1024 * 1024)

/* ----------------------------------------------------------------
 *						Checks of the whole chart
 * ----------------------------------------------------------------
 */

static int
compare_invokes(const void *a, const void *b)
{
	const WfInvoke *x = *(const WfInvoke *const *) a;
	const WfInvoke *y = *(const WfInvoke *const *) b;
	int			order = strcmp(x->id, y->id);

	return order ? order : x->state - y->state;
}

/*
 * Check that no two invokes with the same id can run at the same time, since
 * the id names one child.  Two states may use the same id only if one of
 * them is exited before the other is entered.  It is enough to compare
 * neighbours in document order, as in wf_chart_settle().
 */
static void
check_invoke_ids(WfCompiler *c)
{
	const WfChart *chart = c->chart;
	WfList	   *list = &c->invoke_list;
	WfInvoke  **invokes = (WfInvoke **) list->items;

	if (list->n < 2)
		return;
	qsort(invokes, list->n, sizeof(WfInvoke *), compare_invokes);
	for (int i = 1; i < list->n; i++)
	{
		const WfInvoke *x = invokes[i - 1];
		const WfInvoke *y = invokes[i];
		WfStateId	common;

		if (strcmp(x->id, y->id) != 0)
			continue;
		common = wf_chart_common(chart, x->state, y->state);
		if (y->state > chart->states[x->state].last &&
			chart->states[common].kind == WF_STATE_COMPOUND)
			continue;
		wf_diagnostic_fault(c->faults, y->path,
							"Invokes that may run at the same time need different ids.",
							"invoke id \"%s\" is already used by %s", y->id, x->path);
	}
}

/*
 * Check that every history state leads to a state.  Without a default it
 * falls back to the initial transition of its parent, which must not lead to
 * a history state again.
 */
static void
check_history(WfCompiler *c)
{
	const WfChart *chart = c->chart;

	for (int i = 0; i < chart->nstates; i++)
	{
		const WfState *state = &chart->states[i];
		const WfTransition *fallback;

		if (state->kind != WF_STATE_HISTORY || state->initial != NULL)
			continue;
		if (i == 0)
		{
			wf_diagnostic_fault(c->faults, state->path, NULL,
								"the root cannot be a history state");
			continue;
		}
		fallback = chart->states[state->parent].initial;
		if (fallback != NULL && fallback->has_history)
			wf_diagnostic_fault(c->faults, state->path,
								"Give the history state a \"target\".",
								"history state has no default, and its parent's "
								"initial state is a history state");
	}
}

/* ----------------------------------------------------------------
 *						The root
 * ----------------------------------------------------------------
 */

/*
 * Return the names of the constructs that the definition uses, separated by
 * spaces.
 */
static char *
feature_names(const WfCompiler *c)
{
	/* as enum WfFeature */
	static const char *const names[] = {"parallel", "history", "final",
		"always", "after", "keep", "invoke", "retry", "defer", "allow",
		"output", "tags", "wildcard", "error", "guard", "in_state", "expr",
		"call", "assign", "raise", "send", "delay", "cancel", "log", "choose",
		"foreach", "reenter", "on_error", "step_timeout", "failure",
	"timezone", "task", "sensitive", "events", "recurrence"};
	StringInfoData buf;

	StaticAssertStmt(lengthof(names) == WF_FEATURES, "a name for each");
	initStringInfo(&buf);
	for (int i = 0; i < WF_FEATURES; i++)
		if (c->features[i])
			appendStringInfo(&buf, "%s%s", buf.len ? " " : "", names[i]);
	return buf.data;
}

/*
 * Compile the root's `search`: {"name": "$.path", "name": {"@expr": "..."}}.
 */
static void
compile_search(WfCompiler *c, const WfJson *json, const WfPath *path)
{
	WfChart    *chart = c->chart;

	if (!wf_compile_read_expect(c, json, path, WF_JSON_OBJECT))
		return;
	chart->attributes = palloc0((json->n + 1) * sizeof(WfAttribute));
	for (int i = 0; i < json->n; i++)
	{
		const WfPath *at = WF_AT_KEY(path, json->keys[i]);
		const WfJson *value = json->items[i];
		WfAttribute *attribute = &chart->attributes[chart->nattributes];

		if (json->keys[i][0] == '\0')
			wf_compile_fault(c, at, NULL, "the name is empty");
		attribute->id = chart->nattributes++;
		attribute->name = json->keys[i];
		attribute->path = wf_path_text(at);
		if (value->kind == WF_JSON_OBJECT && wf_compile_value_is_expr(value))
			attribute->expr = wf_compile_value_expr(c, WF_USE_VALUE, value, at);
		else if (value->kind == WF_JSON_STRING)
			attribute->jsonpath = value->text;
		else
		{
			wf_compile_fault(c, at, "Write a path into the context (\"$.customer.id\") or {\"@expr\": ...}.",
							 "search attribute cannot be of type %s", wf_json_kind_name(value->kind));
			chart->nattributes--;
		}
	}
}

/* Compile the keys that only the root has. */
static void
compile_root(WfCompiler *c, const WfJson *json)
{
	static const char *const known[] = {"id", "initial", "context", "states",
		"type", "on", "after", "always", "entry", "exit", "onDone", "invoke",
		"output", "tags", "meta", "description", "order", "version", "delays",
		"on_error", "step_timeout", "allow", "defer", "history", "target",
		"search", "sensitive", "timezone", "events", "$schema", NULL};
	WfChart    *chart = c->chart;
	const WfPath *path = WF_AT_TEXT("$");
	const WfJson *value;

	wf_compile_read_keys(c, json, path, known);
	value = wf_compile_read_get(json, "delays");
	if (value != NULL)
		wf_compile_delays(c, value, WF_AT_KEY(path, "delays"));
	value = wf_compile_read_get(json, "context");
	if (value != NULL && (wf_compile_value_is_expr(value) ||
						  wf_compile_read_expect(c, value,
												 WF_AT_KEY(path, "context"),
												 WF_JSON_OBJECT)))
	{
		chart->context = wf_compile_value(c, value,
										  WF_AT_KEY(path, "context"));
		if (chart->context->kind == WF_VALUE_CONST &&
			chart->context->text[0] != '{')
			wf_compile_fault(c, WF_AT_KEY(path, "context"), NULL,
							 "must be of type object");
	}
	value = wf_compile_read_get(json, "search");
	if (value != NULL)
		compile_search(c, value, WF_AT_KEY(path, "search"));
	value = wf_compile_read_get(json, "sensitive");
	if (value != NULL)
		wf_compile_sensitive(c, value, WF_AT_KEY(path, "sensitive"));
	value = wf_compile_read_get(json, "events");
	if (value != NULL)
		wf_compile_events(c, value, WF_AT_KEY(path, "events"));
	chart->time_zone = wf_compile_read_string(c, json, "timezone", path);
	if (chart->time_zone != NULL)
		c->features[WF_HAS_TIMEZONE] = true;
}

/* Compile the whole chart into c->chart. */
static void
compile_chart(WfCompiler *c, const WfJson *json)
{
	WfChart    *chart = c->chart;
	const WfPath *path = WF_AT_TEXT("$");

	chart->name = wf_compile_read_string(c, json, "id", path);
	if (chart->name == NULL || chart->name[0] == '\0')
	{
		if (wf_compile_read_get(json, "id") == NULL || chart->name != NULL)
			wf_compile_fault(c, path, "Write the name of the definition.",
							 "\"id\" is missing");
		chart->name = "";
	}
	else if (strlen(chart->name) > WF_MAX_NAME_LENGTH)
		wf_compile_fault(c, path, NULL, "\"id\" is longer than %d bytes",
						 WF_MAX_NAME_LENGTH);
	wf_compile_tree(c, json);
	c->allow = palloc0(chart->nstates * sizeof(WfAllow *));

	compile_root(c, json);
	for (int i = 0; i < chart->nstates; i++)
		wf_compile_state(c, i);
	check_invoke_ids(c);
	check_history(c);

	chart->nexprs = c->expr_list.n;
	chart->exprs = (WfExpr **) c->expr_list.items;
	chart->nconsts = c->const_list.n;
	chart->consts = (WfValue **) c->const_list.items;
	chart->ndelays = c->delay_list.n;
	chart->delays = (WfDelay **) c->delay_list.items;
	chart->features = feature_names(c);
}

/*
 * Compile a definition as wf_compile() does, but return a chart even if
 * there are faults, as far as it goes, so that its expressions and delays
 * can be checked for further faults.  It is good for nothing else.  NULL if
 * the text is not JSON or is too long.
 */
WfChart *
wf_compile_lenient(const char *text, int len, WfFaults *faults)
{
	WfCompiler	compiler;
	const WfJson *json;

	if (len > LONGEST_TEXT)
	{
		wf_diagnostic_fault(faults, "$", NULL, "longer than %d bytes", LONGEST_TEXT);
		return NULL;
	}
	json = wf_json_parse(text, len, faults);
	if (json == NULL)
		return NULL;

	memset(&compiler, 0, sizeof(compiler));
	compiler.faults = faults;
	compiler.chart = palloc0(sizeof(WfChart));
	if (!wf_compile_foreign_document(&compiler, json) &&
		wf_compile_read_expect(&compiler, json, WF_AT_TEXT("$"), WF_JSON_OBJECT))
		compile_chart(&compiler, json);
	if (faults->n == 0)
		wf_chart_index_reactions(compiler.chart);
	return compiler.chart;
}

/*
 * Compile a definition, given as JSON of len bytes, which need not be
 * terminated and must be in the server's encoding.  `faults` must be zeroed;
 * every fault is added, and none hides another one.
 *
 * Returns the chart, or NULL if there is at least one fault.  Allocates
 * everything in the current memory context and frees nothing.  Throws only
 * for lack of memory and when the user cancels.
 */
WfChart *
wf_compile(const char *text, int len, WfFaults *faults)
{
	WfChart    *chart = wf_compile_lenient(text, len, faults);

	return faults->n == 0 ? chart : NULL;
}
