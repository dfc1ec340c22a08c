/*-------------------------------------------------------------------------
 *
 * permit_audit.c
 *	  Counters of permits are compared with the runs that hold them.
 *
 * Runs in the runtime of a database, as a part of housekeeping: a counter that is too
 * high would keep runs waiting for ever, and one that is too low break a limit.  Nothing
 * of ours makes it wrong; but a superuser may have deleted runs that were under way, and
 * what comes out of a bad end nobody knows.  What is wrong is mended, with a line in the
 * log.
 *
 * A counter that changes while its runs are counted is not compared; there is another time.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"

#include "base/quote.h"
#include "base/version.h"
#include "queue/permit_audit.h"
#include "queue/queue.h"
#include "shmem/permit.h"
#include "store/run.h"
#include "store/statement.h"

/* It runs, or is to stop and has not yet. */
#define RUNS "r.state OPERATOR(pg_catalog.>) 0 AND r.state OPERATOR(pg_catalog.<) 3"

static WfStatement running_statement = {
	.sql = "SELECT r.queue, r.part, pg_catalog.count(*), COALESCE(r.worker, '') FROM workflow.run r WHERE " RUNS
	" GROUP BY r.queue, r.part, COALESCE(r.worker, '')"
};

static WfStatement limits_statement = {
	.sql = "SELECT l.id, pg_catalog.sum((j.limits OPERATOR(pg_catalog.->>) l.name)::pg_catalog.int8)::pg_catalog.int8"
	" FROM workflow.run r JOIN workflow.job j ON j.id OPERATOR(pg_catalog.=) r.job"
	" JOIN workflow.rate_limit l ON j.limits OPERATOR(pg_catalog.?) l.name"
	" WHERE " RUNS " GROUP BY l.id"
};

static WfStatement limit_name_statement = {
	.sql = "SELECT l.name FROM workflow.rate_limit l WHERE l.id OPERATOR(pg_catalog.=) $1",
	WF_ARGS(INT4OID)
};

/* Units that runs have, by the tables. */
typedef struct Taken
{
	WfPermitKey key;			/* first */
	int64		units;
} Taken;

static Datum
result(uint64 row, int column)
{
	bool		isnull;

	return SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column, &isnull);
}

static void
add(HTAB *taken, const WfPermitKey *like, WfPermitKind kind, int32 id, int64 part, int64 units)
{
	WfPermitKey key = *like;
	Taken	   *entry;
	bool		found;

	key.kind = kind;
	key.id = id;
	key.part = part;
	entry = hash_search(taken, &key, HASH_ENTER, &found);
	entry->units = (found ? entry->units : 0) + units;
}

/* Count what runs; like: a key of this table of runs. */
static HTAB *
count(const WfPermitKey *like)
{
	HASHCTL		control = {.keysize = sizeof(WfPermitKey),.entrysize = sizeof(Taken),.hcxt = CurrentMemoryContext};
	HTAB	   *taken = hash_create("workflow permits by the tables", 256, &control,
									HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	uint64		n = wf_statement_execute(&running_statement, NULL, NULL, 0);

	for (uint64 i = 0; i < n; i++)
	{
		int32		queue = DatumGetInt32(result(i, 1));
		int64		units = DatumGetInt64(result(i, 3));

		/* of all, or of each worker, as run_permit.c counts them */
		add(taken, like, WF_PERMIT_QUEUE, queue, 0, units);
		add(taken, like, WF_PERMIT_QUEUE, queue, wf_run_part(TextDatumGetCString(result(i, 4))), units);
		add(taken, like, WF_PERMIT_PARTITION, queue, DatumGetInt64(result(i, 2)), units);
	}
	n = wf_statement_execute(&limits_statement, NULL, NULL, 0);
	for (uint64 i = 0; i < n; i++)
		add(taken, like, WF_PERMIT_LIMIT, DatumGetInt32(result(i, 1)), 0, DatumGetInt64(result(i, 2)));
	return taken;
}

/* What is counted, for a line. */
static const char *
describe(const WfPermitKey *key)
{
	Datum		id = Int32GetDatum(key->id);
	const char *name;

	if (key->kind == WF_PERMIT_LIMIT)
		return wf_statement_execute(&limit_name_statement, &id, NULL, 1) == 0 ? psprintf("limit %d", key->id) :
			psprintf("limit \"%s\"", wf_quote(TextDatumGetCString(result(0, 1))));
	name = wf_queue_name(key->id);
	return psprintf("%squeue \"%s\"", key->kind == WF_PERMIT_PARTITION ? "a partition of " : "",
					name == NULL ? "?" : wf_quote(name));
}

/*
 * Compare all counters of this database that nobody changes meanwhile, and mend those
 * that are wrong.  SPI must be connected, in READ COMMITTED.
 */
void
wf_permit_audit(void)
{
	Oid			runs = get_relname_relid("run", get_namespace_oid("workflow", false));
	WfPermitSeen *seen;
	HTAB	   *taken;
	int			n;

	if (!wf_version_has_column("run", "id"))
		return;
	n = wf_permit_compare_begin(runs, &seen);
	if (n == 0)
		return;
	taken = count(&seen[0].key);
	for (int i = 0; i < n; i++)
	{
		const Taken *entry = hash_search(taken, &seen[i].key, HASH_FIND, NULL);
		int64		units = entry == NULL ? 0 : entry->units;
		int64		counted;

		if (wf_permit_compare_end(&seen[i], units, &counted))
			ereport(LOG,
					(errmsg("workflow: %s counted " INT64_FORMAT " as taken, and runs have " INT64_FORMAT ": mended",
							describe(&seen[i].key), counted, units)));
	}
}
