/*-------------------------------------------------------------------------
 *
 * define.c
 *	  Compiles and checks the texts of definitions.
 *
 * Runs in the session that calls define() or one of the functions which look
 * at a definition that is not stored.  Expressions are resolved with the rights
 * of the role that will own it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "pgtime.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/varlena.h"

#include "base/errcodes.h"
#include "base/version.h"
#include "base/zone.h"
#include "chart/chart.h"
#include "chart/diagnostic.h"
#include "chart/json.h"
#include "compiler/compile.h"
#include "compiler/deparse.h"
#include "definition/define.h"
#include "definition/definition.h"
#include "definition/event_data.h"
#include "definition/missing.h"
#include "definition/owner_role.h"
#include "definition/privilege.h"
#include "eval/eval_define.h"
#include "eval/evaluator.h"
#include "store/origin.h"
#include "store/statement.h"

/* A hint where PostgreSQL has none, since it does not know of definitions. */
static const char *
hint_for(int sqlerrcode)
{
	switch (sqlerrcode)
	{
		case ERRCODE_UNDEFINED_COLUMN:
		case ERRCODE_UNDEFINED_TABLE:
			return "An expression knows context and event, both of type jsonb, and states, of type text[]: context->>'name'.";
		case ERRCODE_INVALID_NAME:
			return "Name a function, or write an expression as {\"@expr\": \"...\"}.";
		default:
			return NULL;
	}
}

/* What the check of expressions collects. */
typedef struct Check
{
	WfFaults   *faults;
	WfMissing  *missing;
} Check;

/*
 * Make an error of an expression a fault of the definition, unless the compiler
 * of the chart has found one at or below that path.  Functions that do not
 * exist are collected.
 */
static void
note_error(void *arg, const char *path, const WfExpr *expr, ErrorData *error)
{
	Check	   *check = arg;
	WfFaults   *faults = check->faults;
	size_t		len = strlen(path);

	for (int i = 0; i < faults->n; i++)
	{
		const char *other = faults->items[i].path;

		if (strncmp(other, path, len) == 0 && strchr(".[", other[len]) != NULL)
			return;
	}
	if (expr != NULL && expr->is_function && error->sqlerrcode == ERRCODE_UNDEFINED_FUNCTION)
		wf_missing_add(check->missing, expr, error->message, error->hint);
	else
		wf_diagnostic_fault(faults, path, error->hint ? error->hint : hint_for(error->sqlerrcode),
							"%s", error->message);
}

/* Make each function that does not exist a fault. */
static void
report_missing(const WfMissing *missing, WfFaults *faults)
{
	for (int i = 0; i < missing->functions.n; i++)
	{
		const WfMissingFunction *function = missing->functions.items[i];

		wf_diagnostic_fault(faults, function->expr->path, function->hint, "%s",
							wf_missing_message(function));
	}
}

/*
 * A definition that is invoked must exist, and the author must be allowed to
 * start it.  Returns what is wrong, a format with its name as the argument, or
 * NULL.
 */
static const char *
invoke_problem(const WfInvoke *invoke, Oid role, const char **hint)
{
	const char *problem = NULL;
	WfDefinition *child;

	wf_statement_connect();
	child = wf_definition_newest(invoke->src);
	if (child == NULL)
	{
		problem = "definition \"%s\" does not exist";
		*hint = "Store it with workflow.define() first.";
	}
	else if (!wf_privilege_role_may(role, child, "start"))
	{
		problem = "permission denied to start definition \"%s\"";
		*hint = "Its owner can allow it with workflow.grant_on().";
	}
	SPI_finish();
	return problem;
}

static WfStatement job_statement = {
	.sql = "SELECT o.role FROM workflow.job j, workflow.owner o"
	" WHERE j.name OPERATOR(pg_catalog.=) $1 AND j.dropped_at IS NULL AND o.id OPERATOR(pg_catalog.=) j.owner"
	" ORDER BY j.version DESC LIMIT 1",
	WF_ARGS(TEXTOID)
};

/* The same of a job, which the author must be allowed to run. */
static const char *
job_problem(const WfInvoke *invoke, Oid role, const char **hint)
{
	Datum		name = CStringGetTextDatum(invoke->src);
	const char *problem = NULL;
	bool		isnull;

	wf_statement_connect();
	if (!wf_version_has_column("job", "id") ||
		wf_statement_execute(&job_statement, &name, NULL, 1) == 0)
	{
		problem = "job \"%s\" does not exist";
		*hint = "Make it with workflow.create_job() first.";
	}
	else if (!wf_privilege_role_may_on(role, WF_PRIVILEGE_JOB, invoke->src,
									   DatumGetObjectId(SPI_getbinval(SPI_tuptable->vals[0],
																	  SPI_tuptable->tupdesc, 1, &isnull)),
									   "run"))
	{
		problem = "permission denied to run job \"%s\"";
		*hint = "Its owner can allow it with workflow.grant_on('job:NAME', ..., 'run').";
	}
	SPI_finish();
	return problem;
}

static WfStatement queue_statement = {
	.sql = "SELECT FROM workflow.queue WHERE name OPERATOR(pg_catalog.=) $1"
	" UNION ALL"
	" SELECT FROM workflow.job WHERE 'job:' OPERATOR(pg_catalog.||) name OPERATOR(pg_catalog.=) $1 AND dropped_at IS NULL",
	WF_ARGS(TEXTOID)
};

/* The queue that an invoke names, if it is written down; else NULL. */
static const char *
written_queue(const WfInvoke *invoke)
{
	WfFaults	faults = {0};
	const WfJson *name;

	if (invoke->queue == NULL || invoke->queue->kind != WF_VALUE_CONST)
		return NULL;
	name = wf_json_parse(invoke->queue->text, strlen(invoke->queue->text), &faults);
	return name != NULL && name->kind == WF_JSON_STRING ? name->text : NULL;
}

/* The same if there is no queue of that name; else NULL.  SPI must be connected. */
const char *
wf_define_missing_queue(const WfInvoke *invoke)
{
	const char *queue = written_queue(invoke);
	Datum		name;

	if (queue == NULL)
		return NULL;
	name = CStringGetTextDatum(queue);
	return wf_statement_execute(&queue_statement, &name, NULL, 1) > 0 ? NULL : queue;
}

static void
check_queue(const WfInvoke *invoke, WfFaults *faults)
{
	const char *queue = written_queue(invoke);
	bool		missing;

	if (queue == NULL)
		return;
	wf_statement_connect();
	missing = wf_define_missing_queue(invoke) != NULL;
	SPI_finish();
	if (missing)
		wf_diagnostic_fault(faults, psprintf("%s.queue", invoke->path), "Make it with workflow.create_queue() first.",
							"queue \"%s\" does not exist", queue);
}

static void
check_invoke(const WfChart *chart, const WfInvoke *invoke, Oid role,
			 bool simulated, WfFaults *faults)
{
	const char *hint = NULL;
	const char *problem = NULL;

	if (invoke->options != NULL)
		wf_diagnostic_fault(faults, invoke->path,
							"A process retries with onError, and ends in time with \"after\".",
							"\"retry\", \"timeout\" and \"heartbeat\" are for jobs");
	if (invoke->src != NULL && invoke->is_job)
	{
		if (!simulated)
			problem = job_problem(invoke, role, &hint);
		if (!simulated && problem == NULL)
			check_queue(invoke, faults);
	}
	/* One that invokes itself is not there yet; those of a simulation are played. */
	else if (invoke->src != NULL && strcmp(invoke->src, chart->name) != 0 && !simulated)
		problem = invoke_problem(invoke, role, &hint);
	if (problem != NULL)
		wf_diagnostic_fault(faults, invoke->path, hint, problem, invoke->src);
}

static void
check_invokes(const WfChart *chart, Oid role, bool simulated, WfFaults *faults)
{
	for (int s = 0; s < chart->nstates; s++)
		for (int i = 0; i < chart->states[s].ninvokes; i++)
			check_invoke(chart, &chart->states[s].invokes[i], role,
						 simulated, faults);
}

/* Tasks need tables that the SQL of an older version does not have. */
static void
check_tasks(const WfChart *chart, WfFaults *faults)
{
	if (!chart->has_tasks || wf_version_has_column("task", "id"))
		return;
	for (int s = 0; s < chart->nstates; s++)
		if (chart->states[s].task != NULL)
			wf_diagnostic_fault(faults, chart->states[s].task->path, "ALTER EXTENSION workflow UPDATE comes first.",
								"the extension of this database knows no tasks yet");
}

/*
 * Warn of roles in `allow` that do not exist, each once; `seen` has those that
 * were warned of.  It is no fault: a role may be created later.
 */
static List *
warn_of_roles(const WfAllow *allow, List *seen)
{
	for (int i = 0; i < allow->nroles + allow->ndenied; i++)
	{
		const char *role = i < allow->nroles ? allow->roles[i] :
			allow->denied[i - allow->nroles];
		bool		known = OidIsValid(get_role_oid(role, true));
		ListCell   *cell;

		foreach(cell, seen)
			known = known || strcmp(lfirst(cell), role) == 0;
		if (known)
			continue;
		ereport(WARNING,
				(errmsg("role \"%s\", which \"allow\" names, does not exist", role)));
		seen = lappend(seen, unconstify(char *, role));
	}
	return seen;
}

static void
check_roles(const WfChart *chart)
{
	List	   *seen = NIL;

	for (int s = 0; s < chart->nstates; s++)
		for (int h = 0; h < chart->states[s].nhandlers; h++)
			for (int t = 0; t < chart->states[s].handlers[h].ntransitions; t++)
				if (chart->states[s].handlers[h].transitions[t]->allow != NULL)
					seen = warn_of_roles(chart->states[s].handlers[h].transitions[t]->allow,
										 seen);
}

/* Report WARNINGs for what is legal but cannot be intended. */
void
wf_define_warn(const WfChart *chart)
{
	const WfFaults *warnings = &chart->warnings;

	for (int i = 0; i < warnings->n; i++)
		ereport(WARNING,
				(errmsg("%s: %s", warnings->items[i].path, warnings->items[i].message),
				 warnings->items[i].hint ? errhint("%s", warnings->items[i].hint) : 0));
	check_roles(chart);
}

static void
report_faults(const WfFaults *faults, const WfMissing *missing)
{
	char	   *stubs = wf_missing_stubs(missing);

	ereport(ERROR,
			(errcode(WF_ERR_FAULTY),
			 errmsg_plural("the definition has %d fault",
						   "the definition has %d faults",
						   faults->n + faults->more, faults->n + faults->more),
			 errdetail("%s", wf_diagnostic_text(faults)),
			 stubs != NULL ? errhint("Create the missing functions:%s", stubs) : 0));
}

/*
 * The search_path that is kept with a definition for user code: that of the
 * session, with pg_temp last.  If pg_temp were not named it would come first, and
 * whoever sends a command could put temporary tables, with triggers, in front
 * of those of the owner.  In the current memory context.
 */
char *
wf_define_path(void)
{
	StringInfoData path;
	List	   *names;
	ListCell   *cell;

	if (!SplitIdentifierString(pstrdup(namespace_search_path), ',', &names))
		elog(ERROR, "invalid list syntax in search_path");
	initStringInfo(&path);
	foreach(cell, names)
		if (strcmp(lfirst(cell), "pg_temp") != 0)
			appendStringInfo(&path, "%s, ", quote_identifier(lfirst(cell)));
	appendStringInfoString(&path, "pg_temp");
	return path.data;
}

/*
 * The time zone of a definition's code: its `timezone`, which gets the spelling
 * that the server has for it, else that of the session.  Adds a fault if there is
 * no such zone.
 */
static const char *
find_zone(WfChart *chart, WfFaults *faults)
{
	pg_tz	   *zone;

	if (chart->time_zone == NULL)
		return pg_get_timezone_name(session_timezone);
	zone = strlen(chart->time_zone) > TZ_STRLEN_MAX ? NULL : pg_tzset(chart->time_zone);
	if (zone == NULL)
		wf_diagnostic_fault(faults, "$.timezone", WF_ZONE_HINT,
							"time zone \"%s\" not recognized", chart->time_zone);
	else if (!wf_zone_is_named(chart->time_zone))
		wf_diagnostic_fault(faults, "$.timezone", WF_ZONE_HINT,
							"time zone \"%s\" is no name", chart->time_zone);
	else if (!pg_tz_acceptable(zone))
		wf_diagnostic_fault(faults, "$.timezone", "PostgreSQL does not support leap seconds.",
							"time zone \"%s\" appears to use leap seconds", chart->time_zone);
	else
		return chart->time_zone = pg_get_timezone_name(zone);
	return pg_get_timezone_name(session_timezone);
}

/*
 * Compile a definition for an owner, with the search_path for its code, and
 * resolve every function and expression.  *evaluator has to be freed by the
 * caller.  missing: NULL, or nothing will be stored, so what it invokes need not
 * exist, and functions that do not exist are added there.  Error WF007 with all
 * faults; WF002 for a role that may not own definitions.
 */
WfChart *
wf_define_compile(text *source, Oid role, const char *path, WfMissing *missing,
				  WfEvaluator **evaluator)
{
	WfFaults	faults = {0};
	WfMissing	own = {0};
	Check		check = {&faults, missing != NULL ? missing : &own};
	WfChart    *chart;

	wf_owner_role_check(role, "a definition");
	chart = wf_compile_lenient(VARDATA_ANY(source), VARSIZE_ANY_EXHDR(source), &faults);
	if (chart != NULL)
	{
		check_invokes(chart, role, missing != NULL, &faults);
		check_tasks(chart, &faults);
		*evaluator = wf_evaluator_new(chart, role, path, find_zone(chart, &faults));
		wf_eval_define_check(*evaluator, note_error, &check);
		wf_event_data_declare(*evaluator, &faults);
		report_missing(&own, &faults);
	}
	if (faults.n > 0)
	{
		if (*evaluator != NULL)
			wf_evaluator_free(*evaluator);
		report_faults(&faults, check.missing);
	}

	/* The canonical form of before 0.3.0 has names as their author wrote them. */
	if (wf_version_has_column("definition", "calls"))
		wf_eval_define_resolve(*evaluator);
	return chart;
}

/*
 * The final states of the root that are a failure, as text[], in the current
 * memory context; NULL if there are none.  Processes that are over are told apart
 * by them.
 */
ArrayType *
wf_define_failures(const WfChart *chart)
{
	const WfState *root = chart->states;
	Datum	   *names = palloc(sizeof(Datum) * (root->nchildren + 1));
	int			n = 0;

	for (int i = 0; i < root->nchildren; i++)
	{
		const WfState *state = &chart->states[root->children[i]];

		if (state->failure)
			names[n++] = CStringGetTextDatum(state->name);
	}
	return n == 0 ? NULL : construct_array(names, n, TEXTOID, -1, false, TYPALIGN_INT);
}

/*
 * The canonical form of a chart, which is stored and executed.  Error WF007 if it
 * has faults: it is longer than the text of the author and nested deeper, and
 * may exceed limits which that does not.
 */
char *
wf_define_canonical(const WfChart *chart)
{
	char	   *canonical = wf_deparse(chart);
	WfFaults	faults = {0};

	if (wf_compile(canonical, strlen(canonical), &faults) == NULL)
		ereport(ERROR,
				(errcode(WF_ERR_FAULTY),
				 errmsg("the definition has faults when it is written without shorthand"),
				 errdetail("%s", wf_diagnostic_text(&faults))));
	return canonical;
}

/* Tell what a simulation does without. */
static void
notice_missing(const WfMissing *missing)
{
	for (int i = 0; i < missing->functions.n; i++)
	{
		const WfMissingFunction *function = missing->functions.items[i];

		ereport(NOTICE,
				(errmsg("%s: %s", function->expr->path, function->message),
				 errdetail(function->expr->use == WF_USE_GUARD ?
						   "The simulation takes it for a guard that holds, unless \"guards\" in its script says otherwise." :
						   "The simulation does without it."),
				 function->hint != NULL ? errhint("%s", function->hint) : 0));
	}
}

/*
 * Make a definition of what define() would store, with the warnings and errors
 * of define(), and store nothing.  What it invokes need not exist; stubs stand
 * for functions that do not, with a NOTICE of each.  In a child of the current
 * memory context.  Error WF007, WF002; 55000 before adopt().
 */
WfDefinition *
wf_define_unstored(text *source)
{
	Oid			role = GetUserId();
	char	   *path = wf_define_path();
	WfEvaluator *evaluator = NULL;
	WfMissing	missing = {0};
	WfDefinition *definition;
	WfChart    *chart;

	wf_origin_require();
	chart = wf_define_compile(source, role, path, &missing, &evaluator);
	wf_define_warn(chart);
	notice_missing(&missing);
	wf_evaluator_free(evaluator);
	definition = wf_definition_unstored(wf_define_canonical(chart), role, path);
	if (missing.functions.n > 0)
		wf_evaluator_stub(definition->evaluator, NULL);
	return definition;
}
