/*-------------------------------------------------------------------------
 *
 * job_restorer.c
 *	  Restorers: jobs that decide what becomes of runs that were lost.
 *
 * Who finds that a run was lost is somebody else, or the server itself, and must not run
 * code of its owner.  So a restorer is a job of the owner, which is made of the function
 * that was given, and asked by a run of it.  Its name has a colon, which nobody else can
 * give a job: "restorer:" and what it is for, as privileges name that.
 *
 * It decides for as long as it belongs to the role that owns what it is for.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/errcodes.h"
#include "base/jsonb.h"
#include "base/quote.h"
#include "definition/definition.h"
#include "definition/privilege.h"
#include "job/job_define.h"
#include "job/job_restorer.h"
#include "store/statement.h"

#define PREFIX		"restorer:"

/* For so long it may think (s). */
#define TIMEOUT		10

#define PARAMETERS \
	"{\"runtime\": \"text\", \"what\": {\"type\": \"uuid\", \"required\": true}, \"run\": {\"type\": \"uuid\", \"required\": true}}"

#define NO_RETRY	"{\"errors\": \"*\", \"maxAttempts\": 0}"

/*
 * What the run of a restorer does, of the name of the function.  What it is told is read
 * when it is asked, as its owner, and kept nowhere else.
 */
#define OF_DEFINITION \
	"SELECT workflow.restorer_answer($run, $what, pg_catalog.to_jsonb(%s($runtime, $what," \
	" (SELECT p.context FROM workflow.processes p WHERE p.id OPERATOR(pg_catalog.=) $what))))"
#define OF_JOB \
	"SELECT workflow.restorer_answer($run, NULL, pg_catalog.to_jsonb(%s($runtime, $what," \
	" (SELECT pg_catalog.jsonb_build_object('params', r.params, 'key', r.key, 'partition', r.partition," \
	" 'attempt', r.attempt OPERATOR(pg_catalog.+) 1, 'losses', r.losses, 'worker', $runtime, 'progress', r.progress," \
	" 'process', r.process, 'actor', r.actor)" \
	" FROM workflow.runs r WHERE r.run OPERATOR(pg_catalog.=) $what))))"

static WfStatement exists_statement = {
	.sql = "SELECT FROM workflow.job j WHERE j.name OPERATOR(pg_catalog.=) $1 AND j.dropped_at IS NULL",
	WF_ARGS(TEXTOID)
};

/* $1: the process that has invoked the run, or null; $2, $3: name and owner of its job. */
static WfStatement find_statement = {
	.sql = "SELECT j.id, a.of_definition FROM ("
	"  SELECT true AS of_definition, '" PREFIX "' OPERATOR(pg_catalog.||) d.name AS name, d.owner"
	"  FROM workflow.process p JOIN workflow.definition d ON d.id OPERATOR(pg_catalog.=) p.definition"
	"  WHERE p.id OPERATOR(pg_catalog.=) $1"
	"  UNION ALL SELECT false, '" PREFIX "job:' OPERATOR(pg_catalog.||) $2, $3) a"
	" JOIN workflow.job j ON j.name OPERATOR(pg_catalog.=) a.name COLLATE pg_catalog.\"C\""
	"  AND j.owner OPERATOR(pg_catalog.=) a.owner"
	" WHERE j.dropped_at IS NULL ORDER BY a.of_definition DESC, j.version DESC LIMIT 1",
	WF_ARGS(UUIDOID, TEXTOID, INT4OID)
};

static char *
name_of(const char *for_what)
{
	return psprintf(PREFIX "%s", for_what);
}

/* Is a job a restorer? */
bool
wf_job_restorer_is(const WfJob *job)
{
	return strncmp(job->name, PREFIX, strlen(PREFIX)) == 0;
}

/* --- what it is made of ------------------------------------------------------------ */

/*
 * The role that owns what a restorer is for.  Errors WF006 or WF010 if there is no such
 * definition or job, 22023 if nothing of that kind can have one.
 */
static Oid
owner_of(const char *for_what)
{
	const char *name;
	WfPrivilegeKind kind = wf_privilege_kind(for_what, &name);

	if (strncmp(name, PREFIX, strlen(PREFIX)) == 0 ||
		(kind != WF_PRIVILEGE_DEFINITION && kind != WF_PRIVILEGE_JOB))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" cannot have a restorer", wf_quote(for_what)),
				 errhint("A definition can, by its name, and a job, as \"job:NAME\".")));
	return kind == WF_PRIVILEGE_JOB ? wf_job_newest(name)->author.role : wf_definition_by_name(name, 0)->role;
}

/* Error WF002 unless the current user owns it: the code runs as that role. */
static void
require_owner(const char *for_what)
{
	Oid			owner = owner_of(for_what);

	if (owner != GetUserId())
		ereport(ERROR,
				(errcode(WF_ERR_NOT_ALLOWED),
				 errmsg("\"%s\" belongs to another role", wf_quote(for_what)),
				 errdetail("The restorer decides as its owner."),
				 OidIsValid(owner) ? errhint("SET ROLE %s.", quote_identifier(GetUserNameFromId(owner, false))) : 0));
}

/* Error unless a function can be a restorer, and its schema outlasts the session. */
static void
check_function(Oid function)
{
	static const Oid wanted[] = {TEXTOID, UUIDOID, JSONBOID};
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	Form_pg_proc proc;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("function with OID %u does not exist", function)));
	proc = (Form_pg_proc) GETSTRUCT(tuple);
	if (proc->prokind != PROKIND_FUNCTION || proc->proretset || proc->pronargs != lengthof(wanted) ||
		memcmp(proc->proargtypes.values, wanted, sizeof(wanted)) != 0 ||
		(proc->prorettype != TEXTOID && proc->prorettype != JSONBOID))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_FUNCTION_DEFINITION),
				 errmsg("%s cannot be a restorer", format_procedure(function)),
				 errhint("A restorer is a function (runtime text, what uuid, context jsonb) that returns text or jsonb.")));
	if (isAnyTempNamespace(proc->pronamespace))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_FUNCTION_DEFINITION),
				 errmsg("%s cannot be a restorer", format_procedure(function)),
				 errdetail("It is temporary.")));
	ReleaseSysCache(tuple);
	if (object_aclcheck(ProcedureRelationId, function, GetUserId(), ACL_EXECUTE) != ACLCHECK_OK)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for function %s", format_procedure(function))));
}

/* The command of a restorer; with a % in its name, too. */
static const char *
command_of(const char *for_what, Oid function)
{
	const char *name;
	char	   *called = quote_qualified_identifier(get_namespace_name(get_func_namespace(function)),
													get_func_name(function));

	return wf_privilege_kind(for_what, &name) == WF_PRIVILEGE_JOB ? psprintf(OF_JOB, called) :
		psprintf(OF_DEFINITION, called);
}

/* --- setting ------------------------------------------------------------------------ */

/*
 * From now on a function decides what becomes of the runs of a job, or those that the
 * processes of a definition have invoked.  SPI must be connected.  Errors as of
 * set_restorer().
 */
void
wf_job_restorer_set(const char *for_what, Oid function)
{
	Interval	timeout = {.time = TIMEOUT * USECS_PER_SEC};
	WfJobText	text = {
		.name = name_of(for_what),
		.reserved = true,
		.mode = "atomic",
		.on_lost = "retry",
		.timeout = &timeout,
		.priority = 2
	};

	require_owner(for_what);
	check_function(function);
	text.command = command_of(for_what, function);
	text.parameters = wf_jsonb_parse(PARAMETERS);
	text.retry = wf_jsonb_parse(NO_RETRY);
	text.description = psprintf("decides about %s", for_what);
	(void) wf_job_define(&text);
}

/*
 * Nothing decides any more but on_lost.  SPI must be connected.  Errors as of
 * set_restorer().
 */
void
wf_job_restorer_drop(const char *for_what)
{
	Datum		name = CStringGetTextDatum(name_of(for_what));

	require_owner(for_what);
	if (wf_statement_execute(&exists_statement, &name, NULL, 1) > 0)
		wf_job_define_drop(name_of(for_what));
}

/* What a restorer was for is not there any more. */
void
wf_job_restorer_forget(const char *for_what)
{
	Datum		name = CStringGetTextDatum(name_of(for_what));

	if (wf_statement_execute(&exists_statement, &name, NULL, 1) > 0)
		wf_job_define_forget(name_of(for_what));
}

/* --- asking -------------------------------------------------------------------------- */

/*
 * Who decides about a lost run of a job: the restorer of the definition of the process
 * that has invoked it, if any, else that of the job.  SPI must be connected.
 */
bool
wf_job_restorer_find(const WfJob *lost, const pg_uuid_t *process, WfJobRestorer *found)
{
	Datum		values[3] = {UUIDPGetDatum(process), CStringGetTextDatum(lost->name), Int32GetDatum(lost->owner)};
	bool		isnull;
	int32		id;

	if (wf_job_restorer_is(lost) ||
		wf_statement_execute(&find_statement, values, process == NULL ? "n  " : "   ", 1) == 0)
		return false;
	id = DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	found->of_definition = DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2, &isnull));
	found->job = wf_job(id);
	return true;
}
