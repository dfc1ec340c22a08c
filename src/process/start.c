/*-------------------------------------------------------------------------
 *
 * start.c
 *	  Processes that begin: their keys, their first step.
 *
 * Runs in the sessions of clients, and in executors.  Keys are taken first, in the order
 * of their own, so that calls with the same keys cannot deadlock; new process rows need
 * no lock.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "base/errcodes.h"
#include "base/guc.h"
#include "base/quote.h"
#include "base/uuid.h"
#include "definition/definition.h"
#include "definition/pause.h"
#include "process/context.h"
#include "process/process.h"
#include "process/start.h"
#include "process/step.h"
#include "process/step_trace.h"
#include "process/step_write.h"
#include "process/stepper.h"
#include "store/changes.h"
#include "store/early.h"
#include "store/key.h"
#include "store/timer.h"

/* Add a new process to a stepper, and start it, or arm the timer that will. */
static void
start_one(WfStepper *stepper, const WfStart *start, const pg_uuid_t *id,
		  Jsonb *input, const char *key)
{
	Jsonb	   *context;
	WfProcess  *process;

	/* Checked here, since a call for a key that is taken starts nothing. */
	wf_pause_refuse(start->definition);
	context = wf_context_initial(start->definition, input, start->actor, key, NULL);
	process = wf_stepper_add_new(stepper, start->definition, id, context, key);
	wf_step_trace_of_process(process, start->trace != NULL ? start->trace : wf_guc_traceparent());

	if (start->later)
	{
		WfTimerRow	timer = {.process = *id,.due = start->at,
		.event = WF_START_EVENT,.actor = start->actor,.data = input};

		wf_changes_arm(wf_stepper_changes(stepper), &timer,
					   start->definition->owner, false, false);
	}
	else
		wf_step_start(stepper, process, input, start->actor);
}

/* Error WF016: the key of a process that is to be started is taken. */
pg_noreturn static void
refuse_key(const WfStart *start, Datum key, const pg_uuid_t *holder)
{
	ereport(ERROR,
			(errcode(WF_ERR_KEY_TAKEN),
			 errmsg("a process of \"%s\" has the key \"%s\" already", start->definition->name,
					wf_quote(TextDatumGetCString(key))),
			 errdetail("It is process %s.", wf_uuid_text(holder))));
}

/*
 * Take the keys of the n processes at these positions.  Returns true if events were
 * kept for some of them.
 */
static bool
take_keys(const WfStart *start, const WfStartMany *many, const int *at, int n)
{
	bool		early = false;
	Datum	   *keys = palloc(sizeof(Datum) * n);
	bool	   *nulls = palloc(sizeof(bool) * n);
	pg_uuid_t  *ids = palloc(sizeof(pg_uuid_t) * n);
	bool	   *is_new = palloc(sizeof(bool) * n);

	for (int i = 0; i < n; i++)
	{
		keys[i] = many->keys[at[i]];
		nulls[i] = many->key_nulls[at[i]];
		ids[i] = many->ids[at[i]];
	}
	wf_key_take(start->definition->name, n, keys, nulls, start->renew,
				start->looks_for_early ? &early : NULL, ids, is_new);
	for (int i = 0; i < n; i++)
	{
		if (!is_new[i] && start->refuse)
			refuse_key(start, keys[i], &ids[i]);
		many->ids[at[i]] = ids[i];
		many->created[at[i]] = is_new[i];
	}
	return early;
}

/* The first of the n processes at these positions that is new and has this key. */
static const pg_uuid_t *
find_new(const WfStartMany *many, const int *at, int n, const char *key)
{
	size_t		len = strlen(key);

	for (int i = 0; i < n; i++)
	{
		text	   *own;

		if (!many->created[at[i]] || many->key_nulls[at[i]])
			continue;
		own = DatumGetTextPP(many->keys[at[i]]);
		if (VARSIZE_ANY_EXHDR(own) == len && memcmp(VARDATA_ANY(own), key, len) == 0)
			return &many->ids[at[i]];
	}
	return NULL;
}

/* Give new processes what was kept for their keys. */
static void
give_early(WfStepper *stepper, const WfStart *start, const WfStartMany *many, const int *at, int n)
{
	Datum	   *keys = palloc(sizeof(Datum) * n);
	int			nkeys = 0;
	WfEarly    *events;
	int			nevents;

	for (int i = 0; i < n; i++)
		if (many->created[at[i]] && !many->key_nulls[at[i]])
			keys[nkeys++] = many->keys[at[i]];
	nevents = wf_early_take(start->definition->name,
							construct_array(keys, nkeys, TEXTOID, -1, false, TYPALIGN_INT), &events);
	for (int i = 0; i < nevents; i++)
	{
		const pg_uuid_t *process = find_new(many, at, n, events[i].key);

		Assert(process != NULL);
		events[i].timer.process = *process;
		wf_changes_arm(wf_stepper_changes(stepper), &events[i].timer,
					   start->definition->owner, false, false);
	}
}

/*
 * Start the n processes at these positions, as far as their keys are free.  The caller
 * has checked rights, and keeps the definition.  Waits for transactions that are starting
 * processes with the keys.  SPI must be connected.
 */
void
wf_start_many(const WfStart *start, const WfStartMany *many, const int *at, int n)
{
	WfStepper  *stepper;
	bool		early = many->keys != NULL && take_keys(start, many, at, n);

	stepper = wf_stepper_new(0);
	for (int i = 0; i < n; i++)
		if (many->created[at[i]])
			start_one(stepper, start, &many->ids[at[i]],
					  many->input_nulls[at[i]] ? NULL : DatumGetJsonbP(many->inputs[at[i]]),
					  many->keys == NULL || many->key_nulls[at[i]] ? NULL :
					  TextDatumGetCString(many->keys[at[i]]));
	if (unlikely(early))
		give_early(stepper, start, many, at, n);

	/* Actions may have dropped it: against ourselves no lock helps. */
	wf_definition_keep(start->definition);
	wf_step_write(stepper);
	wf_stepper_end(stepper);
}

/*
 * Find the process of a definition with this key, or start one with this input; each of
 * them may be NULL.  *id becomes that of the process.  False: it was there.  As
 * wf_start_many() otherwise.
 */
bool
wf_start_one(const WfStart *start, const char *key, Jsonb *input, pg_uuid_t *id)
{
	static const int first = 0;
	Datum		input_datum = JsonbPGetDatum(input);
	Datum		key_datum = key == NULL ? (Datum) 0 : CStringGetTextDatum(key);
	bool		no_input = input == NULL;
	bool		no_key = key == NULL;
	bool		created = true;
	WfStartMany many = {.n = 1,.inputs = &input_datum,.input_nulls = &no_input,
	.keys = no_key ? NULL : &key_datum,.key_nulls = &no_key,.ids = id,.created = &created};

	wf_uuid_make(id, no_key ? WF_UUID_ANY_SLOT : wf_uuid_slot_of_key(key, strlen(key)));
	wf_start_many(start, &many, &first, 1);
	return created;
}
