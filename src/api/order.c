/*-------------------------------------------------------------------------
 *
 * order.c
 *	  The order in which search() returns processes, and its pages.
 *
 * Runs in client backends, and locks nothing.  Processes are ordered by a value,
 * and those of equal values by their ids; those without value come last.  A page
 * begins behind a value and an id (a keyset), so that it costs the same however
 * far it is, and nothing is seen twice because something else was added.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"

#include "api/order.h"
#include "base/uuid.h"
#include "store/process_row.h"
#include "store/statement.h"
#include "store/tenant.h"

/*
 * The value of process id by which it is ordered: of its attribute $2 the first
 * one in this order, or with $3 a column.
 */
#define VALUE_OF(id, direction) \
	"CASE WHEN $3 THEN (SELECT b.value FROM workflow.attribute b" \
	"  WHERE b.process OPERATOR(pg_catalog.=) " id " AND b.name OPERATOR(pg_catalog.=) $2" \
	"  ORDER BY b.value" direction " LIMIT 1)" \
	" ELSE (SELECT pg_catalog.to_jsonb(pg_catalog.date_part('epoch'," \
	"   CASE $2 WHEN 'updated_at' THEN q.updated_at ELSE q.started_at END))" \
	"  FROM workflow.process q WHERE q.id OPERATOR(pg_catalog.=) " id ") END"

/*
 * $1 the processes, $4 the id and $5 the value behind which the page begins, $6
 * how many are in it.
 */
#define PAGE(direction, behind) \
	{.sql = "SELECT m.id FROM pg_catalog.unnest($1) m(id) CROSS JOIN LATERAL (SELECT " VALUE_OF("m.id", direction) ") o(value)" \
	" WHERE $4 IS NULL OR CASE WHEN o.value IS NULL" \
	"  THEN $5 IS NOT NULL OR m.id OPERATOR(pg_catalog.>) $4" \
	"  ELSE $5 IS NOT NULL AND (o.value OPERATOR(pg_catalog." behind ") $5" \
	"   OR (o.value OPERATOR(pg_catalog.=) $5 AND m.id OPERATOR(pg_catalog.>) $4)) END" \
	" ORDER BY o.value" direction " NULLS LAST, m.id LIMIT $6", \
	.nargs = 6, \
	.args = {UUIDARRAYOID, TEXTOID, BOOLOID, UUIDOID, JSONBOID, INT8OID}}

static WfStatement ascending_statement = PAGE("", ">");
static WfStatement descending_statement = PAGE(" DESC", "<");

/* Of process $1, if it is of versions $4, and, unless $5 is null, was started by that role. */
#define VALUE(direction) \
	{.sql = "SELECT " VALUE_OF("p.id", direction) " FROM workflow.process p" \
	" WHERE p.id OPERATOR(pg_catalog.=) $1 AND p.definition OPERATOR(pg_catalog.=) ANY ($4)" \
	" AND ($5 IS NULL OR p.starter OPERATOR(pg_catalog.=) $5)", \
	.nargs = 5, \
	.args = {UUIDOID, TEXTOID, BOOLOID, INT4ARRAYOID, OIDOID}}

static WfStatement least_statement = VALUE("");
static WfStatement greatest_statement = VALUE(" DESC");

/* Cut a suffix off.  Returns whether it was there. */
static bool
cut(char *text, const char *suffix)
{
	size_t		len = strlen(text);
	size_t		end = strlen(suffix);

	if (len <= end || pg_strcasecmp(text + len - end, suffix) != 0)
		return false;
	text[len - end] = '\0';
	return true;
}

/*
 * Read the argument "order_by" of search(): a name, with "asc" or "desc" behind it.
 * Whether an attribute has this name is for the caller to find out.
 */
WfOrder
wf_order_read(const char *text)
{
	char	   *by = pstrdup(text);
	WfOrder		order = {.by = by};

	order.descending = cut(by, " desc");
	if (!order.descending)
		(void) cut(by, " asc");
	order.attribute = strcmp(by, "started_at") != 0 && strcmp(by, "updated_at") != 0;
	return order;
}

/*
 * The value that the last process of the page before has now, as jsonb; returns
 * false if it has none.  Error 22023 if the user does not see that process: what
 * is behind it would tell of its value.
 */
static bool
value_of(const WfOrder *order, const WfPage *page, Datum *value)
{
	Datum		values[5] = {UUIDPGetDatum(page->after), CStringGetTextDatum(order->by),
		BoolGetDatum(order->attribute), page->versions, ObjectIdGetDatum(page->starter)
	};
	bool		isnull;
	WfRow		row;

	if (!wf_process_row_read(page->after, &row) || !wf_tenant_sees(row.tenant) ||
		wf_statement_execute(order->descending ? &greatest_statement : &least_statement,
							 values, OidIsValid(page->starter) ? NULL : "    n", 1) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("no process %s is found, after which the page is to begin",
						wf_uuid_text(page->after)),
				 errhint("Give the value that it had as \"after_value\".")));
	*value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	return !isnull;
}

static WfStatement instant_statement = {
	.sql = "SELECT pg_catalog.to_jsonb(pg_catalog.date_part('epoch',"
	" ($1 OPERATOR(pg_catalog.#>>) '{}')::pg_catalog.timestamptz))",
	WF_ARGS(JSONBOID)
};

/*
 * The value of a process, by which it was ordered, as it was given.  That of a
 * column is the time that the column shows, which is a string in JSON.
 */
static Datum
given_value(const WfOrder *order, Jsonb *value)
{
	Datum		arg = JsonbPGetDatum(value);
	JsonbValue	scalar;
	bool		isnull;

	if (order->attribute)
		return arg;
	if (!JsonbExtractScalar(&value->root, &scalar) || scalar.type != jbvString)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"after_value\" of \"%s\" must be a time, as a JSON string", order->by),
				 errhint("Write to_jsonb(%s).", order->by)));
	wf_statement_execute(&instant_statement, &arg, NULL, 1);
	return SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
}

/*
 * Put processes, uuid[], in order, and take those of the page.  Their ids are SPI's
 * result; returns how many there are.  Error 22023 for a page after a process that
 * is not there, without value.
 */
int
wf_order_page(const WfOrder *order, Datum ids, const WfPage *page)
{
	Datum		values[6] = {ids, CStringGetTextDatum(order->by),
		BoolGetDatum(order->attribute), UUIDPGetDatum(page->after),
		(Datum) 0, Int64GetDatum(page->limit)
	};
	char		nulls[] = "      ";

	if (page->after == NULL)
		nulls[3] = nulls[4] = 'n';
	else if (page->after_value != NULL)
		values[4] = given_value(order, page->after_value);
	else if (!value_of(order, page, &values[4]))
		nulls[4] = 'n';
	return wf_statement_execute(order->descending ? &descending_statement :
								&ascending_statement, values, nulls, 0);
}
