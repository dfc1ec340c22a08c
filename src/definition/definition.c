/*-------------------------------------------------------------------------
 *
 * definition.c
 *	  Definitions as this backend knows them, and who may do what with them.
 *
 * Runs in any backend.  A version never changes, so a cached one needs no
 * invalidation, but for the role that owns it, which adopt() may find anew; when
 * the extension is dropped and created anew its tables get new OIDs, and the
 * whole cache goes.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "pgtime.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "base/compat.h"
#include "base/errcodes.h"
#include "base/quote.h"
#include "chart/chart.h"
#include "chart/diagnostic.h"
#include "compiler/compile.h"
#include "definition/definition.h"
#include "eval/evaluator.h"
#include "shmem/inval.h"
#include "store/origin.h"
#include "store/statement.h"

/* Told when the extension is dropped, and when roles were found anew. */
static WfInval watch = {.table = "definition"};

static HTAB *cache = NULL;
static MemoryContext cache_context = NULL;
static Oid	cache_relation = InvalidOid;

typedef struct CacheEntry
{
	int32		id;
	WfDefinition *definition;
	uint64		serial;			/* of loads in this session */
	uint64		told;			/* the role is as it was after so many tellings */
} CacheEntry;

static uint64 loads = 0;
static uint64 tellings = 0;

static WfStatement load_statement = {
	.sql = "SELECT d.name, d.version, d.owner, o.role, d.search_path, d.chart::pg_catalog.text, d.time_zone"
	" FROM workflow.definition d, workflow.owner o"
	" WHERE d.id OPERATOR(pg_catalog.=) $1 AND o.id OPERATOR(pg_catalog.=) d.owner",
	WF_ARGS(INT4OID)
};

static WfStatement role_statement = {
	.sql = "SELECT o.role FROM workflow.definition d, workflow.owner o"
	" WHERE d.id OPERATOR(pg_catalog.=) $1 AND o.id OPERATOR(pg_catalog.=) d.owner",
	WF_ARGS(INT4OID)
};

static WfStatement exists_statement = {
	.sql = "SELECT FROM workflow.definition WHERE id OPERATOR(pg_catalog.=) $1",
	WF_ARGS(INT4OID)
};

static WfStatement find_statement = {
	.sql = "SELECT id FROM workflow.definition"
	" WHERE name OPERATOR(pg_catalog.=) $1"
	" AND ($2 OPERATOR(pg_catalog.=) 0 OR version OPERATOR(pg_catalog.=) $2)"
	" ORDER BY version DESC LIMIT 1",
	WF_ARGS(TEXTOID, INT4OID)
};

/* Make sure that the cache is that of the extension as it is now. */
static void
check_cache(void)
{
	HASHCTL		control;

	if (likely(cache != NULL && wf_inval_is_good(&watch)))
		return;
	wf_inval_begin(&watch);
	tellings++;
	if (cache != NULL && cache_relation == watch.relation)
		return;
	if (cache_context != NULL)
		MemoryContextDelete(cache_context);
	cache = NULL;
	cache_context = AllocSetContextCreate(CacheMemoryContext,
										  "workflow definitions",
										  ALLOCSET_DEFAULT_SIZES);
	control.keysize = sizeof(int32);
	control.entrysize = sizeof(CacheEntry);
	control.hcxt = cache_context;
	cache = hash_create("workflow definitions", 64, &control,
						HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	cache_relation = watch.relation;
}

/*
 * Does a chart delay anything but the timers of its states?  Named delays
 * that nobody uses count too, which costs a look and no more.
 */
static bool
has_delayed_sends(const WfChart *chart)
{
	int			timers = chart->step_timeout != NULL;

	for (int i = 0; i < chart->nstates; i++)
		timers += chart->states[i].ntimers;
	return chart->ndelays > timers;
}

/* Compile its canonical form, and all that hangs on it. */
static void
furnish(WfDefinition *definition, const char *chart)
{
	WfFaults	faults = {0};

	definition->chart = wf_compile(chart, strlen(chart), &faults);
	if (definition->chart == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("stored definition %d does not compile", definition->id),
				 errdetail("%s: %s", faults.items[0].path,
						   faults.items[0].message)));
	definition->evaluator = wf_evaluator_new(definition->chart,
											 definition->role,
											 definition->search_path,
											 definition->time_zone);
	definition->leaf_arrays = palloc0(sizeof(ArrayType *) *
									  definition->chart->nstates);
	definition->sends_later = has_delayed_sends(definition->chart);
}

pg_noreturn static void
no_role(const char *name)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("the role that owns definition \"%s\" does not exist", name),
			 errhint("Create it and call workflow.adopt().")));
}

/* Build a definition from its row, the current one of SPI_tuptable. */
static WfDefinition *
build(int32 id, HeapTuple row, TupleDesc desc)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "workflow definition",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	WfDefinition *definition = palloc0(sizeof(WfDefinition));
	bool		isnull;
	char	   *chart = SPI_getvalue(row, desc, 6);

	definition->id = id;
	definition->context = context;
	definition->name = SPI_getvalue(row, desc, 1);
	definition->version = DatumGetInt32(SPI_getbinval(row, desc, 2, &isnull));
	definition->owner = DatumGetInt32(SPI_getbinval(row, desc, 3, &isnull));
	definition->role = DatumGetObjectId(SPI_getbinval(row, desc, 4, &isnull));
	if (!OidIsValid(definition->role))
		no_role(definition->name);
	definition->search_path = SPI_getvalue(row, desc, 5);
	definition->time_zone = SPI_getvalue(row, desc, 7);
	furnish(definition, chart);
	pfree(chart);
	MemoryContextSwitchTo(old);
	return definition;
}

/*
 * From its canonical form alone, in the current memory context: stored nowhere
 * and found by nobody (id 0, no version, no owner's id).
 */
WfDefinition *
wf_definition_unstored(const char *chart, Oid role, const char *search_path)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "workflow definition",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	WfDefinition *definition = palloc0(sizeof(WfDefinition));

	definition->context = context;
	definition->role = role;
	definition->search_path = pstrdup(search_path);
	definition->time_zone = pstrdup(pg_get_timezone_name(session_timezone));
	furnish(definition, chart);
	definition->name = definition->chart->name;
	MemoryContextSwitchTo(old);
	return definition;
}

void
wf_definition_free(WfDefinition *definition)
{
	wf_evaluator_free(definition->evaluator);
	MemoryContextDelete(definition->context);
}

/*
 * Forget the definitions that were loaded since the mark was read; nobody uses
 * them: what loaded them has been rolled back, and maybe they with it.
 */
uint64
wf_definition_mark(void)
{
	return loads;
}

void
wf_definition_forget(uint64 mark)
{
	HASH_SEQ_STATUS status;
	CacheEntry *entry;

	if (cache == NULL || loads == mark)
		return;
	hash_seq_init(&status, cache);
	while ((entry = hash_seq_search(&status)) != NULL)
		if (entry->serial > mark)
		{
			wf_definition_free(entry->definition);
			hash_search(cache, &entry->id, HASH_REMOVE, NULL);
		}
}

/* Must be called before the statement that gives owners other roles. */
void
wf_definition_roles_changing(void)
{
	wf_inval_changing(&watch);
}

/* Who owns it now.  A version that is gone was never committed: its role stays. */
static void
read_role(CacheEntry *entry)
{
	Datum		value = Int32GetDatum(entry->id);
	uint64		told = tellings;
	bool		isnull;
	Oid			role;

	if (wf_statement_execute(&role_statement, &value, NULL, 1) > 0)
	{
		role = DatumGetObjectId(SPI_getbinval(SPI_tuptable->vals[0],
											  SPI_tuptable->tupdesc, 1, &isnull));
		if (!OidIsValid(role))
			no_role(entry->definition->name);
		entry->definition->role = role;
		wf_evaluator_set_owner(entry->definition->evaluator, role);
	}
	entry->told = told;
}

/* By id; SPI must be connected.  Error WF006 when there is none. */
WfDefinition *
wf_definition(int32 id)
{
	CacheEntry *entry;
	WfDefinition *definition;
	Datum		value = Int32GetDatum(id);
	uint64		told;

	check_cache();
	entry = hash_search(cache, &id, HASH_FIND, NULL);
	if (entry != NULL)
	{
		if (unlikely(entry->told != tellings))
			read_role(entry);
		return entry->definition;
	}

	wf_origin_require();
	told = tellings;
	if (wf_statement_execute(&load_statement, &value, NULL, 1) == 0)
		ereport(ERROR,
				(errcode(WF_ERR_NO_DEFINITION),
				 errmsg("definition %d does not exist", id)));
	definition = build(id, SPI_tuptable->vals[0], SPI_tuptable->tupdesc);

	/* Nothing below can fail half-way: enter it only when it is whole. */
	entry = hash_search(cache, &id, HASH_ENTER, NULL);
	MemoryContextSetParent(definition->context, cache_context);
	entry->definition = definition;
	entry->serial = ++loads;
	entry->told = told;
	return definition;
}

/* version 0: the newest.  NULL when there is none. */
static WfDefinition *
find_definition(const char *name, int32 version)
{
	Datum		values[2] = {CStringGetTextDatum(name), Int32GetDatum(version)};
	bool		isnull;

	if (wf_statement_execute(&find_statement, values, NULL, 1) == 0)
		return NULL;
	return wf_definition(DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[0],
													 SPI_tuptable->tupdesc, 1,
													 &isnull)));
}

/* The newest version, or NULL when there is no such name. */
WfDefinition *
wf_definition_newest(const char *name)
{
	return find_definition(name, 0);
}

/* By name; version 0: the newest.  Error WF006. */
WfDefinition *
wf_definition_by_name(const char *name, int32 version)
{
	WfDefinition *definition = find_definition(name, version);

	if (definition == NULL)
		ereport(ERROR,
				(errcode(WF_ERR_NO_DEFINITION),
				 version == 0 ?
				 errmsg("definition \"%s\" does not exist", wf_quote(name)) :
				 errmsg("definition \"%s\" has no version %d", wf_quote(name),
						version),
				 errhint("Store it with workflow.define().")));
	return definition;
}

/* text[] of state names. */
ArrayType *
wf_definition_states_array(WfDefinition *definition, const WfStateId *leaves, int n)
{
	Datum	   *names;
	ArrayType **slot = NULL;
	MemoryContext old = CurrentMemoryContext;
	ArrayType  *array;

	/* Nearly always one state is active: keep those arrays. */
	if (n == 1)
	{
		slot = &definition->leaf_arrays[leaves[0]];
		if (*slot != NULL)
			return *slot;
		MemoryContextSwitchTo(definition->context);
	}
	names = palloc(sizeof(Datum) * (n + 1));
	for (int i = 0; i < n; i++)
		names[i] = CStringGetTextDatum(definition->chart->states[leaves[i]].name);
	array = construct_array(names, n, TEXTOID, -1, false, TYPALIGN_INT);
	if (slot != NULL)
		*slot = array;
	MemoryContextSwitchTo(old);
	return array;
}

/*
 * Is this version in the table, whatever the session has in its cache?  SPI
 * must be connected.
 */
bool
wf_definition_exists(int32 id)
{
	Datum		value = Int32GetDatum(id);

	return wf_statement_execute(&exists_statement, &value, NULL, 1) > 0;
}

/*
 * Does this session have the definition at hand?  Needs a transaction.
 */
bool
wf_definition_is_cached(int32 id)
{
	check_cache();
	return hash_search(cache, &id, HASH_FIND, NULL) != NULL;
}

/*
 * Has the role that owns a definition been dropped?  Then *name is that of
 * the definition, which cannot be loaded.  False also when there is none.  SPI
 * must be connected.  Error 55000 before adopt().
 */
bool
wf_definition_is_orphaned(int32 id, const char **name)
{
	Datum		value = Int32GetDatum(id);
	bool		isnull;

	wf_origin_require();
	if (wf_statement_execute(&load_statement, &value, NULL, 1) == 0 ||
		OidIsValid(DatumGetObjectId(SPI_getbinval(SPI_tuptable->vals[0],
												  SPI_tuptable->tupdesc, 4, &isnull))))
		return false;
	*name = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
	return true;
}
