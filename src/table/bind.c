/*-------------------------------------------------------------------------
 *
 * bind.c
 *	  The table workflow.binding: processes are bound to rows of users.
 *
 * Runs in the sessions of owners.  A binding is a row, and a trigger of the server on the
 * table, which keeps others from the column with the state; process/bound.c writes it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "catalog/dependency.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "definition/definition_row.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "parser/parse_func.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "base/clock.h"
#include "base/compat.h"
#include "base/errcodes.h"
#include "base/quote.h"
#include "base/version.h"
#include "definition/definition.h"
#include "definition/privilege.h"
#include "eval/user_context.h"
#include "process/bound.h"
#include "store/statement.h"
#include "table/bind.h"
#include "table/carrier.h"

static WfStatement insert_statement = {
	.sql = "INSERT INTO workflow.binding (definition, relation, on_table, key_column, state_column, created_at)"
	" VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (definition) DO NOTHING",
	WF_ARGS(TEXTOID, OIDOID, TEXTOID, TEXTOID, TEXTOID, TIMESTAMPTZOID)
};

static WfStatement delete_statement = {
	.sql = "DELETE FROM workflow.binding WHERE definition OPERATOR(pg_catalog.=) $1 RETURNING relation",
	WF_ARGS(TEXTOID),
	.latest = true
};

/* The triggers of the server, "g", that guard the rows of a definition. */
#define GUARDS(definition) \
	"g.tgparentid OPERATOR(pg_catalog.=) 0 AND " WF_CARRIER("bound_row", definition)

static WfStatement guards_statement = {
	.sql = "SELECT g.oid FROM pg_catalog.pg_trigger g WHERE g.tgrelid OPERATOR(pg_catalog.=) $2 AND " GUARDS("$1"),
	WF_ARGS(TEXTOID, OIDOID),
	.latest = true
};

/* The one table that has such a trigger, and belongs to the owner of the definition. */
static WfStatement resolve_statement = {
	.sql = "UPDATE workflow.binding b SET relation = COALESCE("
	"(SELECT pg_catalog.min(g.tgrelid) FROM pg_catalog.pg_trigger g"
	" JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) g.tgrelid"
	" WHERE " GUARDS("b.definition")
	" AND EXISTS (SELECT FROM workflow.definition d JOIN workflow.owner o ON o.id OPERATOR(pg_catalog.=) d.owner"
	"  WHERE d.name OPERATOR(pg_catalog.=) b.definition AND pg_catalog.pg_has_role(o.role, c.relowner, 'USAGE'))"
	" HAVING pg_catalog.count(DISTINCT g.tgrelid) OPERATOR(pg_catalog.=) 1), 0)"
};

/* --- what is given ---------------------------------------------------------------------- */

/* The table is the caller's, and rows of it can be found. */
static void
check_table(Oid relation)
{
	if (!wf_carrier_can(relation))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("processes cannot be bound to \"%s\"", get_rel_name(relation)),
				 errdetail("They can to ordinary and partitioned tables that are not temporary.")));
}

/* Does the index make the column unique, all by itself? */
static bool
is_unique(Oid index, AttrNumber column)
{
	HeapTuple	tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(index));
	Form_pg_index form = (Form_pg_index) GETSTRUCT(tuple);
	bool		fits = form->indisunique && form->indisvalid && form->indnkeyatts == 1 &&
		form->indkey.values[0] == column && heap_attisnull(tuple, Anum_pg_index_indpred, NULL);

	ReleaseSysCache(tuple);
	return fits;
}

/* A key finds one row, and by an index. */
static void
check_unique(Oid relation, const char *column)
{
	Relation	table = table_open(relation, AccessShareLock);
	bool		found = false;
	ListCell   *cell;

	foreach(cell, RelationGetIndexList(table))
		found = found || is_unique(lfirst_oid(cell), get_attnum(relation, column));
	table_close(table, NoLock);
	if (!found)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_COLUMN_REFERENCE),
				 errmsg("column \"%s\" of table \"%s\" has no unique index", wf_quote(column), get_rel_name(relation)),
				 errdetail("A process is bound to one row, which is found by its key.")));
}

/* The statement that will write states can be made, and the owner of the definition may execute it. */
static void
check_statement(const WfDefinition *definition, const WfBound *bound)
{
	WfUserContext bracket = {0};

	if (get_attnum(bound->relation, bound->state_column) == get_attnum(bound->relation, bound->key_column))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("key and state of a process must be in two columns")));
	if (pg_class_aclcheck(bound->relation, definition->role, ACL_UPDATE) != ACLCHECK_OK)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("the owner of definition \"%s\" must be allowed to update table \"%s\"", definition->name,
						get_rel_name(bound->relation))));
	wf_user_context_enter(&definition->evaluator->author, &bracket);
	(void) SPI_freeplan(wf_bound_prepare(bound));
	wf_user_context_leave(&bracket);
}

/* --- the guard ------------------------------------------------------------------------------ */

static Node *
column_of(const char *row, const char *column)
{
	ColumnRef  *ref = makeNode(ColumnRef);

	ref->fields = list_make2(makeString(pstrdup(row)), makeString(pstrdup(column)));
	ref->location = -1;
	return (Node *) ref;
}

/*
 * The name of the operator that a column is compared by, which is that of its type: what is
 * called "=" in the path of the caller would run as everybody who updates a row.  Error 42883
 * without one.
 */
static List *
equality_of(Oid relation, const char *column)
{
	Oid			type = get_atttype(relation, get_attnum(relation, column));
	Oid			found = lookup_type_cache(type, TYPECACHE_EQ_OPR)->eq_opr;
	HeapTuple	tuple = SearchSysCache1(OPEROID, ObjectIdGetDatum(found));
	Form_pg_operator form;
	List	   *name;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("could not identify an equality operator for type %s", format_type_be(type))));
	form = (Form_pg_operator) GETSTRUCT(tuple);
	name = list_make2(makeString(get_namespace_name(form->oprnamespace)), makeString(pstrdup(NameStr(form->oprname))));
	ReleaseSysCache(tuple);
	return name;
}

/* A trigger that is called for rows whose state has changed, by whatever statement or trigger. */
static void
create_guard(const WfBound *bound)
{
	CreateTrigStmt *statement = makeNode(CreateTrigStmt);
	List	   *function = list_make2(makeString("workflow"), makeString("bound_row"));

	statement->trigname = "workflow_bound";
	statement->funcname = function;
	statement->args = list_make1(makeString(pstrdup(bound->definition)));
	statement->row = true;
	statement->timing = TRIGGER_TYPE_AFTER;
	statement->events = TRIGGER_TYPE_UPDATE;
	statement->whenClause = (Node *) makeA_Expr(AEXPR_DISTINCT, equality_of(bound->relation, bound->state_column),
												column_of("old", bound->state_column),
												column_of("new", bound->state_column), -1);
	(void) CreateTrigger(statement, NULL, bound->relation, InvalidOid, InvalidOid, InvalidOid,
						 LookupFuncName(function, 0, NULL, false), InvalidOid, NULL, false, false);
}

/* Drop what is left of it. */
static void
drop_guard(const char *definition, Oid relation)
{
	Datum		values[2] = {CStringGetTextDatum(definition), ObjectIdGetDatum(relation)};
	ObjectAddress address;
	bool		isnull;

	if (!OidIsValid(relation))
		return;
	LockRelationOid(relation, AccessExclusiveLock);
	if (wf_statement_execute(&guards_statement, values, NULL, 1) == 0)
		return;
	ObjectAddressSet(address, TriggerRelationId,
					 DatumGetObjectId(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull)));
	performDeletion(&address, DROP_RESTRICT, 0);
}

/* A guard may be there already: a dump of the schema alone has it, but no row for it. */
static void
drop_leftover(const WfBound *bound)
{
	Datum		values[2] = {CStringGetTextDatum(bound->definition), ObjectIdGetDatum(bound->relation)};

	if (wf_statement_execute(&guards_statement, values, NULL, 1) > 0)
		drop_guard(bound->definition, bound->relation);
}

/*
 * For the guard: error 42501 unless the state of the row was written by a step.  Nothing is
 * refused for a table that the definition is not bound to.  SPI must be connected.
 */
void
wf_bind_guard(const TriggerData *data)
{
	const char *definition = data->tg_trigger->tgargs[0];
	const WfBound *bound = wf_bound_find(definition);

	if (bound == NULL || wf_bound_is_writing())
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("column \"%s\" of table \"%s\" carries the states of processes of \"%s\"", bound->state_column,
					RelationGetRelationName(data->tg_relation), wf_quote(definition)),
			 errdetail("It is written by their steps only."),
			 errhint("Send the process an event.")));
}

/* --- binding ---------------------------------------------------------------------------------- */

/* Error 42710 if the definition is bound already. */
static void
insert(const WfBound *bound)
{
	Datum		values[] = {
		CStringGetTextDatum(bound->definition),
		ObjectIdGetDatum(bound->relation),
		CStringGetTextDatum(quote_qualified_identifier(get_namespace_name(get_rel_namespace(bound->relation)),
													   get_rel_name(bound->relation))),
		CStringGetTextDatum(bound->key_column),
		CStringGetTextDatum(bound->state_column),
		TimestampTzGetDatum(wf_clock_now())
	};

	if (wf_statement_execute(&insert_statement, values, NULL, 0) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("definition \"%s\" is bound already", bound->definition),
				 errhint("workflow.unbind() ends that.")));
}

/*
 * Bind the processes of a definition to the rows of a table.  SPI must be connected.
 * Errors as of bind().
 */
void
wf_bind(const char *definition, Oid relation, const char *key_column, const char *state_column)
{
	WfBound		bound = {.relation = relation,.key_column = key_column,.state_column = state_column};
	WfDefinition *found;

	LockRelationOid(relation, ShareRowExclusiveLock);
	check_table(relation);
	wf_definition_row_lock_name(definition);
	found = wf_definition_by_name(definition, 0);
	wf_privilege_require_owner(found);
	bound.definition = found->name;
	check_statement(found, &bound);
	check_unique(relation, key_column);
	wf_bound_changing();
	insert(&bound);
	drop_leftover(&bound);
	create_guard(&bound);
}

/* End that.  False: it was not bound.  The caller has checked rights.  SPI must be connected. */
bool
wf_bind_undo(const char *definition)
{
	Datum		value = CStringGetTextDatum(definition);
	bool		isnull;

	wf_bound_changing();
	if (wf_statement_execute(&delete_statement, &value, NULL, 0) == 0)
		return false;
	drop_guard(definition, DatumGetObjectId(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull)));
	return true;
}

/*
 * For adopt(): the tables of what came from elsewhere have other OIDs here.  Those that
 * are not found have 0.  SPI must be connected.
 */
void
wf_bind_resolve(bool foreign)
{
	if (!foreign || !wf_version_has_column("binding", "relation"))
		return;
	wf_bound_changing();
	(void) wf_statement_execute(&resolve_statement, NULL, NULL, 0);
}
