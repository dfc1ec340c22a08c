/*-------------------------------------------------------------------------
 *
 * status.c
 *	  The values of the type workflow.status.
 *
 * Runs in any backend.  The OIDs of the values are kept until the extension is
 * dropped.
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

/* The enum and the OIDs of its values, which another CREATE EXTENSION changes. */
static Oid	status_type = InvalidOid;

static Oid	status_oids[lengthof(status_names)];

/* Tells when the extension is dropped. */
static WfInval watch = {.table = "process"};

/*
 * Make sure that the OIDs are those of the enum that is there now.  Reads
 * catalogs if it has to, so it is called before a scan of rows and not for each
 * of them.  Needs a transaction.
 */
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

/* The OID of the value of workflow.status.  Needs a transaction. */
Oid
wf_status_oid(WfStatus status)
{
	wf_status_load();
	return status_oids[status];
}

/* The name of a status in SQL; a constant. */
const char *
wf_status_name(WfStatus status)
{
	return status_names[status];
}

/*
 * The status of a value of workflow.status; an internal error if it has none.
 * wf_status_load() has been called.
 */
WfStatus
wf_status_of_oid(Oid oid)
{
	for (int i = 0; i < (int) lengthof(status_names); i++)
		if (status_oids[i] == oid)
			return (WfStatus) i;
	elog(ERROR, "unknown status %u", oid);
	return WF_ERROR;
}

