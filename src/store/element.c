/*-------------------------------------------------------------------------
 *
 * element.c
 *	  The table workflow.element: elements for which states invoke something.
 *
 * Runs in any backend under the lock on the process row, which makes its elements the
 * caller's: who begins and ends them is one at a time, whatever ends when.  SPI must be
 * connected.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "base/uuid.h"
#include "store/element.h"
#include "store/statement.h"

#define OF_INVOKE \
	" WHERE e.process OPERATOR(pg_catalog.=) $1 AND e.invoke OPERATOR(pg_catalog.=) $2"

static WfStatement add_statement = {
	.sql = "INSERT INTO workflow.element (process, invoke, number, state, data)"
	" SELECT $1, $2, -1, 0, $3 UNION ALL"
	" SELECT $1, $2, a.number::pg_catalog.int4 OPERATOR(pg_catalog.-) 1, 0, a.value"
	" FROM pg_catalog.jsonb_array_elements($4) WITH ORDINALITY a(value, number)",
	WF_ARGS(UUIDOID, TEXTOID, JSONBOID, JSONBOID)
};

static WfStatement common_statement = {
	.sql = "SELECT e.data FROM workflow.element e" OF_INVOKE " AND e.number OPERATOR(pg_catalog.=) -1",
	WF_ARGS(UUIDOID, TEXTOID)
};

static WfStatement next_statement = {
	.sql = "SELECT e.number, e.data FROM workflow.element e" OF_INVOKE
	" AND e.number OPERATOR(pg_catalog.>=) $3 ORDER BY e.number LIMIT $4",
	WF_ARGS(UUIDOID, TEXTOID, INT4OID, INT8OID)
};

static WfStatement begin_statement = {
	.sql = "UPDATE workflow.element e SET state = 1, child = u.child"
	" FROM ROWS FROM (pg_catalog.unnest($3), pg_catalog.unnest($4)) u(number, child)" OF_INVOKE
	" AND e.number OPERATOR(pg_catalog.=) u.number",
	WF_ARGS(UUIDOID, TEXTOID, INT4ARRAYOID, UUIDARRAYOID)
};

static WfStatement refuse_statement = {
	.sql = "UPDATE workflow.element e SET state = 3, data = $4" OF_INVOKE
	" AND e.number OPERATOR(pg_catalog.=) $3",
	WF_ARGS(UUIDOID, TEXTOID, INT4OID, JSONBOID)
};

static WfStatement find_statement = {
	.sql = "SELECT e.invoke, e.number, e.state FROM workflow.element e WHERE e.child OPERATOR(pg_catalog.=) $2"
	" AND e.state OPERATOR(pg_catalog.<>) 2 AND e.process OPERATOR(pg_catalog.=) $1",
	WF_ARGS(UUIDOID, UUIDOID)
};

static WfStatement end_statement = {
	.sql = "UPDATE workflow.element e SET state = $2, data = $3 WHERE e.child OPERATOR(pg_catalog.=) $1",
	WF_ARGS(UUIDOID, INT2OID, JSONBOID)
};

/* What has failed has no output. */
static WfStatement results_statement = {
	.sql = "SELECT COALESCE(pg_catalog.jsonb_agg(CASE WHEN e.state OPERATOR(pg_catalog.=) 2 THEN e.data END ORDER BY e.number), '[]'),"
	" pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('index', e.number, 'error', e.data) ORDER BY e.number)"
	" FILTER (WHERE e.state OPERATOR(pg_catalog.=) 3)"
	" FROM workflow.element e" OF_INVOKE " AND e.number OPERATOR(pg_catalog.>=) 0",
	WF_ARGS(UUIDOID, TEXTOID)
};

static WfStatement running_statement = {
	.sql = "SELECT e.child FROM workflow.element e" OF_INVOKE
	" AND e.state OPERATOR(pg_catalog.=) 1 ORDER BY e.number",
	WF_ARGS(UUIDOID, TEXTOID)
};

static WfStatement forget_statement = {
	.sql = "DELETE FROM workflow.element e" OF_INVOKE,
	WF_ARGS(UUIDOID, TEXTOID)
};

/* Column n of a row of the last result, copied into the current memory context, or NULL. */
static Jsonb *
jsonb_at(uint64 row, int n)
{
	bool		isnull;
	Datum		value = SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, n, &isnull);

	return isnull ? NULL : DatumGetJsonbPCopy(value);
}

/* Add the elements of an array, and what they have in common. */
void
wf_element_add(const pg_uuid_t *process, const char *invoke, Jsonb *common, Jsonb *array)
{
	Datum		values[4] = {UUIDPGetDatum(process), CStringGetTextDatum(invoke),
	JsonbPGetDatum(common), JsonbPGetDatum(array)};

	wf_statement_execute(&add_statement, values, NULL, 0);
}

/* What the elements have in common; NULL: there are none. */
Jsonb *
wf_element_common(const pg_uuid_t *process, const char *invoke)
{
	Datum		values[2] = {UUIDPGetDatum(process), CStringGetTextDatum(invoke)};

	return wf_statement_execute(&common_statement, values, NULL, 1) == 0 ? NULL : jsonb_at(0, 1);
}

/* Read up to n elements from this number on.  Returns how many there are. */
int
wf_element_next(const pg_uuid_t *process, const char *invoke, int from, int n,
				WfElement *elements)
{
	Datum		values[4] = {UUIDPGetDatum(process), CStringGetTextDatum(invoke),
	Int32GetDatum(from), Int64GetDatum(n)};
	uint64		found = wf_statement_execute(&next_statement, values, NULL, n);
	bool		isnull;

	for (uint64 i = 0; i < found; i++)
	{
		elements[i].number = DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1,
														 &isnull));
		elements[i].data = jsonb_at(i, 2);
	}
	return found;
}

/* These elements begin: their children are at them. */
void
wf_element_begin(const pg_uuid_t *process, const char *invoke, int n, const WfElement *elements)
{
	Datum	   *numbers = palloc(sizeof(Datum) * n);
	Datum	   *children = palloc(sizeof(Datum) * n);
	Datum		values[4] = {UUIDPGetDatum(process), CStringGetTextDatum(invoke)};

	for (int i = 0; i < n; i++)
	{
		numbers[i] = Int32GetDatum(elements[i].number);
		children[i] = UUIDPGetDatum(&elements[i].child);
	}
	values[2] = PointerGetDatum(construct_array(numbers, n, INT4OID, sizeof(int32), true, TYPALIGN_INT));
	values[3] = PointerGetDatum(wf_uuid_array(children, n));
	wf_statement_execute(&begin_statement, values, NULL, 0);
}

/* Nothing can be made for an element: it has failed with this error. */
void
wf_element_refuse(const pg_uuid_t *process, const char *invoke, int number, Jsonb *error)
{
	Datum		values[4] = {UUIDPGetDatum(process), CStringGetTextDatum(invoke),
	Int32GetDatum(number), JsonbPGetDatum(error)};

	wf_statement_execute(&refuse_statement, values, NULL, 0);
}

/*
 * The invoke of the element that this child is at, or was when it failed: it may be
 * done once more.  NULL: it is at none.
 */
char *
wf_element_find(const pg_uuid_t *process, const pg_uuid_t *child, int *number, WfElementState *state)
{
	Datum		values[2] = {UUIDPGetDatum(process), UUIDPGetDatum(child)};
	bool		isnull;

	if (wf_statement_execute(&find_statement, values, NULL, 1) == 0)
		return NULL;
	*number = DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2, &isnull));
	*state = DatumGetInt16(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 3, &isnull));
	return SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
}

/* The child that is at an element has ended, with output or error. */
void
wf_element_end(const pg_uuid_t *child, WfElementState state, Jsonb *data)
{
	Datum		values[3] = {UUIDPGetDatum(child), Int16GetDatum(state), JsonbPGetDatum(data)};

	wf_statement_execute(&end_statement, values, data == NULL ? "  n" : NULL, 0);
}

/*
 * The outputs of all elements in their order, as an array with null for those without
 * one; *failures: [{"index", "error"}, ...] of those that failed, or NULL.
 */
Jsonb *
wf_element_results(const pg_uuid_t *process, const char *invoke, Jsonb **failures)
{
	Datum		values[2] = {UUIDPGetDatum(process), CStringGetTextDatum(invoke)};

	wf_statement_execute(&results_statement, values, NULL, 1);
	*failures = jsonb_at(0, 2);
	return jsonb_at(0, 1);
}

/* The children that are at elements.  Returns how many there are. */
int
wf_element_running(const pg_uuid_t *process, const char *invoke, pg_uuid_t **children)
{
	Datum		values[2] = {UUIDPGetDatum(process), CStringGetTextDatum(invoke)};
	uint64		n = wf_statement_execute(&running_statement, values, NULL, 0);
	bool		isnull;

	*children = palloc(sizeof(pg_uuid_t) * (n + 1));
	for (uint64 i = 0; i < n; i++)
		(*children)[i] = *DatumGetUUIDP(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1,
													  &isnull));
	return n;
}

/* Delete all elements of an invoke. */
void
wf_element_forget(const pg_uuid_t *process, const char *invoke)
{
	Datum		values[2] = {UUIDPGetDatum(process), CStringGetTextDatum(invoke)};

	wf_statement_execute(&forget_statement, values, NULL, 0);
}
