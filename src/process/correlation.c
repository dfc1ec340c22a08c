/*-------------------------------------------------------------------------
 *
 * correlation.c
 *	  What the states of a process wait for that is published.
 *
 * Runs in any backend, under the lock on the process row.  With what a state waits for
 * an event is computed when it is entered, and holds until it is left.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/acl.h"

#include "base/clock.h"
#include "base/jsonb.h"
#include "chart/chart.h"
#include "definition/definition.h"
#include "definition/event_data.h"
#include "definition/privilege.h"
#include "interpreter/machine.h"
#include "process/call.h"
#include "process/correlation.h"
#include "process/error_event.h"
#include "process/event_scope.h"
#include "process/process.h"
#include "process/stepper.h"
#include "store/changes.h"
#include "store/changes_write.h"
#include "store/process_row.h"
#include "store/published.h"

/* The arguments of call_value(), and its result. */
typedef struct Value
{
	WfProcess  *process;
	const WfCorrelate *correlate;
	const WfEvent *event;
	char	   *text;			/* NULL: null */
} Value;

static void
call_value(void *arg)
{
	Value	   *value = arg;
	Jsonb	   *jsonb = wf_event_scope_value(value->process, value->correlate->value, value->event);
	JsonbValue	scalar;

	if (jsonb == NULL)
		return;
	if (!JB_ROOT_IS_SCALAR(jsonb) || !JsonbExtractScalar(&jsonb->root, &scalar))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the correlation at %s is not a string or a number", value->correlate->path)));
	if (scalar.type == jbvNull)
		return;
	value->text = scalar.type == jbvString ? wf_jsonb_text(jsonb) :
		JsonbToCString(NULL, &jsonb->root, VARSIZE(jsonb));
	if (value->text[0] == '\0' || strlen(value->text) > WF_MAX_NAME_LENGTH)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the correlation at %s is empty or too long", value->correlate->path),
				 errdetail("%d bytes are allowed.", WF_MAX_NAME_LENGTH)));
}

/* With what is the event awaited?  NULL: it is not. */
static char *
evaluate(WfProcess *process, const WfCorrelate *correlate, const WfEvent *event)
{
	Value		value = {process, correlate, event, NULL};
	WfCode		code = {"correlate", correlate->path, false};

	if (!wf_call_catches(process))
		call_value(&value);
	else if (!wf_error_event_catch(process, event, &code, call_value, &value))
		return NULL;
	return value.text;
}

/* A state is entered: it waits for its events, with what is computed now. */
void
wf_correlation_arm(WfProcess *process, const WfState *state, const WfEvent *event)
{
	for (int i = 0; i < state->ncorrelates; i++)
	{
		char	   *correlation = evaluate(process, &state->correlates[i], event);
		WfAwaited  *awaited;

		if (correlation == NULL)
			continue;
		awaited = palloc(sizeof(WfAwaited));
		*awaited = (WfAwaited) {state->name, state->correlates[i].event, correlation};
		process->awaited = lappend(process->awaited, awaited);
	}
}

/* A state is left: it waits no longer. */
void
wf_correlation_disarm(WfProcess *process, const WfState *state)
{
	ListCell   *cell;

	if (state->ncorrelates == 0)
		return;
	foreach(cell, process->awaited)
		if (strcmp(((WfAwaited *) lfirst(cell))->state, state->name) == 0)
			process->awaited = foreach_delete_current(process->awaited, cell);
	if (!process->is_new)
		process->unawaited = lappend(process->unawaited, unconstify(char *, state->name));
}

/* The process has got another version: its active states wait anew. */
void
wf_correlation_again(WfProcess *process, const WfEvent *event)
{
	const WfChart *chart = process->definition->chart;

	process->awaits_anew = true;
	process->awaited = NIL;
	for (int s = 0; s < chart->nstates; s++)
		if (chart->states[s].ncorrelates > 0 && wf_machine_is_active(process->machine, s))
			wf_correlation_arm(process, &chart->states[s], event);
}

/* Give the process what is kept for whoever begins to wait for this. */
static void
take_kept(WfProcess *process, const WfAwaited *awaited)
{
	WfPublished *kept;
	int			n = wf_published_kept(awaited, process->row.tenant, wf_clock_now(), &kept);
	WfChanges  *changes = n == 0 ? NULL : wf_changes_new(0);

	for (int i = 0; i < n; i++)
	{
		WfTimerRow	timer = {.process = process->row.id,.due = wf_clock_now(),.event = kept[i].event,
		.actor = kept[i].actor,.data = kept[i].data,.once = wf_published_once(kept[i].id),.trace = kept[i].trace};
		Oid			role = get_role_oid(kept[i].role, true);

		/* it may act for the actor elsewhere, and not here */
		if (OidIsValid(role) && timer.actor != NULL && strcmp(timer.actor, kept[i].role) != 0 &&
			!wf_privilege_role_may_act(role, process->definition, timer.actor))
			timer.actor = kept[i].role;
		if (OidIsValid(role) && wf_privilege_role_may(role, process->definition, "send"))
			wf_changes_arm(changes, &timer, process->definition->owner, process->row.suspended, false);
	}
	if (n > 0)
		(void) wf_changes_write(changes);
}

/*
 * An event is about to be delivered that may have been kept for whoever waits: who published
 * it did not know who gets it, so its data are checked now.  False: they do not fit.
 */
bool
wf_correlation_fits(WfProcess *process, WfTimerRow *timer)
{
	ErrorData  *error;
	Jsonb	   *data;

	if (!wf_published_is_kept(timer->once))
		return true;
	data = wf_event_data_try(process->definition, timer->event, timer->data, &error);
	if (error == NULL)
		timer->data = data;
	return error == NULL;
}

static void
write_of(WfProcess *process)
{
	ListCell   *cell;

	if (process->awaits_anew)
		wf_published_leave(&process->row.id, NULL);
	foreach(cell, process->unawaited)
		wf_published_leave(&process->row.id, lfirst(cell));
	/* first all rows, then the look: see store/published.c */
	foreach(cell, process->awaited)
		wf_published_await(&process->row.id, 1, lfirst(cell));
	foreach(cell, process->awaited)
		take_kept(process, lfirst(cell));
	process->awaited = process->unawaited = NIL;
	process->awaits_anew = false;
}

/*
 * Write for what the processes of a stepper wait now, and give them what is kept of that;
 * not those of a simulation.
 */
void
wf_correlation_write(WfStepper *stepper)
{
	ListCell   *cell;

	if (stepper->observer != NULL)
		return;
	foreach(cell, stepper->processes)
	{
		WfProcess  *process = lfirst(cell);

		if (process->awaited != NIL || process->unawaited != NIL || process->awaits_anew)
			write_of(process);
	}
}
