/*-------------------------------------------------------------------------
 *
 * job_partition.c
 *	  The partition of runs that name none, as the job says.
 *
 * Runs where a run is made, in the caller's transaction.  It is a name, or, behind an
 * "@", an expression over `params`, code of the author.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "base/errcodes.h"
#include "base/quote.h"
#include "job/job_author.h"
#include "job/job_partition.h"

/* An expression of type text, in the current memory context; NULL: text is a name. */
struct WfParameterExpr *
wf_job_partition_parse(const char *text)
{
	WfParameterExpr *expr;
	Oid			oid;

	if (text == NULL || text[0] != '@')
		return NULL;
	expr = palloc0(sizeof(WfParameterExpr));
	expr->text = pstrdup(text + 1);
	expr->type = palloc0(sizeof(WfParameterType));
	expr->type->context = CurrentMemoryContext;
	expr->type->name = wf_parameter_type_canonical("pg_catalog.text", &oid);
	return expr;
}

static void
compile(WfParameterExpr *expr)
{
	if (expr->cached != NULL && expr->cached->is_valid)
		return;
	wf_parameter_type_find(expr->type);
	wf_parameter_expr_compile(expr);
}

/*
 * The expression that it is, or NULL; throws what is wrong with it, as the current user, who is
 * its author.
 */
WfParameterExpr *
wf_job_partition_compile(const char *text)
{
	WfParameterExpr *expr = wf_job_partition_parse(text);

	if (expr == NULL)
		return NULL;
	compile(expr);
	wf_parameter_expr_forget(expr);
	return expr;
}

/* The partition of one run. */
typedef struct Call
{
	const WfJob *job;
	Jsonb	   *params;
	WfUserContext bracket;
	Datum		result;
	bool		isnull;
} Call;

static void
evaluate(void *arg)
{
	Call	   *call = arg;

	call->result = wf_parameter_expr_evaluate(call->job->partition_by, (Datum) 0, true, call->params,
										call->bracket.foreign, &call->isnull);
}

/*
 * The partition of a run with these parameters; NULL: none.  Error WF013 if its name is
 * too long; others of the author's code.  Needs an active snapshot.
 */
const char *
wf_job_partition_of(const WfJob *job, Jsonb *params)
{
	WfParameterExpr *expr = job->partition_by;
	Call		call = {.job = job,.params = params};
	const char *name;

	if (expr == NULL)
		return job->partition;
	if (expr->cached == NULL || !expr->cached->is_valid)
	{
		wf_user_context_enter(&job->author, &call.bracket);
		compile(expr);
	}
	if (expr->pure)
		evaluate(&call);
	else
		wf_job_author_run(job, &call.bracket, NULL, evaluate, &call);
	wf_user_context_leave(&call.bracket);
	if (call.isnull)
		return NULL;
	name = TextDatumGetCString(call.result);
	if (*name == '\0')
		return NULL;
	if (strlen(name) > WF_MAX_PARTITION)
		ereport(ERROR,
				(errcode(WF_ERR_PARAMETERS),
				 errmsg("the partition of a run of job \"%s\" is too long", job->name),
				 errdetail("It has %zu bytes, of %d that are allowed.", strlen(name), WF_MAX_PARTITION)));
	return name;
}
