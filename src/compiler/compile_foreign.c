/*-------------------------------------------------------------------------
 *
 * compile_foreign.c
 *	  Words of other languages, and what they are called here.
 *
 * Pure C.  Definitions come from XState 4 and 5, from SCXML, from the Amazon
 * States Language, from Camunda.  Who writes a word of theirs is told what it is
 * called here, or what to do without it; who passes a whole document of another
 * language is told once which one it is, and not a thing about its keys.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRONTEND
#include "postgres.h"
#else
#include "postgres_fe.h"
#endif

#include "chart/json.h"
#include "chart/path.h"
#include "compiler/compile_fault.h"
#include "compiler/compile_foreign.h"
#include "compiler/compiler.h"

/* ----------------------------------------------------------------
 *						Keys
 * ----------------------------------------------------------------
 */

/* A key of another language. */
typedef struct ForeignKey
{
	const char *key;			/* in any case */
	const char *instead;		/* the key here, where that is known; or NULL */
	const char *advice;			/* a sentence, if `instead` does not say it all */
} ForeignKey;

#define FOR_TYPESCRIPT	"It is for the TypeScript compiler: leave it out."
#define NO_SWITCH		"There is no such switch here: leave it out."
#define COMPILED		"It is of a compiled machine: store JSON.stringify(machine.config)."
#define IMPLEMENTED		"Guards and actions are SQL functions of these names: leave it out."
#define BY_EVENT		"The event is the key: \"on\": {\"EVENT\": {\"target\": ...}}."
#define BY_TIME			"Write \"after\": {\"30 s\": \"STATE\"}."
#define BY_CHOICE		"Write a list of transitions with guards under \"always\"."
#define BY_COMPUTED_TIME "Write \"after\": {\"NAME\": \"STATE\"}, and \"NAME\": {\"@expr\": ...} into \"delays\" of the root."
#define BY_ASSIGN		"Change the context with the action \"assign\", in \"entry\" or in a transition."
#define BY_MAP			"Write \"invoke\" with \"map\": {\"over\": ..., \"concurrency\": ..., \"tolerate\": ...}."
#define BY_TASK			"Write \"task\": {\"for\": ..., \"due\": ...}."
#define AS_FAILURE		"Write \"type\": \"final\", \"outcome\": \"failure\", and what is to be known as \"output\"."

/*
 * Of several entries for a key the first whose `instead` is known in this
 * place counts, or that has none.  What only states know, such as `always`, tells
 * them from other places; a history state has a `target` and `actions` as well.
 */
static const ForeignKey foreign_keys[] = {
	/* XState: a key of another name */
	{"data", "input", NULL},
	{"data", "output", NULL},
	{"data", "event", "The data of an event belong to it: \"event\": {\"type\": \"...\", \"data\": ...}."},
	{"onEntry", "entry", NULL},
	{"onExit", "exit", NULL},
	{"cond", "guard", NULL},
	{"condition", "guard", NULL},
	{"action", "entry", "Write \"entry\", \"exit\", or \"actions\" of a transition."},
	{"action", "actions", NULL},
	{"params", "input", NULL},
	{"params", "always", BY_ASSIGN},
	{"params", "type", "What a built-in guard or action takes is written beside its \"type\"."},
	{"args", "input", NULL},
	{"services", "invoke", "Each service is a definition, which a state names with \"invoke\": leave it out."},
	{"to", "always", "Write \"always\": \"STATE\", or \"on\": {\"EVENT\": \"STATE\"}."},
	{"to", "target", NULL},
	{"sendId", "id", NULL},
	{"actorId", "target", "Write \"target\": \"#_ID\" with the \"id\" of an invoke."},

	/* XState: nothing that runs */
	{"tsTypes", NULL, FOR_TYPESCRIPT},
	{"types", NULL, FOR_TYPESCRIPT},
	{"schema", NULL, FOR_TYPESCRIPT},
	{"schemas", NULL, FOR_TYPESCRIPT},
	{"predictableActionArguments", NULL, "Actions always run in their order: leave it out."},
	{"preserveActionOrder", NULL, "Actions always run in their order: leave it out."},
	{"strict", NULL, "Leave it out: the setting workflow.unknown_events says what becomes of unknown events."},
	{"devTools", NULL, NO_SWITCH},
	{"delimiter", NULL, "The delimiter is always \".\": leave it out."},
	{"maxIterations", NULL, "The setting workflow.max_microsteps is the limit: leave it out."},
	{"key", NULL, COMPILED},
	{"transitions", NULL, "Transitions stand in the states: " BY_EVENT},
	{"eventType", NULL, COMPILED},
	{"source", NULL, COMPILED},
	{"exec", NULL, COMPILED},
	{"guards", NULL, IMPLEMENTED},
	{"setup", NULL, IMPLEMENTED},
	{"implementations", NULL, IMPLEMENTED},
	{"actions", "entry", "Write \"entry\", \"exit\", or \"actions\" of a transition; a list of what they do stays out: they are SQL functions of these names."},
	{"actors", NULL, "Actors are definitions, which a state names with \"invoke\": leave it out."},
	{"config", NULL, "Store what is in it."},
	{"machine", NULL, "Store what is in it."},
	{"machineConfig", NULL, "Store what is in it."},
	{"definition", "initial", "Store what is in it."},

	/* XState: something else */
	{"activities", NULL, "Begin it in \"entry\" and end it in \"exit\", or invoke a definition."},
	{"internal", NULL, "It belongs to a transition; without a target, or with one inside, that is internal anyway."},
	{"autoForward", NULL, "Events are not forwarded: send those that the child needs with the action \"send\"."},
	{"onSnapshot", NULL, "A child tells its parent by sending an event to \"#_parent\"."},
	{"onUpdate", NULL, "A child tells its parent by sending an event to \"#_parent\"."},
	{"systemId", NULL, "A child is addressed as \"#_\" and the \"id\" of its invoke."},
	{"syncSnapshot", NULL, NO_SWITCH},
	{"parallel", "type", "Write \"type\": \"parallel\"."},
	{"final", "type", "Write \"type\": \"final\"."},
	{"onError", "on_error", "It belongs to an \"invoke\"; of code that fails, \"on_error\" says it."},
	{"onTimeout", "after", BY_TIME},
	{"onTimeout", "onDue", NULL},
	{"timeout", "after", "Write \"after\": {\"30 s\": \"STATE\"}; of a job, it belongs to its \"invoke\"."},
	{"delay", "after", BY_TIME},
	{"expr", "value", NULL},
	{"assignment", "context", NULL},
	{"context", "always", "There is one context, that of the root: " BY_ASSIGN},
	{"context", "reenter", BY_ASSIGN},
	{"input", "always", "Only what is invoked has an \"input\"; that of start() is laid over the context of the root."},
	{"choice", "always", BY_CHOICE},
	{"event", "reenter", BY_EVENT},
	{"event", "always", BY_EVENT},
	{"id", "reenter", "A transition has no id: leave it out, or put it into \"meta\"."},
	{"guard", "always", "It belongs to a transition."},
	{"cond", "always", "It belongs to a transition."},
	{"in", NULL, "It belongs to a transition."},
	{"reenter", NULL, "It belongs to a transition."},

	/* what others call it */
	{"name", "initial", "The name of a definition is its \"id\", that of a state its key."},
	{"title", "always", "Write \"description\", or put it into \"meta\"."},
	{"label", "always", "Write \"description\", or put it into \"meta\"."},
	{"init", "initial", NULL},
	{"start", "initial", NULL},
	{"isInitial", "initial", "Name the state under \"initial\" of the one around it."},
	{"isFinal", "type", "Write \"type\": \"final\"."},
	{"enter", "entry", NULL},
	{"leave", "exit", NULL},
	{"if", "guard", NULL},
	{"when", "guard", NULL},
	{"goto", "target", NULL},
	{"labels", "tags", NULL},
	{"variables", "context", NULL},
	{"vars", "context", NULL},
	{"catch", "on_error", "Write \"on_error\": {\"then\": {\"target\": \"STATE\"}}."},
	{"onFailure", "on_error", "Write \"on_error\": {\"then\": {\"target\": \"STATE\"}}."},
	{"deadline", "after", BY_TIME},
	{"assignee", "task", BY_TASK},
	{"candidateUsers", "task", BY_TASK},
	{"candidateGroups", "task", BY_TASK},
	{"assignee", "for", NULL},
	{"candidateUsers", "for", NULL},
	{"candidateGroups", "for", NULL},
	{"dueDate", "due", NULL},
	{"dueDate", "task", BY_TASK},
	{"formKey", "task", "Write \"task\": {\"for\": ..., \"data\": ...}."},
	{"onDone", "onDue", "What people choose are events of the state: \"on\": {\"EVENT\": ...}."},

	/* Serverless Workflow, BPMN */
	{"timeouts", "after", BY_TIME},
	{"onErrors", "on_error", "Write \"on_error\": {\"then\": {\"target\": \"STATE\"}}."},
	{"compensatedBy", "on_error", "Write \"on_error\": {\"then\": {\"target\": \"STATE\"}}."},
	{"dataConditions", "always", BY_CHOICE},
	{"eventConditions", "on", BY_EVENT},
	{"defaultCondition", "always", "Write a last transition without a guard."},
	{"stateDataFilter", "always", BY_ASSIGN},
	{"conditions", "always", BY_CHOICE},
	{"outgoing", "always", "Write \"always\": \"STATE\", or \"on\": {\"EVENT\": \"STATE\"}."},
	{"incoming", "always", "Transitions stand in the states that they lead out of."},

	/* SCXML */
	{"transition", "on", BY_EVENT " Without an event it goes under \"always\"."},
	{"datamodel", "context", NULL},
	{"namelist", "input", NULL},
	{"content", "input", NULL},
	{"param", "input", NULL},
	{"donedata", "output", NULL},
	{"script", "entry", "Name a SQL function in \"entry\", \"exit\" or \"actions\"."},
	{"finalize", NULL, "Write the actions into the transition of the event that comes."},
	{"idlocation", NULL, "A child is addressed as \"#_\" and the \"id\" of its invoke."},
	{"location", "context", "Write \"context\": {\"KEY\": {\"@expr\": ...}}."},
	{"binding", NULL, NO_SWITCH},
	{"exmode", NULL, NO_SWITCH},
	{"xmlns", NULL, "It is of XML: leave it out."},
	{"eventexpr", "event", "Write \"event\": {\"type\": {\"@expr\": ...}}."},
	{"targetexpr", "target", "Write \"target\": {\"@expr\": ...}."},
	{"delayexpr", "delay", "Write \"delay\": {\"@expr\": ...}."},
	{"sendidexpr", "id", "Write \"id\": {\"@expr\": ...}."},
	{"srcexpr", "src", "\"src\" is a name: write several states, or a transition for each."},

	/* the Amazon States Language */
	{"StartAt", "initial", NULL},
	{"Comment", "description", NULL},
	{"Next", "always", "Write \"always\": \"STATE\"."},
	{"Next", "target", NULL},
	{"End", "type", "Write \"type\": \"final\" in the state where it ends."},
	{"Choices", "always", BY_CHOICE},
	{"Default", "always", "Write a last transition without a guard."},
	{"Branches", "states", "Write \"type\": \"parallel\" and the regions under \"states\"."},
	{"Retry", "on_error", "Write \"on_error\": {\"retry\": [{\"errors\": \"*\", \"maxAttempts\": 3}]}; of a job, it is said in its \"invoke\"."},
	{"Resource", "invoke", "Call a function in \"entry\", or name a job or a definition with \"invoke\"."},
	{"Parameters", "input", NULL},
	{"Parameters", "always", BY_ASSIGN},
	{"Arguments", "input", NULL},
	{"Arguments", "always", BY_ASSIGN},
	{"Assign", "always", BY_ASSIGN},
	{"InputPath", "always", BY_ASSIGN},
	{"OutputPath", "always", BY_ASSIGN},
	{"Result", "always", BY_ASSIGN},
	{"ResultPath", "always", BY_ASSIGN},
	{"ResultSelector", "always", BY_ASSIGN},
	{"TimeoutSeconds", "after", BY_TIME},
	{"Seconds", "after", BY_TIME},
	{"Timestamp", "after", BY_COMPUTED_TIME},
	{"TimeoutSecondsPath", "after", BY_COMPUTED_TIME},
	{"SecondsPath", "after", BY_COMPUTED_TIME},
	{"TimestampPath", "after", BY_COMPUTED_TIME},
	{"HeartbeatSeconds", "after", BY_TIME " An event with \"reenter\": true begins it anew."},
	{"HeartbeatSecondsPath", "after", BY_COMPUTED_TIME " An event with \"reenter\": true begins it anew."},
	{"Iterator", "invoke", BY_MAP},
	{"ItemProcessor", "invoke", BY_MAP},
	{"ItemsPath", "invoke", BY_MAP},
	{"Items", "invoke", BY_MAP},
	{"ItemSelector", "invoke", BY_MAP},
	{"ItemReader", "invoke", BY_MAP},
	{"ItemBatcher", "invoke", BY_MAP},
	{"ResultWriter", "invoke", BY_MAP},
	{"MaxConcurrency", "invoke", BY_MAP},
	{"MaxConcurrencyPath", "invoke", BY_MAP},
	{"MaxConcurrency", "concurrency", NULL},
	{"ToleratedFailureCount", "invoke", BY_MAP},
	{"ToleratedFailureCount", "tolerate", NULL},
	{"ToleratedFailurePercentage", "invoke", BY_MAP},
	{"Error", "outcome", AS_FAILURE},
	{"ErrorPath", "outcome", AS_FAILURE},
	{"Cause", "outcome", AS_FAILURE},
	{"CausePath", "outcome", AS_FAILURE},
	{"ErrorEquals", "errors", NULL},
	{"JitterStrategy", "jitter", NULL},
	{"Credentials", NULL, "Code runs as the owner of the definition: leave it out."},
	{"QueryLanguage", NULL, "Expressions are SQL: leave it out."}
};

static bool
is_in(const char *word, const char *const *words)
{
	while (*words != NULL && strcmp(*words, word) != 0)
		words++;
	return *words != NULL;
}

/*
 * Return a hint for a key that is unknown where the keys of a NULL-terminated
 * list are known, if other languages have it there; else NULL.
 */
const char *
wf_compile_foreign_key(const char *key, const char *const *known)
{
	for (int i = 0; i < (int) lengthof(foreign_keys); i++)
	{
		const ForeignKey *foreign = &foreign_keys[i];

		if (pg_strcasecmp(foreign->key, key) != 0 ||
			(foreign->instead != NULL && !is_in(foreign->instead, known)))
			continue;
		return foreign->advice != NULL ? foreign->advice :
			psprintf("Did you mean \"%s\"?", foreign->instead);
	}
	return NULL;
}

/* ----------------------------------------------------------------
 *						Types of states
 * ----------------------------------------------------------------
 */

/* Return a hint for the type of a state in another language, or NULL. */
const char *
wf_compile_foreign_type(const char *type)
{
	static const char *const advice[][2] = {
		{"choice", "Leave the type out, and write a list of transitions with guards under \"always\"."},
		{"switch", "Leave the type out, and write a list of transitions with guards under \"always\"."},
		{"task", "Leave the type out, and write \"entry\", \"invoke\" or \"task\"."},
		{"operation", "Leave the type out, and write \"entry\" or \"invoke\"."},
		{"pass", "Leave the type out, and write \"always\"."},
		{"inject", "Leave the type out, and write \"entry\" and \"always\"."},
		{"wait", "Leave the type out, and write \"after\"."},
		{"sleep", "Leave the type out, and write \"after\"."},
		{"event", "Leave the type out, and write \"on\"."},
		{"map", "Leave the type out, and write \"invoke\" with \"map\"."},
		{"foreach", "Leave the type out, and write \"invoke\" with \"map\"."},
		{"userTask", "Leave the type out, and write \"task\"."},
		{"serviceTask", "Leave the type out, and write \"invoke\"."},
		{"sendTask", "Leave the type out, and write \"invoke\"."},
		{"scriptTask", "Leave the type out, and write \"entry\"."},
		{"receiveTask", "Leave the type out, and write \"on\"."},
		{"callActivity", "Leave the type out, and write \"invoke\"."},
		{"subProcess", "Leave the type out: what has \"states\" is compound."},
		{"exclusiveGateway", "Leave the type out, and write a list of transitions with guards under \"always\"."},
		{"eventBasedGateway", "Leave the type out, and write \"on\" and \"after\"."},
		{"parallelGateway", "Write \"type\": \"parallel\"."},
		{"endEvent", "Write \"type\": \"final\"."},
		{"startEvent", "Name the state under \"initial\" of the one around it."},
		{"succeed", "Write \"type\": \"final\"."},
		{"end", "Write \"type\": \"final\"."},
		{"fail", AS_FAILURE},
		{"normal", "Leave the type out."},
		{"state", "Leave the type out."},
		{"or", "Leave the type out: what has \"states\" is compound."},
		{"and", "Write \"type\": \"parallel\"."}
	};

	for (int i = 0; i < (int) lengthof(advice); i++)
		if (pg_strcasecmp(advice[i][0], type) == 0)
			return advice[i][1];
	return NULL;
}

/* ----------------------------------------------------------------
 *						Actions
 * ----------------------------------------------------------------
 */

/*
 * Return a hint for an action that XState has built in and we have not, by its
 * name without the prefix, or NULL.
 */
const char *
wf_compile_foreign_action(const char *name)
{
	static const char *const advice[][2] = {
		{"stop", "A child ends when the state that invokes it is left."},
		{"stopChild", "A child ends when the state that invokes it is left."},
		{"spawn", "Name a definition with \"invoke\"."},
		{"spawnChild", "Name a definition with \"invoke\"."},
		{"start", "Name a definition with \"invoke\"."},
		{"invoke", "Name a definition with \"invoke\"."},
		{"pure", "Write the actions, with \"choose\" where there are conditions."},
		{"enqueueActions", "Write the actions, with \"choose\" where there are conditions."},
		{"emit", "Nobody listens to a process: write \"raise\", \"send\" or a function."},
		{"forwardTo", "Write {\"type\": \"send\", \"target\": \"#_ID\", \"event\": {\"type\": "
		"{\"@expr\": \"event->>'type'\"}, \"data\": {\"@expr\": \"event->'data'\"}}}."},
		{"respond", "Write {\"type\": \"send\", \"target\": ..., \"event\": ...}."},
		{"escalate", "Write {\"type\": \"sendParent\", \"event\": ...}, or let the action fail."}
	};

	for (int i = 0; i < (int) lengthof(advice); i++)
		if (strcmp(advice[i][0], name) == 0)
			return advice[i][1];
	return NULL;
}

/* ----------------------------------------------------------------
 *						Documents
 * ----------------------------------------------------------------
 */

static bool
has(const WfJson *json, const char *key, WfJsonKind kind)
{
	const WfJson *value = wf_json_get(json, key);

	return value != NULL && value->kind == kind;
}

/* What an XML text is, or NULL if a text is not XML. */
static const char *
kind_of_xml(const char *text, const char **hint)
{
	text += strspn(text, " \t\r\n");
	if (strncmp(text, "\xef\xbb\xbf", 3) == 0)
		text += 3;
	if (*text != '<')
		return NULL;
	if (strstr(text, "<scxml") != NULL)
	{
		*hint = "Translate it: <state id> becomes a key of \"states\", <transition event> one of \"on\", "
			"<onentry> \"entry\", cond \"guard\", In() {\"type\": \"stateIn\"}.";
		return "SCXML";
	}
	if (strstr(text, "omg.org/spec/BPMN") != NULL || strstr(text, "bpmn") != NULL)
	{
		*hint = "Translate it: a user task becomes a state with \"task\", a gateway \"always\" with guards, "
			"a parallel gateway \"type\": \"parallel\", a timer \"after\", a call activity \"invoke\".";
		return "BPMN";
	}
	*hint = "A definition is JSON: {\"id\": ..., \"initial\": ..., \"states\": {...}}.";
	return "XML";
}

/* A document of another language: what it has at its root. */
typedef struct ForeignDocument
{
	const char *kind;
	const char *hint;
	struct
	{
		const char *key;
		WfJsonKind	kind;
	}			marks[2];		/* one or two */
} ForeignDocument;

#define FROM_TASKS	"Translate it: each state or task becomes a key of \"states\", its transition \"always\" or \"on\", " \
	"a sleep or a timeout \"after\", a switch \"always\" with guards."
#define FROM_NODES	"Translate it: each node becomes a key of \"states\" that invokes a job or a definition, " \
	"a connection its \"onDone\", a node that decides \"always\" with guards."
#define FROM_BPMN	"Translate its process: a user task becomes a state with \"task\", a gateway \"always\" with guards."
#define FROM_ASL	"Translate it: StartAt becomes \"initial\", States \"states\", Next \"always\", " \
	"Choice \"always\" with guards, Wait \"after\", Parallel \"type\": \"parallel\", " \
	"Catch \"on\": {\"error.execution\": ...}, Retry \"on_error\"."
#define FROM_COMPILED	"Store what it was made from: JSON.stringify(machine.config)."
#define FROM_OPTIMA	"Translate it: an activity becomes a key of \"states\", a command trigger one of \"on\", " \
	"a timer trigger one of \"after\", an automatic one \"always\"."
#define IN_TEMPLATE	"Translate the state machine in it."

/* What has all marks of a row is plainly of that language; the first row counts. */
static const ForeignDocument foreign_documents[] = {
	{"the Amazon States Language", FROM_ASL, {{"StartAt", WF_JSON_STRING}, {"States", WF_JSON_OBJECT}}},
	{"Serverless Workflow", FROM_TASKS, {{"document", WF_JSON_OBJECT}, {"do", WF_JSON_ARRAY}}},
	{"Serverless Workflow", FROM_TASKS, {{"states", WF_JSON_ARRAY}, {"specVersion", WF_JSON_STRING}}},
	{"Serverless Workflow", FROM_TASKS, {{"states", WF_JSON_ARRAY}, {"specVersion", WF_JSON_NUMBER}}},
	{"Serverless Workflow", FROM_TASKS, {{"states", WF_JSON_ARRAY}, {"start", WF_JSON_STRING}}},
	{"Serverless Workflow", FROM_TASKS, {{"states", WF_JSON_ARRAY}, {"start", WF_JSON_OBJECT}}},
	{"BPMN", FROM_BPMN, {{"bpmn:definitions", WF_JSON_OBJECT}}},
	{"BPMN", FROM_BPMN, {{"definitions", WF_JSON_OBJECT}}},
	{"BPMN", FROM_BPMN, {{"$type", WF_JSON_STRING}, {"rootElements", WF_JSON_ARRAY}}},
	{"BPMN", FROM_BPMN, {{"stencilset", WF_JSON_OBJECT}, {"childShapes", WF_JSON_ARRAY}}},
	{"a scheme of OptimaJet", FROM_OPTIMA, {{"Activities", WF_JSON_ARRAY}, {"Transitions", WF_JSON_ARRAY}}},
	{"a workflow of n8n", FROM_NODES, {{"nodes", WF_JSON_ARRAY}, {"connections", WF_JSON_OBJECT}}},
	{"a workflow of Elsa", FROM_NODES, {{"activities", WF_JSON_ARRAY}, {"connections", WF_JSON_ARRAY}}},
	{"a graph of nodes and edges", FROM_NODES, {{"nodes", WF_JSON_ARRAY}, {"edges", WF_JSON_ARRAY}}},
	{"a workflow of Conductor", FROM_TASKS, {{"tasks", WF_JSON_ARRAY}, {"name", WF_JSON_STRING}}},
	{"a workflow of Azure Logic Apps", FROM_TASKS, {{"actions", WF_JSON_OBJECT}, {"triggers", WF_JSON_OBJECT}}},
	{"a workflow of Google Cloud", FROM_TASKS, {{"main", WF_JSON_OBJECT}}},
	{"a template of CloudFormation", IN_TEMPLATE, {{"Resources", WF_JSON_OBJECT}}},
	{"a resource of Kubernetes", IN_TEMPLATE, {{"apiVersion", WF_JSON_STRING}, {"kind", WF_JSON_STRING}}}
};

/* What an object is plainly that is not ours, or NULL. */
static const char *
kind_of_object(const WfJson *json, const char **hint)
{
	bool		has_states = has(json, "states", WF_JSON_OBJECT);

	if (has_states && has(json, "transitions", WF_JSON_ARRAY) && has(json, "key", WF_JSON_STRING))
	{
		*hint = FROM_COMPILED;
		return "a compiled machine of XState";
	}
	for (int i = 0; i < (int) lengthof(foreign_documents) && !has_states; i++)
	{
		const ForeignDocument *document = &foreign_documents[i];

		if (!has(json, document->marks[0].key, document->marks[0].kind) ||
			(document->marks[1].key != NULL &&
			 !has(json, document->marks[1].key, document->marks[1].kind)))
			continue;
		*hint = document->hint;
		return document->kind;
	}
	return NULL;
}

/*
 * Return what to do about a text that is no JSON, or NULL: it may be of a language
 * that is written otherwise.
 */
const char *
wf_compile_foreign_text(const char *text)
{
	const char *hint = NULL;
	const char *kind = kind_of_xml(text, &hint);

	if (kind != NULL)
		return psprintf("This is %s, which define() does not read. %s", kind, hint);
	if (strncmp(text, "\xef\xbb\xbf", 3) == 0)
		return "It begins with a byte order mark: store the file without.";
	text += strspn(text, " \t\r\n");
	if (*text == '{')
		text += 1 + strspn(text + 1, " \t\r\n");	/* as JavaScript writes it: {id: ...} */
	if (*text == '\0' || strchr("\"[{}", *text) != NULL)
		return NULL;
	return "A definition is JSON: {\"id\": ..., \"initial\": ..., \"states\": {...}}; of a machine of XState it is "
		"JSON.stringify(machine.config).";
}

/*
 * Is the whole document of another kind?  Then that is its only fault, and the
 * result is true.
 */
bool
wf_compile_foreign_document(WfCompiler *c, const WfJson *json)
{
	const WfPath *path = WF_AT_TEXT("$");
	const char *hint = NULL;
	const char *kind = NULL;

	switch (json->kind)
	{
		case WF_JSON_ARRAY:
			if (json->n == 0 || json->items[0]->kind != WF_JSON_OBJECT)
				return false;
			if (wf_json_get(json->items[0], "type") != NULL && wf_json_get(json->items[0], "states") == NULL)
			{
				hint = FROM_NODES;
				kind = "a list of nodes, as that of Node-RED";
				break;
			}
			wf_compile_fault(c, path, "Store each definition of the list with a call of its own.",
							 "must be of type object, not array");
			return true;
		case WF_JSON_STRING:
			kind = kind_of_xml(json->text, &hint);
			if (kind != NULL)
				break;
			if (json->text[strspn(json->text, " \t\r\n")] != '{')
				return false;
			wf_compile_fault(c, path, "Pass the text itself, not a JSON string that contains it.",
							 "must be of type object, not string");
			return true;
		case WF_JSON_OBJECT:
			/* what has states of ours may have keys of others */
			if (!has(json, "initial", WF_JSON_STRING) || wf_json_get(json, "transitions") != NULL)
				kind = kind_of_object(json, &hint);
			break;
		default:
			break;
	}
	if (kind == NULL)
		return false;
	wf_compile_fault(c, path, hint, "this is %s, which define() does not read", kind);
	return true;
}
