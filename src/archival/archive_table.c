/*-------------------------------------------------------------------------
 *
 * archive_table.c
 *	  Tables of users as archives: their columns, and how they are filled.
 *
 * Runs in sessions that make rules, and in executors.  A column is filled if it has one of
 * our names; it has the type of what it gets, or is a text or a document.  Columns are
 * looked up each time: the table may have changed since the rule was made.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "archival/archive_table.h"
#include "base/compat.h"
#include "base/quote.h"
#include "eval/author_code.h"

/* What an archive gets besides: all of it. */
#define DOCUMENT	"document"

/* A column that is known, and the type of what it gets. */
typedef struct Known
{
	const char *name;
	Oid			type;
} Known;

/* These are the members of the documents that archive.c makes. */
static const Known of_process[] = {
	{"process", UUIDOID}, {"definition", TEXTOID}, {"version", INT4OID}, {"key", TEXTOID}, {"outcome", TEXTOID},
	{"states", TEXTARRAYOID}, {"context", JSONBOID}, {"output", JSONBOID}, {"steps", INT4OID},
	{"started_by", TEXTOID}, {"started_at", TIMESTAMPTZOID}, {"ended_at", TIMESTAMPTZOID}, {"parent", UUIDOID},
	{"invoke", TEXTOID}, {"tenant", TEXTOID}, {"history", JSONBOID}, {DOCUMENT, JSONBOID}
};

static const Known of_run[] = {
	{"run", UUIDOID}, {"job", TEXTOID}, {"version", INT4OID}, {"queue", TEXTOID}, {"partition", TEXTOID},
	{"key", TEXTOID}, {"outcome", TEXTOID}, {"attempts", INT4OID}, {"params", JSONBOID}, {"result", JSONBOID},
	{"error", JSONBOID}, {"actor", TEXTOID}, {"worker", TEXTOID}, {"started_by", TEXTOID}, {"due", TIMESTAMPTZOID},
	{"started_at", TIMESTAMPTZOID}, {"ended_at", TIMESTAMPTZOID}, {"process", UUIDOID}, {"invoke", TEXTOID},
	{"tenant", TEXTOID}, {"log", JSONBOID}, {DOCUMENT, JSONBOID}
};

/* The known column of this name, or NULL. */
static const Known *
find_known(const char *name, bool of_runs)
{
	const Known *known = of_runs ? of_run : of_process;
	int			n = of_runs ? lengthof(of_run) : lengthof(of_process);

	for (int i = 0; i < n; i++)
		if (strcmp(known[i].name, name) == 0)
			return &known[i];
	return NULL;
}

/* Is it written to by whoever inserts a row? */
static bool
is_writable(Form_pg_attribute column)
{
	return !column->attisdropped && column->attgenerated == '\0' && column->attidentity != ATTRIBUTE_IDENTITY_ALWAYS;
}

/* Does what a known column gets fit a type? */
static bool
fits(Oid type, const Known *known)
{
	Oid			base = getBaseType(type);

	if (base == known->type || base == TEXTOID || base == VARCHAROID)
		return true;
	switch (known->type)
	{
		case INT4OID:
			return base == INT8OID || base == NUMERICOID;
		case JSONBOID:
			return base == JSONOID;
		case TEXTARRAYOID:
			return base == JSONBOID || base == JSONOID;
		default:
			return false;
	}
}

/* --- checks ------------------------------------------------------------------------- */

static void
check_kind(Oid relation)
{
	char		kind = get_rel_relkind(relation);

	if (kind == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("table %u does not exist", relation)));
	if ((kind != RELKIND_RELATION && kind != RELKIND_PARTITIONED_TABLE) ||
		get_rel_persistence(relation) == RELPERSISTENCE_TEMP)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" cannot be an archive", get_rel_name(relation)),
				 errdetail("Ordinary and partitioned tables can that are not temporary.")));
}

/* Error 22023 for a column that does not do. */
static void
check_column(Relation table, Form_pg_attribute column, const Known *known)
{
	const char *name = NameStr(column->attname);

	if (known == NULL && column->attnotnull && !column->atthasdef && column->attidentity == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("column \"%s\" of table \"%s\" gets no value", name, RelationGetRelationName(table)),
				 errdetail("An archive has nothing of this name, and the column has no default and may not be null.")));
	if (known != NULL && !fits(column->atttypid, known))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("column \"%s\" of table \"%s\" has type %s, and gets a value of type %s", name,
						RelationGetRelationName(table), format_type_be(column->atttypid), format_type_be(known->type))));
}

/* Error 22023 unless a table has columns for an archive, and all others have defaults. */
static void
check_columns(Oid relation, bool of_runs)
{
	Relation	table = table_open(relation, AccessShareLock);
	int			found = 0;

	for (int i = 0; i < RelationGetDescr(table)->natts; i++)
	{
		Form_pg_attribute column = TupleDescAttr(RelationGetDescr(table), i);
		const Known *known;

		if (!is_writable(column))
			continue;
		known = find_known(NameStr(column->attname), of_runs);
		check_column(table, column, known);
		found += known != NULL;
	}
	if (found == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("table \"%s\" has no column for an archive", RelationGetRelationName(table)),
				 errhint("Give it some of those that set_retention() names, such as document jsonb.")));
	table_close(table, NoLock);
}

/* Code for wf_author_code_run(): can the statement be made? */
typedef struct Trial
{
	Oid			relation;
	bool		of_runs;
} Trial;

static void
try(void *arg)
{
	Trial	   *trial = arg;
	bool		document;

	(void) SPI_freeplan(wf_archive_table_prepare(trial->relation, trial->of_runs, &document));
}

/*
 * Error unless a table can be the archive of processes, or of runs, of this owner.  SPI must
 * be connected, as for all of these.
 */
void
wf_archive_table_check(Oid relation, bool of_runs, const WfAuthor *owner)
{
	WfUserContext bracket = {0};
	Trial		trial = {relation, of_runs};

	LockRelationOid(relation, AccessShareLock);
	check_kind(relation);
	if (pg_class_aclcheck(relation, owner->role, ACL_INSERT) != ACLCHECK_OK)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("role \"%s\" must be allowed to insert into table \"%s\"",
						GetUserNameFromId(owner->role, false), get_rel_name(relation)),
				 errdetail("Rows are archived by the owner of what they are of.")));
	check_columns(relation, of_runs);
	wf_author_code_run(owner, &bracket, wf_author_code_until(), WF_LIMIT_OF_SETTING, try, &trial);
	wf_user_context_leave(&bracket);
}

/* --- the statement ------------------------------------------------------------------- */

/* Append the names of the columns that are filled, each behind a prefix. */
static void
append_columns(StringInfo text, TupleDesc desc, bool of_runs, const char *prefix)
{
	const char *comma = "";

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute column = TupleDescAttr(desc, i);

		if (!is_writable(column) || find_known(NameStr(column->attname), of_runs) == NULL)
			continue;
		appendStringInfo(text, "%s%s%s", comma, prefix, quote_identifier(NameStr(column->attname)));
		comma = ", ";
	}
}

/* Does it have a column for all of it? */
static bool
has_document(TupleDesc desc)
{
	for (int i = 0; i < desc->natts; i++)
		if (is_writable(TupleDescAttr(desc, i)) && strcmp(NameStr(TupleDescAttr(desc, i)->attname), DOCUMENT) == 0)
			return true;
	return false;
}

/*
 * The statement that puts a row into an archive: $1 is the document, which its columns are
 * filled from.  *document: one of them is for all of it.  Everything that is named in it is a
 * name of the catalogs, quoted, as in the statements of foreign keys.  In the context of the
 * owner.  Error 42P01 if the table is gone, 22023 if none of its columns fits any more.
 */
SPIPlanPtr
wf_archive_table_prepare(Oid relation, bool of_runs, bool *document)
{
	Oid			types[1] = {JSONBOID};
	Relation	table = try_table_open(relation, AccessShareLock);
	StringInfoData text;
	char	   *name;
	SPIPlanPtr	plan;

	if (table == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("the archive does not exist any more"),
				 errhint("workflow.set_retention() names another one.")));
	check_columns(relation, of_runs);
	name = quote_qualified_identifier(get_namespace_name(RelationGetNamespace(table)), RelationGetRelationName(table));
	*document = has_document(RelationGetDescr(table));
	initStringInfo(&text);
	appendStringInfo(&text, "INSERT INTO %s (", name);
	append_columns(&text, RelationGetDescr(table), of_runs, "");
	appendStringInfoString(&text, ") SELECT ");
	append_columns(&text, RelationGetDescr(table), of_runs, "r.");
	appendStringInfo(&text, " FROM pg_catalog.jsonb_populate_record(NULL::%s, $1) r", name);
	table_close(table, NoLock);
	plan = SPI_prepare(text.data, lengthof(types), types);
	if (plan == NULL)
		elog(ERROR, "could not prepare an insert into %s: %s", name, SPI_result_code_string(SPI_result));
	return plan;
}
