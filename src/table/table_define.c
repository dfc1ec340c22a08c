/*-------------------------------------------------------------------------
 *
 * table_define.c
 *	  The table workflow.table_trigger: table triggers are made and dropped.
 *
 * Runs in the sessions of owners of tables.  A table trigger is a row, and a trigger of the
 * server for each kind of statement, which has the name of the row as its argument: two
 * kinds cannot have one, since it sees the rows of a statement.  Only both together do
 * anything: the row says which table may use it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/dependency.h"
#include "catalog/pg_class.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "parser/parse_func.h"
#include "pgtime.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "base/clock.h"
#include "base/compat.h"
#include "base/errcodes.h"
#include "base/quote.h"
#include "base/version.h"
#include "definition/define.h"
#include "definition/definition.h"
#include "definition/owner_role.h"
#include "definition/privilege.h"
#include "eval/user_context.h"
#include "job/job.h"
#include "process/known.h"
#include "store/act.h"
#include "store/origin.h"
#include "store/statement.h"
#include "table/carrier.h"
#include "table/table_define.h"
#include "table/table_trigger.h"

static WfStatement insert_statement = {
	.sql = "INSERT INTO workflow.table_trigger (name, owner, relation, on_table, events, job, definition, event, key,"
	" condition, search_path, time_zone, created_at, calls)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) ON CONFLICT (name) DO NOTHING",
	WF_ARGS(TEXTOID, INT4OID, OIDOID, TEXTOID, TEXTARRAYOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID,
			TEXTOID, TIMESTAMPTZOID, JSONBOID)
};

static WfStatement lock_statement = {
	.sql = "SELECT o.role, o.name, t.relation FROM workflow.table_trigger t"
	" JOIN workflow.owner o ON o.id OPERATOR(pg_catalog.=) t.owner"
	" WHERE t.name OPERATOR(pg_catalog.=) $1 FOR UPDATE OF t",
	WF_ARGS(TEXTOID),
	.latest = true
};

static WfStatement delete_statement = {
	.sql = "DELETE FROM workflow.table_trigger WHERE name OPERATOR(pg_catalog.=) $1",
	WF_ARGS(TEXTOID),
	.latest = true
};

/* The triggers of the server, "g", that carry one of this name. */
#define CARRIES(name) WF_CARRIER("table_trigger", name)

static WfStatement carriers_statement = {
	.sql = "SELECT g.oid FROM pg_catalog.pg_trigger g WHERE g.tgrelid OPERATOR(pg_catalog.=) $2 AND " CARRIES("$1"),
	WF_ARGS(TEXTOID, OIDOID),
	.latest = true
};

/* The one table of its owner that has such triggers.  Others may have planted some. */
static WfStatement resolve_statement = {
	.sql = "UPDATE workflow.table_trigger t SET relation = COALESCE("
	"(SELECT pg_catalog.min(g.tgrelid) FROM pg_catalog.pg_trigger g"
	" JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) g.tgrelid"
	" JOIN workflow.owner o ON o.id OPERATOR(pg_catalog.=) t.owner"
	" WHERE " CARRIES("t.name")
	" AND pg_catalog.pg_has_role(o.role, c.relowner, 'USAGE')"
	" HAVING pg_catalog.count(DISTINCT g.tgrelid) OPERATOR(pg_catalog.=) 1), 0)"
};

/* --- what is given ------------------------------------------------------------------ */

static void
check_name(const char *name)
{
	if (*name == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a table trigger needs a name")));
	if (strlen(name) > WF_MAX_TABLE_TRIGGER_NAME)
		ereport(ERROR,
				(errcode(ERRCODE_STRING_DATA_RIGHT_TRUNCATION),
				 errmsg("the name of a table trigger is too long"),
				 errdetail("It has %zu bytes, of %d that are allowed.", strlen(name), WF_MAX_TABLE_TRIGGER_NAME)));
}

/* Either a job, or a definition whose processes are started or get an event. */
static void
check_target(const WfTableText *text)
{
	if ((text->job == NULL) == (text->definition == NULL))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a table trigger needs a job or a definition, and not both")));
	if (text->event == NULL)
		return;
	if (text->definition == NULL || text->key == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the event of a table trigger needs a definition and a key"),
				 errdetail("It is for the process of the definition that has the key.")));
}

/* The table is the caller's, and can have such triggers. */
static void
check_table(Oid relation)
{
	if (!wf_carrier_can(relation))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" cannot have table triggers", get_rel_name(relation)),
				 errdetail("Ordinary and partitioned tables can that are not temporary.")));
}

/* What is to be made exists, and the caller may make it. */
static void
check_rights(const WfTableText *text)
{
	WfDefinition *definition;

	if (text->job != NULL)
	{
		wf_job_require(wf_job_newest(text->job), "run");
		return;
	}
	definition = wf_definition_by_name(text->definition, 0);
	wf_privilege_require(definition, text->event != NULL ? "send" : "start");
	if (text->event != NULL && !wf_known_to(definition, text->event))
		wf_known_tell(definition->name, text->event, true);
}

/*
 * The expressions fit the table, in the context in which they will be evaluated.  Returns what
 * they call.
 */
static Jsonb *
check_expressions(const WfTableText *text, const WfAuthor *author)
{
	WfTableExpr *key = wf_table_expr_new(text->key, false);
	WfTableExpr *when = wf_table_expr_new(text->when, true);
	WfUserContext bracket = {0};
	Relation	relation = table_open(text->relation, AccessShareLock);
	Jsonb	   *calls;

	wf_user_context_enter(author, &bracket);
	if (key != NULL)
		wf_table_expr_compile(key, RelationGetDescr(relation));
	if (when != NULL)
		wf_table_expr_compile(when, RelationGetDescr(relation));
	calls = wf_table_expr_calls(key, when);
	wf_user_context_leave(&bracket);
	wf_table_expr_forget(key);
	wf_table_expr_forget(when);
	table_close(relation, NoLock);
	return calls;
}

/* --- storing ------------------------------------------------------------------------- */

static void
set_text(Datum *value, char *null, const char *text)
{
	*value = text == NULL ? (Datum) 0 : CStringGetTextDatum(text);
	*null = text == NULL ? 'n' : ' ';
}

static Datum
array_of(List *strings)
{
	Datum	   *values = palloc(sizeof(Datum) * list_length(strings));
	int			n = 0;
	ListCell   *cell;

	foreach(cell, strings)
		values[n++] = CStringGetTextDatum(lfirst(cell));
	return PointerGetDatum(construct_array(values, n, TEXTOID, -1, false, TYPALIGN_INT));
}

/* Error 42710 if there is one of this name. */
static void
insert(const WfTableText *text, const WfAuthor *author, Jsonb *calls, int32 owner)
{
	Datum		values[14];
	char		nulls[] = "              ";

	set_text(&values[0], &nulls[0], text->name);
	values[1] = Int32GetDatum(owner);
	values[2] = ObjectIdGetDatum(text->relation);
	set_text(&values[3], &nulls[3],
			 quote_qualified_identifier(get_namespace_name(get_rel_namespace(text->relation)),
										get_rel_name(text->relation)));
	values[4] = array_of(text->events);
	set_text(&values[5], &nulls[5], text->job);
	set_text(&values[6], &nulls[6], text->definition);
	set_text(&values[7], &nulls[7], text->event);
	set_text(&values[8], &nulls[8], text->key);
	set_text(&values[9], &nulls[9], text->when);
	set_text(&values[10], &nulls[10], author->search_path);
	set_text(&values[11], &nulls[11], author->time_zone);
	values[12] = TimestampTzGetDatum(wf_clock_now());
	values[13] = JsonbPGetDatum(calls);
	if (wf_statement_execute(&insert_statement, values, nulls, 0) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("table trigger \"%s\" already exists", wf_quote(text->name)),
				 errhint("workflow.drop_table_trigger() drops it.")));
}

/* --- the triggers of the server ---------------------------------------------------------- */

static Oid
trigger_function(void)
{
	return LookupFuncName(list_make2(makeString("workflow"), makeString("table_trigger")), 0, NULL, false);
}

static TriggerTransition *
transition(bool new)
{
	TriggerTransition *transition = makeNode(TriggerTransition);

	transition->name = new ? "new_rows" : "old_rows";
	transition->isNew = new;
	transition->isTable = true;
	return transition;
}

/* The trigger of the server for one kind of statement. */
static void
create_trigger(const WfTableText *text, const char *event)
{
	CreateTrigStmt *statement = makeNode(CreateTrigStmt);
	bool		is_insert = strcmp(event, "insert") == 0;
	bool		is_delete = strcmp(event, "delete") == 0;

	statement->trigname = psprintf("workflow_%s_%s", text->name, event);
	statement->funcname = list_make2(makeString("workflow"), makeString("table_trigger"));
	statement->args = list_make1(makeString(pstrdup(text->name)));
	statement->timing = TRIGGER_TYPE_AFTER;
	statement->events = is_insert ? TRIGGER_TYPE_INSERT : is_delete ? TRIGGER_TYPE_DELETE : TRIGGER_TYPE_UPDATE;
	if (!is_delete)
		statement->transitionRels = lappend(statement->transitionRels, transition(true));
	if (!is_insert)
		statement->transitionRels = lappend(statement->transitionRels, transition(false));
	(void) CreateTrigger(statement, NULL, text->relation, InvalidOid, InvalidOid, InvalidOid, trigger_function(),
						 InvalidOid, NULL, false, false);
}

/* Drop those that are there still. */
static void
drop_triggers(const char *name, Oid relation)
{
	Datum		values[2] = {CStringGetTextDatum(name), ObjectIdGetDatum(relation)};
	ObjectAddresses *objects = new_object_addresses();
	uint64		n;

	if (OidIsValid(relation))
		LockRelationOid(relation, AccessExclusiveLock);
	n = wf_statement_execute(&carriers_statement, values, NULL, 0);
	for (uint64 i = 0; i < n; i++)
	{
		bool		isnull;
		ObjectAddress address;

		ObjectAddressSet(address, TriggerRelationId,
						 DatumGetObjectId(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull)));
		add_exact_object_address(&address, objects);
	}
	performMultipleDeletions(objects, DROP_RESTRICT, 0);
	free_object_addresses(objects);
}

/* Triggers may be there already: a dump of the schema alone has them, but no row for them. */
static void
drop_leftovers(const WfTableText *text)
{
	Datum		values[2] = {CStringGetTextDatum(text->name), ObjectIdGetDatum(text->relation)};

	if (wf_statement_execute(&carriers_statement, values, NULL, 1) > 0)
		drop_triggers(text->name, text->relation);
}

/* Note what was done with a table trigger, for workflow.audit. */
static void
note(const char *act, const char *name, int32 owner)
{
	WfAct		row = {.act = act,.kind = "table_trigger",.object = name,.owner = owner};

	wf_act(&row);
}

/*
 * Make a table trigger of the current user.  SPI must be connected.  Errors as of
 * create_table_trigger().
 */
void
wf_table_define(const WfTableText *text)
{
	WfAuthor	author = {.role = GetUserId()};
	Jsonb	   *calls;
	int32		owner;
	ListCell   *cell;

	check_name(text->name);
	check_target(text);
	LockRelationOid(text->relation, ShareRowExclusiveLock);
	check_table(text->relation);
	wf_owner_role_check(author.role, "a table trigger");
	wf_origin_write();
	owner = wf_owner_role_enter(author.role);
	author.search_path = wf_define_path();
	author.time_zone = pg_get_timezone_name(session_timezone);
	check_rights(text);
	calls = check_expressions(text, &author);
	wf_table_trigger_changing();
	insert(text, &author, calls, owner);
	drop_leftovers(text);
	foreach(cell, text->events)
		create_trigger(text, lfirst(cell));
	note("create_table_trigger", text->name, owner);
}

/* --- dropping ------------------------------------------------------------------------------ */

/* Error WF002 unless the current user is the owner, or may administer all. */
static void
require_owner(const char *name, Oid role, const char *role_name)
{
	Oid			admin = get_role_oid("workflow_admin", true);

	if (!(OidIsValid(role) && has_privs_of_role(GetUserId(), role)) &&
		!(OidIsValid(admin) && has_privs_of_role(GetUserId(), admin)) && !superuser())
		ereport(ERROR,
				(errcode(WF_ERR_NOT_ALLOWED),
				 errmsg("must be owner of table trigger \"%s\"", wf_quote(name)),
				 errdetail("It belongs to role \"%s\".", role_name)));
}

/*
 * Drop a table trigger, and what is left of its triggers.  SPI must be connected.  Errors
 * as of drop_table_trigger().
 */
void
wf_table_define_drop(const char *name)
{
	Datum		value = CStringGetTextDatum(name);
	bool		isnull;
	Oid			relation;
	int32		owner;

	if (wf_statement_execute(&lock_statement, &value, NULL, 1) == 0)
		ereport(ERROR,
				(errcode(WF_ERR_NO_JOB),
				 errmsg("table trigger \"%s\" does not exist", wf_quote(name))));
	require_owner(name, DatumGetObjectId(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull)),
				  SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2));
	relation = DatumGetObjectId(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 3, &isnull));
	owner = wf_owner_role_id(DatumGetObjectId(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull)));
	wf_table_trigger_changing();
	drop_triggers(name, relation);
	(void) wf_statement_execute(&delete_statement, &value, NULL, 0);
	note("drop_table_trigger", name, owner);
}

/*
 * For adopt(): the tables of what came from elsewhere have other OIDs here.  Those that
 * are not found have 0.  SPI must be connected.
 */
void
wf_table_define_resolve(bool foreign)
{
	if (!foreign || !wf_version_has_column("table_trigger", "relation"))
		return;
	wf_table_trigger_changing();
	(void) wf_statement_execute(&resolve_statement, NULL, NULL, 0);
}
