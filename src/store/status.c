/*-------------------------------------------------------------------------
 *
 * status.c
 *	  The values of the type workflow.status.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_enum.h"
#include "tcop/dest.h"
#include "utils/syscache.h"

#include "shmem/inval.h"
#include "store/status.h"

static const char *const status_names[] = {
	"initialized", "running", "idled", "finalized", "terminated", "error"
};

/* OIDs of the enum's values; those of another CREATE EXTENSION do not fit. */
static Oid	status_type = InvalidOid;

static Oid	status_oids[lengthof(status_names)];

/* Told when the extension is dropped, which they go with. */
static WfInval watch = {.table = "process"};

void
wf_status_load(void)
{
	Oid			type;

	if (likely(OidIsValid(status_type) && wf_inval_is_good(&watch)))
		return;
	wf_inval_begin(&watch);
	type = GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid,
						   CStringGetDatum("status"),
						   ObjectIdGetDatum(get_namespace_oid("workflow", false)));
	if (type == status_type && OidIsValid(type))
		return;
	status_type = InvalidOid;
	for (int i = 0; i < (int) lengthof(status_names); i++)
		status_oids[i] = GetSysCacheOid2(ENUMTYPOIDNAME, Anum_pg_enum_oid,
										 ObjectIdGetDatum(type),
										 CStringGetDatum(status_names[i]));
	status_type = type;
}

/* The enum value workflow.status of a status. */
Oid
wf_status_oid(WfStatus status)
{
	wf_status_load();
	return status_oids[status];
}

const char *
wf_status_name(WfStatus status)
{
	return status_names[status];
}

WfStatus
wf_status_of_oid(Oid oid)
{
	for (int i = 0; i < (int) lengthof(status_names); i++)
		if (status_oids[i] == oid)
			return (WfStatus) i;
	elog(ERROR, "unknown status %u", oid);
	return WF_ERROR;
}

