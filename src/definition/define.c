/*-------------------------------------------------------------------------
 *
 * define.c
 *	  workflow.define(): store a version of a definition.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "common/hashfn.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "parser/parse_node.h"
#include "pgtime.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/varlena.h"

#include "base/errcodes.h"
#include "base/guc.h"
#include "chart/chart.h"
#include "chart/diagnostic.h"
#include "compiler/compile.h"
#include "compiler/deparse.h"
#include "definition/define.h"
#include "definition/definition.h"
#include "definition/privilege.h"
#include "eval/eval.h"
#include "eval/eval_define.h"
#include "eval/evaluator.h"
#include "store/origin.h"
#include "store/statement.h"

static WfStatement owner_statement = {
	.sql = "INSERT INTO workflow.owner (name, role) VALUES ($1, $2)"
	" ON CONFLICT (name) DO NOTHING RETURNING id",
	.nargs = 2,
	.args = {NAMEOID, OIDOID}
};

/*
 * Roles are renamed without telling us.  Two may have changed names, so all
 * that are not right any more give way first.
 */
static WfStatement give_way_statement = {
	.sql = "UPDATE workflow.owner o SET name = pg_catalog.concat('role ', o.role)"
	" FROM pg_catalog.pg_authid r"
	" WHERE r.oid OPERATOR(pg_catalog.=) o.role AND r.rolname OPERATOR(pg_catalog.<>) o.name",
	.nargs = 0
};

static WfStatement rename_statement = {
	.sql = "UPDATE workflow.owner o SET name = r.rolname FROM pg_catalog.pg_authid r"
	" WHERE r.oid OPERATOR(pg_catalog.=) o.role AND r.rolname OPERATOR(pg_catalog.<>) o.name",
	.nargs = 0
};

static WfStatement rename_grants_statement = {
	.sql = "WITH gone AS (DELETE FROM workflow.permission p USING pg_catalog.pg_authid r"
	" WHERE r.oid OPERATOR(pg_catalog.=) p.role AND r.rolname OPERATOR(pg_catalog.<>) p.name"
	" RETURNING p.definition, p.role, r.rolname, p.privilege)"
	" INSERT INTO workflow.permission (definition, role, name, privilege)"
	" SELECT DISTINCT g.definition, g.role, g.rolname, g.privilege FROM gone g"
	" ON CONFLICT DO NOTHING",
	.nargs = 0
};

/* --- faults ------------------------------------------------------------ */

/* What PostgreSQL cannot know of expressions in definitions. */
static const char *
hint_for(int sqlerrcode)
{
	switch (sqlerrcode)
	{
		case ERRCODE_UNDEFINED_COLUMN:
		case ERRCODE_UNDEFINED_TABLE:
			return "An expression knows context and event, both of type jsonb: context->>'name'.";
		case ERRCODE_INVALID_NAME:
			return "Name a function, or write an expression as {\"@expr\": \"...\"}.";
		default:
			return NULL;
	}
}

/*
 * An expression that does not compile becomes a fault like any other, unless
 * the compiler of the chart found fault with it already.
 */
static void
note_error(void *arg, const char *path, ErrorData *error)
{
	WfFaults   *faults = arg;
	size_t		len = strlen(path);

	for (int i = 0; i < faults->n; i++)
	{
		const char *other = faults->items[i].path;

		if (strncmp(other, path, len) == 0 && strchr(".[", other[len]) != NULL)
			return;
	}
	wf_fault(faults, path, error->hint ? error->hint : hint_for(error->sqlerrcode),
			 "%s", error->message);
}

/*
 * What is invoked must be there, and the author allowed to start it.  Returns
 * what is wrong with it (%s: its name), or NULL.
 */
static const char *
invoke_problem(const WfInvoke *invoke, Oid role, const char **hint)
{
	const char *problem = NULL;
	WfDefinition *child;

	wf_connect();
	child = wf_definition_newest(invoke->src);
	if (child == NULL)
	{
		problem = "definition \"%s\" does not exist";
		*hint = "Store it with workflow.define() first.";
	}
	else if (!wf_role_may(role, child, "start"))
	{
		problem = "permission denied to start definition \"%s\"";
		*hint = "Its owner can allow it with workflow.grant_on().";
	}
	SPI_finish();
	return problem;
}

static void
check_invoke(const WfChart *chart, const WfInvoke *invoke, Oid role,
			 bool simulated, WfFaults *faults)
{
	const char *hint = NULL;
	const char *problem = NULL;

	if (invoke->options != NULL)
		wf_fault(faults, invoke->path,
				 "A process retries with onError, and ends in time with \"after\".",
				 "\"retry\", \"timeout\" and \"heartbeat\" are for jobs");
	/* One that invokes itself is not there yet; those of a simulation are played. */
	if (invoke->src != NULL && strcmp(invoke->src, chart->name) != 0 && !simulated)
		problem = invoke_problem(invoke, role, &hint);
	if (problem != NULL)
		wf_fault(faults, invoke->path, hint, problem, invoke->src);
}

static void
check_invokes(const WfChart *chart, Oid role, bool simulated, WfFaults *faults)
{
	for (int s = 0; s < chart->nstates; s++)
		for (int i = 0; i < chart->states[s].ninvokes; i++)
			check_invoke(chart, &chart->states[s].invokes[i], role,
						 simulated, faults);
}

/* Roles that `allow` names may be made later, or be misspelt. */
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

/* What is legal and yet cannot be meant. */
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
report_faults(const WfFaults *faults)
{
	ereport(ERROR,
			(errcode(WF_ERR_FAULTY),
			 errmsg_plural("the definition has %d fault",
						   "the definition has %d faults",
						   faults->n, faults->n),
			 errdetail("%s", wf_faults_text(faults))));
}

/* --- the owner --------------------------------------------------------- */

/* Executors log in as the owner: it must be able to, and be no superuser. */
static void
check_owner_role(Oid role)
{
	HeapTuple	tuple = SearchSysCache1(AUTHOID, ObjectIdGetDatum(role));
	bool		login;
	char	   *name = GetUserNameFromId(role, false);

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for role %u", role);
	login = ((Form_pg_authid) GETSTRUCT(tuple))->rolcanlogin;
	ReleaseSysCache(tuple);

	if (superuser_arg(role) && !wf_allow_superuser)
		ereport(ERROR,
				(errcode(WF_ERR_NOT_ALLOWED),
				 errmsg("a superuser cannot own a definition"),
				 errdetail("Guards and actions would run as superuser \"%s\".", name),
				 errhint("CREATE ROLE app LOGIN; GRANT workflow_user TO app; SET ROLE app; and define again.  workflow.allow_superuser lifts this.")));
	if (!login)
		ereport(ERROR,
				(errcode(WF_ERR_NOT_ALLOWED),
				 errmsg("role \"%s\" cannot own a definition: it may not log in", name),
				 errdetail("Executors log in as the owner of the work."),
				 errhint("ALTER ROLE %s LOGIN, or SET ROLE to another role first.",
						 quote_identifier(name))));
}

/*
 * The server does not know that our rows name a role.  A grant makes it know:
 * DROP ROLE is refused while the role has one.  It is on something that goes
 * with DROP EXTENSION, as the schema does not: then the role can go, too.
 */
void
wf_pin_role(const char *name)
{
	GrantStmt  *grant = makeNode(GrantStmt);
	RoleSpec   *role = makeNode(RoleSpec);
	AccessPriv *usage = makeNode(AccessPriv);
	WfRights	rights;

	role->roletype = ROLESPEC_CSTRING;
	role->rolename = unconstify(char *, name);
	role->location = -1;
	usage->priv_name = "usage";
	grant->is_grant = true;
	grant->targtype = ACL_TARGET_OBJECT;
	grant->objtype = OBJECT_TYPE;
	grant->objects = list_make1(list_make2(makeString("workflow"),
										   makeString("status")));
	grant->privileges = list_make1(usage);
	grant->grantees = list_make1(role);

	/* Two first definitions at once would update one catalog row. */
	LockDatabaseObject(NamespaceRelationId, get_namespace_oid("workflow", false), 0,
					   ShareUpdateExclusiveLock);
	wf_rights_raise(&rights);
	ExecuteGrantStmt(grant);
	wf_rights_restore(&rights);
}

/* Owners and grants are known by the names that their roles have now. */
void
wf_refresh_names(void)
{
	if (wf_execute(&give_way_statement, NULL, NULL, 0) > 0)
		wf_execute(&rename_statement, NULL, NULL, 0);
	wf_execute(&rename_grants_statement, NULL, NULL, 0);
}

/*
 * The same, entered when it has none; from then on DROP ROLE is refused.
 * Locks against other roles that come first.
 */
int32
wf_owner_enter(Oid role)
{
	int32		id = wf_owner_of_role(role);
	char	   *name = GetUserNameFromId(role, false);
	NameData	name_data;
	Datum		values[2];
	bool		isnull;

	if (id != 0)
		return id;
	namestrcpy(&name_data, name);
	values[0] = NameGetDatum(&name_data);
	values[1] = ObjectIdGetDatum(role);
	wf_refresh_names();
	if (wf_execute(&owner_statement, values, NULL, 0) == 0)
	{
		/* Another session entered it meanwhile, and has committed. */
		id = wf_owner_of_role(role);
		if (id != 0)
			return id;
		ereport(ERROR,
				(errcode(WF_ERR_NOT_ALLOWED),
				 errmsg("a role \"%s\" that was dropped since owns definitions", name),
				 errhint("workflow.adopt() gives them to the role that has this name now.")));
	}
	id = DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc,
									 1, &isnull));
	wf_pin_role(name);
	return id;
}

/* --- the path ---------------------------------------------------------- */

/*
 * The path that user code will have: that of the author, with pg_temp last.
 * Where it is not named it would come first, and whoever sends a command could
 * put temporary tables, with triggers, in the way of the owner's.
 */
char *
wf_path_for_user_code(void)
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

/* --- define ------------------------------------------------------------ */

/*
 * Compile a definition for an owner, with the path that its code will have,
 * and resolve every function and expression.  Error WF007 with all faults;
 * WF002 for a role that may not own definitions.
 * simulated: nothing will be stored.
 */
WfChart *
wf_compile_checked(text *source, Oid role, const char *path, bool simulated,
				   WfEvaluator **evaluator)
{
	WfFaults	faults = {0};
	WfChart    *chart;

	check_owner_role(role);
	chart = wf_compile_faulty(VARDATA_ANY(source), VARSIZE_ANY_EXHDR(source), &faults);
	if (chart != NULL)
	{
		check_invokes(chart, role, simulated, &faults);
		*evaluator = wf_evaluator_new(chart, role, path,
									  pg_get_timezone_name(session_timezone));
		wf_evaluator_check(*evaluator, note_error, &faults);
	}
	if (faults.n > 0)
	{
		if (*evaluator != NULL)
			wf_evaluator_free(*evaluator);
		report_faults(&faults);
	}
	return chart;
}

/*
 * What is executed is the canonical form, and that is longer than what it was
 * made of, and nested deeper: it may be too much where the text was not.
 */
char *
wf_define_canonical(const WfChart *chart)
{
	char	   *canonical = wf_canonical(chart);
	WfFaults	faults = {0};

	if (wf_compile(canonical, strlen(canonical), &faults) == NULL)
		ereport(ERROR,
				(errcode(WF_ERR_FAULTY),
				 errmsg("the definition has faults when it is written without shorthand"),
				 errdetail("%s", wf_faults_text(&faults))));
	return canonical;
}

/*
 * Compile what define() would store, with its errors, and store nothing; what
 * it invokes need not be there.  Error WF007, WF002.
 */
WfDefinition *
wf_define_unstored(text *source)
{
	Oid			role = GetUserId();
	char	   *path = wf_path_for_user_code();
	WfEvaluator *evaluator = NULL;
	WfChart    *chart;

	wf_stamp_require();
	chart = wf_compile_checked(source, role, path, true, &evaluator);
	wf_define_warn(chart);
	wf_evaluator_free(evaluator);
	return wf_definition_unstored(wf_define_canonical(chart), role, path);
}

