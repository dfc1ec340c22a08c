/*-------------------------------------------------------------------------
 *
 * api_restorer.c
 *	  workflow.set_restorer(): functions that decide about runs that were lost.
 *
 * set_restorer() runs in client backends; restorer_states() in the executor that asks one,
 * or wherever somebody calls it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "api/api.h"
#include "api/arg.h"
#include "base/jsonb.h"
#include "base/quote.h"
#include "job/job_restorer.h"
#include "store/origin.h"
#include "store/run.h"
#include "store/statement.h"
#include "store/tenant.h"

PG_FUNCTION_INFO_V1(workflow_set_restorer);
PG_FUNCTION_INFO_V1(workflow_restorer_states);

static const char *const words[] = {"retry", "fail", "resume", "default"};

/* The tenant of a process, if it is one of a definition of this role. */
static WfStatement own_statement = {
	.sql = "SELECT p.tenant FROM workflow.process p JOIN workflow.definition d ON d.id OPERATOR(pg_catalog.=) p.definition"
	" JOIN workflow.owner o ON o.id OPERATOR(pg_catalog.=) d.owner"
	" WHERE p.id OPERATOR(pg_catalog.=) $1 AND o.role OPERATOR(pg_catalog.=) $2",
	WF_ARGS(UUIDOID, OIDOID)
};

/*
 * SQL function workflow.set_restorer(for_what, fn) of sql/parts/restorer.sql.  Locks the
 * name of the job that it is.
 */
Datum
workflow_set_restorer(PG_FUNCTION_ARGS)
{
	char	   *for_what = wf_arg_string(fcinfo, 0, "for_what");

	wf_api_connect_to_write(fcinfo);
	wf_origin_require();
	if (PG_ARGISNULL(1))
		wf_job_restorer_drop(for_what);
	else
		wf_job_restorer_set(for_what, PG_GETARG_OID(1));
	SPI_finish();
	PG_RETURN_VOID();
}

/* --- what restorers answer ------------------------------------------------------------ */

pg_noreturn static void
refuse(Jsonb *answer)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("a restorer cannot answer %s",
					wf_quote(JsonbToCString(NULL, &answer->root, VARSIZE(answer)))),
			 errhint("Answers are retry, fail, resume, default, and {\"states\": [...]}.")));
}

/*
 * The array of an answer that has states; NULL: it is a word, or null.  Text is taken for
 * JSON if it looks so.  Error 22023 if it is anything else.
 */
static JsonbValue *
states_of(Jsonb *answer)
{
	char	   *word = wf_jsonb_text(answer);
	JsonbValue *states;

	if (word != NULL && word[0] == '{')
		answer = wf_jsonb_parse(word);
	else if (word != NULL)
	{
		for (int i = 0; i < (int) lengthof(words); i++)
			if (strcmp(word, words[i]) == 0)
				return NULL;
		refuse(answer);
	}
	if (!JB_ROOT_IS_OBJECT(answer) || JB_ROOT_COUNT(answer) != 1)
		refuse(answer);
	states = getKeyJsonValueFromContainer(&answer->root, "states", strlen("states"), NULL);
	if (states == NULL || states->type != jbvBinary || !JsonContainerIsArray(states->val.binary.data) ||
		JsonContainerIsScalar(states->val.binary.data) || JsonContainerSize(states->val.binary.data) == 0)
		refuse(answer);
	return states;
}

/* An array of JSON as one of texts.  Error 22023 if an element is not a string. */
static ArrayType *
texts_of(const JsonbValue *states, Jsonb *answer)
{
	int			n = JsonContainerSize(states->val.binary.data);
	Datum	   *texts = palloc(sizeof(Datum) * n);

	for (int i = 0; i < n; i++)
	{
		JsonbValue *element = getIthJsonbValueFromContainer(states->val.binary.data, i);

		if (element->type != jbvString)
			refuse(answer);
		texts[i] = PointerGetDatum(cstring_to_text_with_len(element->val.string.val, element->val.string.len));
	}
	return construct_array(texts, n, TEXTOID, -1, false, TYPALIGN_INT);
}

/* Does this process exist for the current user, as the owner of its definition? */
static bool
is_own(const pg_uuid_t *process)
{
	Datum		values[2] = {UUIDPGetDatum(process), ObjectIdGetDatum(GetUserId())};
	Datum		tenant;
	bool		isnull;

	if (wf_statement_execute(&own_statement, values, NULL, 1) == 0)
		return false;
	tenant = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	return wf_tenant_sees(isnull ? (Datum) 0 : tenant);
}

/*
 * Does a run, which is locked from now on, wait for the restorer of the definition of the
 * process that has invoked it?  The process may have gone on without it meanwhile.
 */
static bool
still_waits(const pg_uuid_t *run, const pg_uuid_t *process)
{
	WfRunRow	row;

	return is_own(process) && wf_run_lock(run, true, &row) &&
		!row.nulls[WF_RUN_awaits] && DatumGetInt16(row.values[WF_RUN_awaits]) == WF_RUN_AWAITS_RESTORER &&
		!row.nulls[WF_RUN_process] &&
		memcmp(DatumGetUUIDP(row.values[WF_RUN_process]), process, UUID_LEN) == 0;
}

/*
 * SQL function workflow.restorer_states(run, process, answer) of sql/parts/restorer.sql.
 * Locks the run.
 */
Datum
workflow_restorer_states(PG_FUNCTION_ARGS)
{
	MemoryContext caller = CurrentMemoryContext;
	pg_uuid_t  *run = wf_arg_uuid(fcinfo, 0, "run");
	Jsonb	   *answer = wf_arg_jsonb_or_null(fcinfo, 2);
	JsonbValue *states = answer == NULL ? NULL : states_of(answer);
	ArrayType  *texts;

	if (states == NULL)
		PG_RETURN_NULL();
	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the restorer of a job cannot answer with states"),
				 errhint("That of a definition can.")));
	texts = texts_of(states, answer);
	wf_api_connect_to_write(fcinfo);
	if (!still_waits(run, PG_GETARG_UUID_P(1)))
	{
		MemoryContext old = MemoryContextSwitchTo(caller);

		texts = construct_empty_array(TEXTOID);
		MemoryContextSwitchTo(old);
	}
	SPI_finish();
	PG_RETURN_ARRAYTYPE_P(texts);
}
