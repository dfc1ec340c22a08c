/*-------------------------------------------------------------------------
 *
 * table_trigger.c
 *	  A session's cache of table triggers.
 *
 * Runs in the sessions of those who write to tables of users.  What is kept is thrown
 * away when a table trigger, or whose it is, changes.  Code of users may change triggers
 * while one of them is read, so who does says so, and copies what he needs for longer.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "base/compat.h"
#include "shmem/inval.h"
#include "store/statement.h"
#include "table/table_trigger.h"

/* Tells when table triggers change, and when owners get other roles. */
static WfInval watch = {.table = "table_trigger"};
static WfInval roles = {.table = "definition"};

typedef struct CacheEntry
{
	char		name[NAMEDATALEN];	/* first */
	WfTableTrigger *trigger;
} CacheEntry;

static HTAB *cache = NULL;

static WfStatement load_statement = {
	.sql = "SELECT t.relation, o.role, t.job, t.definition, t.event, t.key, t.condition, t.search_path, t.time_zone,"
	" t.calls"
	" FROM workflow.table_trigger t JOIN workflow.owner o ON o.id OPERATOR(pg_catalog.=) t.owner"
	" WHERE t.name OPERATOR(pg_catalog.=) $1",
	WF_ARGS(TEXTOID),
	.latest = true				/* it is kept in the session */
};

enum
{
	RELATION = 1, ROLE, JOB, DEFINITION, EVENT, KEY, CONDITION, SEARCH_PATH, TIME_ZONE, CALLS
};

/* --- the cache ------------------------------------------------------------------ */

/* One that is in use is left to the session. */
static void
forget(CacheEntry *entry)
{
	WfTableTrigger *trigger = entry->trigger;

	(void) hash_search(cache, entry->name, HASH_REMOVE, NULL);
	if (trigger->used == WF_MY_LXID)
		return;
	wf_table_expr_forget(trigger->key);
	wf_table_expr_forget(trigger->when);
	MemoryContextDelete(trigger->context);
}

/* Throw away what is not good any more. */
static void
check_cache(void)
{
	HASHCTL		control = {.keysize = NAMEDATALEN,.entrysize = sizeof(CacheEntry),.hcxt = TopMemoryContext};
	HASH_SEQ_STATUS all;
	CacheEntry *entry;

	if (likely(cache != NULL && wf_inval_is_good(&watch) && wf_inval_is_good(&roles)))
		return;
	wf_inval_begin(&watch);
	wf_inval_begin(&roles);
	if (cache == NULL)
		cache = hash_create("workflow table triggers", 16, &control, HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
	hash_seq_init(&all, cache);
	while ((entry = hash_seq_search(&all)) != NULL)
		forget(entry);
}

/*
 * From now on it stays, until wf_table_trigger_leave() or the end of the transaction.
 * False: somebody further up, whose code has led here, sees to that, and leaves it.
 */
bool
wf_table_trigger_use(WfTableTrigger *trigger)
{
	if (trigger->used == WF_MY_LXID)
		return false;
	trigger->used = WF_MY_LXID;
	return true;
}

/* Who has used it needs it no more. */
void
wf_table_trigger_leave(WfTableTrigger *trigger)
{
	trigger->used = InvalidLocalTransactionId;
}

/* Table triggers change: tell all sessions when this transaction commits. */
void
wf_table_trigger_changing(void)
{
	wf_inval_changing(&watch);
}

/* --- loading -------------------------------------------------------------------- */

static char *
text_of(int column)
{
	return SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, column);
}

static Oid
oid_of(int column)
{
	bool		isnull;

	return DatumGetObjectId(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, column, &isnull));
}

/* What its expressions called when it was made; NULL: that is not known. */
static Jsonb *
calls_of(void)
{
	bool		isnull;
	Datum		value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, CALLS, &isnull);

	return isnull ? NULL : DatumGetJsonbPCopy(value);
}

static WfTableExpr *
expr_of(int column, bool is_condition, const Jsonb *calls)
{
	WfTableExpr *expr = wf_table_expr_new(text_of(column), is_condition);

	if (expr != NULL)
		expr->calls = calls;
	return expr;
}

/* The trigger of the row that was read, in a memory context of its own. */
static WfTableTrigger *
make(const char *name)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "workflow table trigger",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	WfTableTrigger *trigger = palloc0(sizeof(WfTableTrigger));
	const Jsonb *calls = calls_of();

	trigger->context = context;
	trigger->name = pstrdup(name);
	trigger->relation = oid_of(RELATION);
	trigger->author.role = oid_of(ROLE);
	trigger->author.search_path = text_of(SEARCH_PATH);
	trigger->author.time_zone = text_of(TIME_ZONE);
	trigger->job = text_of(JOB);
	trigger->definition = text_of(DEFINITION);
	trigger->event = text_of(EVENT);
	trigger->key = expr_of(KEY, false, calls);
	trigger->when = expr_of(CONDITION, true, calls);
	MemoryContextSwitchTo(old);
	return trigger;
}

/*
 * A table trigger by its name; NULL: there is none.  It is good until the next look, but
 * for who uses it.  SPI must be connected.
 */
WfTableTrigger *
wf_table_trigger_find(const char *name)
{
	Datum		value;
	CacheEntry *entry;
	WfTableTrigger *trigger;

	if (strlen(name) > WF_MAX_TABLE_TRIGGER_NAME)
		return NULL;
	check_cache();
	entry = hash_search(cache, name, HASH_FIND, NULL);
	if (likely(entry != NULL))
		return entry->trigger;
	value = CStringGetTextDatum(name);
	if (wf_statement_execute(&load_statement, &value, NULL, 1) == 0)
		return NULL;
	trigger = make(name);
	entry = hash_search(cache, name, HASH_ENTER, NULL);
	entry->trigger = trigger;
	MemoryContextSetParent(trigger->context, TopMemoryContext);
	return trigger;
}

/*
 * Does the table belong to the owner of the trigger?  Another one, who has got it since,
 * has not asked for what the trigger does.
 */
bool
wf_table_trigger_is_allowed(const WfTableTrigger *trigger)
{
	return object_ownercheck(RelationRelationId, trigger->relation, trigger->author.role);
}
