/*-------------------------------------------------------------------------
 *
 * api_mask.c
 *	  workflow.masked() and masked_text(): what views show of what is sensitive.
 *
 * Runs in client backends, and locks nothing.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

#include "api/api.h"
#include "base/mask.h"
#include "definition/sensitive.h"
#include "store/origin.h"
#include "store/statement.h"

PG_FUNCTION_INFO_V1(workflow_masked);
PG_FUNCTION_INFO_V1(workflow_masked_text);

static WfStatement role_statement = {
	.sql = "SELECT o.role FROM workflow.owner o WHERE o.id OPERATOR(pg_catalog.=) $1",
	WF_ARGS(INT4OID)
};

/* The last answer of an expression, which is good for one user in one command. */
typedef struct Answer
{
	Oid			user;
	TimestampTz statement;
	SubTransactionId subxact;
	CommandId	command;
	int32		owner;
	bool		hides;
} Answer;

static bool
is_good(const Answer *answer, int32 owner)
{
	return answer->owner == owner && answer->user == GetUserId() &&
		answer->statement == GetCurrentStatementStartTimestamp() &&
		answer->subxact == GetCurrentSubTransactionId() &&
		answer->command == GetCurrentCommandId(false);
}

/* Is it hidden from the current user?  Before adopt() OIDs say nothing of owners. */
static Datum
look_whether_hidden(PG_FUNCTION_ARGS)
{
	Datum		owner = PG_GETARG_DATUM(0);
	Oid			role = InvalidOid;
	bool		isnull;

	wf_api_connect_to_look();
	if (wf_origin_is_ours() && wf_statement_execute(&role_statement, &owner, NULL, 1) > 0)
		role = DatumGetObjectId(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	SPI_finish();
	return BoolGetDatum(wf_sensitive_hides_of(role));
}

static bool
is_hidden(FunctionCallInfo fcinfo)
{
	int32		owner = PG_GETARG_INT32(0);
	Answer	   *answer = fcinfo->flinfo->fn_extra;

	if (answer == NULL)
		answer = fcinfo->flinfo->fn_extra = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(Answer));
	if (!is_good(answer, owner))
	{
		answer->hides = DatumGetBool(wf_api_look(look_whether_hidden, fcinfo));
		answer->owner = owner;
		answer->user = GetUserId();
		answer->statement = GetCurrentStatementStartTimestamp();
		answer->subxact = GetCurrentSubTransactionId();
		answer->command = GetCurrentCommandId(false);
	}
	return answer->hides;
}

/* The mask of the pointers in argument 1, which knows arguments 3 and 4, where given. */
static WfMask *
mask_of(FunctionCallInfo fcinfo)
{
	Datum	   *texts;
	bool	   *nulls;
	int			n;
	int			known = 0;
	const char **pointers;
	WfMask	   *mask;

	deconstruct_array(PG_GETARG_ARRAYTYPE_P(1), TEXTOID, -1, false, TYPALIGN_INT, &texts, &nulls, &n);
	pointers = palloc(sizeof(char *) * (n + 1));
	for (int i = 0; i < n; i++)
		if (!nulls[i])
			pointers[known++] = TextDatumGetCString(texts[i]);
	mask = wf_mask_new(known, pointers);
	for (int i = 3; i <= 4; i++)
		if (!PG_ARGISNULL(i))
			wf_mask_learn(mask, PG_GETARG_JSONB_P(i));
	return mask;
}

/*
 * SQL function workflow.masked(owner, sensitive, document, truth, more) of
 * sql/parts/definition.sql.  Without pointers the document is not even looked at.
 */
Datum
workflow_masked(PG_FUNCTION_ARGS)
{
	WfMask	   *mask;

	if (PG_ARGISNULL(2))
		PG_RETURN_NULL();
	if (likely(PG_ARGISNULL(1)) || PG_ARGISNULL(0) || !is_hidden(fcinfo))
		PG_RETURN_DATUM(PG_GETARG_DATUM(2));
	mask = mask_of(fcinfo);
	wf_mask_learn(mask, PG_GETARG_JSONB_P(2));
	PG_RETURN_JSONB_P(wf_mask_document(mask, PG_GETARG_JSONB_P(2)));
}

/* SQL function workflow.masked_text(owner, sensitive, message, truth, more), the same of a text. */
Datum
workflow_masked_text(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(2))
		PG_RETURN_NULL();
	if (likely(PG_ARGISNULL(1)) || PG_ARGISNULL(0) || !is_hidden(fcinfo))
		PG_RETURN_DATUM(PG_GETARG_DATUM(2));
	PG_RETURN_TEXT_P(cstring_to_text(wf_mask_text(mask_of(fcinfo), text_to_cstring(PG_GETARG_TEXT_PP(2)))));
}
