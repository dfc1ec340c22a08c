/*-------------------------------------------------------------------------
 *
 * login.c
 *	  May a role's work be done in this database?
 *
 * Runs in runtimes, before they start an executor, and in executors, before each
 * batch.  No locks.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_database.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/inval.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "base/guc.h"
#include "bgworker/login.h"

/* Of this executor, see wf_login_watch(). */
static Oid	watched = InvalidOid;
static bool known_good = false;

/*
 * May work of this kind be done here and now for this role?  WF_WAIT_NONE: yes.  Needs a
 * transaction.  Superusers own nothing whose code would run as they, but they may ask for bulk
 * operations, which run none.
 */
WfWaitReason
wf_login_check(Oid role, WfLaneKind kind)
{
	HeapTuple	tuple = SearchSysCache1(AUTHOID, ObjectIdGetDatum(role));
	WfWaitReason reason = WF_WAIT_NONE;

	if (!HeapTupleIsValid(tuple))
		return WF_WAIT_ROLE_GONE;
	if (!((Form_pg_authid) GETSTRUCT(tuple))->rolcanlogin)
		reason = WF_WAIT_ROLE_NOLOGIN;
	else if (superuser_arg(role) && !wf_allow_superuser && kind != WF_LANE_BULKS)
		reason = WF_WAIT_ROLE_SUPERUSER;
	else if (object_aclcheck(DatabaseRelationId, MyDatabaseId, role,
							 ACL_CONNECT) != ACLCHECK_OK)
		reason = WF_WAIT_ROLE_CONNECT;
	ReleaseSysCache(tuple);
	return reason;
}

/* A role, a membership, or what is granted on a database has changed. */
static void
on_change(Datum arg, int cache, uint32 hash)
{
	known_good = false;
}

/*
 * This process works for this role from now on: wf_login_is_good() asks about it.
 * Once in a process.
 */
void
wf_login_watch(Oid role)
{
	watched = role;
	CacheRegisterSyscacheCallback(AUTHOID, on_change, (Datum) 0);
	CacheRegisterSyscacheCallback(AUTHMEMROLEMEM, on_change, (Datum) 0);
	CacheRegisterSyscacheCallback(DATABASEOID, on_change, (Datum) 0);
}

/*
 * May its work, always of one kind, still be done, as of the beginning of this transaction?  A look at
 * a variable, unless anything has changed.
 */
bool
wf_login_is_good(WfLaneKind kind)
{
	if (!known_good)
	{
		/* Before the check, which a change may come in the middle of. */
		known_good = true;
		if (wf_login_check(watched, kind) != WF_WAIT_NONE)
			known_good = false;
	}
	return known_good;
}
