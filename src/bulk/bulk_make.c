/*-------------------------------------------------------------------------
 *
 * bulk_make.c
 *	  New bulk operations: does all of it fit?
 *
 * Runs in the session that asks for one, and locks nothing but the row of the role among
 * the owners of work.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_authid.h"
#include "miscadmin.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/errcodes.h"
#include "base/uuid.h"
#include "bulk/bulk_act.h"
#include "bulk/bulk_json.h"
#include "bulk/bulk_make.h"
#include "bulk/bulk_walk.h"
#include "definition/definition.h"
#include "definition/owner_role.h"
#include "store/tenant.h"

/* Executors log in as the role: error WF002 for one that may not. */
static void
check_role(Oid role)
{
	HeapTuple	tuple = SearchSysCache1(AUTHOID, ObjectIdGetDatum(role));
	bool		login;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for role %u", role);
	login = ((Form_pg_authid) GETSTRUCT(tuple))->rolcanlogin;
	ReleaseSysCache(tuple);
	if (!login)
		ereport(ERROR,
				(errcode(WF_ERR_NOT_ALLOWED),
				 errmsg("role \"%s\" cannot have a bulk operation done: it may not log in",
						GetUserNameFromId(role, false)),
				 errdetail("Executors do it with the rights of this role, and log in as it.")));
}

/* A version to migrate to has to be there; one that comes later has processes of its own. */
static void
check_target(const WfBulk *bulk, const WfBulkFilter *filter)
{
	JsonbValue	version;

	if (bulk->act != WF_BULK_MIGRATE ||
		!wf_bulk_json_member(bulk->changes, "version", false, &version))
		return;
	(void) wf_definition_by_name(filter->object, wf_bulk_json_int(bulk->changes, "version"));
}

/* Look for a first item: what does not fit says so now. */
static void
try(WfBulk *bulk)
{
	for (bulk->source = wf_bulk_walk_sources(bulk->act) - 1; bulk->source >= 0; bulk->source--)
	{
		WfBulkWalk	walk;
		WfBulkStretch stretch;

		wf_bulk_walk_begin(bulk, &walk);
		wf_bulk_walk_next(&walk, 1, &stretch);
		if (bulk->source == 0)
			break;
	}
}

/*
 * Make an operation of what was given for it: filter, changes, actor, note and keep_all of
 * *bulk, with the rights of the current user.  Errors: 22023, 54000, 42501, WF002, WF006,
 * WF010, those of search() and alter_runs().  SPI must be connected.
 */
void
wf_bulk_make(const char *act, WfBulk *bulk)
{
	const char *tenant = wf_tenant_current();
	WfBulkFilter filter;

	bulk->tenant = tenant == NULL ? NULL : pstrdup(tenant);
	bulk->act = wf_bulk_filter_act(act, bulk->filter);
	wf_bulk_filter_read(bulk->act, bulk->filter, &filter);
	bulk->filter = wf_bulk_filter_settle(bulk->act, bulk->filter, &filter);
	check_role(GetUserId());
	wf_bulk_scope_take(bulk, &filter);
	bulk->changes = wf_bulk_act_check_changes(bulk->act, bulk->changes);
	check_target(bulk, &filter);

	wf_uuid_make(&bulk->id, WF_UUID_NO_SLOT);
	bulk->made_at = bulk->due = wf_clock_now();
	try(bulk);
	bulk->phase = filter.nids < 0 ? WF_BULK_COUNTS : WF_BULK_DOES;
	bulk->total = filter.nids;
	bulk->role = GetUserNameFromId(GetUserId(), false);
	bulk->login = GetUserNameFromId(GetSessionUserId(), false);
	bulk->owner = wf_owner_role_enter(GetUserId());
	wf_bulk_row_insert(bulk);
}
