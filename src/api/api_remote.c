/*-------------------------------------------------------------------------
 *
 * api_remote.c
 *	  This server as a runtime of another one: as whom it does runs of that.
 *
 * Runs in sessions of operators.  map_owner() and unmap_owner() lock the entry; the
 * others lock nothing.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_authid.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "api/api.h"
#include "api/arg.h"
#include "api/note.h"
#include "api/result.h"
#include "base/compat.h"
#include "base/errcodes.h"
#include "base/jsonb.h"
#include "base/quote.h"
#include "base/superuser.h"
#include "shmem/errand.h"
#include "shmem/membership.h"
#include "store/origin.h"
#include "store/owner_map.h"

PG_FUNCTION_INFO_V1(workflow_map_owner);
PG_FUNCTION_INFO_V1(workflow_unmap_owner);
PG_FUNCTION_INFO_V1(workflow_accept_remote);
PG_FUNCTION_INFO_V1(workflow_membership_state);

static const char *const states[] = {
	[WF_MEMBERSHIP_NONE] = "none",
	[WF_MEMBERSHIP_CONNECTING] = "connecting",
	[WF_MEMBERSHIP_WAITING] = "waiting",
	[WF_MEMBERSHIP_ALIVE] = "alive",
	[WF_MEMBERSHIP_REFUSED] = "refused"
};

/* The name of a role of the other server.  Errors 22004, 22023, 22001. */
static char *
read_owner(FunctionCallInfo fcinfo, int n)
{
	char	   *owner = wf_arg_string(fcinfo, n, "remote_owner");

	if (owner[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the name of a role must not be empty")));
	if (strlen(owner) >= NAMEDATALEN)
		ereport(ERROR,
				(errcode(ERRCODE_STRING_DATA_RIGHT_TRUNCATION),
				 errmsg("the name of a role is too long"),
				 errdetail("It has %zu bytes, of %d that are allowed.", strlen(owner), NAMEDATALEN - 1)));
	return owner;
}

/* Error 22023 for a role as which no work of others is done. */
static void
check_role(Oid role, const char *name)
{
	HeapTuple	tuple = SearchSysCache1(AUTHOID, ObjectIdGetDatum(role));
	bool		may_log_in = HeapTupleIsValid(tuple) && ((Form_pg_authid) GETSTRUCT(tuple))->rolcanlogin;

	if (HeapTupleIsValid(tuple))
		ReleaseSysCache(tuple);
	if (wf_superuser_may_become(role))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 superuser_arg(role) ? errmsg("role \"%s\" is a superuser", name) :
				 errmsg("role \"%s\" may become a superuser", name),
				 errdetail("Whoever owns the jobs of the other server would be one here.")));
	if (!may_log_in)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("role \"%s\" is not permitted to log in", name),
				 errdetail("Runs are done in sessions of that role.")));
}

/* Error WF002: whoever gives a role to others must be able to take it. */
static void
require_role(Oid role, const char *name)
{
	if (!wf_may_set_role(GetUserId(), role))
		ereport(ERROR,
				(errcode(WF_ERR_NOT_ALLOWED),
				 errmsg("must be able to SET ROLE \"%s\"", name),
				 errdetail("Jobs of the other server will run as that role.")));
}

/*
 * SQL function workflow.map_owner(remote_owner, local_role) of sql/parts/remote.sql.  Locks
 * the entry.
 */
Datum
workflow_map_owner(PG_FUNCTION_ARGS)
{
	char	   *owner = read_owner(fcinfo, 0);
	const char *name;
	Oid			role;

	wf_api_require_admin("workflow.map_owner()");
	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"%s\" must not be null", "local_role")));
	name = NameStr(*PG_GETARG_NAME(1));
	role = get_role_oid(name, false);
	check_role(role, name);
	require_role(role, name);
	wf_api_connect_to_write(fcinfo);
	wf_origin_write();
	(void) wf_owner_map_set(owner, name);
	wf_note_object("map_owner", "role", name, 0, NULL, wf_note_detail("remote_owner", wf_jsonb_string(owner)));
	SPI_finish();
	PG_RETURN_VOID();
}

/* SQL function workflow.unmap_owner(remote_owner).  Locks the entry. */
Datum
workflow_unmap_owner(PG_FUNCTION_ARGS)
{
	char	   *owner = read_owner(fcinfo, 0);
	bool		was;

	wf_api_require_admin("workflow.unmap_owner()");
	wf_api_connect_to_write(fcinfo);
	wf_origin_require();
	was = wf_owner_map_unset(owner);
	if (was)
		wf_note_object("unmap_owner", "role", owner, 0, NULL, NULL);
	SPI_finish();
	PG_RETURN_BOOL(was);
}

/* SQL function workflow.accept_remote(system_identifier).  Locks nothing. */
Datum
workflow_accept_remote(PG_FUNCTION_ARGS)
{
	char	   *text = wf_arg_string(fcinfo, 0, "system_identifier");
	char	   *end;
	uint64		system = strtou64(text, &end, 10);

	if (!superuser())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be superuser to call %s", "workflow.accept_remote()")));
	if (*end != '\0' || !wf_membership_accept(system))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("there is no server with the system identifier \"%s\" to be accepted", wf_quote(text)),
				 errhint("The view workflow.membership tells which one is asked for.")));
	PG_RETURN_VOID();
}

/* A system identifier as people know it. */
static Datum
system_text(uint64 system)
{
	return CStringGetTextDatum(psprintf(UINT64_FORMAT, system));
}

/*
 * What a process that talks to the other server has noted is in the encoding of its database, or
 * of that server, and was cut at some byte.
 */
static Datum
noted_text(const char *text)
{
	int			length = (int) strlen(text);

	for (int cut = 0; cut < MAX_MULTIBYTE_CHAR_LEN && cut <= length; cut++)
		if (pg_verify_mbstr(GetDatabaseEncoding(), text, length - cut, true))
			return PointerGetDatum(cstring_to_text_with_len(text, length - cut));
	return CStringGetTextDatum(wf_quote_plain(text));
}

/* SQL function workflow.membership_state(), for the view membership.  Locks nothing. */
Datum
workflow_membership_state(PG_FUNCTION_ARGS)
{
	WfMembership now;
	Datum		values[11];
	bool		nulls[11] = {false};

	wf_membership_get(&now);
	values[0] = CStringGetTextDatum(states[now.state]);
	values[1] = TimestampTzGetDatum(now.since);
	nulls[1] = now.since == 0;
	values[2] = noted_text(now.id);
	nulls[2] = now.id[0] == '\0';
	values[3] = Int64GetDatum(now.epoch);
	nulls[3] = now.epoch == 0;
	values[4] = system_text(now.system);
	nulls[4] = now.system == 0;
	values[5] = Int64GetDatum(now.timeline);
	nulls[5] = now.timeline == 0;
	values[6] = system_text(now.asked);
	nulls[6] = now.asked == 0;
	values[7] = noted_text(now.trouble[0] != '\0' ? now.trouble : now.courier_trouble);
	nulls[7] = now.trouble[0] == '\0' && now.courier_trouble[0] == '\0';
	values[8] = Int32GetDatum(now.link_pid);
	nulls[8] = now.link_pid == 0;
	values[9] = Int32GetDatum(now.courier_pid);
	nulls[9] = now.courier_pid == 0;
	values[10] = Int32GetDatum(wf_errand_count());
	PG_RETURN_DATUM(wf_result_row(fcinfo, values, nulls));
}
