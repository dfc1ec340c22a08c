/*-------------------------------------------------------------------------
 *
 * api_inbox.c
 *	  workflow.inbox() and outbox(): what somebody has to do, and has done.
 *
 * Runs in client backends, and locks nothing.  A page is read off an index, from where the
 * last one ended, for each of the names of the actor; nothing is evaluated.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "api/api.h"
#include "api/arg.h"
#include "api/task_call.h"
#include "definition/privilege.h"
#include "definition/sensitive.h"
#include "store/process_row.h"
#include "store/statement.h"
#include "store/task_row.h"
#include "store/tenant.h"

PG_FUNCTION_INFO_V1(workflow_inbox);
PG_FUNCTION_INFO_V1(workflow_outbox);

/* So many rows at most. */
#define MOST 1000

static WfStatement after_statement = {
	.sql = "SELECT OPERATOR(pg_catalog.-) priority, COALESCE(due, 'infinity') FROM workflow.task"
	" WHERE id OPERATOR(pg_catalog.=) $1 AND ($2 IS NULL OR tenant OPERATOR(pg_catalog.=) $2)",
	WF_ARGS(UUIDOID, TEXTOID)
};

/*
 * Of each name the first tasks behind ($2, $3, $4), but not those on which the actor has
 * voted, and not of these definitions.  The last column is the definition.
 */
static WfStatement page_statement = {
	.sql = "SELECT t.id, t.process, t.definition, p.key, t.state, t.title, t.events[1], t.priority::pg_catalog.int4,"
	" t.due, t.claimed_by, t.data, t.events, p.definition"
	" FROM (SELECT DISTINCT s.rank, s.due, s.task"
	"  FROM pg_catalog.unnest($1) n(name) CROSS JOIN LATERAL"
	"   (SELECT e.rank, e.due, e.task FROM workflow.task_seat e"
	"    WHERE e.name OPERATOR(pg_catalog.=) n.name"
	"    AND ROW(e.rank, e.due, e.task) OPERATOR(pg_catalog.>) ROW($2, $3, $4)"
	"    AND e.definition OPERATOR(pg_catalog.<>) ALL ($5)"
	"    AND ($8 IS NULL OR e.tenant OPERATOR(pg_catalog.=) $8)"
	"    AND NOT (e.several AND EXISTS (SELECT FROM workflow.task_act a"
	"     WHERE a.task OPERATOR(pg_catalog.=) e.task AND a.act OPERATOR(pg_catalog.=) 'vote'"
	"     AND a.actor OPERATOR(pg_catalog.=) $6))"
	"    ORDER BY e.rank, e.due, e.task LIMIT $7) s"
	"  ORDER BY s.rank, s.due, s.task LIMIT $7) i"
	" JOIN workflow.task t ON t.id OPERATOR(pg_catalog.=) i.task"
	" JOIN workflow.process p ON p.id OPERATOR(pg_catalog.=) t.process"
	" ORDER BY i.rank, i.due, i.task",
	WF_ARGS(TEXTARRAYOID, INT2OID, TIMESTAMPTZOID, UUIDOID, TEXTARRAYOID, TEXTOID, INT8OID, TEXTOID)
};

/*
 * Processes before $2, read backwards off an index until there are enough.  The last column
 * is the definition.
 */
static WfStatement outbox_statement = {
	.sql = "SELECT o.process, d.name, p.key, o.n, o.first, o.last,"
	" (SELECT l.event FROM workflow.task_act l WHERE l.actor OPERATOR(pg_catalog.=) $1"
	"  AND l.process OPERATOR(pg_catalog.=) o.process AND l.act OPERATOR(pg_catalog.=) 'vote'"
	"  ORDER BY l.at DESC LIMIT 1), p.definition"
	" FROM (SELECT v.process, pg_catalog.count(*) AS n, pg_catalog.min(v.at) AS first, pg_catalog.max(v.at) AS last"
	"  FROM workflow.task_act v JOIN workflow.task t ON t.id OPERATOR(pg_catalog.=) v.task"
	"  WHERE v.actor OPERATOR(pg_catalog.=) $1 AND v.act OPERATOR(pg_catalog.=) 'vote'"
	"  AND v.process OPERATOR(pg_catalog.<) $2 AND t.definition OPERATOR(pg_catalog.<>) ALL ($3)"
	"  AND ($5 IS NULL OR t.tenant OPERATOR(pg_catalog.=) $5)"
	"  GROUP BY v.process ORDER BY v.process DESC LIMIT $4) o"
	" JOIN workflow.process p ON p.id OPERATOR(pg_catalog.=) o.process"
	" JOIN workflow.definition d ON d.id OPERATOR(pg_catalog.=) p.definition"
	" ORDER BY o.process DESC",
	WF_ARGS(TEXTOID, UUIDOID, TEXTARRAYOID, INT8OID, TEXTOID)
};

/* The arguments of the call. */
typedef struct Inbox
{
	const char *actor;
	bool		has_groups;
	List	   *groups;
	pg_uuid_t  *after;			/* or NULL */
	int			n;

	Datum		tenant;			/* whose tasks, a text; 0: all */
	List	   *hidden;			/* of char *: definitions that the caller may not see */
} Inbox;

/* The arguments that both have. */
static void
read_arguments(FunctionCallInfo fcinfo, Inbox *inbox)
{
	memset(inbox, 0, sizeof(*inbox));
	inbox->actor = wf_arg_actor(fcinfo, 0);
	inbox->after = PG_ARGISNULL(1) ? NULL : PG_GETARG_UUID_P(1);
	inbox->n = PG_ARGISNULL(2) ? 0 : PG_GETARG_INT32(2);
	if (inbox->n < 1 || inbox->n > MOST)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"n\" must be between 1 and %d", MOST)));
}

/* From where the page begins: the three values of the index. */
static void
find_begin(const Inbox *inbox, Datum *values)
{
	static pg_uuid_t none;
	Datum		after[2] = {UUIDPGetDatum(inbox->after), inbox->tenant};
	bool		isnull;

	values[0] = Int16GetDatum(PG_INT16_MIN);
	values[1] = TimestampTzGetDatum(DT_NOBEGIN);
	values[2] = UUIDPGetDatum(&none);
	if (inbox->after == NULL)
		return;
	if (wf_statement_execute(&after_statement, after, inbox->tenant == (Datum) 0 ? " n" : NULL, 1) == 0)
		wf_task_call_missing(inbox->after);
	values[0] = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	values[1] = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2, &isnull);
	values[2] = after[0];
}

/*
 * May the caller see tasks of this definition?  It may who may send, and act for the actor,
 * or for everybody if its groups are said.
 */
static bool
may_see(const Inbox *inbox, int32 definition)
{
	Oid			role = get_role_oid(inbox->actor, true);

	if (!wf_privilege_may_by_id(definition, "send"))
		return false;
	if (!inbox->has_groups && OidIsValid(role) && has_privs_of_role(GetUserId(), role))
		return true;
	return wf_privilege_may_by_id(definition, "act");
}

/*
 * Note the definitions of the rows that the caller may not see; returns whether there are
 * new ones.  name: the number of the column that names it; its id is the last one.
 */
static bool
leave_out(Inbox *inbox, SPITupleTable *rows, uint64 n, int name)
{
	int			before = list_length(inbox->hidden);
	List	   *seen = NIL;
	bool		isnull;

	for (uint64 i = 0; i < n; i++)
	{
		int32		definition = DatumGetInt32(SPI_getbinval(rows->vals[i], rows->tupdesc,
															 rows->tupdesc->natts, &isnull));

		if (list_member_int(seen, definition))
			continue;
		seen = lappend_int(seen, definition);
		if (!may_see(inbox, definition))
			inbox->hidden = lappend(inbox->hidden, SPI_getvalue(rows->vals[i], rows->tupdesc, name));
	}
	return list_length(inbox->hidden) > before;
}

/* Columns of a page of an inbox, from 0. */
#define PAGE_PROCESS	1
#define PAGE_TITLE		5
#define PAGE_DATA		10

/* Of a row of a page, hide what is hidden from the current user. */
static void
hide(Datum *columns, bool *nulls, int32 id)
{
	const WfDefinition *definition = wf_definition(id);
	WfRow		row;
	WfMask	   *mask;

	if (!wf_sensitive_hides(definition) || !wf_process_row_read(DatumGetUUIDP(columns[PAGE_PROCESS]), &row))
		return;
	mask = wf_sensitive_mask(definition, row.context);
	if (!nulls[PAGE_TITLE])
		columns[PAGE_TITLE] = CStringGetTextDatum(wf_mask_text(mask, TextDatumGetCString(columns[PAGE_TITLE])));
	if (!nulls[PAGE_DATA])
		columns[PAGE_DATA] = JsonbPGetDatum(wf_mask_document(mask, DatumGetJsonbP(columns[PAGE_DATA])));
}

/*
 * Return a page by a statement, whose parameter `hidden` it fills in: again as long as there
 * are definitions in it, named by this column, that are hidden from the caller.  The last
 * parameter is the tenant.
 */
static void
put_page(FunctionCallInfo fcinfo, Inbox *inbox, WfStatement *statement, Datum *values, int hidden,
		 int name)
{
	char		nulls[] = "        ";
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	SPITupleTable *rows;
	uint64		n;

	Assert(statement->nargs < (int) lengthof(nulls));
	values[statement->nargs - 1] = inbox->tenant;
	nulls[statement->nargs - 1] = inbox->tenant == (Datum) 0 ? 'n' : ' ';
	do
	{
		values[hidden] = wf_task_row_texts(inbox->hidden);
		n = wf_statement_execute(statement, values, nulls, 0);
		rows = SPI_tuptable;
	} while (leave_out(inbox, rows, n, name));
	for (uint64 i = 0; i < n; i++)
	{
		Datum	   *columns = palloc(sizeof(Datum) * rows->tupdesc->natts);
		bool	   *nulls = palloc(sizeof(bool) * rows->tupdesc->natts);

		heap_deform_tuple(rows->vals[i], rows->tupdesc, columns, nulls);
		if (statement == &page_statement)
			hide(columns, nulls, DatumGetInt32(columns[rows->tupdesc->natts - 1]));
		tuplestore_putvalues(result->setResult, result->setDesc, columns, nulls);
	}
}

static Datum
inbox_page(FunctionCallInfo fcinfo)
{
	Inbox		inbox;
	Datum		values[8];

	InitMaterializedSRF(fcinfo, 0);
	read_arguments(fcinfo, &inbox);
	inbox.has_groups = !PG_ARGISNULL(3);
	inbox.groups = wf_arg_strings(fcinfo, 3, "groups");
	wf_api_connect_to_look();
	inbox.tenant = wf_tenant_datum();
	values[0] = wf_task_row_texts(wf_task_row_names(inbox.actor, inbox.has_groups, inbox.groups));
	find_begin(&inbox, &values[1]);
	values[5] = CStringGetTextDatum(inbox.actor);
	values[6] = Int64GetDatum(inbox.n);
	put_page(fcinfo, &inbox, &page_statement, values, 4, 3);
	SPI_finish();
	return (Datum) 0;
}

static Datum
outbox_page(FunctionCallInfo fcinfo)
{
	Inbox		inbox;
	Datum		values[5];
	pg_uuid_t	last;

	InitMaterializedSRF(fcinfo, 0);
	read_arguments(fcinfo, &inbox);
	wf_api_connect_to_look();
	inbox.tenant = wf_tenant_datum();
	memset(&last, 0xff, sizeof(last));
	values[0] = CStringGetTextDatum(inbox.actor);
	values[1] = UUIDPGetDatum(inbox.after == NULL ? &last : inbox.after);
	values[3] = Int64GetDatum(inbox.n);
	put_page(fcinfo, &inbox, &outbox_statement, values, 2, 2);
	SPI_finish();
	return (Datum) 0;
}

/* SQL function workflow.inbox(...) of sql/parts/people.sql.  Locks nothing. */
Datum
workflow_inbox(PG_FUNCTION_ARGS)
{
	return wf_api_look(inbox_page, fcinfo);
}

/* SQL function workflow.outbox(...) of sql/parts/people.sql.  Locks nothing. */
Datum
workflow_outbox(PG_FUNCTION_ARGS)
{
	return wf_api_look(outbox_page, fcinfo);
}
