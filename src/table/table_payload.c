/*-------------------------------------------------------------------------
 *
 * table_payload.c
 *	  What a row of a user's table becomes: parameters, input or data.
 *
 * Runs in the sessions of those who write.  A job that declares parameters, or an event
 * that declares data, gets those that the row has; all others get an object of five members.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "base/jsonb.h"
#include "parameter/parameters.h"
#include "table/table_payload.h"

static const char *const members[] = {"op", "table", "by", "new", "old"};

/* A member that is no column. */
static bool
is_member(const char *name)
{
	for (size_t i = 0; i < lengthof(members); i++)
		if (strcmp(members[i], name) == 0)
			return true;
	return false;
}

static bool
is_column(TupleDesc desc, const char *name)
{
	for (int i = 0; i < desc->natts; i++)
		if (!TupleDescAttr(desc, i)->attisdropped &&
			strcmp(NameStr(TupleDescAttr(desc, i)->attname), name) == 0)
			return true;
	return false;
}

static void
add(WfTablePayload *payload, const char *name, bool column)
{
	payload->names[payload->n] = name;
	payload->columns[payload->n++] = column ? name : NULL;
}

static void
add_parameters(WfTablePayload *payload, const WfTableRow *row, const WfParameters *parameters)
{
	for (int i = 0; i < parameters->n; i++)
	{
		const char *name = pstrdup(parameters->items[i].name);

		if (is_member(name))
			add(payload, name, false);
		else if (is_column(row->desc, name))
			add(payload, name, true);
	}
}

/*
 * Begin with the rows of a statement, for parameters that are declared, or NULL; by: who has
 * written them.  In the current memory context.
 */
void
wf_table_payload_begin(WfTablePayload *payload, const TriggerData *data, const WfTableRow *row,
					   const WfParameters *parameters, const char *by)
{
	Relation	relation = data->tg_relation;
	int			most = parameters != NULL ? parameters->n : (int) lengthof(members);

	payload->n = 0;
	payload->names = palloc(sizeof(char *) * (most + 1));
	payload->columns = palloc(sizeof(char *) * (most + 1));
	payload->values = palloc(sizeof(Jsonb *) * (most + 1));
	payload->null = wf_jsonb_parse("null");
	payload->op = wf_jsonb_string(wf_table_row_op(row));
	payload->table = wf_jsonb_string(quote_qualified_identifier(get_namespace_name(RelationGetNamespace(relation)),
																RelationGetRelationName(relation)));
	payload->by = wf_jsonb_string(by);
	if (parameters != NULL)
		add_parameters(payload, row, parameters);
	else
		for (int i = 0; i < most; i++)
			add(payload, members[i], false);
}

/* One member that is no column.  The rows, if they are there: either may be NULL. */
static Jsonb *
member_of(const WfTablePayload *payload, const char *name, Jsonb *new, Jsonb *old)
{
	Jsonb	   *value = strcmp(name, "op") == 0 ? payload->op :
		strcmp(name, "table") == 0 ? payload->table :
		strcmp(name, "by") == 0 ? payload->by :
		strcmp(name, "new") == 0 ? new : old;

	return value != NULL ? value : payload->null;
}

static Jsonb *
column_of(Jsonb *row, const char *name)
{
	JsonbValue	value;

	(void) getKeyJsonValueFromContainer(&row->root, name, strlen(name), &value);
	return JsonbValueToJsonb(&value);
}

/* What becomes of the row that is there, in the current memory context. */
Jsonb *
wf_table_payload_of(WfTablePayload *payload, WfTableRow *row)
{
	Jsonb	   *new = wf_table_row_jsonb(row, true);
	Jsonb	   *old = wf_table_row_jsonb(row, false);

	for (int i = 0; i < payload->n; i++)
		payload->values[i] = payload->columns[i] == NULL ? member_of(payload, payload->names[i], new, old) :
			column_of(new != NULL ? new : old, payload->columns[i]);
	return wf_jsonb_object(payload->n, payload->names, payload->values);
}
