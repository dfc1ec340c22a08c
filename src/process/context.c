/*-------------------------------------------------------------------------
 *
 * context.c
 *	  The context of a process: how it begins, is read and is changed.
 *
 * Runs in any backend, under the lock on the process row.  It is detoasted when
 * it is first asked for, and written with the row when its datum has changed.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/guc.h"
#include "base/jsonb.h"
#include "definition/definition.h"
#include "eval/eval.h"
#include "eval/user_context.h"
#include "process/context.h"
#include "process/process.h"
#include "store/timer.h"

/*
 * The context that a process begins with: that of its definition, evaluated
 * as its owner, with the input (an object, or NULL) laid over it.
 */
Jsonb *
wf_context_initial(WfDefinition *definition, Jsonb *input, const char *actor)
{
	static const char *keys[] = {"type", "data", "actor"};
	Jsonb	   *values[] = {wf_jsonb_string(WF_START_EVENT), input,
	actor != NULL ? wf_jsonb_string(actor) : NULL};
	Jsonb	   *nothing = wf_jsonb_object(0, NULL, NULL);
	WfUserContext	bracket = {0};
	WfScope		scope = {.context = input ? input : nothing,.bracket = &bracket,
	.event = wf_jsonb_object(3, keys, values)};
	Jsonb	   *context = nothing;

	if (input != NULL && !JB_ROOT_IS_OBJECT(input))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the input of a process must be a JSON object")));
	if (definition->chart->context != NULL)
		context = wf_eval_value(definition->evaluator, definition->chart->context, &scope);
	wf_user_context_leave(&bracket);
	if (!JB_ROOT_IS_OBJECT(context))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the initial context of \"%s\" is not a JSON object",
						definition->name)));
	return input == NULL ? context : wf_jsonb_merge(context, input);
}

/* Its context, not toasted. */
Jsonb *
wf_context_of(WfProcess *process)
{
	if (process->context == NULL)
		process->context = DatumGetJsonbP(process->row.context);
	return process->context;
}

static void
check_context(Jsonb *context)
{
	if (!JB_ROOT_IS_OBJECT(context))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the new context is not a JSON object")));
	if (VARSIZE(context) > (Size) wf_max_context_size * 1024)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the new context is larger than workflow.max_context_size (%d kB)",
						wf_max_context_size),
				 errhint("Keep large data in tables of your own and their keys in the context.")));
}

/*
 * Make it the context of the process.  Error 22023 when it is no
 * object, 54000 when it is too large.
 */
void
wf_context_set(WfProcess *process, Jsonb *context)
{
	check_context(context);
	process->context = context;
	process->row.context = JsonbPGetDatum(context);

	/* A loop makes a context for each of its items: nobody has that of before. */
	if (process->own_context != NULL)
		pfree(process->own_context);
	process->own_context = NULL;
}

/* Members get new values (NULL: none); the rest stays. */
void
wf_context_change(WfProcess *process, int n, const char **keys, Jsonb **values)
{
	Jsonb	   *changes = wf_jsonb_object(n, keys, values);
	Jsonb	   *context = wf_jsonb_merge(wf_context_of(process), changes);

	pfree(changes);
	wf_context_set(process, context);
	process->own_context = context;
}
