/*-------------------------------------------------------------------------
 *
 * api_search.c
 *	  workflow.search(): processes by tags, states, attributes and status.
 *
 * Runs in client backends, and locks nothing.  Attributes are looked up in an
 * index.  Tags and states are not stored for this: each version knows which of
 * its states have a tag, and a process row has its states.  So they cost nothing
 * while processes are stepped, but a search by them alone reads process rows.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "api/arg.h"
#include "api/filter.h"
#include "api/order.h"
#include "base/errcodes.h"
#include "base/quote.h"
#include "base/uuid.h"
#include "chart/chart.h"
#include "definition/definition.h"
#include "definition/privilege.h"
#include "definition/sensitive.h"
#include "store/statement.h"
#include "store/tenant.h"

PG_FUNCTION_INFO_V1(workflow_search);

#define LIMIT_MAX 10000

/*
 * $1 after, $2 versions, $3 starter, $4 status, $5 states one of which it is
 * in, $6 to $9 the groups of states of each version, one of each group of
 * which it is in, $10 limit.
 */
#define IS_WANTED \
	" p.definition OPERATOR(pg_catalog.=) ANY ($2)" \
	" AND ($3 IS NULL OR p.starter OPERATOR(pg_catalog.=) $3)" \
	" AND ($4 IS NULL OR p.status OPERATOR(pg_catalog.=) ANY ((SELECT $4::workflow.status[])::workflow.status[]))" \
	" AND ($5 IS NULL OR p.states OPERATOR(pg_catalog.&&) $5)" \
	" AND ($6 OPERATOR(pg_catalog.=) 0 OR NOT EXISTS (" \
	"  SELECT FROM pg_catalog.generate_series(1, $6) g(g) WHERE NOT EXISTS (" \
	"   SELECT FROM ROWS FROM (pg_catalog.unnest($7), pg_catalog.unnest($8), pg_catalog.unnest($9))" \
	"    w(definition, g, state)" \
	"   WHERE w.definition OPERATOR(pg_catalog.=) p.definition AND w.g OPERATOR(pg_catalog.=) g.g" \
	"   AND w.state OPERATOR(pg_catalog.=) ANY (p.states))))"

#define WANTED_ARGS \
	UUIDOID, INT4ARRAYOID, OIDOID, TEXTARRAYOID, TEXTARRAYOID, INT4OID, \
	INT4ARRAYOID, INT4ARRAYOID, TEXTARRAYOID, INT8OID

/* Is it the tenant's?  The SQL of versions before 0.3.0 has none. */
#define IS_MINE(number) " AND ($" number " IS NULL OR p.tenant OPERATOR(pg_catalog.=) $" number ")"

#define ALL(MINE) \
	{.sql = "SELECT p.id FROM workflow.process p" \
	" WHERE p.id OPERATOR(pg_catalog.>) $1 AND" IS_WANTED MINE \
	" ORDER BY p.id LIMIT $10", \
	.nargs = 11, \
	.args = {WANTED_ARGS, TEXTOID}}

static WfStatement all_statements[] = {ALL(""), ALL(IS_MINE("11"))};

/* $11 definition, $12 the attribute that is driving, $13 its value. */
#define IS_EQUAL \
	" a.definition OPERATOR(pg_catalog.=) $11 AND a.name OPERATOR(pg_catalog.=) $12" \
	" AND pg_catalog.jsonb_hash_extended(a.value, 0)" \
	"  OPERATOR(pg_catalog.=) pg_catalog.jsonb_hash_extended($13, 0)" \
	" AND a.value OPERATOR(pg_catalog.=) $13"

/* $12 the attribute that is driving, $13 an array, one element of which it has. */
#define IS_ANY \
	" a.definition OPERATOR(pg_catalog.=) $11 AND a.name OPERATOR(pg_catalog.=) $12" \
	" AND pg_catalog.jsonb_hash_extended(a.value, 0) OPERATOR(pg_catalog.=) ANY (ARRAY(" \
	"  SELECT pg_catalog.jsonb_hash_extended(e.value, 0) FROM pg_catalog.jsonb_array_elements($13) e(value)))" \
	" AND a.value OPERATOR(pg_catalog.=) ANY (ARRAY(SELECT e.value FROM pg_catalog.jsonb_array_elements($13) e(value)))"

/* Does a value compare so with another one of its JSON type? */
#define COMPARES(value, operator, with) \
	" pg_catalog.jsonb_typeof(" value ") OPERATOR(pg_catalog.=) pg_catalog.jsonb_typeof(" with ")" \
	" AND CASE " operator \
	"  WHEN '>' THEN " value " OPERATOR(pg_catalog.>) " with \
	"  WHEN '>=' THEN " value " OPERATOR(pg_catalog.>=) " with \
	"  WHEN '<' THEN " value " OPERATOR(pg_catalog.<) " with \
	"  WHEN '<=' THEN " value " OPERATOR(pg_catalog.<=) " with " END"

/* $12 the attribute that is driving, with operator $17 and $13: all of them are looked at. */
#define IS_IN_RANGE \
	" a.definition OPERATOR(pg_catalog.=) $11 AND a.name OPERATOR(pg_catalog.=) $12" \
	" AND" COMPARES("a.value", "$17", "$13")

/* $14 to $16 the other conditions: attribute, operator and value of each. */
#define ARE_OTHERS \
	" NOT EXISTS (SELECT FROM ROWS FROM (pg_catalog.unnest($14), pg_catalog.unnest($15), pg_catalog.unnest($16))" \
	"   w(name, operator, value)" \
	"  WHERE NOT EXISTS (SELECT FROM workflow.attribute b" \
	"   WHERE b.process OPERATOR(pg_catalog.=) a.process AND b.name OPERATOR(pg_catalog.=) w.name" \
	"   AND CASE w.operator" \
	"    WHEN '=' THEN b.value OPERATOR(pg_catalog.=) w.value" \
	"    WHEN 'any' THEN EXISTS (SELECT FROM pg_catalog.jsonb_array_elements(w.value) e(value)" \
	"     WHERE e.value OPERATOR(pg_catalog.=) b.value)" \
	"    ELSE" COMPARES("b.value", "w.operator", "w.value") " END))"

#define OF_ATTRIBUTES(columns, driving) \
	{OF_ATTRIBUTES_OF(columns, driving, ""), OF_ATTRIBUTES_OF(columns, driving, IS_MINE("18"))}

#define OF_ATTRIBUTES_OF(columns, driving, MINE) \
	{.sql = "SELECT " columns " FROM workflow.attribute a" \
	" JOIN workflow.process p ON p.id OPERATOR(pg_catalog.=) a.process" \
	" WHERE" driving " AND a.process OPERATOR(pg_catalog.>) $1 AND" ARE_OTHERS " AND" IS_WANTED MINE \
	" ORDER BY a.process LIMIT $10", \
	.nargs = 18, \
	.args = {WANTED_ARGS, TEXTOID, TEXTOID, JSONBOID, TEXTARRAYOID, TEXTARRAYOID, JSONBARRAYOID, TEXTOID, TEXTOID}}

/* A process may have several values of an attribute, each of them once. */
static WfStatement equal_statements[] = OF_ATTRIBUTES("a.process", IS_EQUAL);
static WfStatement any_statements[] = OF_ATTRIBUTES("DISTINCT a.process", IS_ANY);
static WfStatement range_statements[] = OF_ATTRIBUTES("DISTINCT a.process", IS_IN_RANGE);

static WfStatement versions_statement = {
	.sql = "SELECT id FROM workflow.definition WHERE name OPERATOR(pg_catalog.=) $1",
	.nargs = 1,
	.args = {TEXTOID}
};

/*
 * With our rights the view shows every process.  No join: only a condition on
 * the ids gets behind its barrier, to the index.
 */
static WfStatement rows_statement = {
	.sql = "SELECT v.* FROM workflow.processes v WHERE v.id OPERATOR(pg_catalog.=) ANY ($1)"
	" ORDER BY pg_catalog.array_position($1, v.id)",
	.nargs = 1,
	.args = {UUIDARRAYOID}
};

/* --- arrays ------------------------------------------------------------ */

/* A text[] argument. */
typedef struct Strings
{
	int			n;
	const char **items;
} Strings;

/* Read a text[] argument; empty if it is null.  Error 22004 for a null element. */
static Strings
strings_arg(FunctionCallInfo fcinfo, int arg, const char *name)
{
	Strings		strings = {0};
	Datum	   *values;
	bool	   *nulls;

	if (PG_ARGISNULL(arg))
		return strings;
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(arg), TEXTOID, -1, false, TYPALIGN_INT,
					  &values, &nulls, &strings.n);
	strings.items = palloc(sizeof(char *) * (strings.n + 1));
	for (int i = 0; i < strings.n; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("an element of \"%s\" is null", name)));
		strings.items[i] = TextDatumGetCString(values[i]);
	}
	return strings;
}

/* An argument of type workflow.status[], as text[]. */
static Datum
status_arg(FunctionCallInfo fcinfo, int arg)
{
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(arg);
	Datum	   *values;
	bool	   *nulls;
	int			n;

	deconstruct_array(array, ARR_ELEMTYPE(array), sizeof(Oid), true, TYPALIGN_INT,
					  &values, &nulls, &n);
	for (int i = 0; i < n; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("an element of \"%s\" is null", "status")));
		values[i] = CStringGetTextDatum(DatumGetCString(DirectFunctionCall1(enum_out, values[i])));
	}
	return PointerGetDatum(construct_array(values, n, TEXTOID, -1, false, TYPALIGN_INT));
}

/* Numbers as int4[]. */
static Datum
ids_array(const int32 *ids, int n)
{
	Datum	   *values = palloc(sizeof(Datum) * (n + 1));

	for (int i = 0; i < n; i++)
		values[i] = Int32GetDatum(ids[i]);
	return PointerGetDatum(construct_array(values, n, INT4OID, sizeof(int32), true,
										   TYPALIGN_INT));
}

/* A list of strings as text[]. */
static Datum
text_array(List *strings)
{
	Datum	   *values = palloc(sizeof(Datum) * (list_length(strings) + 1));
	int			n = 0;
	ListCell   *cell;

	foreach(cell, strings)
		values[n++] = CStringGetTextDatum(lfirst(cell));
	return PointerGetDatum(construct_array(values, n, TEXTOID, -1, false, TYPALIGN_INT));
}

/* --- states ------------------------------------------------------------ */

/*
 * The leaf states of all versions in which a process is wanted.  There is one
 * group for each tag, and one for all names of states together; a process must
 * be in a state of each group.
 */
typedef struct Wanted
{
	int			nversions;
	int32	   *versions;
	int			ngroups;
	int			n;
	int32	   *definition;		/* n ids of definitions, */
	int32	   *group;			/* their groups, from 1, */
	List	   *state;			/* and the names of their states */
	List	   *any;			/* states of the first group, without duplicates */
} Wanted;

/* Is the state one of these, or inside of one? */
static bool
is_below(const WfChart *chart, WfStateId state, const Strings *names)
{
	for (int i = 0; i < names->n; i++)
	{
		WfStateId	above = wf_chart_find(chart, names->items[i], strlen(names->items[i]));

		if (above != WF_NO_STATE && (state == above || wf_is_descendant(chart, state, above)))
			return true;
	}
	return false;
}

static bool
contains(List *strings, const char *string)
{
	ListCell   *cell;

	foreach(cell, strings)
		if (strcmp(lfirst(cell), string) == 0)
			return true;
	return false;
}

/*
 * Add the states of one version to a group: those with a tag, or, if tag is NULL,
 * those with one of the names.  Returns whether there are any.
 */
static bool
add_group(Wanted *wanted, const WfDefinition *definition, int group, const char *tag,
		  const Strings *names)
{
	const WfChart *chart = definition->chart;
	bool		found = false;

	wanted->definition = wanted->definition == NULL ? palloc(sizeof(int32) * chart->nstates) :
		repalloc(wanted->definition, sizeof(int32) * (wanted->n + chart->nstates));
	wanted->group = wanted->group == NULL ? palloc(sizeof(int32) * chart->nstates) :
		repalloc(wanted->group, sizeof(int32) * (wanted->n + chart->nstates));
	for (int i = 0; i < chart->nstates; i++)
	{
		const WfState *state = &chart->states[i];

		/* The rows of processes have leaf states only. */
		if (state->kind != WF_STATE_ATOMIC && state->kind != WF_STATE_FINAL)
			continue;
		if (tag != NULL ? !wf_chart_has_tag(chart, i, tag) : !is_below(chart, i, names))
			continue;
		found = true;
		wanted->definition[wanted->n] = definition->id;
		wanted->group[wanted->n++] = group;
		wanted->state = lappend(wanted->state, unconstify(char *, state->name));
		if (group == 1 && !contains(wanted->any, state->name))
			wanted->any = lappend(wanted->any, unconstify(char *, state->name));
	}
	return found;
}

/*
 * May the current user know what the definition consists of?  For others,
 * names that do not exist are no error: nothing is found.
 */
static bool
may_know(const WfDefinition *definition)
{
	return wf_privilege_may(definition, "start") || wf_privilege_may(definition, "send") ||
		wf_privilege_may(definition, "read");
}

static void
unknown_tag(const WfDefinition *definition, const char *tag)
{
	if (may_know(definition))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("no version of definition \"%s\" has a state with the tag \"%s\"",
						definition->name, wf_quote(tag))));
}

static void
unknown_state(const WfDefinition *definition, const char *name)
{
	if (may_know(definition))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("no version of definition \"%s\" has a state \"%s\"",
						definition->name, wf_quote(name))));
}

static void
unknown_attribute(const WfDefinition *definition, const char *name)
{
	if (may_know(definition))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("no version of definition \"%s\" has a searchable \"%s\"",
						definition->name, wf_quote(name))));
}

/*
 * Find the states of all versions.  Error 22023 for a tag or a state that no
 * version has, since it is most likely misspelled.
 */
static void
find_states(Wanted *wanted, const WfDefinition *newest, const Strings *tags,
			const Strings *names)
{
	for (int t = 0; t < tags->n; t++)
	{
		bool		found = false;

		for (int v = 0; v < wanted->nversions; v++)
			found = add_group(wanted, wf_definition(wanted->versions[v]), t + 1,
							  tags->items[t], NULL) || found;
		if (!found)
			unknown_tag(newest, tags->items[t]);
	}
	for (int i = 0; i < names->n; i++)
	{
		bool		found = false;

		for (int v = 0; v < wanted->nversions && !found; v++)
			found = wf_chart_find(wf_definition(wanted->versions[v])->chart, names->items[i],
								  strlen(names->items[i])) != WF_NO_STATE;
		if (!found)
			unknown_state(newest, names->items[i]);
	}
	wanted->ngroups = tags->n + (names->n > 0 ? 1 : 0);
	if (names->n > 0)
		for (int v = 0; v < wanted->nversions; v++)
			(void) add_group(wanted, wf_definition(wanted->versions[v]), wanted->ngroups,
							 NULL, names);
}

/* Find all versions of the definition. */
static void
read_versions(Wanted *wanted, const char *name)
{
	Datum		value = CStringGetTextDatum(name);
	bool		isnull;

	wanted->nversions = wf_statement_execute(&versions_statement, &value, NULL, 0);
	wanted->versions = palloc(sizeof(int32) * (wanted->nversions + 1));
	for (int i = 0; i < wanted->nversions; i++)
		wanted->versions[i] = DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[i],
														  SPI_tuptable->tupdesc, 1, &isnull));
}

/* --- attributes -------------------------------------------------------- */

/*
 * Does a version of the definition have this attribute?  Error WF002 if that may show
 * what is hidden from the current user: who can search by it can find it out.
 */
static bool
is_declared(const Wanted *wanted, const char *name)
{
	bool		declared = false;

	for (int v = wanted->nversions - 1; v >= 0; v--)
	{
		const WfDefinition *version = wf_definition(wanted->versions[v]);
		const WfAttribute *attributes = version->chart->attributes;

		for (int i = 0; i < version->chart->nattributes; i++)
		{
			if (strcmp(attributes[i].name, name) != 0)
				continue;
			declared = true;
			if (attributes[i].sensitive && wf_sensitive_hides(version))
				ereport(ERROR,
						(errcode(WF_ERR_NOT_ALLOWED),
						 errmsg("permission denied to search by attribute \"%s\"", wf_quote(name)),
						 errdetail("It may show sensitive fields, in version %d of the definition.",
								   version->version),
						 errhint("The owner of the definition can.")));
		}
	}
	return declared;
}

/*
 * Read what is asked of attributes.  Error 22023 for one that no version has,
 * others as of wf_filter_read().
 */
static void
read_filter(WfFilter *filter, Jsonb *attributes, const Wanted *wanted,
			const WfDefinition *newest)
{
	wf_filter_read(filter, attributes);
	for (int i = 0; i < filter->n; i++)
		if (!is_declared(wanted, filter->conditions[i].name))
			unknown_attribute(newest, filter->conditions[i].name);
}

/*
 * Read the order that is asked for.  Error 22023 for an attribute that no version
 * has.
 */
static WfOrder
read_order(const char *text, const Wanted *wanted, const WfDefinition *newest)
{
	WfOrder		order = wf_order_read(text);

	if (order.attribute && !is_declared(wanted, order.by))
		unknown_attribute(newest, order.by);
	return order;
}

/* --- search ------------------------------------------------------------ */

/* Of a row of the view processes, from 0; the definition's name comes before its version. */
#define ROW_VERSION	2
#define ROW_CONTEXT	7
#define ROW_OUTPUT	12

/* In a row of the view, hide what is hidden from the current user. */
static void
hide(const Wanted *wanted, Datum *values, const bool *nulls)
{
	for (int v = 0; v < wanted->nversions; v++)
	{
		const WfDefinition *definition = wf_definition(wanted->versions[v]);

		if (definition->version != DatumGetInt32(values[ROW_VERSION]))
			continue;
		if (!nulls[ROW_OUTPUT])
			values[ROW_OUTPUT] = wf_sensitive_show(definition, values[ROW_OUTPUT], values[ROW_CONTEXT]);
		values[ROW_CONTEXT] = wf_sensitive_show(definition, values[ROW_CONTEXT], values[ROW_CONTEXT]);
	}
}

/* Add the rows of these processes to the result. */
static void
put_rows(ReturnSetInfo *result, const Wanted *wanted, Datum ids)
{
	int			n = wf_statement_execute(&rows_statement, &ids, NULL, 0);
	SPITupleTable *rows = SPI_tuptable;
	int			columns = result->setDesc->natts;
	Datum	   *values = palloc(sizeof(Datum) * columns);
	bool	   *nulls = palloc(sizeof(bool) * columns);

	for (int i = 0; i < n; i++)
	{
		heap_deform_tuple(rows->vals[i], rows->tupdesc, values, nulls);
		hide(wanted, values, nulls);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
}

/*
 * Make the parameters that both statements have.  A user without the privilege
 * "read" finds only processes that they have started.
 */
static void
fill_wanted(FunctionCallInfo fcinfo, const Wanted *wanted, const WfDefinition *newest,
			Datum *values, char *nulls)
{
	static const pg_uuid_t first = {{0}};
	int			limit = PG_ARGISNULL(5) ? 100 : PG_GETARG_INT32(5);

	if (limit < 1 || limit > LIMIT_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("limit must be between 1 and %d", LIMIT_MAX)));
	memset(nulls, ' ', 18);
	nulls[18] = '\0';
	values[0] = PG_ARGISNULL(6) ? UUIDPGetDatum(&first) : PG_GETARG_DATUM(6);
	values[1] = ids_array(wanted->versions, wanted->nversions);
	values[2] = ObjectIdGetDatum(GetUserId());
	nulls[2] = wf_privilege_may(newest, "read") ? 'n' : ' ';
	nulls[3] = PG_ARGISNULL(4) ? 'n' : ' ';
	if (!PG_ARGISNULL(4))
		values[3] = status_arg(fcinfo, 4);
	nulls[4] = wanted->ngroups == 0 ? 'n' : ' ';
	values[4] = text_array(wanted->any);

	/* With one version and one group, parameter $5 says it all. */
	values[5] = Int32GetDatum(wanted->nversions == 1 && wanted->ngroups == 1 ? 0 : wanted->ngroups);
	values[6] = ids_array(wanted->definition, wanted->n);
	values[7] = ids_array(wanted->group, wanted->n);
	values[8] = text_array(wanted->state);
	values[9] = Int64GetDatum(limit);
}

/* Find the ids of processes; they are SPI's result. */
static int
find(const WfFilter *filter, const WfDefinition *newest, Datum *values, char *nulls)
{
	const WfCondition *driving = wf_filter_driving(filter, newest->name);
	const char *tenant = wf_tenant_current();
	int			mine = filter->n == 0 ? 10 : 17;	/* the last parameter */
	int			known = wf_tenant_is_known() ? 1 : 0;

	if (tenant != NULL)
		values[mine] = CStringGetTextDatum(tenant);
	nulls[mine] = tenant == NULL ? 'n' : ' ';
	if (filter->n == 0)
		return wf_statement_execute(&all_statements[known], values, nulls, 0);
	values[10] = CStringGetTextDatum(newest->name);
	values[11] = CStringGetTextDatum(driving->name);
	values[12] = JsonbPGetDatum(driving->value);
	wf_filter_arrays(filter, driving, &values[13]);
	values[16] = CStringGetTextDatum(driving->operator);
	switch (driving->kind)
	{
		case WF_CONDITION_EQUAL:
			return wf_statement_execute(&equal_statements[known], values, nulls, 0);
		case WF_CONDITION_ANY:
			return wf_statement_execute(&any_statements[known], values, nulls, 0);
		case WF_CONDITION_RANGE:
			break;
	}
	return wf_statement_execute(&range_statements[known], values, nulls, 0);
}

/* SPI's result, a column of ids, as uuid[]. */
static Datum
ids_found(int n)
{
	Datum	   *ids = palloc(sizeof(Datum) * (n + 1));
	bool		isnull;

	for (int i = 0; i < n; i++)
		ids[i] = SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull);
	return PointerGetDatum(wf_uuid_array(ids, n));
}

/*
 * Find processes and put them in order: all that match are found, then those of
 * the page are taken.
 */
static int
find_in_order(FunctionCallInfo fcinfo, const WfFilter *filter, const WfDefinition *newest,
			  const WfOrder *order, Datum *values, char *nulls)
{
	static const pg_uuid_t first = {{0}};
	WfPage		page = {
		.after = PG_ARGISNULL(6) ? NULL : DatumGetUUIDP(values[0]),
		.after_value = wf_arg_jsonb_or_null(fcinfo, 8),
		.limit = DatumGetInt64(values[9]),
		.versions = values[1],
		.starter = nulls[2] == 'n' ? InvalidOid : DatumGetObjectId(values[2])
	};
	int			n;

	values[0] = UUIDPGetDatum(&first);
	values[9] = Int64GetDatum(PG_INT64_MAX);
	n = find(filter, newest, values, nulls);
	return wf_order_page(order, ids_found(n), &page);
}

/*
 * SQL function workflow.search(...) of sql/parts/search.sql.  Locks nothing.
 * That of 0.2.0 has no order.
 */
Datum
workflow_search(PG_FUNCTION_ARGS)
{
	char	   *name = wf_arg_string(fcinfo, 0, "definition");
	Strings		tags = strings_arg(fcinfo, 1, "tags");
	Strings		names = strings_arg(fcinfo, 3, "states");
	WfDefinition *newest;
	Wanted		wanted = {0};
	WfFilter	filter = {0};
	Datum		values[18];
	char		nulls[19];
	int			n;

	/* Taken for nothing, it would give the same page for ever. */
	if (PG_NARGS() > 8 && !PG_ARGISNULL(8) && (PG_ARGISNULL(6) || PG_ARGISNULL(7)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"after_value\" needs \"after\" and \"order_by\""),
				 errdetail("It is the value of a process, behind which a page begins.")));
	InitMaterializedSRF(fcinfo, 0);
	wf_statement_connect();
	newest = wf_definition_by_name(name, 0);
	read_versions(&wanted, name);
	find_states(&wanted, newest, &tags, &names);
	if (!PG_ARGISNULL(2))
		read_filter(&filter, PG_GETARG_JSONB_P(2), &wanted, newest);

	fill_wanted(fcinfo, &wanted, newest, values, nulls);
	if (PG_NARGS() > 7 && !PG_ARGISNULL(7))
	{
		WfOrder		order = read_order(wf_arg_string(fcinfo, 7, "order_by"), &wanted, newest);

		n = find_in_order(fcinfo, &filter, newest, &order, values, nulls);
	}
	else
		n = find(&filter, newest, values, nulls);
	put_rows((ReturnSetInfo *) fcinfo->resultinfo, &wanted, ids_found(n));
	SPI_finish();
	return (Datum) 0;
}
