/*-------------------------------------------------------------------------
 *
 * handover.c
 *	  What a role owns becomes another role's: change_owner(), REASSIGN OWNED.
 *
 * Runs in the session that hands over, and, for what has still to follow, in the
 * runtime.  The row of a definition says whose it is.  Its timers have the owner,
 * too, because executors find them by it: there may be millions, and each belongs
 * to whoever holds its process.  So a change of the owner takes a piece of them
 * along, those whose processes nobody holds, and marks the old owner: it has
 * handed something over, and its timers have to follow.  Until they have,
 *	 - the runtime moves them, piece by piece;
 *	 - an executor of the old owner that claims one puts it back as the new one's
 *	   (work/batch.c), so that none is ever fired by both;
 *	 - those that are parked follow when they are unparked.
 * A step that was under way ends as it began, and what it arms may be the old
 * owner's still; the mark stays for a while after the last timer that was found.
 *
 * Locks the name of the definition, as define() does; then the row of the new
 * owner; then processes, skipping those that are locked.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "definition/definition_row.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/errcodes.h"
#include "base/jsonb.h"
#include "base/quote.h"
#include "base/version.h"
#include "definition/definition.h"
#include "definition/definition_log.h"
#include "definition/handover.h"
#include "definition/handover_job.h"
#include "definition/owner_role.h"
#include "definition/pause.h"
#include "shmem/wakeup.h"
#include "store/erasure.h"
#include "store/act.h"
#include "store/keep.h"
#include "store/origin.h"
#include "store/run_sweep.h"
#include "store/statement.h"
#include "store/timer_claim.h"
#include "store/timer_sweep.h"

/* Timers that a change of the owner, and each piece after it, takes along. */
#define PIECE 10000

static WfStatement find_statement = {
	.sql = "SELECT d.owner, o.role, o.name FROM workflow.definition d"
	" JOIN workflow.owner o ON o.id OPERATOR(pg_catalog.=) d.owner"
	" WHERE d.name OPERATOR(pg_catalog.=) $1 ORDER BY d.version DESC LIMIT 1",
	WF_ARGS(TEXTOID),
	.latest = true
};

static WfStatement change_statement = {
	.sql = "UPDATE workflow.definition SET owner = $2"
	" WHERE name OPERATOR(pg_catalog.=) $1 AND owner OPERATOR(pg_catalog.<>) $2",
	WF_ARGS(TEXTOID, INT4OID),
	.latest = true
};

static WfStatement names_statement = {
	.sql = "SELECT DISTINCT d.name FROM workflow.definition d"
	" WHERE d.owner OPERATOR(pg_catalog.=) $1 ORDER BY d.name",
	WF_ARGS(INT4OID),
	.latest = true
};

static WfStatement calendars_statement = {
	.sql = "UPDATE workflow.calendar SET owner = $2 WHERE owner OPERATOR(pg_catalog.=) $1",
	WF_ARGS(INT4OID, INT4OID),
	.latest = true
};

static WfStatement owned_statement = {
	.sql = "SELECT 'definition \"' OPERATOR(pg_catalog.||) d.name OPERATOR(pg_catalog.||) '\"'"
	" FROM workflow.owner o JOIN workflow.definition d ON d.owner OPERATOR(pg_catalog.=) o.id"
	" WHERE o.role OPERATOR(pg_catalog.=) $1"
	" UNION ALL"
	" SELECT 'job \"' OPERATOR(pg_catalog.||) j.name OPERATOR(pg_catalog.||) '\"'"
	" FROM workflow.owner o JOIN workflow.job j ON j.owner OPERATOR(pg_catalog.=) o.id AND j.dropped_at IS NULL"
	" WHERE o.role OPERATOR(pg_catalog.=) $1"
	" UNION ALL"
	" SELECT 'queue \"' OPERATOR(pg_catalog.||) q.name OPERATOR(pg_catalog.||) '\"'"
	" FROM workflow.owner o JOIN workflow.queue q ON q.owner OPERATOR(pg_catalog.=) o.id"
	" WHERE o.role OPERATOR(pg_catalog.=) $1"
	" UNION ALL"
	" SELECT 'limit \"' OPERATOR(pg_catalog.||) l.name OPERATOR(pg_catalog.||) '\"'"
	" FROM workflow.owner o JOIN workflow.rate_limit l ON l.owner OPERATOR(pg_catalog.=) o.id"
	" WHERE o.role OPERATOR(pg_catalog.=) $1"
	" UNION ALL"
	" SELECT 'schedule \"' OPERATOR(pg_catalog.||) s.name OPERATOR(pg_catalog.||) '\"'"
	" FROM workflow.owner o JOIN workflow.schedule s ON s.owner OPERATOR(pg_catalog.=) o.id"
	" WHERE o.role OPERATOR(pg_catalog.=) $1"
	" UNION ALL"
	" SELECT 'alert \"' OPERATOR(pg_catalog.||) a.name OPERATOR(pg_catalog.||) '\"'"
	" FROM workflow.owner o JOIN workflow.alert a ON a.owner OPERATOR(pg_catalog.=) o.id"
	" WHERE o.role OPERATOR(pg_catalog.=) $1"
	" UNION ALL"
	" SELECT 'file \"' OPERATOR(pg_catalog.||) f.path OPERATOR(pg_catalog.||) '\"'"
	" FROM workflow.owner o JOIN workflow.file f ON f.owner OPERATOR(pg_catalog.=) o.id"
	"  AND f.newest AND f.size IS NOT NULL"
	" WHERE o.role OPERATOR(pg_catalog.=) $1"
	" UNION ALL"
	" SELECT 'file trigger \"' OPERATOR(pg_catalog.||) x.name OPERATOR(pg_catalog.||) '\"'"
	" FROM workflow.owner o JOIN workflow.file_trigger x ON x.owner OPERATOR(pg_catalog.=) o.id"
	" WHERE o.role OPERATOR(pg_catalog.=) $1"
	" UNION ALL"
	" SELECT 'table trigger \"' OPERATOR(pg_catalog.||) t.name OPERATOR(pg_catalog.||) '\"'"
	" FROM workflow.owner o JOIN workflow.table_trigger t ON t.owner OPERATOR(pg_catalog.=) o.id"
	" WHERE o.role OPERATOR(pg_catalog.=) $1"
	" UNION ALL"
	" SELECT 'bulk operation ' OPERATOR(pg_catalog.||) b.id"
	" FROM workflow.owner o JOIN workflow.bulk b ON b.owner OPERATOR(pg_catalog.=) o.id AND b.ended_at IS NULL"
	" WHERE o.role OPERATOR(pg_catalog.=) $1"
	" UNION ALL"
	" SELECT 'calendar \"' OPERATOR(pg_catalog.||) c.name OPERATOR(pg_catalog.||) '\"'"
	" FROM workflow.owner o JOIN workflow.calendar c ON c.owner OPERATOR(pg_catalog.=) o.id"
	" WHERE o.role OPERATOR(pg_catalog.=) $1 LIMIT 1",
	WF_ARGS(OIDOID)
};

/*
 * Who owns the definition of this name, or, behind its prefix, the job, queue, limit, schedule or alert,
 * of which the role need not exist.  Error WF006 or WF010 if there is none; 55000 before adopt().  SPI must be connected.
 */
void
wf_handover_find(const char *name, WfOwned *owned)
{
	Datum		value = CStringGetTextDatum(name);
	WfPrivilegeKind kind = wf_privilege_kind(name, &owned->name);
	bool		isnull;

	wf_origin_require();
	if (kind != WF_PRIVILEGE_DEFINITION)
	{
		wf_handover_job_find(kind, owned->name, owned);
		return;
	}
	if (wf_statement_execute(&find_statement, &value, NULL, 1) == 0)
		ereport(ERROR,
				(errcode(WF_ERR_NO_DEFINITION),
				 errmsg("definition \"%s\" does not exist", wf_quote(name)),
				 errhint("Store it with workflow.define().")));
	owned->name = name;
	owned->owner = DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1,
											   &isnull));
	owned->role = DatumGetObjectId(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2,
												 &isnull));
	owned->role_name = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 3);
}

/*
 * Error WF002 for a role that cannot own definitions, or could do nothing with
 * them because it is no member of workflow_user.
 */
void
wf_handover_check_target(Oid role)
{
	Oid			users = get_role_oid("workflow_user", true);
	Oid			admins = get_role_oid("workflow_admin", true);

	wf_owner_role_check(role, "a definition");
	if (!(OidIsValid(users) && is_member_of_role(role, users)) &&
		!(OidIsValid(admins) && is_member_of_role(role, admins)))
		ereport(ERROR,
				(errcode(WF_ERR_NOT_ALLOWED),
				 errmsg("role \"%s\" cannot own a definition: it is no member of workflow_user",
						GetUserNameFromId(role, false)),
				 errhint("GRANT workflow_user TO %s;",
						 quote_identifier(GetUserNameFromId(role, false)))));
}

static Jsonb *
from_to(const char *from, Oid to)
{
	static const char *keys[] = {"from", "to"};
	Jsonb	   *values[] = {wf_jsonb_string(from), wf_jsonb_string(GetUserNameFromId(to, false))};

	return wf_jsonb_object(lengthof(keys), keys, values);
}

static void
note(const WfOwned *owned, Oid role, const char *note)
{
	WfDefinitionLog log = {
		.definition = owned->name,.event = WF_LOG_CHANGE_OWNER,
		.data = from_to(owned->role_name, role),.note = note
	};

	wf_definition_log(&log);
}

/* The same of what is no definition. */
static void
note_other(const char *kind, const char *name, const char *from, Oid role, int32 owner, const char *note)
{
	WfAct		act = {
		.act = "change_owner",.kind = kind,.object = name,.owner = owner,.note = note,
		.detail = from_to(from, role)
	};

	wf_act(&act);
}

/* A job, a queue or a limit is given to a role, which is that owner. */
static bool
hand_over_other(WfPrivilegeKind kind, const WfOwned *owned, Oid role, int32 owner, const char *said)
{
	if (!wf_handover_job(kind, owned->name, owned, owner))
		return false;
	note_other(wf_handover_job_kind(kind), owned->name, owned->role_name, role, owner, said);
	return true;
}

/*
 * Give a definition, with all versions, or a job, a queue, a limit, a schedule or an alert (job:NAME, ...), to a
 * role that may own it.  False: it is
 * that role's already.  The caller has checked rights.  Error WF006; 55000 before
 * adopt().  Locks the name until the end of the transaction.  SPI must be
 * connected.
 */
bool
wf_handover_definition(const char *name, Oid role, const char *said)
{
	WfOwned		owned;
	Datum		values[2] = {CStringGetTextDatum(name), 0};
	WfPrivilegeKind kind = wf_privilege_kind(name, &owned.name);
	int32		owner;

	wf_definition_row_lock_name(name);
	wf_handover_find(name, &owned);
	owner = wf_owner_role_enter(role);
	if (owner == owned.owner)
		return false;
	if (kind != WF_PRIVILEGE_DEFINITION)
	{
		if (!hand_over_other(kind, &owned, role, owner, said))
			return false;
		if (wf_owner_role_release(owned.owner))
			wf_erasure_hand_over(owned.owner, owner, NULL);
		return true;
	}
	values[1] = Int32GetDatum(owner);
	wf_definition_roles_changing();
	(void) wf_statement_execute(&change_statement, values, NULL, 0);
	wf_pause_hand_over(name, owner);
	wf_keep_hand_over(WF_KEEP_DEFINITION, name, owner);
	wf_erasure_hand_over(owned.owner, owner, name);
	wf_owner_role_handed_over(owned.owner);
	(void) wf_timer_sweep_follow(owned.owner, PIECE);
	note(&owned, role, said);

	/* What its executors know of that is due may not be all. */
	wf_wakeup_timer(owner, DT_NOBEGIN);
	if (wf_owner_role_release(owned.owner))
		wf_erasure_hand_over(owned.owner, owner, NULL);
	return true;
}

/* The names of the definitions of an owner, in the current memory context. */
static List *
names_of(int32 owner)
{
	Datum		value = Int32GetDatum(owner);
	uint64		n = wf_statement_execute(&names_statement, &value, NULL, 0);
	List	   *names = NIL;

	for (uint64 i = 0; i < n; i++)
		names = lappend(names, SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1));
	return names;
}

static void
hand_over_owner(int32 from, Oid role, Oid to, const char *note)
{
	Datum		values[2] = {Int32GetDatum(from), Int32GetDatum(wf_owner_role_enter(to))};
	ListCell   *cell;

	foreach(cell, names_of(from))
		(void) wf_handover_definition(lfirst(cell), to, note);
	(void) wf_statement_execute(&calendars_statement, values, NULL, 0);
	wf_handover_job_all(from, DatumGetInt32(values[1]));
	note_other("owner", GetUserNameFromId(role, false), GetUserNameFromId(role, false), to,
			   DatumGetInt32(values[1]), note);
	if (wf_owner_role_release(from))
		wf_erasure_hand_over(from, DatumGetInt32(values[1]), NULL);
}

/*
 * Give all definitions and calendars of these roles (a list of OIDs) to another.
 * The caller has checked rights, but for whether that one may own anything: error
 * WF002 if it may not and there is something to own.  SPI must be connected.
 */
void
wf_handover_all(List *from, Oid to, const char *note)
{
	ListCell   *cell;

	foreach(cell, from)
	{
		Oid			role = lfirst_oid(cell);
		int32		owner = wf_owner_role_id(role);

		if (owner == 0 || role == to || wf_handover_owned(role) == NULL)
			continue;
		wf_handover_check_target(to);
		hand_over_owner(owner, role, to, note);
	}
}

/*
 * Something that a role owns in this database, for a message; NULL: nothing.  SPI
 * must be connected.
 */
const char *
wf_handover_owned(Oid role)
{
	Datum		value = ObjectIdGetDatum(role);

	if (wf_statement_execute(&owned_statement, &value, NULL, 1) == 0)
		return NULL;
	return SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
}

/*
 * For the runtime, in a transaction: take a piece of the timers along that have
 * still to follow their definitions to another owner, and remove owners that have
 * nothing left.  True: there are more, call again.  SPI must be connected.
 */
bool
wf_handover_follow(void)
{
	List	   *owners;
	ListCell   *cell;
	bool		more = false;

	if (!wf_version_has_column("owner", "handed") || !wf_origin_is_ours())
		return false;
	owners = wf_owner_role_list_handed();
	foreach(cell, owners)
	{
		int32		owner = lfirst_int(cell);

		more = wf_timer_sweep_follow(owner, PIECE) == PIECE || more;
		more = wf_run_sweep_follow(owner, PIECE) == PIECE || more;
		if (!wf_timer_sweep_has_to_follow(owner) && !wf_run_sweep_has_to_follow(owner))
			wf_owner_role_followed(owner, wf_timer_claim_next(owner, WF_POSITION(DT_NOBEGIN)).due != DT_NOEND);
	}
	return more;
}
