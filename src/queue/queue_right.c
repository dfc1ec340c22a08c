/*-------------------------------------------------------------------------
 *
 * queue_right.c
 *	  Who may do what with queues and named limits.
 *
 * Runs in any backend.  The role that owns a queue or limit, members of that, and
 * workflow_admin may do everything; others what was granted to them.  The queue of
 * a single job is its owner's, whether it has a row or not.  Nothing is kept.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"

#include "base/errcodes.h"
#include "base/quote.h"
#include "definition/privilege.h"
#include "queue/queue.h"
#include "queue/queue_right.h"
#include "store/statement.h"

static WfStatement queue_role_statement = {
	.sql = "SELECT o.role FROM workflow.queue q JOIN workflow.owner o ON o.id OPERATOR(pg_catalog.=) q.owner"
	" WHERE q.id OPERATOR(pg_catalog.=) $1",
	WF_ARGS(INT4OID)
};

static WfStatement job_role_statement = {
	.sql = "SELECT o.role FROM workflow.job j JOIN workflow.owner o ON o.id OPERATOR(pg_catalog.=) j.owner"
	" WHERE j.id OPERATOR(pg_catalog.=) $1",
	WF_ARGS(INT4OID)
};

static WfStatement owner_role_statement = {
	.sql = "SELECT o.role FROM workflow.owner o WHERE o.id OPERATOR(pg_catalog.=) $1",
	WF_ARGS(INT4OID)
};

/* The role that a statement finds; InvalidOid: there is none. */
static Oid
find_role(WfStatement *statement, int32 id)
{
	Datum		value = Int32GetDatum(id);
	bool		isnull;

	if (wf_statement_execute(statement, &value, NULL, 1) == 0)
		return InvalidOid;
	return DatumGetObjectId(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
}

/* The role that owns a queue; InvalidOid: it is gone.  SPI must be connected, as for all of these. */
static Oid
owner_of(int32 number)
{
	return number > 0 ? find_role(&queue_role_statement, number) :
		find_role(&job_role_statement, -number);
}

/* Has a role this privilege on a queue? */
bool
wf_queue_right_may(Oid role, int32 number, const char *privilege)
{
	const char *name = wf_queue_name(number);

	return name != NULL &&
		wf_privilege_role_may_on(role, WF_PRIVILEGE_QUEUE, name, owner_of(number), privilege);
}

/*
 * Error WF002 unless a role has this privilege on a queue, WF010 if that is gone.
 */
void
wf_queue_right_require_of(Oid role, int32 number, const char *privilege)
{
	const char *name = wf_queue_name(number);

	if (name == NULL)
		wf_queue_refuse_gone(number);
	if (!wf_queue_right_may(role, number, privilege))
		ereport(ERROR,
				(errcode(WF_ERR_NOT_ALLOWED),
				 errmsg("role \"%s\" may not %s queue \"%s\"", GetUserNameFromId(role, false),
						strcmp(privilege, WF_QUEUE_CLAIM) == 0 ? "claim from" : privilege, wf_quote(name)),
				 errhint("Its owner can allow it with workflow.grant_on('queue:%s', ..., '%s').",
						 wf_quote(name), privilege)));
}

/* The same for the current user. */
void
wf_queue_right_require(int32 number, const char *privilege)
{
	wf_queue_right_require_of(GetUserId(), number, privilege);
}

/* Error WF002 unless the current user has this privilege on a limit of this owner. */
void
wf_queue_right_require_limit(const char *name, int32 owner, const char *privilege)
{
	if (!wf_privilege_role_may_on(GetUserId(), WF_PRIVILEGE_LIMIT, name,
								  find_role(&owner_role_statement, owner), privilege))
		ereport(ERROR,
				(errcode(WF_ERR_NOT_ALLOWED),
				 errmsg("role \"%s\" may not %s limit \"%s\"", GetUserNameFromId(GetUserId(), false),
						privilege, wf_quote(name)),
				 errhint("Its owner can allow it with workflow.grant_on('limit:%s', ..., '%s').",
						 wf_quote(name), privilege)));
}
