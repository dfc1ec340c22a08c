/*-------------------------------------------------------------------------
 *
 * api_task_vote.c
 *	  workflow.complete_task(): votes on tasks, and the events that they decide for.
 *
 * Runs in client backends, in the caller's transaction, under the lock on the process row:
 * of two who vote at once the second sees the vote of the first.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/spi.h"
#include "funcapi.h"
#include "utils/builtins.h"

#include "api/api.h"
#include "api/arg.h"
#include "api/result.h"
#include "api/task_call.h"
#include "base/clock.h"
#include "base/errcodes.h"
#include "base/guc.h"
#include "base/jsonb.h"
#include "base/quote.h"
#include "base/uuid.h"
#include "chart/chart.h"
#include "definition/definition.h"
#include "definition/event_data.h"
#include "definition/pause.h"
#include "eval/eval_time.h"
#include "process/event_scope.h"
#include "process/offer.h"
#include "process/process.h"
#include "process/step.h"
#include "process/step_write.h"
#include "process/stepper.h"
#include "process/task.h"
#include "store/task_row.h"

PG_FUNCTION_INFO_V1(workflow_complete_task);

/* A vote, those before it, and what the task says. */
typedef struct Ballot
{
	WfTaskCall	call;
	WfTaskAct	vote;
	const WfTask *task;			/* of the state, in the version of the process */
	WfTaskAct  *votes;			/* the last one is this */
	int			n;
	bool		by_name;		/* each name has one vote */
} Ballot;

/* --- may it be given? ---------------------------------------------------------- */

static bool
is_among(const char *name, const char **names, int n)
{
	for (int i = 0; i < n; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

/* Error 22023 unless the task has this event, with a note where it must have one. */
static void
check_event(const Ballot *ballot)
{
	const WfTask *task = ballot->task;
	const char *event = ballot->vote.event;
	const char *note = ballot->vote.note;

	if (!is_among(event, task->events, task->nevents))
	{
		StringInfoData events;

		initStringInfo(&events);
		for (int i = 0; i < task->nevents; i++)
			appendStringInfo(&events, "%s\"%s\"", i > 0 ? ", " : "", task->events[i]);
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the task has no event \"%s\"", wf_quote(event)),
				 errdetail("It has %s.", events.data)));
	}
	if (task->comment && (note == NULL || note[strspn(note, " \t\r\n")] == '\0') &&
		(task->ncomments == 0 || is_among(event, task->comments, task->ncomments)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" needs a note", wf_quote(event))));
}

/* Has this name voted? */
static bool
has_voted(const Ballot *ballot, const char *name)
{
	for (int i = 0; i < ballot->n; i++)
		if (ballot->votes[i].name != NULL && strcmp(ballot->votes[i].name, name) == 0)
			return true;
	return false;
}

/*
 * The name by which the actor votes: its own, or that of a group; where each name has one
 * vote, one that has not voted.  Error WF002 if the actor has voted, or its groups have.
 */
static const char *
voting_name(const Ballot *ballot)
{
	const WfTaskCall *call = &ballot->call;
	ListCell   *cell;

	for (int i = 0; i < ballot->n; i++)
		if (strcmp(ballot->votes[i].actor, call->actor) == 0)
			ereport(ERROR,
					(errcode(WF_ERR_NOT_ALLOWED),
					 errmsg("\"%s\" has voted on task %s", wf_quote(call->actor), wf_uuid_text(call->id))));
	if (!ballot->by_name || call->task.need == 1)
		return wf_task_call_name(call);
	foreach(cell, call->names)
		if (wf_task_row_has(call->task.names, lfirst(cell)) && !has_voted(ballot, lfirst(cell)))
			return lfirst(cell);
	ereport(ERROR,
			(errcode(WF_ERR_NOT_ALLOWED),
			 errmsg("somebody else has voted on task %s for the groups of \"%s\"",
					wf_uuid_text(call->id), wf_quote(call->actor))));
	return NULL;				/* keep compiler quiet */
}

/* Read the votes before, and add this one. */
static void
add_vote(Ballot *ballot)
{
	const WfTaskRow *task = &ballot->call.task;

	ballot->by_name = task->need <= list_length(task->names);
	ballot->n = wf_task_row_votes(&task->id, &ballot->votes);
	ballot->vote.act = WF_TASK_VOTE;
	ballot->vote.actor = ballot->call.actor;
	ballot->vote.name = voting_name(ballot);
	ballot->vote.at = wf_clock_now();
	ballot->votes[ballot->n++] = ballot->vote;
}

/* --- what it decides -------------------------------------------------------------- */

static int
votes_for(const Ballot *ballot, const char *event)
{
	int			n = 0;

	for (int i = 0; i < ballot->n; i++)
		n += strcmp(ballot->votes[i].event, event) == 0;
	return n;
}

/* So many votes may still come. */
static int
votes_left(const Ballot *ballot)
{
	return ballot->by_name ? list_length(ballot->call.task.names) - ballot->n : PG_INT16_MAX;
}

/* Has an event as many votes as the task needs, or one, if that is enough for it? */
static bool
has_won(const Ballot *ballot, const char *event, int need)
{
	int			n = votes_for(ballot, event);

	return n >= need || (n > 0 && is_among(event, ballot->task->any, ballot->task->nany));
}

/*
 * The event of those that have votes which none can make the winner any more: the last one
 * listed, the refusal.  It need not wait until nobody can vote: NULL if another one may win.
 */
static const char *
refusal(const Ballot *ballot, int need)
{
	const WfTask *task = ballot->task;
	int			left = votes_left(ballot);
	const char *last = task->events[task->nevents - 1];
	const char *result = NULL;

	for (int i = 0; i < task->nevents; i++)
	{
		bool		may_win = votes_for(ballot, task->events[i]) + left >= need;

		if (may_win && (task->events[i] != last || task->nevents == 1 ||
						votes_for(ballot, last) == 0))
			return NULL;
		if (votes_for(ballot, task->events[i]) > 0)
			result = task->events[i];
	}
	return result;
}

/* Can any event still get the votes that it needs? */
static bool
is_open(const Ballot *ballot, int need)
{
	for (int i = 0; i < ballot->task->nevents; i++)
		if (votes_for(ballot, ballot->task->events[i]) + votes_left(ballot) >= need)
			return true;
	return false;
}

/*
 * The event that the votes decide for, NULL: none yet.  When no event can win any more, it is
 * "undecided" where the state handles that, else the refusal.
 */
static const char *
decision(const Ballot *ballot)
{
	const WfTask *task = ballot->task;
	int			need = ballot->call.task.need == 0 ? list_length(ballot->call.task.names) :
		ballot->call.task.need;

	for (int i = 0; i < task->nevents; i++)
		if (has_won(ballot, task->events[i], need))
			return task->events[i];
	if (!wf_process_handles(ballot->call.process.process, task->undecided))
		return refusal(ballot, need);
	return is_open(ballot, need) ? NULL : task->undecided;
}

/* All votes, as the author's code sees them. */
static Jsonb *
votes_jsonb(const Ballot *ballot)
{
	static const char *keys[] = {"actor", "name", "event", "note", "data", "at"};
	Jsonb	  **all = palloc(sizeof(Jsonb *) * ballot->n);

	for (int i = 0; i < ballot->n; i++)
	{
		const WfTaskAct *vote = &ballot->votes[i];
		Jsonb	   *values[lengthof(keys)] = {
			wf_jsonb_string(vote->actor), vote->name == NULL ? NULL : wf_jsonb_string(vote->name),
			wf_jsonb_string(vote->event), vote->note == NULL ? NULL : wf_jsonb_string(vote->note),
			vote->data, wf_eval_time(ballot->call.definition->evaluator, vote->at)
		};

		all[i] = wf_jsonb_object(lengthof(keys), keys, values);
	}
	return wf_jsonb_array(ballot->n, all);
}

/* The payload of the event: that of the last vote for it. */
static Jsonb *
data_of(const Ballot *ballot, const char *event)
{
	for (int i = ballot->n - 1; i >= 0; i--)
		if (strcmp(ballot->votes[i].event, event) == 0)
			return ballot->votes[i].data;
	return NULL;
}

/* Error WF002 if `allow` keeps the actor from the event that it has voted for. */
static void
check_allow(const Ballot *ballot)
{
	WfPayload	payload = {.data = ballot->vote.data,.actor = ballot->vote.actor,
	.votes = votes_jsonb(ballot)};
	WfEvent		event = {ballot->vote.event, &payload};

	wf_offer_require(ballot->call.process.process, &event);
}

/*
 * Deliver the event that the votes decide for.  A vote counts if the process takes it, now
 * or later; else the task is as it was.
 */
static WfVerdict
deliver(WfStepper *stepper, WfProcess *process, const Ballot *ballot, const char *event)
{
	const WfTaskCall *call = &ballot->call;
	WfVerdict	verdict;

	process->votes = votes_jsonb(ballot);
	verdict = wf_step_send(stepper, process, event, data_of(ballot, event), call->actor,
						   wf_guc_traceparent());
	if (verdict == WF_TAKEN || verdict == WF_DEFERRED)
		wf_task_row_note(&call->task, &ballot->vote);
	wf_step_write(stepper);
	if (verdict == WF_TAKEN || verdict == WF_DEFERRED)
		wf_task_row_close(&call->task, event, call->actor);
	return verdict;
}

/* --- the call ----------------------------------------------------------------------- */

/* Give the vote.  The last column of the result is whether it was counted. */
static Datum
vote(FunctionCallInfo fcinfo, Ballot *ballot)
{
	WfStepper  *stepper = wf_stepper_new(0);
	WfProcess  *process = wf_api_hold_row(stepper, &ballot->call.process);
	WfVerdict	verdict = WF_IGNORED;
	const char *event;
	TupleDesc	desc;
	Datum		values[6];
	bool		nulls[6] = {0};
	Datum		result;

	ballot->call.process.process = process;
	ballot->task = wf_task_of(process, ballot->call.task.state);
	if (ballot->task == NULL)
		wf_task_call_missing(ballot->call.id);
	wf_process_refuse_command(wf_process_as_row(process));
	wf_pause_refuse(wf_process_definition(process));
	wf_task_call_require(&ballot->call);
	check_event(ballot);
	ballot->vote.data = wf_event_data_check(wf_process_definition(process), ballot->vote.event,
											ballot->vote.data);
	add_vote(ballot);
	event = decision(ballot);
	if (event == NULL || strcmp(event, ballot->vote.event) != 0)
		check_allow(ballot);	/* else whoever delivers it asks */
	if (event != NULL)
		verdict = deliver(stepper, process, ballot, event);
	else
	{
		wf_task_row_note(&ballot->call.task, &ballot->vote);
		wf_task_row_reseat(&ballot->call.task);
	}
	wf_stepper_end(stepper);

	desc = wf_result_type(fcinfo);
	values[0] = BoolGetDatum(verdict == WF_TAKEN);
	wf_result_process(process, &values[1]);
	values[4] = BoolGetDatum(verdict == WF_DEFERRED);
	values[5] = BoolGetDatum(event == NULL || verdict == WF_TAKEN || verdict == WF_DEFERRED);
	result = PointerGetDatum(SPI_returntuple(heap_form_tuple(desc, values, nulls), desc));
	SPI_finish();
	return result;
}

/*
 * SQL function workflow.complete_task(...) of sql/parts/people.sql.  Locks the process row,
 * under which votes are counted.
 */
Datum
workflow_complete_task(PG_FUNCTION_ARGS)
{
	Ballot		ballot = {
		.vote = {.event = wf_arg_event(fcinfo, 1),.data = wf_arg_jsonb_or_null(fcinfo, 2),
		.note = wf_arg_string_or_null(fcinfo, 3)}
	};

	wf_task_call_read(fcinfo, 4, 5, &ballot.call);
	wf_api_connect_to_write(fcinfo);
	wf_task_call_begin(&ballot.call);
	return vote(fcinfo, &ballot);
}
