/*-------------------------------------------------------------------------
 *
 * note.c
 *	  What operators do is noted, for workflow.audit.
 *
 * Runs in the sessions of operators, in their transactions, when what they do was done.
 * What is noted of a process or a run says to what it belongs, because that may be gone
 * when somebody reads it; it has nothing of their data.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "commands/dbcommands.h"
#include "miscadmin.h"
#include "utils/numeric.h"

#include "api/note.h"
#include "base/jsonb.h"
#include "base/uuid.h"
#include "definition/owner_role.h"
#include "store/act.h"

/* A number of JSON. */
Jsonb *
wf_note_number(int64 number)
{
	return wf_jsonb_scalar(NumericGetDatum(int64_to_numeric(number)), NUMERICOID);
}

/* {key: value}; NULL for no value. */
Jsonb *
wf_note_detail(const char *key, Jsonb *value)
{
	return value == NULL ? NULL : wf_jsonb_object(1, &key, &value);
}

static Jsonb *
with(Jsonb *detail, const char *key, Jsonb *value)
{
	Jsonb	   *more = wf_note_detail(key, value);

	return detail == NULL ? more : wf_jsonb_merge(detail, more);
}

/* Changes; of parameters only that they were changed: they are data of runs. */
Jsonb *
wf_note_changes(Jsonb *changes)
{
	JsonbValue	value;

	if (getKeyJsonValueFromContainer(&changes->root, "params", strlen("params"), &value) == NULL)
		return changes;
	return wf_jsonb_merge(changes, wf_note_detail("params", wf_jsonb_string("...")));
}

/* Note what was done with a process.  SPI must be connected, as for all of these. */
void
wf_note_process(const char *act, WfProcess *process, const char *actor, const char *note,
				Jsonb *detail)
{
	const WfDefinition *definition = wf_process_definition(process);
	WfAct		row = {
		.act = act,.kind = "process",.object = wf_uuid_text(&wf_process_as_row(process)->id),
		.owner = definition->owner,.actor = actor,.note = note,
		.detail = with(detail, "definition", wf_jsonb_string(definition->name))
	};

	wf_act(&row);
}

/* The same of a run of a job (job.id). */
void
wf_note_run(const char *act, const pg_uuid_t *id, int32 job, const char *actor, Jsonb *detail)
{
	const WfJob *of = wf_job(job);
	WfAct		row = {
		.act = act,.kind = "run",.object = wf_uuid_text(id),.owner = of->owner,.actor = actor,
		.detail = with(detail, "job", wf_jsonb_string(of->name))
	};

	wf_act(&row);
}

/* The same of something that has a name. */
void
wf_note_object(const char *act, const char *kind, const char *name, int32 owner, const char *note,
			   Jsonb *detail)
{
	WfAct		row = {
		.act = act,.kind = kind,.object = name,.owner = owner,.note = note,.detail = detail
	};

	wf_act(&row);
}

/* The same of so many runs at once: of a job, or, NULL, of those that are the user's. */
void
wf_note_runs(const char *act, const char *job, Jsonb *detail, int64 count)
{
	WfAct		row = {
		.act = act,.kind = "run",.detail = with(detail, "count", wf_note_number(count)),
		.owner = job != NULL ? wf_job_newest(job)->owner : wf_owner_role_id(GetUserId())
	};

	wf_act(&row);
}

/* The same of the database, which is administrators'. */
void
wf_note_database(const char *act, Jsonb *detail)
{
	wf_note_object(act, "database", get_database_name(MyDatabaseId), 0, NULL, detail);
}
