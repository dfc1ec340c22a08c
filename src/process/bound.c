/*-------------------------------------------------------------------------
 *
 * bound.c
 *	  Rows of users that carry the states of processes.
 *
 * Runs in any backend, when a stepper has written everything else: whoever updates such
 * a row and sends an event then locks in the other order than a step does, and one of two
 * that meet so gets 40P01.  The rows of a batch are updated by one statement for each
 * definition, as the owner of the definition, restricted as actions are where the session
 * is another's.  Where nothing is bound that costs a look at a counter.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "base/quote.h"
#include "base/version.h"
#include "eval/user_context.h"
#include "process/bound.h"
#include "process/process.h"
#include "process/stepper.h"
#include "shmem/inval.h"
#include "store/statement.h"
#include "store/tenant.h"

static WfInval watch = {.table = "binding"};

static WfStatement load_statement = {
	.sql = "SELECT definition, relation, key_column, state_column FROM workflow.binding",
	.latest = true				/* it is kept in the session */
};

/* One that is kept, with its plan. */
typedef struct Kept
{
	WfBound		bound;
	SPIPlanPtr	plan;			/* or NULL */
} Kept;

static Kept *kept = NULL;
static int	nkept = 0;
static MemoryContext kept_context = NULL;

/* The table that is being written, and how deep in triggers that is done. */
static Oid	writing = InvalidOid;
static int	writing_depth = 0;

/* --- which there are ---------------------------------------------------------------- */

/* Plans outlive what is kept, which their own execution may throw away. */
static void
forget(void)
{
	for (int i = 0; i < nkept; i++)
		if (kept[i].plan != NULL && !OidIsValid(writing))
			SPI_freeplan(kept[i].plan);
	if (kept_context != NULL)
		MemoryContextDelete(kept_context);
	kept_context = NULL;
	kept = NULL;
	nkept = 0;
}

static void
load(void)
{
	MemoryContext old;
	int			n;

	wf_inval_begin(&watch);
	forget();
	if (!wf_version_has_column("binding", "relation"))
		return;					/* SQL of before 0.3.0 */
	n = wf_statement_execute(&load_statement, NULL, NULL, 0);
	if (n == 0)
		return;
	kept_context = AllocSetContextCreate(TopMemoryContext, "workflow bindings", ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(kept_context);
	kept = palloc0(sizeof(Kept) * n);
	for (int i = 0; i < n; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		bool		isnull;

		kept[i].bound.definition = SPI_getvalue(row, desc, 1);
		kept[i].bound.relation = DatumGetObjectId(SPI_getbinval(row, desc, 2, &isnull));
		kept[i].bound.key_column = SPI_getvalue(row, desc, 3);
		kept[i].bound.state_column = SPI_getvalue(row, desc, 4);
	}
	MemoryContextSwitchTo(old);
	nkept = n;
}

/* Bindings change: tell all sessions when this transaction commits. */
void
wf_bound_changing(void)
{
	wf_inval_changing(&watch);
}

static Kept *
find(const char *definition)
{
	for (int i = 0; i < nkept; i++)
		if (strcmp(kept[i].bound.definition, definition) == 0)
			return &kept[i];
	return NULL;
}

/*
 * How processes of a definition are bound; NULL: they are not.  Good until the next look.
 * SPI must be connected.
 */
const WfBound *
wf_bound_find(const char *definition)
{
	Kept	   *found;

	if (!wf_inval_is_good(&watch))
		load();
	found = find(definition);
	return found == NULL ? NULL : &found->bound;
}

/* --- the statement -------------------------------------------------------------------- */

/* The type of a column, as the text of a statement names it.  Error 42703 without one. */
static char *
type_of(Oid relation, const char *column)
{
	AttrNumber	number = get_attnum(relation, column);
	Oid			type;
	int32		typmod;
	Oid			collation;

	if (number <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("table \"%s\" has no column \"%s\"", get_rel_name(relation), wf_quote(column))));
	get_atttypetypmodcoll(relation, number, &type, &typmod, &collation);
	return format_type_extended(type, typmod, FORMAT_TYPE_TYPEMOD_GIVEN | FORMAT_TYPE_FORCE_QUALIFY);
}

/*
 * A type as the text of a statement names it that casts to it without a length: "character"
 * would be one character.
 */
static char *
plain_type(Oid type)
{
	HeapTuple	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
	Form_pg_type form;
	char	   *name;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for type %u", type);
	form = (Form_pg_type) GETSTRUCT(tuple);
	name = quote_qualified_identifier(get_namespace_name(form->typnamespace), NameStr(form->typname));
	ReleaseSysCache(tuple);
	return name;
}

/* An operand of the operator of this input type, which none of that name then fits better. */
static char *
operand(const char *text, Oid type)
{
	return IsPolymorphicType(type) ? pstrdup(text) : psprintf("CAST(%s AS %s)", text, plain_type(type));
}

/*
 * "left = right", by the operator that the type's own operator class has: what is called "=" in
 * the search_path of the owner, others may have put there.  Error 42883 without one.
 */
static char *
equality(Oid type, const char *left, const char *right)
{
	Oid			found = lookup_type_cache(type, TYPECACHE_EQ_OPR)->eq_opr;
	HeapTuple	tuple;
	Form_pg_operator form;
	char	   *text;

	if (!OidIsValid(found))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("could not identify an equality operator for type %s", format_type_be(type))));
	tuple = SearchSysCache1(OPEROID, ObjectIdGetDatum(found));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for operator %u", found);
	form = (Form_pg_operator) GETSTRUCT(tuple);
	text = psprintf("%s OPERATOR(%s.%s) %s", operand(left, form->oprleft),
					quote_identifier(get_namespace_name(form->oprnamespace)), NameStr(form->oprname),
					operand(right, form->oprright));
	ReleaseSysCache(tuple);
	return text;
}

/* A value as it is compared: as a text, byte by byte. */
#define AS_TEXT(value) "CAST(" value " AS pg_catalog.text) COLLATE pg_catalog.\"C\""

/*
 * The statement that has rows carry states: $1 are keys, $2 states.  Everything that is
 * named in it is a name of the catalogs, quoted, and so are its operators, as in the
 * statements of foreign keys: nothing is looked up in a path.
 * SPI must be connected; in the context of the owner of the definition.
 */
SPIPlanPtr
wf_bound_prepare(const WfBound *bound)
{
	Oid			types[2] = {TEXTARRAYOID, TEXTARRAYOID};
	char	   *table = quote_qualified_identifier(get_namespace_name(get_rel_namespace(bound->relation)),
												   get_rel_name(bound->relation));
	char	   *state_type = type_of(bound->relation, bound->state_column);
	char	   *state_column = pstrdup(quote_identifier(bound->state_column));
	char	   *key_type = type_of(bound->relation, bound->key_column);
	Oid			key = get_atttype(bound->relation, get_attnum(bound->relation, bound->key_column));
	char	   *state = psprintf("CAST(u.state AS %s)", state_type);
	SPIPlanPtr	plan;

	plan = SPI_prepare(psprintf("UPDATE %s t SET %s = %s"
								" FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2)) u(key, state)"
								" WHERE %s AND NOT (t.%s IS NULL AND %s IS NULL)"
								" AND (" AS_TEXT("t.%s") " OPERATOR(pg_catalog.<>) " AS_TEXT("%s") ") IS NOT FALSE",
								table, state_column, state,
								equality(key, psprintf("t.%s", quote_identifier(bound->key_column)),
									  psprintf("CAST(u.key AS %s)", key_type)),
								state_column, state, state_column, state), 2, types);
	if (plan == NULL)
		elog(ERROR, "could not prepare an update of %s: %s", table, SPI_result_code_string(SPI_result));
	return plan;
}

/* The plan, made anew where its table has changed, another name included. */
static SPIPlanPtr
plan_of(Kept *one)
{
	if (one->plan != NULL && SPI_plan_is_valid(one->plan))
		return one->plan;
	if (one->plan != NULL)
		SPI_freeplan(one->plan);
	one->plan = NULL;
	one->plan = wf_bound_prepare(&one->bound);
	if (SPI_keepplan(one->plan) != 0)
		elog(ERROR, "could not keep a plan");
	return one->plan;
}

/* --- writing --------------------------------------------------------------------------- */

/* The states of a process as its row carries them: null where there is none. */
static Datum
text_of_states(Datum states, bool *isnull)
{
	Datum		text = OidFunctionCall2(F_ARRAY_TO_STRING_ANYARRAY_TEXT, states, CStringGetTextDatum(","));

	*isnull = VARSIZE_ANY_EXHDR(DatumGetPointer(text)) == 0;
	return text;
}

/* Are they of one definition and tenant? */
static bool
is_like(const WfProcess *process, const WfProcess *other)
{
	return strcmp(process->definition->name, other->definition->name) == 0 &&
		wf_tenant_same(process->row.tenant, other->row.tenant);
}

/* Is something of a process to be written to its row, if it has one? */
static bool
concerns(const WfProcess *process)
{
	return process->changed && (process->is_new ? process->key != NULL : process->row.key != (Datum) 0);
}

/* Keys and states of the processes that are like this one.  Returns how many. */
static int
collect(const WfStepper *stepper, const WfProcess *like, Datum *values)
{
	int			most = list_length(stepper->processes);
	Datum	   *keys = palloc(sizeof(Datum) * most);
	Datum	   *states = palloc(sizeof(Datum) * most);
	bool	   *nulls = palloc(sizeof(bool) * most);
	int			lower = 1;
	int			n = 0;
	ListCell   *cell;

	foreach(cell, stepper->processes)
	{
		const WfProcess *process = lfirst(cell);

		if (!concerns(process) || !is_like(process, like))
			continue;
		keys[n] = process->is_new ? CStringGetTextDatum(process->key) : process->row.key;
		states[n] = text_of_states(process->row.states, &nulls[n]);
		n++;
	}
	values[0] = PointerGetDatum(construct_array(keys, n, TEXTOID, -1, false, TYPALIGN_INT));
	values[1] = PointerGetDatum(construct_md_array(states, nulls, 1, &n, &lower, TEXTOID, -1, false, TYPALIGN_INT));
	return n;
}

static int
trigger_depth(void)
{
	return DatumGetInt32(OidFunctionCall0(F_PG_TRIGGER_DEPTH));
}

/* Update rows, while the guard of the table lets it pass. */
static void
execute(Kept *one, Datum *values)
{
	Oid			before = writing;
	int			depth = writing_depth;
	SPIPlanPtr	plan = plan_of(one);
	int			code = 0;

	writing = one->bound.relation;
	writing_depth = trigger_depth();
	PG_TRY();
	{
		code = SPI_execute_plan(plan, values, NULL, false, 0);
	}
	PG_FINALLY();
	{
		writing = before;
		writing_depth = depth;
	}
	PG_END_TRY();
	if (code < 0)
		elog(ERROR, "could not update rows of processes: %s", SPI_result_code_string(code));
}

/*
 * The rows of all processes of one definition and tenant: the table may show each tenant
 * only its own rows.
 */
static void
write_of(const WfStepper *stepper, const WfProcess *like)
{
	const WfDefinition *definition = like->definition;
	WfUserContext bracket = {.tenant = wf_tenant_name(like->row.tenant)};
	Datum		values[2];
	Kept	   *one = find(definition->name);

	/* a table that was dropped has no row for any process */
	if (get_rel_relkind(one->bound.relation) == '\0' || collect(stepper, like, values) == 0)
		return;
	wf_user_context_enter(&definition->evaluator->author, &bracket);
	execute(one, values);
	wf_user_context_leave(&bracket);
}

/*
 * Have the rows of the processes of a stepper carry their states, after all else was
 * written.  Throws what the statement and the triggers of the table throw.
 */
void
wf_bound_write(WfStepper *stepper)
{
	List	   *done = NIL;
	ListCell   *cell;

	if (!wf_inval_is_good(&watch))
		load();
	if (likely(nkept == 0))
		return;
	foreach(cell, stepper->processes)
	{
		WfProcess  *process = lfirst(cell);
		ListCell   *other;

		foreach(other, done)
			if (is_like(process, lfirst(other)))
				break;
		if (other != NULL)
			continue;
		done = lappend(done, process);
		if (wf_bound_find(process->definition->name) != NULL)
			write_of(stepper, process);
	}
}

/*
 * For a trigger of the table: does the change of the row that it is called for come from
 * wf_bound_write(), and not from a trigger that fires there?
 */
bool
wf_bound_is_writing(void)
{
	return OidIsValid(writing) && trigger_depth() == writing_depth + 1;
}
