/*-------------------------------------------------------------------------
 *
 * run_placed.c
 *	  Runs that are claimed by a runtime because they are placed on it.
 *
 * Runs in the sessions of runtimes.  Of each queue that is placed on the runtime as it
 * stands, those of all owners; which of an owner's come next, run_serve.c says, and owners
 * take turns.  A run with a command that was claimed so has a lease without a length: its
 * runtime has it for as long as it lives.
 *
 * Who has looked, and has found nothing else, raises the mark of the runtime
 * (shmem/placed.c), so that it need not look again before something comes.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/compat.h"
#include "base/fence.h"
#include "base/sync_standby.h"
#include "queue/queue.h"
#include "run/run_claim.h"
#include "run/run_failure.h"
#include "run/run_fence.h"
#include "run/run_placed.h"
#include "shmem/placed.h"
#include "shmem/wakeup.h"
#include "shmem/wakeup_runs.h"
#include "store/run.h"
#include "store/statement.h"

/* Who has got nothing looks again so soon (ms) for what is locked. */
#define LOCKED_PAUSE	100

/* Who has runs in these queues that are ready. */
static WfStatement owners_statement = {
	.sql = "SELECT o.id FROM workflow.owner o WHERE EXISTS ("
	"SELECT FROM pg_catalog.unnest($1) q(id) CROSS JOIN LATERAL ("
	"SELECT FROM workflow.run r WHERE r.ready AND r.executor OPERATOR(pg_catalog.=) o.id"
	" AND r.queue OPERATOR(pg_catalog.=) q.id LIMIT 1) r) ORDER BY o.id",
	WF_ARGS(INT4ARRAYOID),
	.latest = true
};

/*
 * What a runtime has for as long as it lives, and has claimed in this life, but for those.  Runs
 * without commands it has from claim().
 */
static WfStatement claimed_statement = {
	.sql = "SELECT r.id FROM workflow.run r WHERE r.lease_until IS NOT NULL AND r.lease IS NULL"
	" AND r.executor OPERATOR(pg_catalog.<>) 0"
	" AND r.worker OPERATOR(pg_catalog.=) $1 AND r.id OPERATOR(pg_catalog.<>) ALL ($2)"
	" AND r.begun OPERATOR(pg_catalog.>=) $4 ORDER BY r.begun, r.seq LIMIT $3",
	WF_ARGS(TEXTOID, UUIDARRAYOID, INT8OID, TIMESTAMPTZOID),
	.latest = true
};

/* The owner who was served last in this session. */
static int32 served_last = 0;

/* Are runs of a queue for a member as it stands, or those that others have given back? */
static bool
may_be_for(const WfQueue *queue, const WfMemberRow *member)
{
	WfPlacementAsker asker = {.member = member};

	for (; asker.passed < Max(queue->placement.n, 1); asker.passed++)
		if (wf_placement_is_for(&queue->placement, &asker))
			return true;
	return false;
}

/* The queues that are placed on a member so, and not paused. */
static ArrayType *
queues_of(const WfMemberRow *member)
{
	int32	   *queues;
	int			n = wf_placement_list(&queues);
	Datum	   *found = palloc(sizeof(Datum) * (n + 1));
	int			nfound = 0;

	for (int i = 0; i < n; i++)
	{
		const WfQueue *queue = wf_queue(queues[i]);

		if (!queue->paused && may_be_for(queue, member))
			found[nfound++] = Int32GetDatum(queues[i]);
	}
	return construct_array(found, nfound, INT4OID, sizeof(int32), true, TYPALIGN_INT);
}

/* Those who have runs for a member, the one behind the last one first.  Returns how many. */
static int
owners_of(const WfMemberRow *member, int32 **owners)
{
	Datum		value = PointerGetDatum(queues_of(member));
	int			n = (int) wf_statement_execute(&owners_statement, &value, NULL, 0);
	int			first = 0;
	bool		isnull;
	int32	   *list = palloc(sizeof(int32) * (n + 1));

	for (int i = 0; i < n; i++)
	{
		list[i] = DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull));
		if (list[i] <= served_last)
			first = i + 1;
	}
	*owners = palloc(sizeof(int32) * (n + 1));
	for (int i = 0; i < n; i++)
		(*owners)[i] = list[(first + i) % n];
	return n;
}

static WfRunClaim
claim_of(const WfMemberRow *member, int32 owner, int n)
{
	return (WfRunClaim)
	{
		.executor = owner,.member = member,.worker = member->id,.n = n
	};
}

/* --- once more ---------------------------------------------------------------------- */

/* Is it the member's still, and was it claimed by who speaks for that?  Locks it. */
static bool
hold_own(const WfMemberRow *member, const pg_uuid_t *id, WfRunRow *row)
{
	return wf_run_lock(id, false, row) && !row->nulls[WF_RUN_lease_until] &&
		!row->nulls[WF_RUN_worker] && row->nulls[WF_RUN_lease] &&
		strcmp(TextDatumGetCString(row->values[WF_RUN_worker]), member->id) == 0 &&
		OidIsValid(DatumGetObjectId(row->values[WF_RUN_claimer])) &&
		has_privs_of_role(DatumGetObjectId(row->values[WF_RUN_claimer]), member->login);
}

/* A run that is locked is to stop, and nobody is at it. */
static bool
stop(WfRunRow *row)
{
	if (DatumGetInt16(row->values[WF_RUN_state]) != WF_RUN_ABORTING)
		return false;
	wf_run_fence_give_permits(row);
	(void) wf_run_failure_stopped(row, NULL);
	return true;
}

/*
 * Runs that a member has claimed, and of which it does not know, because an answer got lost
 * on the way: it gets them with another fence.  Returns how many.
 */
static int
claim_again(const WfMemberRow *member, ArrayType *known, int n, WfRunRow **rows)
{
	Datum		values[4] = {
		CStringGetTextDatum(member->id), PointerGetDatum(known), Int64GetDatum(n), TimestampTzGetDatum(member->since)
	};
	int			found = (int) wf_statement_execute(&claimed_statement, values, NULL, 0);
	pg_uuid_t  *ids = palloc(sizeof(pg_uuid_t) * (found + 1));
	int			nrows = 0;
	bool		isnull;

	for (int i = 0; i < found; i++)
		ids[i] = *DatumGetUUIDP(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull));
	for (int i = 0; i < found; i++)
	{
		WfRunRow	row;

		CHECK_FOR_INTERRUPTS();
		if (!hold_own(member, &ids[i], &row))
			continue;
		rows[nrows] = wf_run_row_copy(&row);
		if (stop(rows[nrows]))
			continue;
		wf_run_fence_claim(rows[nrows], wf_fence_make(), wf_run_claim_time(member));
		wf_run_fence_lease(rows[nrows], NULL);
		wf_run_update(rows[nrows]);
		nrows++;
	}
	if (nrows > 0)
	{
		wf_wakeup_claiming();
		ForceSyncCommit();
	}
	return nrows;
}

/* --- claims ------------------------------------------------------------------------- */

/*
 * Claim up to n runs that are placed on a member, due and free; before that those that it
 * has and that are not among `known`, if that is not NULL.  Returns how many, and their rows
 * as they are now.  The caller has checked that it may.  Error WF019 if workflow.require_sync
 * refuses it.  SPI must be connected.
 */
int
wf_run_placed_claim(const WfMemberRow *member, ArrayType *known, int n, WfRunRow ***rows)
{
	TimestampTz next = DT_NOEND;
	TimestampTz due;
	uint64		generation;
	int32	   *owners;
	int			nowners;
	int			nrows = 0;

	wf_sync_standby_require();
	/* before the snapshots are taken */
	(void) wf_placed_mark(member->epoch, true, &due, &generation);
	*rows = palloc(sizeof(WfRunRow *) * n);
	if (known != NULL)
		nrows = claim_again(member, known, n, *rows);
	nowners = owners_of(member, &owners);
	for (int i = 0; i < nowners && nrows < n; i++)
	{
		WfRunClaim	claim = claim_of(member, owners[i], n - nrows);
		WfRunRow  **claimed;
		int			nclaimed = wf_run_claim(&claim, &claimed, &next);

		CHECK_FOR_INTERRUPTS();
		if (nclaimed == 0)
			continue;
		memcpy(*rows + nrows, claimed, sizeof(WfRunRow *) * nclaimed);
		nrows += nclaimed;
		served_last = owners[i];
	}
	/* what is due is locked by somebody who may claim it, and we look again in a while */
	if (nrows == 0)
		next = Max(next, TimestampTzPlusMilliseconds(wf_clock_now(), LOCKED_PAUSE));
	if (nrows < n)
		wf_wakeup_runs_looked(member->epoch, generation, next);
	return nrows;
}

/*
 * Is there anything to be claimed by a member?  If not, *next is lowered to when that may be
 * without anybody telling.  SPI must be connected.
 */
bool
wf_run_placed_is_ready(const WfMemberRow *member, TimestampTz *next)
{
	TimestampTz due;
	TimestampTz later = DT_NOEND;
	uint64		generation;
	int32	   *owners;
	int			n;

	(void) wf_placed_mark(member->epoch, true, &due, &generation);
	n = owners_of(member, &owners);
	for (int i = 0; i < n; i++)
	{
		WfRunClaim	claim = claim_of(member, owners[i], 1);

		CHECK_FOR_INTERRUPTS();
		if (wf_run_claim_is_ready(&claim, &later))
			return true;
	}
	wf_placed_advance(member->epoch, generation, later);
	*next = Min(*next, later);
	return false;
}
