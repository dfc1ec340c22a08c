/*-------------------------------------------------------------------------
 *
 * context.c
 *	  The context of a process: its initial value, reading and changing it.
 *
 * Runs in any backend, under the lock on the process row.  The context is
 * detoasted when it is first asked for.  It is written with the row; the datum
 * of a context that no step has set is written as it was read, so that what was
 * toasted is not toasted again.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"

#include "base/clock.h"
#include "base/guc.h"
#include "base/jsonb.h"
#include "definition/definition.h"
#include "eval/eval.h"
#include "eval/eval_time.h"
#include "eval/user_context.h"
#include "process/context.h"
#include "process/process.h"
#include "store/timer.h"

/* What the event that starts a process is made of. */
typedef struct Beginning
{
	WfDefinition *definition;
	Jsonb	   *input;
	const char *actor;
	const char *key;
} Beginning;

/* WfScope.make_event: the process has no id yet. */
static Jsonb *
beginning_event(void *arg)
{
	static const char *keys[] = {"type", "data", "actor", "key", "at"};
	const Beginning *beginning = arg;
	Jsonb	   *values[] = {
		wf_jsonb_string(WF_START_EVENT), beginning->input,
		beginning->actor != NULL ? wf_jsonb_string(beginning->actor) : NULL,
		beginning->key != NULL ? wf_jsonb_string(beginning->key) : NULL,
		wf_eval_time(beginning->definition->evaluator, wf_clock_now())
	};

	return wf_jsonb_object(lengthof(keys), keys, values);
}

/* WfScope.make_states: no state is active yet. */
static ArrayType *
beginning_states(void *arg)
{
	return construct_empty_array(TEXTOID);
}

/*
 * The context that a process begins with: that of its definition, evaluated as
 * its owner, with the members of the input (an object, or NULL) put over it.
 * actor and key may be NULL, and tenant: as of WfUserContext.  In the current memory context.  Error 22023 if one
 * of them is not an object; throws what the expressions throw.
 */
Jsonb *
wf_context_initial(WfDefinition *definition, Jsonb *input, const char *actor,
				   const char *key, const char *tenant)
{
	Beginning	beginning = {definition, input, actor, key};
	Jsonb	   *nothing = wf_jsonb_object(0, NULL, NULL);
	WfUserContext bracket = {.tenant = tenant};
	WfScope		scope = {.context = input ? input : nothing,.bracket = &bracket,
	.make_event = beginning_event,.make_states = beginning_states,.arg = &beginning};
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

/* The present context of a process, detoasted; not to be changed in place. */
Jsonb *
wf_context_of(WfProcess *process)
{
	if (process->context == NULL)
		process->context = DatumGetJsonbP(process->row.context);
	return process->context;
}

/* Error 22023 if it is not an object, 54000 if it is too large. */
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
 * Set the context of a process.  The jsonb must live as long as the stepper.
 * Error 22023 if it is not an object, 54000 if it is larger than
 * workflow.max_context_size.
 */
void
wf_context_set(WfProcess *process, Jsonb *context)
{
	check_context(context);
	process->context = context;
	process->row.context = JsonbPGetDatum(context);

	/*
	 * A loop makes a context for each of its elements, so the previous one is
	 * freed, if nothing else points to it.
	 */
	if (process->own_context != NULL)
		pfree(process->own_context);
	process->own_context = NULL;
}

/*
 * Set n members of the context of a process to new values; NULL leaves a member
 * as it is.  Errors as wf_context_set().
 */
void
wf_context_change(WfProcess *process, int n, const char **keys, Jsonb **values)
{
	Jsonb	   *changes = wf_jsonb_object(n, keys, values);
	Jsonb	   *context = wf_jsonb_merge(wf_context_of(process), changes);

	pfree(changes);
	wf_context_set(process, context);
	process->own_context = context;
}

/* Error 22023 if the patch of a context is not an object. */
void
wf_context_check_patch(Jsonb *patch)
{
	if (!JB_ROOT_IS_OBJECT(patch))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the patch of a context must be a JSON object"),
				 errhint("{\"name\": value} sets a member of the context, {\"name\": null} removes it.")));
}

/*
 * Apply a merge patch (RFC 7396) to the context of a process.  Errors as
 * wf_context_check_patch() and wf_context_set().
 */
void
wf_context_patch(WfProcess *process, Jsonb *patch)
{
	wf_context_check_patch(patch);
	wf_context_set(process, wf_jsonb_patch(wf_context_of(process), patch));
	process->changed = true;
}
