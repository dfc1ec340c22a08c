/*-------------------------------------------------------------------------
 *
 * bulk_act.c
 *	  What bulk operations do to an item.
 *
 * Runs where slices are done, as the role that has asked for the operation.  An item is
 * done by the very function that this role would call for it, with the rights that it has
 * then: there is no other way for a bulk operation, and none that could do more.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "base/errcodes.h"
#include "base/jsonb.h"
#include "base/quote.h"
#include "base/uuid.h"
#include "bulk/bulk_act.h"
#include "bulk/bulk_json.h"
#include "store/statement.h"

/* $1: the item, $2: changes, $3: actor, $4: note.  The word tells what came of it. */
#define ACT_ARGS WF_ARGS(UUIDOID, JSONBOID, TEXTOID, TEXTOID)
#define DONE_IF(condition) "SELECT CASE WHEN " condition " THEN 'done' ELSE 'skipped' END"
#define TEXT_OF(key) "($2 OPERATOR(pg_catalog.->>) '" key "')"
#define JSON_OF(key) "($2 OPERATOR(pg_catalog.->) '" key "')"

static WfStatement cancel_statement = {
	.sql = "SELECT 'done' FROM workflow.cancel($1, $3, $4)",
	ACT_ARGS
};

static WfStatement suspend_statement = {
	.sql = DONE_IF("workflow.suspend($1, $3, $4)"),
	ACT_ARGS
};

static WfStatement resume_statement = {
	.sql = DONE_IF("workflow.resume($1, $3, $4)"),
	ACT_ARGS
};

static WfStatement send_statement = {
	.sql = "SELECT CASE WHEN s.taken OR s.deferred THEN 'done' ELSE 'ignored' END"
	" FROM workflow.send($1, " TEXT_OF("event") ", " JSON_OF("data") ", actor => $3) s",
	ACT_ARGS
};

static WfStatement migrate_statement = {
	.sql = DONE_IF("m.from_version OPERATOR(pg_catalog.<>) m.to_version")
	" FROM workflow.migrate($1, " TEXT_OF("version") "::pg_catalog.int4, " JSON_OF("mapping") ","
	" actor => $3, patch => " JSON_OF("patch") ", note => $4) m",
	ACT_ARGS
};

static WfStatement cancel_run_statement = {
	.sql = DONE_IF("workflow.cancel_run($1, COALESCE(" TEXT_OF("force") "::pg_catalog.bool, false), $3)"
				   " OPERATOR(pg_catalog.=) ANY ('{aborted,aborting}'::pg_catalog.text[])"),
	ACT_ARGS
};

static WfStatement redrive_statement = {
	.sql = DONE_IF("workflow.retry_run($1)"),
	ACT_ARGS
};

static WfStatement alter_statement = {
	.sql = DONE_IF("workflow.alter_runs(pg_catalog.jsonb_build_object('ids', pg_catalog.jsonb_build_array($1)), $2)"
				   " OPERATOR(pg_catalog.>) 0"),
	ACT_ARGS
};

/* What it changes is checked by a call for no run at all. */
static WfStatement try_alter_statement = {
	.sql = "SELECT workflow.alter_runs('{\"ids\": []}', $1)",
	WF_ARGS(JSONBOID)
};

/* May a role call the function of this name?  The functions of an act have one signature. */
static WfStatement may_call_statement = {
	.sql = "SELECT pg_catalog.has_schema_privilege($1, p.pronamespace, 'USAGE')"
	" AND pg_catalog.has_function_privilege($1, p.oid, 'EXECUTE') FROM pg_catalog.pg_proc p"
	" WHERE p.pronamespace OPERATOR(pg_catalog.=) 'workflow'::pg_catalog.regnamespace"
	" AND p.proname OPERATOR(pg_catalog.=) $2",
	WF_ARGS(OIDOID, NAMEOID)
};

#define PROCESS "process"
#define RUN "run"

static const char *const no_keys[] = {NULL};
static const char *const send_keys[] = {"event", "data", NULL};
static const char *const migrate_keys[] = {"version", "mapping", "patch", NULL};
static const char *const cancel_run_keys[] = {"force", NULL};

static const struct
{
	const char *name;
	const char *kind;			/* of its items */
	const char *function;		/* that is called for each of them */
	const char *const *keys;	/* of its changes; NULL: see there */
	WfStatement *statement;
}			acts[] = {
	[WF_BULK_CANCEL] = {"cancel", PROCESS, "cancel", no_keys, &cancel_statement},
	[WF_BULK_SUSPEND] = {"suspend", PROCESS, "suspend", no_keys, &suspend_statement},
	[WF_BULK_RESUME] = {"resume", PROCESS, "resume", no_keys, &resume_statement},
	[WF_BULK_SEND] = {"send", PROCESS, "send", send_keys, &send_statement},
	[WF_BULK_MIGRATE] = {"migrate", PROCESS, "migrate", migrate_keys, &migrate_statement},
	[WF_BULK_CANCEL_RUN] = {"cancel", RUN, "cancel_run", cancel_run_keys, &cancel_run_statement},
	[WF_BULK_REDRIVE] = {"redrive", RUN, "retry_run", no_keys, &redrive_statement},
	[WF_BULK_ALTER] = {"alter", RUN, "alter_runs", NULL, &alter_statement}
};

/* --- names ------------------------------------------------------------------------ */

/* The act of this name for items of this kind, both as they were stored. */
WfBulkAct
wf_bulk_act_by_name(const char *name, const char *kind)
{
	for (int act = 0; act < (int) lengthof(acts); act++)
		if (strcmp(acts[act].name, name) == 0 && strcmp(acts[act].kind, kind) == 0)
			return act;
	elog(ERROR, "unknown bulk operation \"%s\" of %s", name, kind);
}

/* Is there an act of this name, and for what? */
bool
wf_bulk_act_find(const char *name, bool *of_processes, bool *of_runs)
{
	*of_processes = *of_runs = false;
	for (int act = 0; act < (int) lengthof(acts); act++)
		if (strcmp(acts[act].name, name) == 0)
			*(wf_bulk_act_is_of_runs(act) ? of_runs : of_processes) = true;
	return *of_processes || *of_runs;
}

/* Its name. */
const char *
wf_bulk_act_name(WfBulkAct act)
{
	return acts[act].name;
}

/* What its items are: "process" or "run". */
const char *
wf_bulk_act_kind(WfBulkAct act)
{
	return acts[act].kind;
}

/* Are its items runs?  Else they are processes. */
bool
wf_bulk_act_is_of_runs(WfBulkAct act)
{
	return strcmp(acts[act].kind, RUN) == 0;
}

/* --- what is given for it ----------------------------------------------------------- */

static Jsonb *
check_send(Jsonb *changes)
{
	const char *keys[] = {"event", "data"};
	Jsonb	   *values[2];
	char	   *event = wf_bulk_json_string(changes, "event");
	JsonbValue	data;

	if (event == NULL || event[0] == '\0')
		wf_bulk_json_refuse("event", "the name of an event");
	values[0] = wf_jsonb_string(event);
	values[1] = wf_bulk_json_member(changes, "data", true, &data) ? JsonbValueToJsonb(&data) : NULL;
	return wf_jsonb_object(2, keys, values);
}

static Jsonb *
check_migrate(Jsonb *changes)
{
	const char *keys[] = {"version", "mapping", "patch"};
	int32		version = wf_bulk_json_int(changes, "version");
	Jsonb	   *values[] = {
		version == 0 ? NULL : wf_jsonb_scalar(NumericGetDatum(int64_to_numeric(version)), NUMERICOID),
		wf_bulk_json_object(changes, "mapping"), wf_bulk_json_object(changes, "patch")
	};

	return wf_jsonb_object(3, keys, values);
}

static Jsonb *
check_alter(Jsonb *changes)
{
	static const char *keys[] = {"due"};
	Datum		value = JsonbPGetDatum(changes);
	Jsonb	   *due;

	(void) wf_statement_call(&try_alter_statement, &value, NULL);
	due = wf_bulk_json_of_time(wf_bulk_json_time(changes, "due", DT_NOEND));
	return wf_jsonb_merge(changes, wf_jsonb_object(lengthof(keys), keys, &due));
}

/*
 * What is given for the act, without members that are null.  Errors: 22023 for what it
 * does not know or cannot be; for runs that are altered those of alter_runs().  SPI must
 * be connected.
 */
Jsonb *
wf_bulk_act_check_changes(WfBulkAct act, Jsonb *changes)
{
	if (changes == NULL)
		changes = wf_jsonb_object(0, NULL, NULL);
	if (acts[act].keys != NULL)
		wf_bulk_json_check_keys(changes, "changes", acts[act].keys);
	switch (act)
	{
		case WF_BULK_SEND:
			return check_send(changes);
		case WF_BULK_MIGRATE:
			return check_migrate(changes);
		case WF_BULK_CANCEL_RUN:
			(void) wf_bulk_json_bool(changes, "force");
			return changes;
		case WF_BULK_ALTER:
			return check_alter(changes);
		default:
			return changes;
	}
}

/* May the current user call the function that does it?  SPI must be connected. */
bool
wf_bulk_act_may_call(WfBulkAct act)
{
	NameData	name = {{0}};
	Datum		values[2] = {ObjectIdGetDatum(GetUserId()), NameGetDatum(&name)};
	bool		isnull;

	namestrcpy(&name, acts[act].function);
	return wf_statement_execute(&may_call_statement, values, NULL, 1) > 0 &&
		DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
}

/* --- one item ---------------------------------------------------------------------- */

/* What the word of a statement means. */
static void
read_word(const WfBulk *bulk, const char *word, WfBulkOutcome *outcome)
{
	memset(outcome, 0, sizeof(WfBulkOutcome));
	if (strcmp(word, "done") == 0)
		outcome->result = WF_BULK_DONE;
	else if (strcmp(word, "skipped") == 0)
		outcome->result = WF_BULK_SKIPPED;
	else
	{
		outcome->result = WF_BULK_REFUSED;
		outcome->message = psprintf("no active state handles the event \"%s\"",
									wf_quote(wf_bulk_json_string(bulk->changes, "event")));
	}
}

/*
 * Do it to an item, as the current user.  What is thrown is the caller's to deal with.  SPI
 * must be connected.
 */
void
wf_bulk_act_do(const WfBulk *bulk, const pg_uuid_t *id, WfBulkOutcome *outcome)
{
	const char *note = bulk->note != NULL ? bulk->note : psprintf("bulk operation %s", wf_uuid_text(&bulk->id));
	Datum		values[4] = {UUIDPGetDatum(id), JsonbPGetDatum(bulk->changes), (Datum) 0, CStringGetTextDatum(note)};
	const char	nulls[] = {' ', ' ', bulk->actor == NULL ? 'n' : ' ', ' ', '\0'};

	if (bulk->actor != NULL)
		values[2] = CStringGetTextDatum(bulk->actor);
	(void) wf_statement_call(acts[bulk->act].statement, values, nulls);
	read_word(bulk, SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1), outcome);
}

/* Sessions got into each other's way, or somebody is at it. */
static bool
is_conflict(int code)
{
	return code == ERRCODE_T_R_DEADLOCK_DETECTED || code == ERRCODE_T_R_SERIALIZATION_FAILURE ||
		code == ERRCODE_LOCK_NOT_AVAILABLE || code == WF_ERR_BUSY;
}

static WfBulkResult
result_of(WfBulkAct act, int code)
{
	if (is_conflict(code))
		return WF_BULK_LOCKED;
	if (code == WF_ERR_OVER || (code == WF_ERR_NO_PROCESS && !wf_bulk_act_is_of_runs(act)))
		return WF_BULK_SKIPPED;
	if (ERRCODE_TO_CATEGORY(code) == MAKE_SQLSTATE('W', 'F', '0', '0', '0') ||
		(act == WF_BULK_MIGRATE && code == ERRCODE_INVALID_PARAMETER_VALUE))
		return WF_BULK_REFUSED;
	return WF_BULK_FAILED;
}

/* What an error means that an item has met. */
void
wf_bulk_act_explain(const WfBulk *bulk, const ErrorData *error, WfBulkOutcome *outcome)
{
	outcome->result = result_of(bulk->act, error->sqlerrcode);
	outcome->code = pstrdup(unpack_sql_state(error->sqlerrcode));
	outcome->message = error->message;
	outcome->detail = error->detail;
}
