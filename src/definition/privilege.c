/*-------------------------------------------------------------------------
 *
 * privilege.c
 *	  The table workflow.permission: who may do what with a definition, a job, a
 *	  queue, a limit, a schedule, files or directories.
 *
 * Runs in any backend.  Which privileges there are says known[]; a grant is for all
 * versions of a definition or job, and for all members of the role.  Nothing
 * is kept: each question reads the table, without locks, so that a revoked
 * privilege is gone with the commit.  Rights of a command are checked by who
 * takes it, before it changes anything (api/, process/send.c).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "base/errcodes.h"
#include "base/jsonb.h"
#include "base/quote.h"
#include "definition/definition.h"
#include "definition/definition_log.h"
#include "definition/privilege.h"
#include "store/origin.h"
#include "store/statement.h"
#include "store/tenant.h"

static WfStatement permission_statement = {
	.sql = "SELECT role FROM workflow.permission"
	" WHERE definition OPERATOR(pg_catalog.=) $1 AND privilege OPERATOR(pg_catalog.=) $2",
	WF_ARGS(TEXTOID, TEXTOID)
};

static bool
has_role(Oid member, const char *name)
{
	Oid			role = get_role_oid(name, true);

	return OidIsValid(role) && has_privs_of_role(member, role);
}

/*
 * Has the current user this privilege on a definition?  See
 * wf_privilege_role_may().
 */
bool
wf_privilege_may(const WfDefinition *definition, const char *privilege)
{
	return wf_privilege_role_may(GetUserId(), definition, privilege);
}

/*
 * Has a role this privilege on every definition, whoever owns it?  The owner of
 * our tables, who asks when a statement of ours reads a view, may read all: it
 * can read the tables.
 */
static bool
may_always(Oid role, const char *privilege)
{
	return has_role(role, "workflow_admin") ||
		(strcmp(privilege, "read") == 0 &&
		 (has_role(role, "workflow_monitor") || role == wf_statement_owner()));
}

/*
 * Has the current user this privilege on the definition with this id, which need
 * not be usable?  Administrators and monitors may look at one before adopt(), and
 * at one whose owner has no role.  Error WF006; 55000 for others before adopt().
 */
bool
wf_privilege_may_by_id(int32 id, const char *privilege)
{
	WfDefinition orphan = {0};

	if (wf_definition_is_cached(id))
		return wf_privilege_may(wf_definition(id), privilege);
	if (may_always(GetUserId(), privilege))
		return true;
	if (!wf_definition_is_orphaned(id, &orphan.name))
		return wf_privilege_may(wf_definition(id), privilege);

	/* Without an owner, grants are all there is. */
	return wf_privilege_may(&orphan, privilege);
}

/* What comes before the names of objects that are no definitions. */
static const char *const prefixes[] = {
	[WF_PRIVILEGE_DEFINITION] = "",
	[WF_PRIVILEGE_JOB] = "job:",
	[WF_PRIVILEGE_QUEUE] = "queue:",
	[WF_PRIVILEGE_SCHEDULE] = "schedule:",
	[WF_PRIVILEGE_LIMIT] = "limit:",
	[WF_PRIVILEGE_ALERT] = "alert:",
	[WF_PRIVILEGE_FILE] = "file:",
	[WF_PRIVILEGE_FILE_TRIGGER] = "file_trigger:",
	[WF_PRIVILEGE_DIRECTORY] = "directory:"
};

/* The privileges that there are on each kind of object. */
static const char *const known[][5] = {
	[WF_PRIVILEGE_DEFINITION] = {"start", "send", "read", "act", NULL},
	[WF_PRIVILEGE_JOB] = {"run", "read", "manage", NULL},
	[WF_PRIVILEGE_QUEUE] = {"use", "claim", "read", "manage", NULL},
	[WF_PRIVILEGE_SCHEDULE] = {"read", "manage", NULL},
	[WF_PRIVILEGE_LIMIT] = {"use", "manage", NULL},
	[WF_PRIVILEGE_ALERT] = {NULL},
	[WF_PRIVILEGE_FILE] = {"read", "write", NULL},
	[WF_PRIVILEGE_FILE_TRIGGER] = {NULL},
	[WF_PRIVILEGE_DIRECTORY] = {"watch", NULL}
};

/* Which kind of object is named so, by its prefix?  *name: what comes behind that. */
WfPrivilegeKind
wf_privilege_kind(const char *object, const char **name)
{
	for (int kind = WF_PRIVILEGE_JOB; kind < (int) lengthof(prefixes); kind++)
	{
		size_t		len = strlen(prefixes[kind]);

		if (strncmp(object, prefixes[kind], len) == 0)
		{
			*name = object + len;
			return kind;
		}
	}
	*name = object;
	return WF_PRIVILEGE_DEFINITION;
}

/* Is there this privilege on such objects? */
bool
wf_privilege_is_known(WfPrivilegeKind kind, const char *privilege)
{
	for (int i = 0; known[kind][i] != NULL; i++)
		if (strcmp(known[kind][i], privilege) == 0)
			return true;
	return false;
}

/* An object as grant_on() names it, and workflow.permission. */
char *
wf_privilege_object(WfPrivilegeKind kind, const char *name)
{
	return psprintf("%s%s", prefixes[kind], name);
}

/*
 * Has a role this privilege on a definition?  See wf_privilege_role_may_on().
 */
bool
wf_privilege_role_may(Oid role, const WfDefinition *definition, const char *privilege)
{
	return wf_privilege_role_may_on(role, WF_PRIVILEGE_DEFINITION, definition->name,
									definition->role, privilege);
}

/*
 * Has a role this privilege on an object?  The role that owns it, members of that,
 * superusers and members of workflow_admin have all, members of workflow_monitor may
 * read all.  SPI must be connected.
 */
bool
wf_privilege_role_may_on(Oid role, WfPrivilegeKind kind, const char *name, Oid owner,
						 const char *privilege)
{
	Datum		values[2];
	bool		granted = false;

	if ((OidIsValid(owner) && has_privs_of_role(role, owner)) || may_always(role, privilege))
		return true;

	values[0] = CStringGetTextDatum(wf_privilege_object(kind, name));
	values[1] = CStringGetTextDatum(privilege);
	wf_statement_execute(&permission_statement, values, NULL, 0);
	for (uint64 i = 0; i < SPI_processed && !granted; i++)
	{
		bool		isnull;
		Oid			grantee = DatumGetObjectId(SPI_getbinval(SPI_tuptable->vals[i],
															 SPI_tuptable->tupdesc,
															 1, &isnull));

		granted = has_privs_of_role(role, grantee);
	}
	return granted;
}

/* Error WF002 unless the current user has this privilege on a definition. */
void
wf_privilege_require(const WfDefinition *definition, const char *privilege)
{
	if (!wf_privilege_may(definition, privilege))
		ereport(ERROR,
				(errcode(WF_ERR_NOT_ALLOWED),
				 errmsg("permission denied to %s definition \"%s\"",
						strcmp(privilege, "send") == 0 ? "send to processes of" : privilege,
						definition->name),
				 errhint("Its owner can allow it with workflow.grant_on().")));
}

/*
 * Error WF002 unless the current user has the rights of the role that owns a
 * definition, or of workflow_admin: for what no privilege is enough.
 */
void
wf_privilege_require_owner(const WfDefinition *definition)
{
	if (!has_privs_of_role(GetUserId(), definition->role) &&
		!has_role(GetUserId(), "workflow_admin"))
		ereport(ERROR,
				(errcode(WF_ERR_NOT_ALLOWED),
				 errmsg("must be owner of definition \"%s\"", definition->name),
				 errhint("Members of workflow_admin may, too.")));
}

/*
 * May a role send a command on behalf of this actor?  It may for a role whose
 * rights it has; with the privilege "act" for everybody.
 */
bool
wf_privilege_role_may_act(Oid role, const WfDefinition *definition, const char *actor)
{
	Oid			actor_role = get_role_oid(actor, true);

	return (OidIsValid(actor_role) && has_privs_of_role(role, actor_role)) ||
		wf_privilege_role_may(role, definition, "act");
}

/* Error WF002 unless the current user may act on behalf of this actor. */
void
wf_privilege_require_actor(const WfDefinition *definition, const char *actor)
{
	if (!wf_privilege_role_may_act(GetUserId(), definition, actor))
		ereport(ERROR,
				(errcode(WF_ERR_NOT_ALLOWED),
				 errmsg("role \"%s\" may not act for \"%s\"",
						GetUserNameFromId(GetUserId(), false), wf_quote(actor)),
				 errhint("The owner of definition \"%s\" can allow it to act for everybody with workflow.grant_on(..., 'act').",
						 definition->name)));
}

/* --- grants -------------------------------------------------------------- */

static WfStatement grant_statement = {
	.sql = "INSERT INTO workflow.permission (definition, role, privilege, name) VALUES ($1, $2, $3, $4)"
	" ON CONFLICT DO NOTHING",
	WF_ARGS(TEXTOID, OIDOID, TEXTOID, NAMEOID)
};

static WfStatement revoke_statement = {
	.sql = "DELETE FROM workflow.permission WHERE definition OPERATOR(pg_catalog.=) $1"
	" AND role OPERATOR(pg_catalog.=) $2 AND privilege OPERATOR(pg_catalog.=) $3",
	WF_ARGS(TEXTOID, OIDOID, TEXTOID)
};

static WfStatement revoke_all_statement = {
	.sql = "DELETE FROM workflow.permission p WHERE p.role OPERATOR(pg_catalog.=) $1"
	/* nobody gets rid of that in this way */
	" AND p.privilege OPERATOR(pg_catalog.<>) '" WF_TENANT_PRIVILEGE "'"
	" RETURNING p.definition, p.name::pg_catalog.text, p.privilege",
	WF_ARGS(OIDOID)
};

static WfStatement drop_statement = {
	.sql = "DELETE FROM workflow.permission WHERE definition OPERATOR(pg_catalog.=) $1"
	" AND privilege OPERATOR(pg_catalog.<>) '" WF_TENANT_PRIVILEGE "'",
	WF_ARGS(TEXTOID),
	.latest = true
};

static WfStatement free_statement = {
	.sql = "DELETE FROM workflow.permission WHERE role OPERATOR(pg_catalog.=) $1"
	" AND privilege OPERATOR(pg_catalog.=) '" WF_TENANT_PRIVILEGE "'",
	WF_ARGS(OIDOID),
	.latest = true
};

static WfStatement confine_statement = {
	.sql = "INSERT INTO workflow.permission (definition, role, privilege, name)"
	" SELECT '" WF_TENANT_PREFIX "' OPERATOR(pg_catalog.||) t.name, $1, '" WF_TENANT_PRIVILEGE "', $2"
	" FROM pg_catalog.unnest($3) t(name) ON CONFLICT DO NOTHING",
	WF_ARGS(OIDOID, NAMEOID, TEXTARRAYOID)
};

static WfStatement rename_statement = {
	.sql = "WITH gone AS (DELETE FROM workflow.permission p USING pg_catalog.pg_roles r"
	" WHERE r.oid OPERATOR(pg_catalog.=) p.role AND r.rolname OPERATOR(pg_catalog.<>) p.name"
	" RETURNING p.definition, p.role, r.rolname, p.privilege)"
	" INSERT INTO workflow.permission (definition, role, name, privilege)"
	" SELECT DISTINCT g.definition, g.role, g.rolname, g.privilege FROM gone g"
	" ON CONFLICT DO NOTHING"
};

/*
 * Grants of roles that are gone.  Their names say nothing here: the next role of
 * such a name is somebody else.  0 is no role that is gone, but one that adopt()
 * has not found yet.  Whoever is at a row will see to it, so nobody waits.  In the
 * middle of a restore there is no stamp, and what OIDs mean is not known.
 */
static WfStatement forget_statement = {
	.sql = "DELETE FROM workflow.permission d WHERE d.ctid OPERATOR(pg_catalog.=) ANY (ARRAY("
	"SELECT p.ctid FROM workflow.permission p WHERE p.role OPERATOR(pg_catalog.<>) 0"
	" AND NOT EXISTS (SELECT FROM pg_catalog.pg_roles a WHERE a.oid OPERATOR(pg_catalog.=) p.role)"
	" AND EXISTS (SELECT FROM workflow.stamp)"
	" FOR UPDATE OF p SKIP LOCKED))"
	" RETURNING d.definition, d.name::pg_catalog.text, d.privilege"
};

/*
 * Two roles may have changed OIDs with each other, and two rows may become one:
 * all are taken out (DISTINCT reads to the end) before the first is put back.
 * Where rows were written here ($1 is false), only names are looked up that had
 * no role in any place.
 */
static WfStatement resolve_statement = {
	.sql = "WITH gone AS (DELETE FROM workflow.permission p"
	" WHERE $1 OR p.role OPERATOR(pg_catalog.=) 0"
	" RETURNING p.definition, p.name, p.privilege)"
	" INSERT INTO workflow.permission (definition, role, name, privilege)"
	" SELECT DISTINCT g.definition, " WF_ORIGIN_ROLE_OF("g.name") ", g.name, g.privilege FROM gone g"
	" ON CONFLICT DO NOTHING",
	WF_ARGS(BOOLOID)
};

static void
note(const char *event, const char *definition, const char *role, const char *privilege,
	 const char *note)
{
	static const char *keys[] = {"role", "privilege"};
	Jsonb	   *values[] = {wf_jsonb_string(role), wf_jsonb_string(privilege)};
	WfDefinitionLog log = {
		.definition = definition,.event = event,
		.data = wf_jsonb_object(lengthof(keys), keys, values),.note = note
	};

	wf_definition_log(&log);
}

/*
 * Grant a role a privilege, a text, on all versions of a definition; nothing
 * happens if it has it already.  The caller has checked that the current user
 * may do that.
 */
void
wf_privilege_grant(const char *definition, Oid role, const NameData *name, Datum privilege)
{
	Datum		values[4] = {CStringGetTextDatum(definition), ObjectIdGetDatum(role),
	privilege, NameGetDatum(name)};

	if (wf_statement_execute(&grant_statement, values, NULL, 0) > 0)
		note(WF_LOG_GRANT, definition, NameStr(*name), TextDatumGetCString(privilege), NULL);
}

/* Revoke a privilege; nothing happens if the role does not have it. */
void
wf_privilege_revoke(const char *definition, Oid role, const NameData *name, Datum privilege)
{
	Datum		values[3] = {CStringGetTextDatum(definition), ObjectIdGetDatum(role),
	privilege};

	if (wf_statement_execute(&revoke_statement, values, NULL, 0) > 0)
		note(WF_LOG_REVOKE, definition, NameStr(*name), TextDatumGetCString(privilege), NULL);
}

/* Note what a statement has deleted: definition, role and privilege. */
static void
note_revoked(WfStatement *statement, Datum *values, const char *why)
{
	uint64		n = wf_statement_execute(statement, values, NULL, 0);
	SPITupleTable *rows = SPI_tuptable;

	for (uint64 i = 0; i < n; i++)
		note(WF_LOG_REVOKE, SPI_getvalue(rows->vals[i], rows->tupdesc, 1),
			 SPI_getvalue(rows->vals[i], rows->tupdesc, 2),
			 SPI_getvalue(rows->vals[i], rows->tupdesc, 3), why);
}

/* Revoke all that a role was granted on definitions.  SPI must be connected. */
void
wf_privilege_revoke_all(Oid role)
{
	Datum		value = ObjectIdGetDatum(role);

	note_revoked(&revoke_all_statement, &value, "DROP OWNED");
}

/* The definition is dropped, and with it all grants.  SPI must be connected. */
void
wf_privilege_drop(const char *definition)
{
	Datum		value = CStringGetTextDatum(definition);

	(void) wf_statement_execute(&drop_statement, &value, NULL, 0);
}

/* The same of another object. */
void
wf_privilege_drop_on(WfPrivilegeKind kind, const char *name)
{
	wf_privilege_drop(wf_privilege_object(kind, name));
	wf_definition_log_gone(wf_privilege_object(kind, name));
}

/*
 * The role works for these tenants, texts, only; n = 0: for all.  The caller has checked
 * that the current user may say so.  SPI must be connected.
 */
void
wf_privilege_confine(Oid role, const NameData *name, int n, Datum *tenants)
{
	Datum		values[3] = {ObjectIdGetDatum(role), NameGetDatum(name)};

	wf_tenant_changing();
	(void) wf_statement_execute(&free_statement, values, NULL, 0);
	if (n == 0)
		return;
	values[2] = PointerGetDatum(construct_array(tenants, n, TEXTOID, -1, false, TYPALIGN_INT));
	(void) wf_statement_execute(&confine_statement, values, NULL, 0);
}

/*
 * Write the names that the roles of grants have now: after a restore they are
 * what roles are found by.
 */
void
wf_privilege_refresh_names(void)
{
	wf_statement_execute(&rename_statement, NULL, NULL, 0);
}

/*
 * Delete the grants of roles that were dropped, here or in another database.
 * Nothing happens before adopt().  SPI must be connected.
 */
void
wf_privilege_forget_gone(void)
{
	if (wf_origin_is_ours())
		note_revoked(&forget_statement, NULL, "DROP ROLE");
}

/*
 * For adopt(): find the roles of grants by their names.  foreign: the rows come
 * from another place, so that no OID in them means anything.
 */
void
wf_privilege_resolve(bool foreign)
{
	Datum		value = BoolGetDatum(foreign);

	if (!foreign)
		wf_privilege_forget_gone();
	wf_tenant_changing();
	wf_statement_execute(&resolve_statement, &value, NULL, 0);
}
