/*-------------------------------------------------------------------------
 *
 * api_migrate.c
 *	  workflow.migrate() and migrate_many(): processes to another version.
 *
 * Runs in client backends.  Here processes are chosen and locked, and results
 * become rows; migrate/ does the rest.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "api/api.h"
#include "api/arg.h"
#include "api/note.h"
#include "api/result.h"
#include "api/state_arg.h"
#include "base/compat.h"
#include "base/errcodes.h"
#include "base/jsonb.h"
#include "base/uuid.h"
#include "definition/definition.h"
#include "definition/privilege.h"
#include "definition/sensitive.h"
#include "migrate/migrate.h"
#include "migrate/route.h"
#include "process/context.h"
#include "process/process.h"
#include "shmem/wakeup.h"
#include "store/act.h"
#include "store/process_row.h"
#include "store/statement.h"

PG_FUNCTION_INFO_V1(workflow_migrate);
PG_FUNCTION_INFO_V1(workflow_migrate_many);

/* Processes that are in memory at a time. */
#define CHUNK 1000

static WfStatement versions_statement = {
	.sql = "SELECT id FROM workflow.definition"
	" WHERE name OPERATOR(pg_catalog.=) $1 AND id OPERATOR(pg_catalog.<>) $2"
	" AND ($3 IS NULL OR version OPERATOR(pg_catalog.=) ANY ($3))"
	" ORDER BY version",
	.nargs = 3,
	.args = {TEXTOID, INT4OID, INT4ARRAYOID}
};

/*
 * The next processes of given versions, in the order of ids, without lock:
 * what they were is looked at again when we have it.
 */
static WfStatement candidates_statement = {
	.sql = "SELECT p.id, p.definition FROM workflow.process p"
	" WHERE p.id OPERATOR(pg_catalog.>) $1 AND p.definition OPERATOR(pg_catalog.=) ANY ($2)"
	" AND NOT" WF_PROCESS_ROW_IS_OVER("p")
	" AND ($3 IS NULL OR EXISTS (SELECT FROM pg_catalog.unnest(p.states) a(name), pg_catalog.unnest($3) w(name)"
	"  WHERE a.name OPERATOR(pg_catalog.=) w.name"
	"  OR pg_catalog.starts_with(a.name, w.name OPERATOR(pg_catalog.||) '.')))"
	" AND ($4 IS NULL OR p.context OPERATOR(pg_catalog.@>) $4)"
	" ORDER BY p.id LIMIT $5",
	.nargs = 5,
	.args = {UUIDOID, INT4ARRAYOID, TEXTARRAYOID, JSONBOID, INT8OID}
};

/* The processes that a call of migrate_many() is for. */
typedef struct Wanted
{
	Datum		versions;		/* int4[]: ids of definitions */
	ArrayType  *states;			/* or NULL */
	Jsonb	   *context;		/* or NULL */
	pg_uuid_t	after;			/* processes up to this id are done */
} Wanted;

/* --- results ----------------------------------------------------------- */

/* A list of strings as text[]. */
static Datum
text_array(List *strings)
{
	Datum	   *values = palloc(sizeof(Datum) * (list_length(strings) + 1));
	ListCell   *cell;
	int			n = 0;

	foreach(cell, strings)
		values[n++] = CStringGetTextDatum(lfirst(cell));
	return PointerGetDatum(construct_array(values, n, TEXTOID, -1, false, TYPALIGN_INT));
}

/* A list of jsonb as a jsonb array. */
static Datum
problems_array(List *problems)
{
	Jsonb	  **values = palloc(sizeof(Jsonb *) * list_length(problems));
	ListCell   *cell;
	int			n = 0;

	foreach(cell, problems)
		values[n++] = lfirst(cell);
	return JsonbPGetDatum(wf_jsonb_array(n, values));
}

#define N_RESULT 8

/* Make the columns of a workflow.migration. */
static void
fill(const WfMigrated *migrated, Datum *values, bool *nulls)
{
	memset(nulls, 0, sizeof(bool) * N_RESULT);
	values[0] = UUIDPGetDatum(&migrated->id);
	values[1] = Int32GetDatum(migrated->from->version);
	values[2] = Int32GetDatum(migrated->to->version);
	values[3] = migrated->states;
	nulls[3] = !migrated->possible;
	values[4] = text_array(migrated->kept);
	values[5] = text_array(migrated->armed);
	values[6] = text_array(migrated->dropped);
	nulls[7] = migrated->problems == NIL;
	if (!nulls[7])
		values[7] = problems_array(migrated->problems);
}

/* --- one --------------------------------------------------------------- */

/* Error 22023 with the first problem of a process that cannot be migrated. */
pg_noreturn static void
refuse(const WfMigrated *migrated)
{
	JsonbValue	name;
	JsonbValue	message;
	Jsonb	   *problem = linitial(migrated->problems);

	getKeyJsonValueFromContainer(&problem->root, "name", 4, &name);
	getKeyJsonValueFromContainer(&problem->root, "message", 7, &message);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("the process cannot be migrated from version %d to version %d of \"%s\"",
					migrated->from->version, migrated->to->version, migrated->to->name),
			 errdetail("State \"%.*s\": %.*s.", name.val.string.len, name.val.string.val,
					   message.val.string.len, message.val.string.val),
			 errhint("Say in \"mapping\" where states go: {\"old.state\": \"new.state\"}. With dry_run all problems are shown.")));
}

/*
 * Lock the process, or, for a dry run, read it, and return its definition.  Error
 * WF001, WF002 unless the user owns the definition, WF004 if it is over.
 */
static WfDefinition *
take(const pg_uuid_t *id, bool dry_run, WfRow *row)
{
	WfDefinition *from;

	if (!dry_run)
		from = wf_api_lock_as_owner(id, row);
	else
	{
		wf_api_read(id, row);
		from = wf_definition(row->definition);
		wf_privilege_require_owner(from);
	}
	if (wf_process_row_is_over(row))
		wf_process_refuse_over(id);
	return from;
}

/*
 * The arguments "patch" and "note", which the functions of earlier versions do not
 * have; first: the number of "patch".
 */
static void
read_more(FunctionCallInfo fcinfo, int first, WfMigration *migration)
{
	if (PG_NARGS() <= first + 1)
		return;
	migration->patch = wf_arg_jsonb_or_null(fcinfo, first);
	migration->note = wf_arg_string_or_null(fcinfo, first + 1);
	if (migration->patch != NULL)
		wf_context_check_patch(migration->patch);
}

/* Migrate a process that has another version. */
static void
migrate_one(FunctionCallInfo fcinfo, WfDefinition *from, WfDefinition *to, Jsonb *mapping,
			bool dry_run, const char *actor, WfRow *row, WfMigrated *migrated)
{
	WfMigration *migration = wf_migrate_new(to, mapping, dry_run, actor);

	migration->reports = dry_run;
	read_more(fcinfo, 5, migration);
	wf_migrate_add(migration, from);
	wf_route_mapping_check_used(migration->mapping, to);
	wf_migrate(migration, row, 1, migrated);
	if (!migrated->possible && !dry_run)
		refuse(migrated);
}

/* Note, for workflow.audit, that a process has another version. */
static void
note_one(FunctionCallInfo fcinfo, const WfMigrated *migrated, const char *actor)
{
	static const char *const keys[] = {"definition", "from", "to"};
	Jsonb	   *values[] = {
		wf_jsonb_string(migrated->to->name), wf_note_number(migrated->from->version), wf_note_number(migrated->to->version)
	};
	WfAct		act = {
		.act = "migrate",.kind = "process",.object = wf_uuid_text(&migrated->id),.owner = migrated->to->owner,
		.actor = actor,.note = PG_NARGS() > 6 ? wf_arg_string_or_null(fcinfo, 6) : NULL,
		.detail = wf_jsonb_object(lengthof(keys), (const char **) keys, values)
	};

	wf_act(&act);
}

/*
 * SQL function workflow.migrate(...) of sql/parts/migrate.sql.  Locks the
 * process row, unless it is a dry run.
 */
Datum
workflow_migrate(PG_FUNCTION_ARGS)
{
	pg_uuid_t  *id = wf_arg_uuid(fcinfo, 0, "process");
	int32		version = wf_arg_version(fcinfo, 1);
	Jsonb	   *mapping = wf_arg_jsonb_or_null(fcinfo, 2);
	bool		dry_run = wf_arg_bool(fcinfo, 3, "dry_run");
	char	   *actor = wf_arg_actor(fcinfo, 4);
	WfDefinition *from;
	WfRow		row;
	WfMigrated	migrated = {.id = *id};
	TupleDesc	desc;
	Datum		values[N_RESULT];
	bool		nulls[N_RESULT];
	Datum		result;

	desc = wf_result_type(fcinfo);

	if (dry_run)
		wf_statement_connect();
	else
		wf_api_connect_to_write(fcinfo);
	from = take(id, dry_run, &row);
	migrated.from = from;
	migrated.to = wf_definition_by_name(from->name, version);
	migrated.possible = true;
	migrated.states = row.states;
	if (!dry_run)
		wf_definition_keep(migrated.to);
	if (migrated.to != from)
		migrate_one(fcinfo, from, migrated.to, mapping, dry_run, actor, &row, &migrated);
	if (migrated.to != from && !dry_run)
		note_one(fcinfo, &migrated, actor);
	fill(&migrated, values, nulls);
	result = PointerGetDatum(SPI_returntuple(heap_form_tuple(desc, values, nulls), desc));
	SPI_finish();
	return result;
}

/* --- many -------------------------------------------------------------- */

/* Who could choose processes by what is hidden could find out what it is. */
pg_noreturn static void
refuse_context(const WfDefinition *definition)
{
	ereport(ERROR,
			(errcode(WF_ERR_NOT_ALLOWED),
			 errmsg("permission denied to choose processes of \"%s\" by their context", definition->name),
			 errdetail("It has sensitive fields, in version %d.", definition->version),
			 errhint("The owner of the definition can.")));
}

/*
 * Add the versions to migrate from: argument `versions`, or all versions but the
 * new one.  Sets wanted->versions.  Everything is allocated in `context`, because
 * the memory of SPI is freed after each chunk.
 */
static void
add_versions(WfMigration *migration, const char *name, Datum versions, bool all,
			 Wanted *wanted, MemoryContext context)
{
	Datum		args[3] = {CStringGetTextDatum(name), Int32GetDatum(migration->to->id), versions};
	char		nulls[4] = {' ', ' ', all ? 'n' : ' ', '\0'};
	int			n = wf_statement_execute(&versions_statement, args, nulls, 0);
	WfDefinition **found = palloc(sizeof(WfDefinition *) * (n + 1));
	Datum	   *ids = palloc(sizeof(Datum) * (n + 1));
	MemoryContext old;
	bool		isnull;

	for (int i = 0; i < n; i++)
		ids[i] = SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull);
	if (wanted->context != NULL && wf_sensitive_hides(migration->to))
		refuse_context(migration->to);
	for (int i = 0; i < n; i++)
	{
		found[i] = wf_definition(DatumGetInt32(ids[i]));
		if (wanted->context != NULL && wf_sensitive_hides(found[i]))
			refuse_context(found[i]);
	}

	old = MemoryContextSwitchTo(context);
	for (int i = 0; i < n; i++)
		wf_migrate_add(migration, found[i]);
	wanted->versions = PointerGetDatum(construct_array(ids, n, INT4OID, 4, true, TYPALIGN_INT));
	MemoryContextSwitchTo(old);
	wf_route_mapping_check_used(migration->mapping, migration->to);
}

/*
 * Find the next processes by a look without lock.  Fills in their ids and
 * definitions, and returns their number.
 */
static int
find_candidates(const Wanted *wanted, int limit, pg_uuid_t *ids, int32 *definitions)
{
	Datum		args[5] = {UUIDPGetDatum(&wanted->after), wanted->versions,
		PointerGetDatum(wanted->states), PointerGetDatum(wanted->context),
	Int64GetDatum(limit)};
	char		nulls[6] = {' ', ' ', wanted->states ? ' ' : 'n',
	wanted->context ? ' ' : 'n', ' ', '\0'};
	int			n = wf_statement_execute(&candidates_statement, args, nulls, 0);
	bool		isnull;

	for (int i = 0; i < n; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];

		ids[i] = *DatumGetUUIDP(SPI_getbinval(row, SPI_tuptable->tupdesc, 1, &isnull));
		definitions[i] = DatumGetInt32(SPI_getbinval(row, SPI_tuptable->tupdesc, 2, &isnull));
	}
	return n;
}

/* Is one of the states, or one inside of them, active? */
static bool
in_states(const WfRow *row, ArrayType *states)
{
	Datum	   *active;
	Datum	   *names;
	int			nactive;
	int			nnames;
	bool	   *nulls;

	deconstruct_array(DatumGetArrayTypeP(row->states), TEXTOID, -1, false, TYPALIGN_INT,
					  &active, NULL, &nactive);
	deconstruct_array(states, TEXTOID, -1, false, TYPALIGN_INT, &names, &nulls, &nnames);
	for (int i = 0; i < nactive; i++)
	{
		char	   *name = TextDatumGetCString(active[i]);

		for (int j = 0; j < nnames; j++)
		{
			char	   *other = nulls[j] ? NULL : TextDatumGetCString(names[j]);
			size_t		len = other ? strlen(other) : 0;

			if (other != NULL && strncmp(name, other, len) == 0 &&
				(name[len] == '\0' || name[len] == '.'))
				return true;
		}
	}
	return false;
}

/* Is a process still wanted, now that it is locked? */
static bool
is_wanted(const WfMigration *migration, const Wanted *wanted, const WfRow *row)
{
	if (wf_process_row_is_over(row) || wf_migrate_route(migration, row->definition) == NULL)
		return false;
	if (wanted->states != NULL && !in_states(row, wanted->states))
		return false;
	return wanted->context == NULL ||
		DatumGetBool(DirectFunctionCall2(jsonb_contains, row->context,
										 JsonbPGetDatum(wanted->context)));
}

/*
 * Lock processes in the order of their ids, leaving out those that other sessions
 * have locked; or, for a dry run, read them.  Returns their number.
 */
static int
take_rows(const WfMigration *migration, const pg_uuid_t *ids, int n, WfRow **rows)
{
	Datum	   *values = palloc(sizeof(Datum) * n);
	ArrayType  *array;

	for (int i = 0; i < n; i++)
		values[i] = UUIDPGetDatum(&ids[i]);
	array = construct_array(values, n, UUIDOID, UUID_LEN, false, TYPALIGN_CHAR);
	if (migration->dry_run)
		return wf_process_row_read_many(array, rows);
	wf_wakeup_released(migration->to->owner);
	return wf_process_row_lock_many(array, NULL, true, rows);
}

/* Add a row to the result. */
static void
put_result(ReturnSetInfo *result, const WfMigrated *migrated)
{
	Datum		values[N_RESULT];
	bool		nulls[N_RESULT];

	fill(migrated, values, nulls);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* Add a row for a process that another session has locked. */
static void
put_busy(ReturnSetInfo *result, const WfMigration *migration, const pg_uuid_t *id,
		 int32 definition)
{
	WfMigrated	migrated = {
		.id = *id,
		.from = wf_migrate_route(migration, definition)->from,
		.to = migration->to,
		.problems = list_make1(wf_route_problem("busy", NULL,
												"another session has locked the process"))
	};

	put_result(result, &migrated);
}

/*
 * Migrate the next processes, at most `limit`.  Returns how many were considered,
 * 0 at the end; *moved is set to how many can be migrated.  Allocates in the
 * current memory context, which the caller frees.
 */
static int
migrate_chunk(WfMigration *migration, Wanted *wanted, int limit,
			  ReturnSetInfo *result, int *moved)
{
	pg_uuid_t  *ids = palloc(sizeof(pg_uuid_t) * limit);
	int32	   *definitions = palloc(sizeof(int32) * limit);
	WfRow	   *rows;
	WfMigrated *migrated;
	int			n = find_candidates(wanted, limit, ids, definitions);
	int			nrows;
	int			kept = 0;
	int			at = 0;

	*moved = 0;
	if (n == 0)
		return 0;
	wanted->after = ids[n - 1];
	nrows = take_rows(migration, ids, n, &rows);

	/* Both are in the order of ids; ids without a row are locked by others. */
	for (int i = 0; i < n; i++)
	{
		if (at == nrows || memcmp(&rows[at].id, &ids[i], UUID_LEN) != 0)
			put_busy(result, migration, &ids[i], definitions[i]);
		else if (is_wanted(migration, wanted, &rows[at++]))
			rows[kept++] = rows[at - 1];
	}

	migrated = palloc(sizeof(WfMigrated) * (kept + 1));
	wf_migrate(migration, rows, kept, migrated);
	for (int i = 0; i < kept; i++)
	{
		*moved += migrated[i].possible;
		put_result(result, &migrated[i]);
	}
	return n;
}

/* An array as jsonb. */
static Jsonb *
array_of(Datum array)
{
	return wf_jsonb_parse(TextDatumGetCString(DirectFunctionCall1(array_to_json, array)));
}

/* Note, for workflow.audit, that so many processes have another version. */
static void
note_many(FunctionCallInfo fcinfo, const WfDefinition *to, const Wanted *wanted, int64 count, const char *actor)
{
	static const char *const keys[] = {"to", "versions", "states", "context", "count"};
	Jsonb	   *values[] = {
		wf_note_number(to->version),
		PG_ARGISNULL(3) ? NULL : array_of(PG_GETARG_DATUM(3)),
		wanted->states == NULL ? NULL : array_of(PointerGetDatum(wanted->states)),
		wanted->context == NULL ? NULL :
		wf_mask_document(wf_sensitive_mask(to, JsonbPGetDatum(wanted->context)), wanted->context),
		wf_note_number(count)
	};
	WfAct		act = {
		.act = "migrate_many",.kind = "definition",.object = to->name,.owner = to->owner,.actor = actor,
		.note = PG_NARGS() > 10 ? wf_arg_string_or_null(fcinfo, 10) : NULL,
		.detail = wf_jsonb_object(lengthof(keys), (const char **) keys, values)
	};

	if (count == 0)
		return;
	wf_statement_connect();
	wf_act(&act);
	SPI_finish();
}

/* Migrate all that is wanted, `left` at most.  Returns how many were. */
static int64
migrate_chunks(WfMigration *migration, Wanted *wanted, int left, ReturnSetInfo *result)
{
	int64		count = 0;
	int			looked_at;

	do
	{
		int			moved;

		CHECK_FOR_INTERRUPTS();
		/* Disconnecting frees the memory of the chunk. */
		wf_statement_connect();
		looked_at = left == 0 ? 0 :
			migrate_chunk(migration, wanted, Min(CHUNK, left), result, &moved);
		if (looked_at > 0)
		{
			left -= moved;
			count += moved;
		}
		SPI_finish();
	} while (looked_at > 0);
	return count;
}

/*
 * SQL function workflow.migrate_many(...) of sql/parts/migrate.sql.  Locks
 * process rows in the order of their ids, skipping those that are locked,
 * unless it is a dry run.
 */
Datum
workflow_migrate_many(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	char	   *name = wf_arg_string(fcinfo, 0, "definition");
	int32		version = wf_arg_version(fcinfo, 1);
	Jsonb	   *mapping = wf_arg_jsonb_or_null(fcinfo, 2);
	Wanted		wanted = {
		.states = PG_ARGISNULL(4) ? NULL : PG_GETARG_ARRAYTYPE_P(4),
		.context = wf_arg_jsonb_or_null(fcinfo, 5)
	};
	bool		dry_run = wf_arg_bool(fcinfo, 6, "dry_run");
	int			left = PG_ARGISNULL(7) ? PG_INT32_MAX : PG_GETARG_INT32(7);
	char	   *actor = wf_arg_actor(fcinfo, 8);
	MemoryContext context = CurrentMemoryContext;
	WfMigration *migration;
	WfDefinition *to;
	int64		count;

	if (left < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"limit\" must not be negative")));
	InitMaterializedSRF(fcinfo, 0);

	if (dry_run)
		wf_statement_connect();
	else
		wf_api_connect_to_write(fcinfo);
	to = wf_definition_by_name(name, version);
	wf_privilege_require_owner(to);
	if (wanted.states != NULL)
		wf_state_arg_check(to, wanted.states);
	if (!dry_run)
		wf_definition_keep(to);
	MemoryContextSwitchTo(context);
	migration = wf_migrate_new(to, mapping, dry_run, actor);
	migration->reports = true;
	read_more(fcinfo, 9, migration);
	add_versions(migration, name, PG_ARGISNULL(3) ? (Datum) 0 : PG_GETARG_DATUM(3),
				 PG_ARGISNULL(3), &wanted, context);
	SPI_finish();

	count = migrate_chunks(migration, &wanted, left, result);
	if (!dry_run)
		note_many(fcinfo, to, &wanted, count, actor);
	return (Datum) 0;
}
