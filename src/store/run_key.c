/*-------------------------------------------------------------------------
 *
 * run_key.c
 *	  The table workflow.run_key: runs by the keys that users gave them.
 *
 * Runs in any backend.  A key belongs to one run of a job, whatever its version,
 * also when that has ended, for as long as the history remembers it.  Whoever takes
 * several keys takes them in the order of their bytes, so that nobody waits for each
 * other in a circle.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"

#include "store/run_key.h"
#include "store/statement.h"
#include "store/tenant.h"

/* Waits for a transaction that is taking the same key. */
static WfStatement take_statement = {
	.sql = "INSERT INTO workflow.run_key (root, key, run, tenant) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
	WF_ARGS(INT4OID, TEXTOID, UUIDOID, TEXTOID)
};

/* Whoever holds the key is told by one call at a time. */
static WfStatement holder_statement = {
	.sql = "SELECT k.run FROM workflow.run_key k"
	" WHERE k.root OPERATOR(pg_catalog.=) $1 AND k.key OPERATOR(pg_catalog.=) $2"
	" AND k.tenant OPERATOR(pg_catalog.=) $3 FOR NO KEY UPDATE",
	WF_ARGS(INT4OID, TEXTOID, TEXTOID),
	.latest = true
};

static WfStatement give_statement = {
	.sql = "UPDATE workflow.run_key k SET run = $3"
	" WHERE k.root OPERATOR(pg_catalog.=) $1 AND k.key OPERATOR(pg_catalog.=) $2"
	" AND k.tenant OPERATOR(pg_catalog.=) $4",
	WF_ARGS(INT4OID, TEXTOID, UUIDOID, TEXTOID),
	.latest = true
};

/* The key of a run that has ended, and whose it is, unless that run waits or runs. */
static WfStatement of_ended_statement = {
	.sql = "SELECT j.root, h.key, COALESCE(h.tenant, '') FROM workflow.run_history h JOIN workflow.job j ON j.id OPERATOR(pg_catalog.=) h.job"
	" WHERE h.run OPERATOR(pg_catalog.=) $1 AND h.key IS NOT NULL",
	WF_ARGS(UUIDOID),
	.latest = true
};

static WfStatement active_statement = {
	.sql = "SELECT FROM workflow.run r WHERE r.id OPERATOR(pg_catalog.=) $1",
	WF_ARGS(UUIDOID),
	.latest = true
};

/* The same as wf_run_key_take(), among the keys of this tenant, as wf_tenant_keys(). */
static bool
take(int32 root, const char *key, Datum tenant, const pg_uuid_t *run, pg_uuid_t *holder)
{
	Datum		values[4] = {Int32GetDatum(root), CStringGetTextDatum(key), UUIDPGetDatum(run), tenant};
	Datum		sought[3] = {values[0], values[1], tenant};
	bool		isnull;

	for (;;)
	{
		if (wf_statement_execute(&take_statement, values, NULL, 0) == 1)
			return true;
		/* it may be gone by now */
		if (wf_statement_execute(&holder_statement, sought, NULL, 0) == 1)
			break;
	}
	*holder = *DatumGetUUIDP(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1,
										   &isnull));
	return false;
}

/*
 * Take a key for a run, among those of the tenant for whom the session works.  False:
 * *holder has it; its row is locked until the end of the transaction, and
 * wf_run_key_give() may change it.  SPI must be connected.
 */
bool
wf_run_key_take(int32 root, const char *key, const pg_uuid_t *run, pg_uuid_t *holder)
{
	return take(root, key, wf_tenant_keys(), run, holder);
}

/* Give a key that is locked to another run. */
void
wf_run_key_give(int32 root, const char *key, const pg_uuid_t *run)
{
	Datum		values[4] = {Int32GetDatum(root), CStringGetTextDatum(key), UUIDPGetDatum(run),
	wf_tenant_keys()};

	(void) wf_statement_execute(&give_statement, values, NULL, 0);
}

/*
 * A run that has ended is to be done once more: it has its key again, if it had one.
 * False: by now another run has it that waits or runs.
 */
bool
wf_run_key_take_back(const pg_uuid_t *run)
{
	Datum		value = UUIDPGetDatum(run);
	bool		isnull;
	pg_uuid_t	holder;
	int32		root;
	char	   *key;
	char	   *tenant;

	if (wf_statement_execute(&of_ended_statement, &value, NULL, 1) == 0)
		return true;
	root = DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	key = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2);
	tenant = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 3);
	if (take(root, key, CStringGetTextDatum(tenant), run, &holder) || memcmp(&holder, run, UUID_LEN) == 0)
		return true;
	value = UUIDPGetDatum(&holder);
	if (wf_statement_execute(&active_statement, &value, NULL, 1) > 0)
		return false;
	wf_run_key_give(root, key, run);
	return true;
}
