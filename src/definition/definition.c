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
#include "miscadmin.h"
#include "pgtime.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "base/compat.h"
#include "compiler/compile.h"
#include "definition/definition.h"
#include "base/quote.h"
#include "store/statement.h"
#include "store/origin.h"
#include "shmem/inval.h"

/* Told when the extension is dropped, and when roles were found anew. */
static WfWatch watch = {.table = "definition"};

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
	.nargs = 1,
	.args = {INT4OID}
};

static WfStatement role_statement = {
	.sql = "SELECT o.role FROM workflow.definition d, workflow.owner o"
	" WHERE d.id OPERATOR(pg_catalog.=) $1 AND o.id OPERATOR(pg_catalog.=) d.owner",
	.nargs = 1,
	.args = {INT4OID}
};

static WfStatement find_statement = {
	.sql = "SELECT id FROM workflow.definition"
	" WHERE name OPERATOR(pg_catalog.=) $1"
	" AND ($2 OPERATOR(pg_catalog.=) 0 OR version OPERATOR(pg_catalog.=) $2)"
	" ORDER BY version DESC LIMIT 1",
	.nargs = 2,
	.args = {TEXTOID, INT4OID}
};

static WfStatement permission_statement = {
	.sql = "SELECT role FROM workflow.permission"
	" WHERE definition OPERATOR(pg_catalog.=) $1 AND privilege OPERATOR(pg_catalog.=) $2",
	.nargs = 2,
	.args = {TEXTOID, TEXTOID}
};

static WfStatement owner_statement = {
	.sql = "SELECT id FROM workflow.owner WHERE role OPERATOR(pg_catalog.=) $1",
	.nargs = 1,
	.args = {OIDOID}
};

/* Make sure that the cache is that of the extension as it is now. */
static void
check_cache(void)
{
	HASHCTL		control;

	if (likely(cache != NULL && wf_watch_is_good(&watch)))
		return;
	wf_watch_begin(&watch);
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

void
wf_definition_roles_changing(void)
{
	wf_watch_changing(&watch);
}

/* Who owns it now.  A version that is gone was never committed: its role stays. */
static void
read_role(CacheEntry *entry)
{
	Datum		value = Int32GetDatum(entry->id);
	uint64		told = tellings;
	bool		isnull;
	Oid			role;

	if (wf_execute(&role_statement, &value, NULL, 1) > 0)
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

	wf_stamp_require();
	told = tellings;
	if (wf_execute(&load_statement, &value, NULL, 1) == 0)
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

	if (wf_execute(&find_statement, values, NULL, 1) == 0)
		return NULL;
	return wf_definition(DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[0],
													 SPI_tuptable->tupdesc, 1,
													 &isnull)));
}

WfDefinition *
wf_definition_newest(const char *name)
{
	return find_definition(name, 0);
}

WfDefinition *
wf_definition_by_name(const char *name, int32 version)
{
	WfDefinition *definition = find_definition(name, version);

	if (definition == NULL)
		ereport(ERROR,
				(errcode(WF_ERR_NO_DEFINITION),
				 version == 0 ?
				 errmsg("definition \"%s\" does not exist", wf_quoted(name)) :
				 errmsg("definition \"%s\" has no version %d", wf_quoted(name),
						version),
				 errhint("Store it with workflow.define().")));
	return definition;
}

static bool
has_role(Oid member, const char *name)
{
	Oid			role = get_role_oid(name, true);

	return OidIsValid(role) && has_privs_of_role(member, role);
}

bool
wf_may(const WfDefinition *definition, const char *privilege)
{
	return wf_role_may(GetUserId(), definition, privilege);
}

/* May the role do this with every definition, whoever owns it? */
static bool
may_always(Oid role, const char *privilege)
{
	return has_role(role, "workflow_admin") ||
		(strcmp(privilege, "read") == 0 && has_role(role, "workflow_monitor"));
}

bool
wf_may_by_id(int32 id, const char *privilege)
{
	Datum		value = Int32GetDatum(id);
	WfDefinition orphan = {0};
	bool		isnull;

	check_cache();
	if (hash_search(cache, &id, HASH_FIND, NULL) != NULL)
		return wf_may(wf_definition(id), privilege);
	if (may_always(GetUserId(), privilege))
		return true;
	wf_stamp_require();
	if (wf_execute(&load_statement, &value, NULL, 1) == 0 ||
		OidIsValid(DatumGetObjectId(SPI_getbinval(SPI_tuptable->vals[0],
												  SPI_tuptable->tupdesc, 4, &isnull))))
		return wf_may(wf_definition(id), privilege);

	/* Its owner does not exist: others keep what they were granted. */
	orphan.name = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
	return wf_may(&orphan, privilege);
}

bool
wf_role_may(Oid role, const WfDefinition *definition, const char *privilege)
{
	Datum		values[2];
	bool		granted = false;

	if (has_privs_of_role(role, definition->role) || may_always(role, privilege))
		return true;

	values[0] = CStringGetTextDatum(definition->name);
	values[1] = CStringGetTextDatum(privilege);
	wf_execute(&permission_statement, values, NULL, 0);
	for (uint64 i = 0; i < SPI_processed && !granted; i++)
	{
		bool		isnull;
		Oid			grantee = DatumGetObjectId(SPI_getbinval(SPI_tuptable->vals[i],
															 SPI_tuptable->tupdesc,
															 1, &isnull));

		granted = has_privs_of_role(role, grantee);
	}
	return granted;
}

void
wf_require(const WfDefinition *definition, const char *privilege)
{
	if (!wf_may(definition, privilege))
		ereport(ERROR,
				(errcode(WF_ERR_NOT_ALLOWED),
				 errmsg("permission denied to %s definition \"%s\"",
						strcmp(privilege, "send") == 0 ? "send to processes of" : privilege,
						definition->name),
				 errhint("Its owner can allow it with workflow.grant_on().")));
}

void
wf_require_owner(const WfDefinition *definition)
{
	if (!has_privs_of_role(GetUserId(), definition->role) &&
		!has_role(GetUserId(), "workflow_admin"))
		ereport(ERROR,
				(errcode(WF_ERR_NOT_ALLOWED),
				 errmsg("must be owner of definition \"%s\"", definition->name),
				 errhint("Members of workflow_admin may, too.")));
}

bool
wf_role_may_act(Oid role, const WfDefinition *definition, const char *actor)
{
	Oid			actor_role = get_role_oid(actor, true);

	return (OidIsValid(actor_role) && has_privs_of_role(role, actor_role)) ||
		wf_role_may(role, definition, "act");
}

void
wf_require_actor(const WfDefinition *definition, const char *actor)
{
	if (!wf_role_may_act(GetUserId(), definition, actor))
		ereport(ERROR,
				(errcode(WF_ERR_NOT_ALLOWED),
				 errmsg("role \"%s\" may not act for \"%s\"",
						GetUserNameFromId(GetUserId(), false), wf_quoted(actor)),
				 errhint("The owner of definition \"%s\" can allow it to act for everybody with workflow.grant_on(..., 'act').",
						 definition->name)));
}

int32
wf_owner_of_role(Oid role)
{
	Datum		value = ObjectIdGetDatum(role);
	bool		isnull;

	if (wf_execute(&owner_statement, &value, NULL, 1) == 0)
		return 0;
	return DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[0],
									   SPI_tuptable->tupdesc, 1, &isnull));
}

ArrayType *
wf_states_array(WfDefinition *definition, const WfStateId *leaves, int n)
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
