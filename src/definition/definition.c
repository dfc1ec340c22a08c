/*-------------------------------------------------------------------------
 *
 * definition.c
 *	  A session's cache of definitions.
 *
 * Runs in any backend.  A version never changes, so a cached one stays good for
 * the life of the session, with three exceptions.  adopt() may give the owner
 * another role, and change_owner() the definition another owner: both are read
 * again when inval.c tells of that.  So does drop_definition(), and then the
 * version is found to be gone.  And when the extension was dropped and created, its
 * tables have other OIDs, and the whole cache is thrown away.
 *
 * Reads without locks.  Who gives a version to a process keeps it from being
 * dropped: wf_definition_keep().
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "pgtime.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "base/compat.h"
#include "base/errcodes.h"
#include "base/quote.h"
#include "base/version.h"
#include "chart/chart.h"
#include "chart/diagnostic.h"
#include "compiler/compile.h"
#include "definition/definition.h"
#include "definition/qualify.h"
#include "eval/evaluator.h"
#include "parameter/parameters.h"
#include "shmem/inval.h"
#include "shmem/slot.h"
#include "store/origin.h"
#include "store/statement.h"

/* Tells when the extension is dropped, and when owners get other roles. */
static WfInval watch = {.table = "definition"};

static HTAB *cache = NULL;
static MemoryContext cache_context = NULL;
static Oid	cache_relation = InvalidOid;

/*
 * The number of the lock on a version among those on tags of our own; that of the
 * lock on a name is 0.
 */
#define WF_DEFINITION_LOCK	1

typedef struct CacheEntry
{
	int32		id;
	WfDefinition *definition;
	uint64		serial;			/* the value of loads when it was loaded */
	uint64		told;			/* the value of tellings when its role was read */
} CacheEntry;

/* Definitions that this session has loaded, and how often inval.c told of a change. */
static uint64 loads = 0;
static uint64 tellings = 0;

static WfStatement load_statement = {
	.sql = "SELECT d.name, d.version, d.owner, o.role, d.search_path, d.chart::pg_catalog.text, d.time_zone,"
	" d.functions"
	" FROM workflow.definition d, workflow.owner o"
	" WHERE d.id OPERATOR(pg_catalog.=) $1 AND o.id OPERATOR(pg_catalog.=) d.owner",
	WF_ARGS(INT4OID),
	.latest = true				/* who owns it is kept in the session */
};

static WfStatement load_calls_statement = {
	.sql = "SELECT d.name, d.version, d.owner, o.role, d.search_path, d.chart::pg_catalog.text, d.time_zone,"
	" d.functions, d.calls"
	" FROM workflow.definition d, workflow.owner o"
	" WHERE d.id OPERATOR(pg_catalog.=) $1 AND o.id OPERATOR(pg_catalog.=) d.owner",
	WF_ARGS(INT4OID),
	.latest = true				/* who owns it is kept in the session */
};

static WfStatement role_statement = {
	.sql = "SELECT o.role, o.id FROM workflow.definition d, workflow.owner o"
	" WHERE d.id OPERATOR(pg_catalog.=) $1 AND o.id OPERATOR(pg_catalog.=) d.owner",
	WF_ARGS(INT4OID),
	.latest = true
};

static WfStatement exists_statement = {
	.sql = "SELECT FROM workflow.definition WHERE id OPERATOR(pg_catalog.=) $1",
	WF_ARGS(INT4OID),
	.latest = true
};

static WfStatement find_statement = {
	.sql = "SELECT id FROM workflow.definition"
	" WHERE name OPERATOR(pg_catalog.=) $1"
	" AND ($2 OPERATOR(pg_catalog.=) 0 OR version OPERATOR(pg_catalog.=) $2)"
	" ORDER BY version DESC LIMIT 1",
	WF_ARGS(TEXTOID, INT4OID)
};

/* Make sure that the cache belongs to the extension that is there now. */
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
 * that nobody uses count, too, which costs no more than a look at a table.
 */
static bool
has_delayed_sends(const WfChart *chart)
{
	int			timers = chart->nlimits;

	for (int i = 0; i < chart->nstates; i++)
		timers += chart->states[i].ntimers;
	return chart->ndelays > timers;
}

/*
 * Compile the canonical form, and make all that is derived from it, in the
 * current memory context.  functions, calls: of the same version, or NULL.
 */
static void
furnish(WfDefinition *definition, const char *chart, const Jsonb *functions,
		const Jsonb *calls)
{
	WfFaults	faults = {0};

	definition->chart = wf_compile(chart, strlen(chart), &faults);
	if (definition->chart == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("stored definition %d does not compile", definition->id),
				 errdetail("%s: %s", faults.items[0].path,
						   faults.items[0].message)));
	wf_qualify(definition->chart, functions, definition->search_path,
			   definition->role, calls != NULL);
	if (definition->chart->time_zone != NULL)
		definition->time_zone = definition->chart->time_zone;
	definition->evaluator = wf_evaluator_new(definition->chart,
											 definition->role,
											 definition->search_path,
											 definition->time_zone);
	wf_evaluator_set_calls(definition->evaluator, calls);
	if (definition->id != 0)
		wf_evaluator_measure(definition->evaluator, definition->id);
	definition->leaf_arrays = palloc0(sizeof(ArrayType *) *
									  definition->chart->nstates);
	definition->event_data = palloc0(sizeof(WfParameters *) * (definition->chart->nevents + 1));
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

/* A column of type jsonb, copied; NULL if it is null or not there. */
static Jsonb *
jsonb_of(HeapTuple row, TupleDesc desc, int column)
{
	bool		isnull = true;
	Datum		value = column > desc->natts ? (Datum) 0 : SPI_getbinval(row, desc, column, &isnull);

	return isnull ? NULL : DatumGetJsonbPCopy(value);
}

/* Make a definition from what load_statement returned, in a context of its own. */
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
	furnish(definition, chart, jsonb_of(row, desc, 8), jsonb_of(row, desc, 9));
	pfree(chart);
	MemoryContextSwitchTo(old);
	return definition;
}

/*
 * Make a definition from its canonical form, in a child of the current memory
 * context.  It is in no table and no cache: id, version and owner are 0.
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
	furnish(definition, chart, NULL, NULL);
	definition->name = definition->chart->name;
	MemoryContextSwitchTo(old);
	return definition;
}

/* Free a definition that is in no cache.  Nobody uses it any more. */
void
wf_definition_free(WfDefinition *definition)
{
	wf_evaluator_free(definition->evaluator);
	MemoryContextDelete(definition->context);
}

/* A mark for wf_definition_forget(): what is loaded by now. */
uint64
wf_definition_mark(void)
{
	return loads;
}

/*
 * Remove the definitions that were loaded after the mark was read from the
 * cache: they were loaded in a subtransaction that is rolled back, and may have
 * been stored in it.  Nobody uses them any more.
 */
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

/*
 * Have all sessions read the roles of owners again when this transaction has
 * committed.  Must be called before the statement that changes them (inval.c).
 */
void
wf_definition_roles_changing(void)
{
	wf_inval_changing(&watch);
}

/*
 * What is kept outlives a statement that only looks, whose snapshot may be older
 * than what inval.c told of: read the latest row.
 */
static uint64
execute_latest(WfStatement *statement, Datum *value)
{
	bool		before = wf_statement_look_only(false);
	uint64		n = wf_statement_execute(statement, value, NULL, 1);

	(void) wf_statement_look_only(before);
	return n;
}

pg_noreturn static void
no_definition(int32 id)
{
	ereport(ERROR,
			(errcode(WF_ERR_NO_DEFINITION),
			 errmsg("definition %d does not exist", id)));
}

/*
 * Read the owner and its role again.  Error WF006 if the version was dropped, or
 * never committed.
 */
static void
read_role(CacheEntry *entry)
{
	Datum		value = Int32GetDatum(entry->id);
	uint64		told = tellings;
	bool		isnull;
	Oid			role;

	if (execute_latest(&role_statement, &value) == 0)
		no_definition(entry->id);
	role = DatumGetObjectId(SPI_getbinval(SPI_tuptable->vals[0],
										  SPI_tuptable->tupdesc, 1, &isnull));
	if (!OidIsValid(role))
		no_role(entry->definition->name);
	entry->definition->role = role;
	entry->definition->owner = DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[0],
														   SPI_tuptable->tupdesc, 2, &isnull));
	wf_evaluator_set_owner(entry->definition->evaluator, role);
	entry->told = told;
}

/*
 * The definition with this id, from the cache or loaded into it; good for the
 * life of the session.  Error WF006 when there is none, 55000 before adopt(),
 * 42704 when the role that owns it does not exist.  SPI must be connected.
 */
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
	if (execute_latest(wf_version_has_column("definition", "calls") ? &load_calls_statement :
					   &load_statement, &value) == 0)
		no_definition(id);
	definition = build(id, SPI_tuptable->vals[0], SPI_tuptable->tupdesc);

	/* Enter it when it is complete: an error above leaves the cache as it was. */
	entry = hash_search(cache, &id, HASH_ENTER, NULL);
	MemoryContextSetParent(definition->context, cache_context);
	entry->definition = definition;
	entry->serial = ++loads;
	entry->told = told;
	return definition;
}

/*
 * An executor waits for nobody: while it did, its owner's other work would stand
 * still, for as long as another owner leaves a transaction open.  The event comes
 * again later, and is charged with no attempt, as with a shortage of the server.
 */
static void
being_dropped(const WfDefinition *definition)
{
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_RESOURCES),
			 errmsg("definition \"%s\" version %d is being dropped", definition->name,
					definition->version),
			 errdetail("The transaction that drops it is still open.")));
}

/*
 * Lock a version against being dropped until the end of the transaction, which is
 * about to give it to a process; whoever drops it waits, and then finds the
 * process.  False if it was dropped before.  In an executor error 53000 if somebody
 * is about to drop it.
 *
 * The lock is on a tag of our own, see wf_definition_row_lock_name(); one on the row would
 * write to it for each process.
 */
static bool
keep(const WfDefinition *definition)
{
	CacheEntry *entry;

	if (wf_my_slot == NULL)
		LockDatabaseObject(cache_relation, definition->id, WF_DEFINITION_LOCK, AccessShareLock);
	else if (!ConditionalLockDatabaseObject(cache_relation, definition->id, WF_DEFINITION_LOCK,
											AccessShareLock))
		being_dropped(definition);
	check_cache();
	entry = hash_search(cache, &definition->id, HASH_FIND, NULL);
	return (entry != NULL && entry->told == tellings) || wf_definition_exists(definition->id);
}

/*
 * Keep a version from being dropped until the end of the transaction.  Error WF006
 * if it was dropped since it was looked up.  SPI must be connected.
 */
void
wf_definition_keep(const WfDefinition *definition)
{
	if (!keep(definition))
		ereport(ERROR,
				(errcode(WF_ERR_NO_DEFINITION),
				 errmsg("definition \"%s\" version %d was dropped", definition->name,
						definition->version)));
}

/* Wait for those who have a version kept, and keep others from it; as above. */
void
wf_definition_lock_for_drop(int32 id)
{
	check_cache();
	LockDatabaseObject(cache_relation, id, WF_DEFINITION_LOCK, AccessExclusiveLock);
}

/* The definition with this name; version 0: the newest.  NULL when there is none. */
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

/*
 * The newest version of a definition, or NULL when there is none of that name.
 * Errors are those of wf_definition().  SPI must be connected.
 */
WfDefinition *
wf_definition_newest(const char *name)
{
	return find_definition(name, 0);
}

/*
 * The same, kept from being dropped as by wf_definition_keep().  If the newest
 * version is dropped while this waits for it, it is the one before.
 */
WfDefinition *
wf_definition_newest_kept(const char *name)
{
	WfDefinition *definition = find_definition(name, 0);

	for (int tries = 0; tries < 2 && definition != NULL; tries++)
	{
		if (keep(definition))
			return definition;
		definition = find_definition(name, 0);
	}
	return NULL;
}

/*
 * The definition with this name; version 0: the newest.  Error WF006 when there
 * is none, and errors of wf_definition().  SPI must be connected.
 */
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
				 name[strspn(name, " \t\r\n")] == '{' ?
				 errhint("This is a text, not a name: lint() and simulate() take it as json, '{...}'::json; "
						 "else store it with workflow.define().") :
				 errhint("Store it with workflow.define().")));
	return definition;
}

/*
 * A text[] of the names of n states.  That of a single state is made once and
 * kept with the definition, others are in the current memory context: the caller
 * does not write to it.
 */
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

/* Is the definition in the cache?  Needs a transaction. */
bool
wf_definition_is_cached(int32 id)
{
	check_cache();
	return hash_search(cache, &id, HASH_FIND, NULL) != NULL;
}

/*
 * Does the role that owns a definition not exist?  Then it cannot be loaded, and
 * *name is its name, in the current memory context.  False also when there is no
 * such definition.  Error 55000 before adopt().  SPI must be connected.
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
