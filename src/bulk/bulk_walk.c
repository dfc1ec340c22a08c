/*-------------------------------------------------------------------------
 *
 * bulk_walk.c
 *	  The items of a bulk operation, in their order.
 *
 * Runs where slices are done.  Items are found by a walk along the primary key of their
 * table, a stretch at a time, from where the slice before has come to: nothing is kept of
 * what is still to come, however much it is.  A stretch is bounded also by what it looks at,
 * so that a filter that fits few rows of many holds no snapshot for long.  Ids begin with
 * the time at which they were made: what came after the operation is not reached.
 *
 * What is done under the lock of an item is asked of it once more: it may have changed
 * since it was found, or since others had it locked.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "bulk/bulk_act.h"
#include "bulk/bulk_walk.h"
#include "chart/chart.h"
#include "definition/definition.h"
#include "store/given.h"
#include "store/process_row.h"
#include "store/run_row.h"
#include "store/statement.h"

/* --- statements -------------------------------------------------------------------- */

/* Of processes; $1: the item or position, $2: versions, $3: states, $4: status, $5: suspended, $6: key, $7, $8: started, $9: tenant. */
#define PROCESS_FITS \
	" ($2 IS NULL OR p.definition OPERATOR(pg_catalog.=) ANY ($2))" \
	" AND NOT" WF_PROCESS_ROW_IS_OVER("p") \
	" AND ($3 IS NULL OR EXISTS (SELECT FROM pg_catalog.unnest(p.states) a(name), pg_catalog.unnest($3) w(name)" \
	"  WHERE a.name OPERATOR(pg_catalog.=) w.name" \
	"  OR pg_catalog.starts_with(a.name, w.name OPERATOR(pg_catalog.||) '.')))" \
	" AND ($4 IS NULL OR p.status::pg_catalog.text OPERATOR(pg_catalog.=) ANY ($4))" \
	" AND ($5 IS NULL OR p.suspended OPERATOR(pg_catalog.=) $5)" \
	" AND ($6 IS NULL OR p.key OPERATOR(pg_catalog.=) $6)" \
	" AND p.started_at OPERATOR(pg_catalog.>=) $7 AND p.started_at OPERATOR(pg_catalog.<) $8" \
	" AND ($9 IS NULL OR p.tenant OPERATOR(pg_catalog.=) $9)"
#define PROCESS_ARGS \
	UUIDOID, INT4ARRAYOID, TEXTARRAYOID, TEXTARRAYOID, BOOLOID, TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID, TEXTOID

/*
 * Of runs; $1: the item or position, $2: versions, $3: whose runs besides, $4: versions that were named,
 * $5: states, $6: queue, $7: partition, $8: key, $9, $10: `time`, $11: tenant.
 */
#define RUN_FITS(time) \
	" ($2 IS NULL OR r.job OPERATOR(pg_catalog.=) ANY ($2) OR r.starter OPERATOR(pg_catalog.=) $3)" \
	" AND ($4 IS NULL OR r.job OPERATOR(pg_catalog.=) ANY ($4))" \
	" AND r.state OPERATOR(pg_catalog.=) ANY ($5)" \
	" AND ($6 OPERATOR(pg_catalog.=) 0 OR r.queue OPERATOR(pg_catalog.=) $6)" \
	" AND ($7 IS NULL OR r.partition OPERATOR(pg_catalog.=) $7)" \
	" AND ($8 IS NULL OR r.key OPERATOR(pg_catalog.=) $8)" \
	" AND r." time " OPERATOR(pg_catalog.>=) $9 AND r." time " OPERATOR(pg_catalog.<) $10" \
	" AND ($11 IS NULL OR r.tenant OPERATOR(pg_catalog.=) $11)"
#define RUN_ARGS \
	UUIDOID, INT4ARRAYOID, OIDOID, INT4ARRAYOID, INT2ARRAYOID, INT4OID, TEXTOID, TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID, \
	TEXTOID

/* A stretch of a table, fits or not; upto and limit: the parameters behind the others. */
#define WALK(id, table, fits, upto, limit) \
	"SELECT " id ", (" fits ") FROM workflow." table " WHERE " id " OPERATOR(pg_catalog.>) $1" \
	" AND " id " OPERATOR(pg_catalog.<=) " upto " ORDER BY " id " LIMIT " limit
#define HOLD(id, table, fits, how) \
	"SELECT FROM workflow." table " WHERE " id " OPERATOR(pg_catalog.=) $1 AND" fits how " SKIP LOCKED"
#define LOOK(id, table, fits) \
	"SELECT (" fits ") FROM workflow." table " WHERE " id " OPERATOR(pg_catalog.=) $1"

/* A table of items. */
typedef struct Source
{
	WfStatement walk;
	WfStatement hold;
	WfStatement look;
} Source;

static Source processes = {
	.walk = {.sql = WALK("p.id", "process p", PROCESS_FITS, "$10", "$11"), WF_ARGS(PROCESS_ARGS, UUIDOID, INT8OID)},
	.hold = {.sql = HOLD("p.id", "process p", PROCESS_FITS, " FOR NO KEY UPDATE"), WF_ARGS(PROCESS_ARGS)},
	.look = {.sql = LOOK("p.id", "process p", PROCESS_FITS), WF_ARGS(PROCESS_ARGS)}
};

static Source runs = {
	.walk = {.sql = WALK("r.id", "run r", RUN_FITS("due"), "$12", "$13"), WF_ARGS(RUN_ARGS, UUIDOID, INT8OID)},
	.hold = {.sql = HOLD("r.id", "run r", RUN_FITS("due"), " FOR UPDATE"), WF_ARGS(RUN_ARGS)},
	.look = {.sql = LOOK("r.id", "run r", RUN_FITS("due")), WF_ARGS(RUN_ARGS)}
};

/* A run that failed once more meanwhile ended after the operation was asked for. */
static Source ended_runs = {
	.walk = {.sql = WALK("r.run", "run_history r", RUN_FITS("ended_at"), "$12", "$13"), WF_ARGS(RUN_ARGS, UUIDOID, INT8OID)},
	.hold = {.sql = HOLD("r.run", "run_history r", RUN_FITS("ended_at"), " FOR UPDATE"), WF_ARGS(RUN_ARGS)},
	.look = {.sql = LOOK("r.run", "run_history r", RUN_FITS("ended_at")), WF_ARGS(RUN_ARGS)}
};

/*
 * By attributes and tags; $10: definition, $11: tags, $12: attributes, $13: version, $14: limit, $15: the
 * last id.  With the rights of the caller.
 */
static WfStatement search_statement = {
	.sql = "SELECT p.id, (NOT workflow.is_over(p.status, p.states, p.step)"
	" AND ($2 IS NULL OR true)"
	" AND ($13 OPERATOR(pg_catalog.=) 0 OR p.version OPERATOR(pg_catalog.=) $13)"
	" AND ($5 IS NULL OR p.suspended OPERATOR(pg_catalog.=) $5)"
	" AND ($6 IS NULL OR p.key OPERATOR(pg_catalog.=) $6)"
	" AND p.started_at OPERATOR(pg_catalog.>=) $7 AND p.started_at OPERATOR(pg_catalog.<) $8"
	" AND ($9 IS NULL OR p.tenant OPERATOR(pg_catalog.=) $9))"
	" FROM workflow.search($10, tags => $11, attributes => $12, states => $3,"
	"  status => $4::workflow.status[], \"limit\" => $14, after => $1) p"
	" WHERE p.id OPERATOR(pg_catalog.<=) $15",
	WF_ARGS(PROCESS_ARGS, TEXTOID, TEXTARRAYOID, JSONBOID, INT4OID, INT4OID, UUIDOID)
};

/* Has a process, $1, still the attributes $4?  $2: the id before it, $3: definition. */
static WfStatement is_found_statement = {
	.sql = "SELECT EXISTS (SELECT FROM workflow.search($3, attributes => $4, \"limit\" => 1, after => $2) p"
	" WHERE p.id OPERATOR(pg_catalog.=) $1)",
	WF_ARGS(UUIDOID, UUIDOID, TEXTOID, JSONBOID)
};

/* In which states is it? */
static WfStatement states_statement = {
	.sql = "SELECT p.definition, s.name FROM workflow.process p, pg_catalog.unnest(p.states) s(name)"
	" WHERE p.id OPERATOR(pg_catalog.=) $1",
	WF_ARGS(UUIDOID)
};

/* --- parameters -------------------------------------------------------------------- */

/* The numbers of states of runs, int2[]. */
static ArrayType *
run_states(ArrayType *names)
{
	Datum	   *items;
	Datum		numbers[WF_RUN_EXPIRED + 1];
	int			n;
	int			found = 0;

	deconstruct_array(names, TEXTOID, -1, false, TYPALIGN_INT, &items, NULL, &n);
	for (int state = WF_RUN_WAITING; state <= WF_RUN_EXPIRED; state++)
		for (int i = 0; i < n; i++)
			if (strcmp(TextDatumGetCString(items[i]), wf_run_row_state_name(state)) == 0)
			{
				numbers[found++] = Int16GetDatum(state);
				break;
			}
	return construct_array(numbers, found, INT2OID, sizeof(int16), true, TYPALIGN_SHORT);
}

static void
fill_processes(const WfBulkWalk *walk, WfGiven *parameters)
{
	const WfBulkFilter *filter = &walk->filter;

	wf_given_array(parameters, walk->scope.managed);
	wf_given_array(parameters, filter->states);
	wf_given_array(parameters, filter->status);
	wf_given_add(parameters, BoolGetDatum(filter->suspended == 1), filter->suspended < 0);
	wf_given_text(parameters, filter->key);
	wf_given_add(parameters, TimestampTzGetDatum(filter->since), false);
	wf_given_add(parameters, TimestampTzGetDatum(filter->until), false);
	wf_given_text(parameters, walk->bulk->tenant);
}

static bool
is_of_ended(const WfBulk *bulk, int source)
{
	return bulk->act == WF_BULK_REDRIVE && source == 1;
}

static void
fill_runs(const WfBulkWalk *walk, int source, WfGiven *parameters)
{
	const WfBulkFilter *filter = &walk->filter;
	const WfBulkScope *scope = &walk->scope;
	TimestampTz until = is_of_ended(walk->bulk, source) ? Min(filter->until, walk->bulk->made_at) : filter->until;

	wf_given_array(parameters, scope->managed);
	wf_given_add(parameters, ObjectIdGetDatum(scope->starter), false);
	wf_given_array(parameters, scope->named);
	wf_given_array(parameters, run_states(filter->states));
	wf_given_add(parameters, Int32GetDatum(scope->queue), false);
	wf_given_text(parameters, filter->partition);
	wf_given_text(parameters, filter->key);
	wf_given_add(parameters, TimestampTzGetDatum(filter->since), false);
	wf_given_add(parameters, TimestampTzGetDatum(until), false);
	wf_given_text(parameters, walk->bulk->tenant);
}

static void
fill(const WfBulkWalk *walk, int source, const pg_uuid_t *id, WfGiven *parameters)
{
	parameters->n = 0;
	wf_given_add(parameters, UUIDPGetDatum(id), false);
	if (wf_bulk_act_is_of_runs(walk->bulk->act))
		fill_runs(walk, source, parameters);
	else
		fill_processes(walk, parameters);
}

static Source *
source_of(const WfBulk *bulk, int source)
{
	if (!wf_bulk_act_is_of_runs(bulk->act))
		return &processes;
	return is_of_ended(bulk, source) ? &ended_runs : &runs;
}

/* --- walking ----------------------------------------------------------------------- */

/*
 * Of how many tables, one after the other, are its items?  Runs to be redriven have ended,
 * or have failed where their queue blocks; those come first: they do not change tables.
 */
int
wf_bulk_walk_sources(WfBulkAct act)
{
	return act == WF_BULK_REDRIVE ? 2 : 1;
}

/*
 * Begin to walk, in the current memory context.  SPI must be connected, as for all of these.
 * Errors WF006, WF010 for names that are gone.
 */
void
wf_bulk_walk_begin(const WfBulk *bulk, WfBulkWalk *walk)
{
	walk->bulk = bulk;
	wf_bulk_filter_read(bulk->act, bulk->filter, &walk->filter);
	wf_bulk_scope_resolve(bulk, &walk->filter, &walk->scope);
}

/* Items that were named, behind the position. */
static void
next_named(const WfBulkWalk *walk, int limit, WfBulkStretch *stretch)
{
	stretch->end = wf_bulk_filter_behind(walk->bulk->filter, &walk->bulk->position, limit, stretch->items, &stretch->n);
	if (stretch->n > 0)
		stretch->last = stretch->items[stretch->n - 1];
}

/* What comes after an id that was made when the operation was, or later, is not its. */
static pg_uuid_t
upper_bound(const WfBulk *bulk)
{
	pg_uuid_t	bound = bulk->id;

	memset(bound.data + 6, 0xff, UUID_LEN - 6);
	return bound;
}

/* Do tags or attributes choose the items?  Those are not in the table: search() knows them. */
static bool
is_searched(const WfBulkFilter *filter)
{
	return filter->tags != NULL || filter->attributes != NULL;
}

/* Look at the next `look` rows; returns how many there were. */
static int
look(const WfBulkWalk *walk, const pg_uuid_t *after, int look)
{
	const WfBulkFilter *filter = &walk->filter;
	pg_uuid_t	bound = upper_bound(walk->bulk);
	WfGiven		parameters;

	fill(walk, walk->bulk->source, after, &parameters);
	if (!is_searched(filter))
	{
		wf_given_add(&parameters, UUIDPGetDatum(&bound), false);
		wf_given_add(&parameters, Int64GetDatum(look), false);
		return (int) wf_statement_execute(&source_of(walk->bulk, walk->bulk->source)->walk, parameters.values,
										  parameters.nulls, 0);
	}
	wf_given_text(&parameters, filter->object);
	wf_given_array(&parameters, filter->tags);
	wf_given_add(&parameters, JsonbPGetDatum(filter->attributes), filter->attributes == NULL);
	wf_given_add(&parameters, Int32GetDatum(filter->version), false);
	wf_given_add(&parameters, Int32GetDatum(look), false);
	wf_given_add(&parameters, UUIDPGetDatum(&bound), false);
	return (int) wf_statement_call(&search_statement, parameters.values, parameters.nulls);
}

/* Take those of the rows that fit, until there are enough. */
static void
take(int n, int limit, WfBulkStretch *stretch)
{
	for (int i = 0; i < n && stretch->n < limit; i++)
	{
		bool		isnull;
		pg_uuid_t  *id = DatumGetUUIDP(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull));
		bool		fits = DatumGetBool(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 2, &isnull)) && !isnull;

		stretch->last = *id;
		if (fits)
			stretch->items[stretch->n++] = *id;
	}
}

/*
 * The next items behind the position of the operation, up to `limit`, of the table that it
 * is at.
 */
void
wf_bulk_walk_next(const WfBulkWalk *walk, int limit, WfBulkStretch *stretch)
{
	int			looked = 0;
	int			wanted = Min(Max(limit, 100), WF_BULK_WALK_MOST);

	stretch->items = palloc(sizeof(pg_uuid_t) * (limit + 1));
	stretch->n = 0;
	stretch->last = walk->bulk->position;
	stretch->end = false;
	if (walk->filter.nids >= 0)
	{
		next_named(walk, limit, stretch);
		return;
	}
	while (!stretch->end && stretch->n < limit && looked < WF_BULK_WALK_MOST)
	{
		int			n = look(walk, &stretch->last, wanted);

		take(n, limit, stretch);
		SPI_freetuptable(SPI_tuptable);
		looked += n;
		stretch->end = n < wanted && stretch->n < limit;
	}
}

/* --- one item ---------------------------------------------------------------------- */

/* The id before an id that is not the first one. */
static pg_uuid_t
before(const pg_uuid_t *id)
{
	pg_uuid_t	result = *id;
	int			i = UUID_LEN - 1;

	while (i > 0 && result.data[i] == 0)
		result.data[i--] = 0xff;
	result.data[i]--;
	return result;
}

/* Has one of its n states, which a statement has found, this tag? */
static bool
has_tag(const SPITupleTable *found, int n, const char *tag)
{
	for (int i = 0; i < n; i++)
	{
		bool		isnull;
		int32		version = DatumGetInt32(SPI_getbinval(found->vals[i], found->tupdesc, 1, &isnull));
		const WfChart *chart = wf_definition(version)->chart;
		const char *name = SPI_getvalue(found->vals[i], found->tupdesc, 2);
		WfStateId	state = wf_chart_find(chart, name, strlen(name));

		if (state != WF_NO_STATE && wf_chart_has_tag(chart, state, tag))
			return true;
	}
	return false;
}

/* Does an item that is locked have the tags that are wanted, each on an active state? */
static bool
has_tags(const WfBulkFilter *filter, const pg_uuid_t *id)
{
	Datum		value = UUIDPGetDatum(id);
	Datum	   *tags;
	int			ntags;
	int			n;
	SPITupleTable *found;

	if (filter->tags == NULL)
		return true;
	deconstruct_array(filter->tags, TEXTOID, -1, false, TYPALIGN_INT, &tags, NULL, &ntags);
	n = (int) wf_statement_execute(&states_statement, &value, NULL, 0);
	found = SPI_tuptable;
	for (int i = 0; i < ntags; i++)
		if (!has_tag(found, n, TextDatumGetCString(tags[i])))
			return false;
	return true;
}

/* Does it have the attributes that are wanted? */
static bool
has_attributes(const WfBulkFilter *filter, const pg_uuid_t *id)
{
	pg_uuid_t	after = before(id);
	Datum		values[4] = {UUIDPGetDatum(id), UUIDPGetDatum(&after)};
	bool		isnull;

	if (filter->attributes == NULL)
		return true;
	values[2] = CStringGetTextDatum(filter->object);
	values[3] = JsonbPGetDatum(filter->attributes);
	(void) wf_statement_call(&is_found_statement, values, NULL);
	return DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
}

/*
 * Lock an item if it is free and fits still; else say why not.  Nobody is waited for.
 */
WfBulkFound
wf_bulk_walk_hold(const WfBulkWalk *walk, const pg_uuid_t *id)
{
	WfBulkFound found = WF_BULK_FOUND_NONE;

	for (int i = 0; i < wf_bulk_walk_sources(walk->bulk->act); i++)
	{
		Source	   *source = source_of(walk->bulk, i);
		WfGiven		parameters;
		bool		isnull;

		fill(walk, i, id, &parameters);
		if (wf_statement_execute(&source->hold, parameters.values, parameters.nulls, 0) > 0)
			return has_tags(&walk->filter, id) && has_attributes(&walk->filter, id) ?
				WF_BULK_FOUND_FREE : WF_BULK_FOUND_OTHER;
		if (wf_statement_execute(&source->look, parameters.values, parameters.nulls, 0) > 0)
			found = DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull)) ?
				WF_BULK_FOUND_TAKEN : WF_BULK_FOUND_OTHER;
		if (found == WF_BULK_FOUND_TAKEN)
			return found;
	}
	return found;
}
