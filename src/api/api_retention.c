/*-------------------------------------------------------------------------
 *
 * api_retention.c
 *	  workflow.set_retention() and drop_retention(): for how long what is over is kept, by
 *	  rules.
 *
 * Runs in client backends.  The runtime removes what outlives a rule (store/retention.c), an
 * executor what goes into an archive first (archival/).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "pgtime.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "api/api.h"
#include "api/arg.h"
#include "api/note.h"
#include "archival/archive_table.h"
#include "base/errcodes.h"
#include "base/interval.h"
#include "base/jsonb.h"
#include "base/quote.h"
#include "definition/define.h"
#include "definition/definition_row.h"
#include "definition/handover.h"
#include "definition/privilege.h"
#include "store/keep.h"
#include "store/retention_walk.h"

PG_FUNCTION_INFO_V1(workflow_set_retention);
PG_FUNCTION_INFO_V1(workflow_drop_retention);

/* What is kept longer is kept for ever. */

/* How something ends; the last one only runs. */
static const char *const outcomes[] = {"finished", "failed", "aborted", "expired"};

/* What a rule is for. */
typedef struct Target
{
	const char *for_what;		/* as it was given */
	const char *kind;			/* as it is stored */
	WfOwned		owned;
} Target;

/* --- arguments ---------------------------------------------------------------------- */

/* Error 22023 unless rules are for such objects. */
static const char *
kind_name(WfPrivilegeKind kind)
{
	switch (kind)
	{
		case WF_PRIVILEGE_DEFINITION:
			return WF_KEEP_DEFINITION;
		case WF_PRIVILEGE_JOB:
			return WF_KEEP_JOB;
		case WF_PRIVILEGE_QUEUE:
			return WF_KEEP_QUEUE;
		default:
			break;
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("a retention is for a definition, a job or a queue"),
			 errhint("Name it as in grant_on(): NAME, 'job:NAME' or 'queue:NAME'.")));
}

/* An outcome, "" for any.  Error 22023 for one that there is not. */
static const char *
outcome_arg(FunctionCallInfo fcinfo, int n, const char *kind)
{
	const char *outcome = wf_arg_string_or_null(fcinfo, n);
	int			known = strcmp(kind, WF_KEEP_DEFINITION) == 0 ? lengthof(outcomes) - 1 : lengthof(outcomes);

	if (outcome == NULL)
		return "";
	for (int i = 0; i < known; i++)
		if (strcmp(outcomes[i], outcome) == 0)
			return outcome;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("there is no outcome \"%s\"", wf_quote(outcome)),
			 strcmp(kind, WF_KEEP_DEFINITION) == 0 ?
			 errhint("Processes are \"finished\", \"failed\" or \"aborted\".") :
			 errhint("Runs are \"finished\", \"failed\", \"aborted\" or \"expired\".")));
}

/* How long; NULL: for ever.  Error 22023 for what is too short or too long. */
static const Interval *
keep_arg(FunctionCallInfo fcinfo, int n)
{
	const Interval *keep;
	double		days;

	if (PG_ARGISNULL(n))
		return NULL;
	keep = PG_GETARG_INTERVAL_P(n);
	days = keep->month * (double) DAYS_PER_MONTH + keep->day + keep->time / (double) USECS_PER_DAY;
	if (days < 1.0 / (HOURS_PER_DAY * MINS_PER_HOUR) || days > WF_INTERVAL_LONGEST)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("keep must be at least a minute, and not longer than %d days", WF_INTERVAL_LONGEST),
				 errhint("Null is for ever.")));
	/* they might cancel each other, and a time that far from now is out of range */
	if (keep->month < 0 || keep->day < 0 || keep->time < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("keep must have no negative part")));
	return keep;
}

/* --- rights ------------------------------------------------------------------------- */

static bool
has_rights_of_owner(const Target *target)
{
	return OidIsValid(target->owned.role) && has_privs_of_role(GetUserId(), target->owned.role);
}

/*
 * Find what argument 0 names, and keep it from being dropped meanwhile.  Error WF002 unless
 * the current user may decide about it.
 */
static void
find_target(FunctionCallInfo fcinfo, Target *target)
{
	const char *name;
	WfPrivilegeKind kind;

	target->for_what = wf_arg_string(fcinfo, 0, "for_what");
	kind = wf_privilege_kind(target->for_what, &name);
	target->kind = kind_name(kind);
	wf_api_connect_to_write(fcinfo);
	wf_handover_find(target->for_what, &target->owned);
	if (!wf_privilege_role_may_on(GetUserId(), kind, name, target->owned.role, "manage"))
		ereport(ERROR,
				(errcode(WF_ERR_NOT_ALLOWED),
				 errmsg("must be owner of %s \"%s\"", target->kind, wf_quote(name)),
				 errhint("Members of workflow_admin may, too.")));
	wf_definition_row_lock_name(target->for_what);
	wf_handover_find(target->for_what, &target->owned);
}

/*
 * The table that argument n names, if it does.  Its triggers will run as the owner, and who
 * names it has chosen them: so workflow_admin is not enough.
 */
static void
archive_arg(FunctionCallInfo fcinfo, int n, const Target *target, WfKeep *rule)
{
	WfAuthor	owner = {.role = target->owned.role};

	if (PG_ARGISNULL(n))
		return;
	if (!has_rights_of_owner(target))
		ereport(ERROR,
				(errcode(WF_ERR_NOT_ALLOWED),
				 errmsg("must have the rights of the owner of %s \"%s\" to name an archive", target->kind,
						wf_quote(target->owned.name)),
				 errdetail("It is written to, and its triggers run, as that role.")));
	owner.search_path = rule->search_path = wf_define_path();
	owner.time_zone = rule->time_zone = pg_get_timezone_name(session_timezone);
	rule->relation = PG_GETARG_OID(n);
	wf_archive_table_check(rule->relation, strcmp(target->kind, WF_KEEP_DEFINITION) != 0, &owner);
	rule->archive_to = quote_qualified_identifier(get_namespace_name(get_rel_namespace(rule->relation)),
												  get_rel_name(rule->relation));
}

/* --- functions ---------------------------------------------------------------------- */

static Jsonb *
string_or_null(const char *text)
{
	return text == NULL ? wf_jsonb_parse("null") : wf_jsonb_string(text);
}

/* What was said, for the view audit. */
static void
note(const char *act, const Target *target, const WfKeep *rule)
{
	static const char *const keys[] = {"outcome", "keep", "archive_to"};
	char	   *keep = rule->keep == NULL ? NULL :
		DatumGetCString(DirectFunctionCall1(interval_out, IntervalPGetDatum(rule->keep)));
	Jsonb	   *values[] = {
		string_or_null(rule->outcome[0] == '\0' ? NULL : rule->outcome), string_or_null(keep),
		string_or_null(rule->archive_to)
	};

	wf_note_object(act, target->kind, target->owned.name, target->owned.owner, NULL,
				   wf_jsonb_object(lengthof(keys), (const char **) keys, values));
}

/*
 * SQL function workflow.set_retention(for_what, keep, outcome, archive_to) of
 * sql/parts/retention.sql.  Locks the name of the definition, job or queue, then the rule and
 * the row of the ring.
 */
Datum
workflow_set_retention(PG_FUNCTION_ARGS)
{
	Target		target;
	WfKeep		rule = {0};

	rule.keep = keep_arg(fcinfo, 1);
	find_target(fcinfo, &target);
	rule.kind = target.kind;
	rule.name = target.owned.name;
	rule.owner = target.owned.owner;
	rule.outcome = outcome_arg(fcinfo, 2, target.kind);
	archive_arg(fcinfo, 3, &target, &rule);
	wf_keep_set(&rule);
	note("set_retention", &target, &rule);
	wf_retention_walk_anew();
	SPI_finish();
	PG_RETURN_VOID();
}

/* SQL function workflow.drop_retention(for_what, outcome) of sql/parts/retention.sql. */
Datum
workflow_drop_retention(PG_FUNCTION_ARGS)
{
	Target		target;
	WfKeep		rule = {0};
	bool		dropped;

	find_target(fcinfo, &target);
	rule.outcome = outcome_arg(fcinfo, 1, target.kind);
	dropped = wf_keep_remove(target.kind, target.owned.name, rule.outcome);
	if (dropped)
	{
		note("drop_retention", &target, &rule);
		wf_retention_walk_anew();
	}
	SPI_finish();
	PG_RETURN_BOOL(dropped);
}
