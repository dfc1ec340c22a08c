/*-------------------------------------------------------------------------
 *
 * job_cache.c
 *	  The table workflow.job_cache: results of jobs, by their parameters.
 *
 * Runs in whatever ends a run, in the sessions of those who call jobs, and in the
 * runtime.  Two who keep a result for the same parameters at once each insert a row:
 * there is no unique index, on which one would wait for the other, or fail.  The newest
 * row that can be seen counts; whoever adds one deletes those before it, as far as
 * nobody else has them, and the others go when they are too old, or too many.
 *
 * A row is good for its version of the job, done as its owner: nothing has to be
 * deleted for a row not to be found any more.  Locks rows, and waits for none of them,
 * but where an operator asks for a flush.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/uuid.h"
#include "base/version.h"
#include "store/job_cache.h"
#include "store/statement.h"

/* So many go at a time. */
#define PIECE	1000

/*
 * $1: job, $2: hash, $3: parameters as text, which tells 1.0 from 1.00; $4: tenant.
 */
#define OF_KEY \
	"c.job OPERATOR(pg_catalog.=) $1 AND c.hash OPERATOR(pg_catalog.=) $2" \
	" AND c.params::pg_catalog.text OPERATOR(pg_catalog.=) $3 AND c.tenant OPERATOR(pg_catalog.=) $4"

/* Delete the rows c of this query that nobody has locked. */
#define DELETE_FREE(query) \
	"DELETE FROM workflow.job_cache d WHERE d.ctid OPERATOR(pg_catalog.=) ANY (ARRAY(" \
	"SELECT c.ctid FROM " query " FOR UPDATE OF c SKIP LOCKED))"

static WfStatement find_statement = {
	.sql = "SELECT c.id, c.result, c.refresh_at OPERATOR(pg_catalog.<=) $6 FROM workflow.job_cache c"
	" WHERE " OF_KEY " AND c.owner OPERATOR(pg_catalog.=) $5"
	" AND (c.good_until IS NULL OR c.good_until OPERATOR(pg_catalog.>) $6) ORDER BY c.id DESC LIMIT 1",
	WF_ARGS(INT4OID, INT8OID, TEXTOID, TEXTOID, INT4OID, TIMESTAMPTZOID)
};

static WfStatement claim_statement = {
	.sql = "UPDATE workflow.job_cache d SET refresh_at = NULL WHERE d.ctid OPERATOR(pg_catalog.=) ANY (ARRAY("
	"SELECT c.ctid FROM workflow.job_cache c WHERE c.id OPERATOR(pg_catalog.=) $1 AND c.refresh_at IS NOT NULL"
	" FOR NO KEY UPDATE SKIP LOCKED))",
	WF_ARGS(UUIDOID)
};

static WfStatement replace_statement = {
	.sql = DELETE_FREE("workflow.job_cache c WHERE " OF_KEY),
	WF_ARGS(INT4OID, INT8OID, TEXTOID, TEXTOID)
};

/* A version that is not the newest any more has nobody who would ask. */
static WfStatement keep_statement = {
	.sql = "INSERT INTO workflow.job_cache (job, hash, params, owner, id, refresh_at, good_until, result, process, tenant)"
	" SELECT j.id, $2, $3::pg_catalog.jsonb, $5, $6, $7, $8, $9, $10, $4 FROM workflow.job j"
	" WHERE j.id OPERATOR(pg_catalog.=) $1 AND j.dropped_at IS NULL"
	" AND NOT EXISTS (SELECT FROM workflow.job n WHERE n.name OPERATOR(pg_catalog.=) j.name"
	"  AND n.version OPERATOR(pg_catalog.>) j.version)",
	WF_ARGS(INT4OID, INT8OID, TEXTOID, TEXTOID, INT4OID, UUIDOID, TIMESTAMPTZOID, TIMESTAMPTZOID, JSONBOID,
			UUIDOID)
};

/* The oldest ones go: ids are in the order in which they were made. */
static WfStatement trim_statement = {
	.sql = DELETE_FREE("workflow.job_cache c WHERE c.job OPERATOR(pg_catalog.=) $1"
					   " AND c.id OPERATOR(pg_catalog.<=) (SELECT b.id FROM workflow.job_cache b"
					   "  WHERE b.job OPERATOR(pg_catalog.=) $1 ORDER BY b.id DESC LIMIT 1 OFFSET $2)"),
	WF_ARGS(INT4OID, INT8OID)
};

static WfStatement forget_statement = {
	.sql = DELETE_FREE("workflow.job j JOIN workflow.job_cache c ON c.job OPERATOR(pg_catalog.=) j.id"
					   " WHERE j.name OPERATOR(pg_catalog.=) $1"),
	WF_ARGS(TEXTOID),
	.latest = true
};

static WfStatement flush_statement = {
	.sql = "DELETE FROM workflow.job_cache c USING workflow.job j"
	" WHERE j.name OPERATOR(pg_catalog.=) $1 AND c.job OPERATOR(pg_catalog.=) j.id"
	" AND ($3 IS NULL OR (c.hash OPERATOR(pg_catalog.=) $2 AND c.params::pg_catalog.text OPERATOR(pg_catalog.=) $3))",
	WF_ARGS(TEXTOID, INT8OID, TEXTOID),
	.latest = true
};

static WfStatement process_statement = {
	.sql = "DELETE FROM workflow.job_cache WHERE process OPERATOR(pg_catalog.=) $1",
	WF_ARGS(UUIDOID),
	.latest = true
};

static WfStatement old_statement = {
	.sql = DELETE_FREE("workflow.job_cache c WHERE c.good_until OPERATOR(pg_catalog.<=) $1"
					   " ORDER BY c.good_until LIMIT $2"),
	WF_ARGS(TIMESTAMPTZOID, INT8OID)
};

/*
 * Of versions that nobody asks any more, of other owners, and what is too much.  OFFSET 0:
 * what is found of a version is found once, and not for each row.
 */
static WfStatement left_statement = {
	.sql = DELETE_FREE("(SELECT j.id, j.owner, j.dropped_at IS NOT NULL"
					   "   OR EXISTS (SELECT FROM workflow.job n WHERE n.name OPERATOR(pg_catalog.=) j.name"
					   "    AND n.version OPERATOR(pg_catalog.>) j.version) AS gone,"
					   "  (SELECT b.id FROM workflow.job_cache b WHERE b.job OPERATOR(pg_catalog.=) j.id"
					   "   ORDER BY b.id DESC LIMIT 1"
					   "   OFFSET (j.cache OPERATOR(pg_catalog.->>) 'max_entries')::pg_catalog.int8) AS last"
					   "  FROM workflow.job j WHERE j.cache IS NOT NULL OFFSET 0) j"
					   " JOIN workflow.job_cache c ON c.job OPERATOR(pg_catalog.=) j.id"
					   " WHERE j.gone OR c.owner OPERATOR(pg_catalog.<>) j.owner"
					   " OR c.id OPERATOR(pg_catalog.<=) j.last LIMIT $1"),
	WF_ARGS(INT8OID)
};

/* The parameters as they are compared. */
static text *
text_of(Jsonb *params, int64 *hash)
{
	char	   *string = JsonbToCString(NULL, &params->root, VARSIZE(params));

	*hash = (int64) hash_bytes_extended((const unsigned char *) string, strlen(string), 0);
	return cstring_to_text(string);
}

static Datum
time_or_null(TimestampTz time, char *null)
{
	*null = TIMESTAMP_IS_NOEND(time) ? 'n' : ' ';
	return TimestampTzGetDatum(time);
}

/*
 * The newest result that is good now, in the current memory context; false: there is
 * none.  SPI must be connected, as for all of these.
 */
bool
wf_job_cache_find(const WfJobCacheKey *key, TimestampTz now, WfJobCacheFound *found)
{
	int64		hash;
	text	   *params = text_of(key->params, &hash);
	Datum		values[6] = {Int32GetDatum(key->job), Int64GetDatum(hash), PointerGetDatum(params),
	CStringGetTextDatum(key->tenant), Int32GetDatum(key->owner), TimestampTzGetDatum(now)};
	HeapTuple	row;
	Datum		value;
	bool		isnull;

	if (wf_statement_execute(&find_statement, values, NULL, 1) == 0)
		return false;
	row = SPI_tuptable->vals[0];
	found->id = *DatumGetUUIDP(SPI_getbinval(row, SPI_tuptable->tupdesc, 1, &isnull));
	value = SPI_getbinval(row, SPI_tuptable->tupdesc, 2, &isnull);
	found->result = isnull ? NULL : DatumGetJsonbPCopy(value);
	value = SPI_getbinval(row, SPI_tuptable->tupdesc, 3, &isnull);
	found->to_refresh = !isnull && DatumGetBool(value);
	return true;
}

/* It is for us to have it done again; false: somebody else is at it. */
bool
wf_job_cache_claim(const WfJobCacheFound *found)
{
	Datum		value = UUIDPGetDatum(&found->id);

	return wf_statement_execute(&claim_statement, &value, NULL, 0) > 0;
}

/* Keep a result, in place of what was kept for the same, unless the job has changed. */
void
wf_job_cache_keep(const WfJobCacheEntry *entry)
{
	int64		hash;
	text	   *params = text_of(entry->key.params, &hash);
	pg_uuid_t	id;
	Datum		values[10] = {Int32GetDatum(entry->key.job), Int64GetDatum(hash), PointerGetDatum(params),
		CStringGetTextDatum(entry->key.tenant), Int32GetDatum(entry->key.owner), UUIDPGetDatum(&id)
	};
	char		nulls[11] = "          ";

	wf_uuid_make(&id, WF_UUID_NO_SLOT);
	values[6] = time_or_null(entry->refresh_at, &nulls[6]);
	values[7] = time_or_null(entry->good_until, &nulls[7]);
	values[8] = JsonbPGetDatum(entry->result);
	nulls[8] = entry->result == NULL ? 'n' : ' ';
	values[9] = UUIDPGetDatum(entry->process);
	nulls[9] = entry->process == NULL ? 'n' : ' ';
	(void) wf_statement_execute(&replace_statement, values, NULL, 0);
	(void) wf_statement_execute(&keep_statement, values, nulls, 0);
}

/* Of a version there are to be so many at most. */
void
wf_job_cache_trim(int32 job, int max)
{
	Datum		values[2] = {Int32GetDatum(job), Int64GetDatum(max)};

	(void) wf_statement_execute(&trim_statement, values, NULL, 0);
}

/* Nobody finds what is kept for a job any more: it goes, as far as it is free. */
void
wf_job_cache_forget(const char *job)
{
	Datum		value = CStringGetTextDatum(job);

	(void) wf_statement_execute(&forget_statement, &value, NULL, 0);
}

/*
 * Delete what is kept for a job, or only for these parameters.  Returns how much.  Waits
 * for transactions that are at it.
 */
uint64
wf_job_cache_flush(const char *job, Jsonb *params)
{
	int64		hash = 0;
	text	   *as_text = params == NULL ? NULL : text_of(params, &hash);
	Datum		values[3] = {CStringGetTextDatum(job), Int64GetDatum(hash), PointerGetDatum(as_text)};

	return wf_statement_execute(&flush_statement, values, params == NULL ? "  n" : NULL, 0);
}

/* Delete what is kept of the runs that a process has invoked. */
void
wf_job_cache_forget_process(const pg_uuid_t *process)
{
	Datum		value = UUIDPGetDatum(process);

	if (wf_version_has_column("job_cache", "hash"))
		(void) wf_statement_execute(&process_statement, &value, NULL, 0);
}

/* Delete what nobody can find any more, and what is too much; true: there may be more. */
bool
wf_job_cache_expire(void)
{
	Datum		values[2] = {TimestampTzGetDatum(wf_clock_now()), Int64GetDatum(PIECE)};
	bool		more;

	if (!wf_version_has_column("job_cache", "hash"))
		return false;
	more = wf_statement_execute(&old_statement, values, NULL, 0) == PIECE;
	return wf_statement_execute(&left_statement, &values[1], NULL, 0) == PIECE || more;
}
