/*-------------------------------------------------------------------------
 *
 * step_trace.c
 *	  The spans of steps: in which trace a step is, and what it makes.
 *
 * Runs in any backend, under the lock on the process row.  A step is a span below the
 * context in which its event came, or else below the span of its process, if that was
 * started in a trace.  Its own id is known when it begins (base/span.c), so what it
 * sends, starts and invokes can hang below it, and its code finds it in
 * workflow.traceparent.  A process that is in no trace costs a comparison.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "base/clock.h"
#include "base/span.h"
#include "process/process.h"
#include "process/step_trace.h"

/* A new process is started in this context; NULL: in none. */
void
wf_step_trace_of_process(WfProcess *process, const char *context)
{
	if (unlikely(context != NULL))
		process->row.traceparent = CStringGetTextDatum(context);
}

/* The context in which the process was started, or NULL. */
static const char *
started_in(const WfProcess *process)
{
	if (likely(DatumGetPointer(process->row.traceparent) == NULL))
		return NULL;
	return TextDatumGetCString(process->row.traceparent);
}

/* The context of what happens in the process as a whole, or NULL. */
static const char *
own_context(const WfProcess *process)
{
	return wf_span_of(started_in(process), &process->row.id, 0);
}

/*
 * The next step of the process begins, with an event that came in this context; NULL: in
 * none of its own.
 */
void
wf_step_trace_begin(WfProcess *process, const char *context)
{
	process->traced.context = context != NULL ? context : own_context(process);
	process->user_context.trace = "";
	if (likely(process->traced.context == NULL))
		return;
	process->traced.began = wf_clock_now();
	process->user_context.trace = wf_span_of(process->traced.context, &process->row.id,
											 process->row.step + 1);
}

/*
 * What the process makes now hangs below this context, which an earlier step has left for
 * it; NULL: below none.
 */
void
wf_step_trace_follow(WfProcess *process, const char *context)
{
	process->user_context.trace = context != NULL ? context : "";
}

/*
 * The same for what becomes of a step that has failed, whose event came in this context;
 * NULL: in none of its own.  A process that has not made a step has no span that is told.
 */
void
wf_step_trace_failed(WfProcess *process, const char *context)
{
	if (context == NULL)
		context = process->row.step > 0 ? own_context(process) : started_in(process);
	wf_step_trace_follow(process, context);
}

/* The context of what the step under way makes; NULL: it is in no trace. */
const char *
wf_step_trace_span(const WfProcess *process)
{
	const char *span = process->user_context.trace;

	return likely(span == NULL || span[0] == '\0') ? NULL : span;
}
