/*-------------------------------------------------------------------------
 *
 * owner_role.c
 *	  The table workflow.owner: the roles that own definitions.
 *
 * Runs in sessions that define, define calendars, or adopt.  Rows of other
 * tables have the id of an owner, which stays the same when its role is renamed,
 * dropped, or another one after a restore.  Who enters an owner holds its row
 * until the end of the transaction, against others that would remove it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "base/errcodes.h"
#include "base/guc.h"
#include "base/version.h"
#include "definition/owner_role.h"
#include "definition/privilege.h"
#include "store/origin.h"
#include "store/statement.h"

static WfStatement find_statement = {
	.sql = "SELECT id FROM workflow.owner WHERE role OPERATOR(pg_catalog.=) $1",
	WF_ARGS(OIDOID)
};

static WfStatement role_statement = {
	.sql = "SELECT role FROM workflow.owner WHERE id OPERATOR(pg_catalog.=) $1",
	WF_ARGS(INT4OID)
};

/* For as long as the row is locked it stays that of this role; see wf_owner_role_release(). */
static WfStatement hold_statement = {
	.sql = "SELECT id FROM workflow.owner WHERE role OPERATOR(pg_catalog.=) $1 FOR KEY SHARE",
	WF_ARGS(OIDOID),
	.latest = true
};

static WfStatement pinned_statement = {
	.sql = "SELECT FROM pg_catalog.pg_shdepend s WHERE s.dbid OPERATOR(pg_catalog.=) $1"
	" AND s.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass"
	" AND s.objid OPERATOR(pg_catalog.=) $2 AND s.objsubid OPERATOR(pg_catalog.=) 0"
	" AND s.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_authid'::pg_catalog.regclass"
	" AND s.refobjid OPERATOR(pg_catalog.=) $3 AND s.deptype OPERATOR(pg_catalog.=) 'a'",
	WF_ARGS(OIDOID, OIDOID, OIDOID)
};

static WfStatement old_pin_statement = {
	.sql = "SELECT FROM pg_catalog.pg_type t CROSS JOIN LATERAL pg_catalog.aclexplode(t.typacl) a"
	" WHERE t.typname OPERATOR(pg_catalog.=) 'status'"
	" AND t.typnamespace OPERATOR(pg_catalog.=) 'workflow'::pg_catalog.regnamespace"
	" AND a.grantee OPERATOR(pg_catalog.=) $1",
	WF_ARGS(OIDOID)
};

static WfStatement enter_statement = {
	.sql = "INSERT INTO workflow.owner (name, role) VALUES ($1, $2)"
	" ON CONFLICT (name) DO NOTHING RETURNING id",
	WF_ARGS(NAMEOID, OIDOID)
};

/*
 * An owner that has nothing left of what can be seen.  Asked with its row locked,
 * so that nobody defines something for it meanwhile; whoever does has it locked.
 */
static WfStatement hold_free_statement = {
	.sql = "SELECT o.role FROM workflow.owner o WHERE o.id OPERATOR(pg_catalog.=) $1 FOR UPDATE SKIP LOCKED",
	WF_ARGS(INT4OID),
	.latest = true
};

/* What an owner has, of what can be seen: of version 0.2.0, and what came since. */
#define OWNED(owner) \
	"SELECT FROM workflow.definition d WHERE d.owner OPERATOR(pg_catalog.=) " owner \
	" UNION ALL SELECT FROM workflow.calendar c WHERE c.owner OPERATOR(pg_catalog.=) " owner

#define OWNED_SINCE_030(owner) \
	" UNION ALL SELECT FROM workflow.job j WHERE j.owner OPERATOR(pg_catalog.=) " owner \
	"  AND j.dropped_at IS NULL" \
	" UNION ALL SELECT FROM workflow.queue q WHERE q.owner OPERATOR(pg_catalog.=) " owner \
	" UNION ALL SELECT FROM workflow.rate_limit l WHERE l.owner OPERATOR(pg_catalog.=) " owner \
	" UNION ALL SELECT FROM workflow.schedule s WHERE s.owner OPERATOR(pg_catalog.=) " owner \
	" UNION ALL SELECT FROM workflow.table_trigger t WHERE t.owner OPERATOR(pg_catalog.=) " owner \
	" UNION ALL SELECT FROM workflow.alert a WHERE a.owner OPERATOR(pg_catalog.=) " owner \
	" UNION ALL SELECT FROM workflow.file_trigger x WHERE x.owner OPERATOR(pg_catalog.=) " owner \
	" UNION ALL SELECT FROM workflow.file f WHERE f.owner OPERATOR(pg_catalog.=) " owner \
	"  AND f.newest AND f.size IS NOT NULL" \
	" UNION ALL SELECT FROM workflow.bulk b WHERE b.owner OPERATOR(pg_catalog.=) " owner \
	"  AND b.ended_at IS NULL"

static WfStatement owns_statement = {
	.sql = OWNED("$1") OWNED_SINCE_030("$1") " LIMIT 1",
	WF_ARGS(INT4OID),
	.latest = true
};

/* Owners that have something, not those that have handed over all of it. */
#define OWNERS(owned) \
	"SELECT o.name, o.role, o.id FROM workflow.owner o WHERE EXISTS (" owned ") ORDER BY o.id"

static WfStatement list_statement = {.sql = OWNERS(OWNED("o.id") OWNED_SINCE_030("o.id"))};
static WfStatement list_020_statement = {.sql = OWNERS(OWNED("o.id"))};

/* Its role and its name may be somebody else's from now on. */
static WfStatement release_statement = {
	.sql = "UPDATE workflow.owner SET role = 0, name = pg_catalog.concat('former owner ', id),"
	" handed = pg_catalog.now() WHERE id OPERATOR(pg_catalog.=) $1",
	WF_ARGS(INT4OID)
};

static WfStatement handed_statement = {
	.sql = "UPDATE workflow.owner SET handed = pg_catalog.now() WHERE id OPERATOR(pg_catalog.=) $1",
	WF_ARGS(INT4OID),
	.latest = true
};

static WfStatement list_handed_statement = {
	.sql = "SELECT o.id FROM workflow.owner o WHERE o.handed IS NOT NULL"
};

/* A step that was under way may have left another timer: see handover.c. */
static WfStatement followed_statement = {
	.sql = "UPDATE workflow.owner o SET handed = NULL WHERE o.ctid OPERATOR(pg_catalog.=) ANY (ARRAY("
	"SELECT w.ctid FROM workflow.owner w WHERE w.id OPERATOR(pg_catalog.=) $1"
	" AND w.role OPERATOR(pg_catalog.<>) 0"
	" AND w.handed OPERATOR(pg_catalog.<) (pg_catalog.now() OPERATOR(pg_catalog.-) '10 minutes'::pg_catalog.interval)"
	" FOR UPDATE SKIP LOCKED))",
	WF_ARGS(INT4OID)
};

static WfStatement remove_statement = {
	.sql = "DELETE FROM workflow.owner w WHERE w.id OPERATOR(pg_catalog.=) $1"
	" AND w.role OPERATOR(pg_catalog.=) 0"
	" AND w.handed OPERATOR(pg_catalog.<) (pg_catalog.now() OPERATOR(pg_catalog.-) '10 minutes'::pg_catalog.interval)"
	" AND NOT EXISTS (SELECT FROM workflow.definition d WHERE d.owner OPERATOR(pg_catalog.=) w.id)"
	" AND NOT EXISTS (SELECT FROM workflow.calendar c WHERE c.owner OPERATOR(pg_catalog.=) w.id)"
	" AND NOT EXISTS (SELECT FROM workflow.job j WHERE j.owner OPERATOR(pg_catalog.=) w.id)"
	" AND NOT EXISTS (SELECT FROM workflow.queue q WHERE q.owner OPERATOR(pg_catalog.=) w.id)"
	" AND NOT EXISTS (SELECT FROM workflow.rate_limit l WHERE l.owner OPERATOR(pg_catalog.=) w.id)"
	" AND NOT EXISTS (SELECT FROM workflow.schedule s WHERE s.owner OPERATOR(pg_catalog.=) w.id)"
	" AND NOT EXISTS (SELECT FROM workflow.table_trigger t WHERE t.owner OPERATOR(pg_catalog.=) w.id)"
	" AND NOT EXISTS (SELECT FROM workflow.alert a WHERE a.owner OPERATOR(pg_catalog.=) w.id)"
	" AND NOT EXISTS (SELECT FROM workflow.file_trigger x WHERE x.owner OPERATOR(pg_catalog.=) w.id)"
	" AND NOT EXISTS (SELECT FROM workflow.file f WHERE f.owner OPERATOR(pg_catalog.=) w.id)"
	" AND NOT EXISTS (SELECT FROM workflow.bulk b WHERE b.owner OPERATOR(pg_catalog.=) w.id"
	"  AND b.ended_at IS NULL)"
	" AND NOT EXISTS (SELECT FROM workflow.erasure e WHERE e.owner OPERATOR(pg_catalog.=) w.id)",
	WF_ARGS(INT4OID)
};

/*
 * ALTER ROLE ... RENAME does not tell us.  Two roles may have exchanged their
 * names, so all names that are wrong are replaced by unique ones first.
 */
static WfStatement give_way_statement = {
	.sql = "UPDATE workflow.owner o SET name = pg_catalog.concat('role ', o.role)"
	" FROM pg_catalog.pg_roles r"
	" WHERE r.oid OPERATOR(pg_catalog.=) o.role AND r.rolname OPERATOR(pg_catalog.<>) o.name"
};

static WfStatement rename_statement = {
	.sql = "UPDATE workflow.owner o SET name = r.rolname FROM pg_catalog.pg_roles r"
	" WHERE r.oid OPERATOR(pg_catalog.=) o.role AND r.rolname OPERATOR(pg_catalog.<>) o.name"
};

static WfStatement resolve_statement = {
	.sql = "UPDATE workflow.owner o SET role = " WF_ORIGIN_ROLE_OF("o.name") WF_ORIGIN_MUST_RESOLVE("o.role"),
	WF_ARGS(BOOLOID)
};

/*
 * Error WF002 for a role that may not own what the message names ("a job"): executors
 * log in as the owner, so it must be able to log in, and be no superuser.
 */
void
wf_owner_role_check(Oid role, const char *what)
{
	HeapTuple	tuple = SearchSysCache1(AUTHOID, ObjectIdGetDatum(role));
	bool		login;
	char	   *name = GetUserNameFromId(role, false);

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for role %u", role);
	login = ((Form_pg_authid) GETSTRUCT(tuple))->rolcanlogin;
	ReleaseSysCache(tuple);

	if (superuser_arg(role) && !wf_allow_superuser)
		ereport(ERROR,
				(errcode(WF_ERR_NOT_ALLOWED),
				 errmsg("a superuser cannot own %s", what),
				 errdetail("Executors log in as the owner of the work: its code would run as superuser \"%s\".", name),
				 errhint("CREATE ROLE app LOGIN; GRANT workflow_user TO app; SET ROLE app; and try again.  workflow.allow_superuser lifts this.")));
	if (!login)
		ereport(ERROR,
				(errcode(WF_ERR_NOT_ALLOWED),
				 errmsg("role \"%s\" cannot own %s: it may not log in", name, what),
				 errdetail("Executors log in as the owner of the work."),
				 errhint("ALTER ROLE %s LOGIN, or SET ROLE to another role first.",
						 quote_identifier(name))));
}

/*
 * Does the server know that this role owns something here, and refuse to drop
 * it?  SPI must be connected.
 */
static bool
is_pinned(Oid relation, Oid role)
{
	Datum		values[3] = {ObjectIdGetDatum(MyDatabaseId), ObjectIdGetDatum(relation),
	ObjectIdGetDatum(role)};

	return wf_statement_execute(&pinned_statement, values, NULL, 1) > 0;
}

/* A list of one role, for updateAclDependencies(), which frees it. */
static Oid *
one_role(Oid role)
{
	Oid		   *roles = palloc(sizeof(Oid));

	roles[0] = role;
	return roles;
}

static Oid
owner_table(void)
{
	return get_relname_relid("owner", get_namespace_oid("workflow", false));
}

/*
 * Make DROP ROLE refuse to drop an owner, in whatever database it is called,
 * until the role owns nothing here any more or the extension is dropped.
 * Nothing happens if that is so already.  SPI must be connected.
 *
 * The server does not know that rows of ours name a role.  What it knows of is
 * in pg_shdepend, and DROP OWNED and REASSIGN OWNED act upon each kind of entry
 * there.  The kind that does least harm is that of a grant: an entry as for a
 * grant on the table workflow.owner, which goes with the table.  There is no such
 * grant, so nothing is updated for which another session might have to wait.
 *
 * Version 0.2.0 granted USAGE on the type workflow.status instead.
 */
void
wf_owner_role_pin(Oid role)
{
	Oid			relation = owner_table();

	if (!is_pinned(relation, role))
		updateAclDependencies(RelationRelationId, relation, 0, InvalidOid,
							  0, NULL, 1, one_role(role));
}

/*
 * Take back the grant by which version 0.2.0 pinned an owner.  Two sessions that
 * do that at once would both update the row of the type, so it locks the schema
 * until the end of the transaction; nobody does who has not been an owner since
 * that version.
 */
static void
revoke_old_pin(Oid role)
{
	Datum		value = ObjectIdGetDatum(role);
	GrantStmt  *grant = makeNode(GrantStmt);
	RoleSpec   *spec = makeNode(RoleSpec);
	WfRights	rights;

	if (wf_statement_execute(&old_pin_statement, &value, NULL, 1) == 0)
		return;
	spec->roletype = ROLESPEC_CSTRING;
	spec->rolename = GetUserNameFromId(role, false);
	spec->location = -1;
	grant->is_grant = false;
	grant->targtype = ACL_TARGET_OBJECT;
	grant->objtype = OBJECT_TYPE;
	grant->objects = list_make1(list_make2(makeString("workflow"), makeString("status")));
	grant->grantees = list_make1(spec);
	LockDatabaseObject(NamespaceRelationId, get_namespace_oid("workflow", false), 0,
					   ShareUpdateExclusiveLock);
	wf_statement_raise_rights(&rights);
	ExecuteGrantStmt(grant);
	wf_statement_restore_rights(&rights);
}

/* Let the role be dropped, as far as we are concerned. */
static void
unpin(Oid role)
{
	Oid			relation = owner_table();

	if (is_pinned(relation, role))
		updateAclDependencies(RelationRelationId, relation, 0, InvalidOid,
							  1, one_role(role), 0, NULL);
	revoke_old_pin(role);
}

/*
 * Write the names that the roles of owners and grants have now: after a restore
 * they are what roles are found by.
 */
void
wf_owner_role_refresh_names(void)
{
	if (wf_statement_execute(&give_way_statement, NULL, NULL, 0) > 0)
		wf_statement_execute(&rename_statement, NULL, NULL, 0);
	wf_privilege_refresh_names();
}

/*
 * For adopt(): find the roles of owners by their names.  foreign: the rows come
 * from another place, so that no OID in them means anything.  The caller has
 * called wf_definition_roles_changing().
 */
void
wf_owner_role_resolve(bool foreign)
{
	Datum		value = BoolGetDatum(foreign);

	wf_statement_execute(&resolve_statement, &value, NULL, 0);
}

/* The id of the owner with this role, or 0.  SPI must be connected. */
int32
wf_owner_role_id(Oid role)
{
	Datum		value = ObjectIdGetDatum(role);
	bool		isnull;

	if (wf_statement_execute(&find_statement, &value, NULL, 1) == 0)
		return 0;
	return DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[0],
									   SPI_tuptable->tupdesc, 1, &isnull));
}

/* The role of the owner with this id, or none.  SPI must be connected. */
Oid
wf_owner_role_of(int32 owner)
{
	Datum		value = Int32GetDatum(owner);
	bool		isnull;

	if (wf_statement_execute(&role_statement, &value, NULL, 1) == 0)
		return InvalidOid;
	return DatumGetObjectId(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
}

/* Hold the row of the owner with this role; returns its id, or 0. */
static int32
hold(Oid role)
{
	Datum		value = ObjectIdGetDatum(role);
	bool		isnull;

	if (wf_statement_execute(&hold_statement, &value, NULL, 1) == 0)
		return 0;
	return DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1,
									   &isnull));
}

/* Insert the row of a new owner.  Returns its id, or 0 if its name is taken. */
static int32
insert(Oid role, const char *name)
{
	NameData	name_data = {{0}};
	Datum		values[2] = {NameGetDatum(&name_data), ObjectIdGetDatum(role)};
	bool		isnull;

	namestrcpy(&name_data, name);
	if (wf_statement_execute(&enter_statement, values, NULL, 0) == 0)
		return 0;
	return DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1,
									   &isnull));
}

/*
 * The id of the owner with this role, which becomes one if it is not; from then
 * on DROP ROLE is refused, see wf_owner_role_pin().  Holds its row until the end
 * of the transaction, so that it stays an owner whatever others hand over.  Error
 * WF002 if another role that had this name was an owner and has been dropped.
 * SPI must be connected.
 */
int32
wf_owner_role_enter(Oid role)
{
	int32		id = hold(role);
	char	   *name = GetUserNameFromId(role, false);

	if (id == 0)
	{
		wf_owner_role_refresh_names();
		id = insert(role, name);
	}
	/* Else another session entered it meanwhile, and has committed. */
	if (id == 0)
		id = hold(role);
	if (id == 0)
		ereport(ERROR,
				(errcode(WF_ERR_NOT_ALLOWED),
				 errmsg("a role \"%s\" that was dropped since owns definitions", name),
				 errhint("workflow.adopt() gives them to the role that has this name now.")));
	wf_owner_role_pin(role);
	return id;
}

/* --- handing over -------------------------------------------------------- */

/*
 * Mark an owner: something of it is another's now, and its timers have to
 * follow.  SPI must be connected.
 */
void
wf_owner_role_handed_over(int32 owner)
{
	Datum		value = Int32GetDatum(owner);

	(void) wf_statement_execute(&handed_statement, &value, NULL, 0);
}

/*
 * Those who own something here: rows of name, role and id, in SPI_tuptable.  Returns how
 * many they are.  SPI must be connected.
 */
uint64
wf_owner_role_list(void)
{
	bool		old = !wf_version_has_column("owner", "handed");	/* SQL of before 0.3.0 */

	return wf_statement_execute(old ? &list_020_statement : &list_statement, NULL, NULL, 0);
}

/*
 * Let the role of an owner go that owns nothing any more but jobs that were dropped:
 * it can be dropped, and its name does not matter.  What is left of it has no role
 * until wf_owner_role_followed() removes it.  Returns false when it owns something, or
 * another transaction is about to have it own something.  SPI must be connected.
 */
bool
wf_owner_role_release(int32 owner)
{
	Datum		value = Int32GetDatum(owner);
	bool		isnull;
	Oid			role;

	if (!wf_version_has_column("owner", "handed"))
		return false;			/* SQL of before 0.3.0 */
	if (wf_statement_execute(&owns_statement, &value, NULL, 1) > 0 ||
		wf_statement_execute(&hold_free_statement, &value, NULL, 1) == 0)
		return false;
	role = DatumGetObjectId(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1,
										  &isnull));
	if (wf_statement_execute(&owns_statement, &value, NULL, 1) > 0)
		return false;
	(void) wf_statement_execute(&release_statement, &value, NULL, 0);
	if (SearchSysCacheExists1(AUTHOID, ObjectIdGetDatum(role)))
		unpin(role);
	return true;
}

/* The ids of owners that have handed something over.  SPI must be connected. */
List *
wf_owner_role_list_handed(void)
{
	uint64		n = wf_statement_execute(&list_handed_statement, NULL, NULL, 0);
	List	   *owners = NIL;
	bool		isnull;

	for (uint64 i = 0; i < n; i++)
		owners = lappend_int(owners, DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[i],
																 SPI_tuptable->tupdesc, 1,
																 &isnull)));
	return owners;
}

/*
 * No timers of this owner were found that have to follow: take its mark off when
 * it is old enough, or, if it has no timers at all, remove an owner without a role
 * that has nothing left.  SPI must be connected.
 */
void
wf_owner_role_followed(int32 owner, bool has_timers)
{
	Datum		value = Int32GetDatum(owner);

	(void) wf_statement_execute(&followed_statement, &value, NULL, 0);
	if (!has_timers)
		(void) wf_statement_execute(&remove_statement, &value, NULL, 0);
}
