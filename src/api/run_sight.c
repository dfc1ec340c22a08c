/*-------------------------------------------------------------------------
 *
 * run_sight.c
 *	  Who may see a run, or decide about it.
 *
 * Runs in client backends, and locks nothing.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"

#include "api/run_sight.h"
#include "base/errcodes.h"
#include "base/uuid.h"
#include "job/job.h"
#include "store/statement.h"
#include "store/tenant.h"

static WfStatement find_statement = {
	.sql = "SELECT r.job, r.starter, r.tenant FROM workflow.run r WHERE r.id OPERATOR(pg_catalog.=) $1"
	" UNION ALL SELECT h.job, h.starter, h.tenant FROM workflow.run_history h WHERE h.run OPERATOR(pg_catalog.=) $1",
	WF_ARGS(UUIDOID)
};

/* Error WF010: there is no run with this id. */
void
wf_run_sight_refuse_missing(const pg_uuid_t *id)
{
	ereport(ERROR,
			(errcode(WF_ERR_NO_JOB),
			 errmsg("run %s does not exist", wf_uuid_text(id)),
			 errdetail("It may have ended so long ago that it is not remembered.")));
}

/* The version of the job of a run that exists for the session, and who made it.  Error WF010. */
static const WfJob *
find(const pg_uuid_t *id, Oid *starter)
{
	Datum		value = UUIDPGetDatum(id);
	bool		isnull;
	int32		job;
	Datum		tenant;

	if (wf_statement_execute(&find_statement, &value, NULL, 1) == 0)
		wf_run_sight_refuse_missing(id);
	job = DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	*starter = DatumGetObjectId(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2, &isnull));
	tenant = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 3, &isnull);
	if (!wf_tenant_sees(tenant))
		wf_run_sight_refuse_missing(id);
	return wf_job(job);
}

/*
 * Error WF002 unless the current user may read the job of a run, or has made it; WF010
 * if there is none.  Returns the job; *may_read: may it be read?  SPI must be connected.
 */
const WfJob *
wf_run_sight_look(const pg_uuid_t *id, bool *may_read)
{
	Oid			starter;
	const WfJob *job = find(id, &starter);

	*may_read = wf_job_may(job, "read");
	if (!*may_read && starter != GetUserId())
		wf_job_require(job, "read");
	return job;
}

/* The same, for those who want to know no more. */
void
wf_run_sight_require(const pg_uuid_t *id)
{
	bool		may_read;

	(void) wf_run_sight_look(id, &may_read);
}

/* The same for who may manage the job. */
void
wf_run_sight_require_manager(const pg_uuid_t *id)
{
	Oid			starter;
	const WfJob *job = find(id, &starter);

	if (starter != GetUserId())
		wf_job_require(job, "manage");
}
