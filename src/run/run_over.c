/*-------------------------------------------------------------------------
 *
 * run_over.c
 *	  Runs that end, and what follows from that.
 *
 * Runs in whatever ends a run (executors, outside workers, who cancels it), in whatever
 * makes one that waits for others, and in the runtime.  All that follows from an end
 * and can be seen is part of the transaction in which the run ends.  A run that waits
 * for it, and cannot be seen or is locked, hears of it from the runtime: see
 * shmem/ended.c.
 *
 * Locks rows of runs that wait for others, and waits for none of them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/jsonb.h"
#include "base/uuid.h"
#include "job/job_cached.h"
#include "queue/run_permit.h"
#include "run/run_over.h"
#include "run/run_tell.h"
#include "shmem/database.h"
#include "shmem/database_runs.h"
#include "shmem/wakeup.h"
#include "shmem/wakeup_runs.h"
#include "store/erasure.h"
#include "store/run_expire.h"
#include "store/run_wait.h"

/* Runs that end because others do, in one transaction; the runtime goes on. */
#define FOLLOWING_MAX	10000

/* Who does with a lost run what its restorer has decided; that ends runs in turn. */
static WfRunOverRestored on_restored = NULL;

/* What became of a run that waits, when others have ended. */
typedef enum Settled
{
	SETTLED_WAITS,				/* for others still, or for none of them */
	SETTLED_LOCKED,				/* somebody else has it */
	SETTLED_ENDED
} Settled;

static ArrayType *
array_of(const pg_uuid_t *ids, int n)
{
	Datum	   *values = palloc(sizeof(Datum) * (n + 1));

	for (int i = 0; i < n; i++)
		values[i] = UUIDPGetDatum(&ids[i]);
	return wf_uuid_array(values, n);
}

/* --- the end of runs --------------------------------------------------------------- */

/* Keep what became of them.  Returns their ids. */
static pg_uuid_t *
keep(int n, WfRunEnd *ends)
{
	pg_uuid_t  *ids = palloc(sizeof(pg_uuid_t) * (n + 1));
	pg_uuid_t  *waited = palloc(sizeof(pg_uuid_t) * (n + 1));
	int			nwaited = 0;

	wf_run_ended(n, ends);
	wf_job_cached_ended(n, ends);
	wf_run_tell(n, ends);
	for (int i = 0; i < n; i++)
	{
		ids[i] = *wf_run_row_id(ends[i].row);
		if (!ends[i].row->nulls[WF_RUN_awaits])
			waited[nwaited++] = ids[i];
		if (DatumGetBool(ends[i].row->values[WF_RUN_ordered]))
			wf_run_permit_tell(DatumGetInt32(ends[i].row->values[WF_RUN_queue]),
							   DatumGetInt64(ends[i].row->values[WF_RUN_part]));
	}
	if (nwaited > 0)
		wf_run_wait_forget(array_of(waited, nwaited));
	wf_wakeup_runs_ended(n, ids);
	return ids;
}

/*
 * What runs of erased processes came to is not kept.  Who erases one at this moment is not
 * seen; the runtime looks once more, when every transaction that may not have seen it is over.
 */
static void
forget_erased(int n, const WfRunEnd *ends)
{
	Datum	   *processes = palloc(sizeof(Datum) * (n + 1));
	int			nprocesses = 0;
	pg_uuid_t  *erased;
	int			nerased = 0;

	for (int i = 0; i < n; i++)
		if (!ends[i].row->nulls[WF_RUN_process])
			processes[nprocesses++] = ends[i].row->values[WF_RUN_process];
	if (nprocesses > 0)
		nerased = wf_erasure_among(wf_uuid_array(processes, nprocesses), &erased);
	for (int i = 0; i < nerased; i++)
		wf_run_expire_of_process(&erased[i]);
}

/* --- runs that wait for others ------------------------------------------------------- */

/* Why a run was not done that waits for another one. */
static Jsonb *
reason(const pg_uuid_t *failed, WfRunAwaits awaits)
{
	const char *keys[] = {"code", "message", "run"};
	Jsonb	   *values[] = {
		wf_jsonb_string(awaits == WF_RUN_AWAITS_SKIP ? "skipped" : "cancelled"),
		wf_jsonb_string(psprintf("run %s, which it waited for, has not finished", wf_uuid_text(failed))),
		wf_jsonb_string(wf_uuid_text(failed))
	};

	return wf_jsonb_object(lengthof(keys), keys, values);
}

/* A run that is locked is not done, because that one has not finished. */
static void
give_up(WfRunRow *row, const pg_uuid_t *failed)
{
	WfRunAwaits awaits = DatumGetInt16(row->values[WF_RUN_awaits]);
	WfRunEnd	end = {
		.row = row,
		.state = awaits == WF_RUN_AWAITS_SKIP ? WF_RUN_FINISHED : WF_RUN_ABORTED,
		.error = reason(failed, awaits)
	};

	wf_run_delete(row);
	(void) keep(1, &end);
}

/* A run that is locked waits for no other any more. */
static void
go_on(WfRunRow *row)
{
	TimestampTz due = wf_run_row_due(row);

	wf_run_row_clear(row, WF_RUN_awaits);
	wf_run_row_clear(row, WF_RUN_parked);
	if (DatumGetBool(row->values[WF_RUN_ready]))	/* parked until a time, too */
		wf_run_row_set(row, WF_RUN_due, TimestampTzGetDatum(Min(due, wf_clock_now())));
	wf_run_row_set(row, WF_RUN_ready, BoolGetDatum(true));
	wf_run_update(row);
}

/* A run that is locked hears of the ends of these. */
static Settled
settle_locked(WfRunRow *row, ArrayType *ended)
{
	pg_uuid_t	id = *wf_run_row_id(row);
	pg_uuid_t	failed;

	if (DatumGetInt16(row->values[WF_RUN_state]) != WF_RUN_WAITING || row->nulls[WF_RUN_awaits])
	{
		wf_run_wait_forget(array_of(&id, 1));
		return SETTLED_WAITS;
	}
	if (DatumGetInt16(row->values[WF_RUN_awaits]) == WF_RUN_AWAITS_RESTORER)
	{
		if (on_restored(row))
			wf_run_wait_forget(array_of(&id, 1));
		return SETTLED_WAITS;
	}
	if (DatumGetInt16(row->values[WF_RUN_awaits]) != WF_RUN_AWAITS_RUN &&
		wf_run_wait_failed(&id, ended, &failed))
	{
		give_up(row, &failed);
		return SETTLED_ENDED;
	}
	if (wf_run_wait_pass(&id, ended))
		go_on(row);
	return SETTLED_WAITS;
}

static Settled
settle(const pg_uuid_t *waiting, ArrayType *ended)
{
	WfRunRow	row;

	if (wf_run_lock(waiting, false, &row))
	{
		wf_wakeup_released_of(DatumGetInt32(row.values[WF_RUN_executor]), WF_LANE_RUNS);
		return settle_locked(&row, ended);
	}
	if (wf_run_find(waiting, &row))
		return SETTLED_LOCKED;
	wf_run_wait_forget(array_of(waiting, 1));
	return SETTLED_WAITS;
}

/*
 * Those that wait for these hear of it, a piece of them; next becomes those of them
 * that have ended, and *n their number.  Returns whether there may be others;
 * *locked: some could not be told.
 */
static bool
settle_piece(ArrayType *ended, pg_uuid_t *next, int *n, bool *locked)
{
	pg_uuid_t  *waiting = palloc(sizeof(pg_uuid_t) * WF_RUN_WAIT_PIECE);
	int			found = wf_run_wait_find(ended, waiting);
	int			told = 0;

	*n = 0;
	for (int i = 0; i < found; i++)
	{
		Settled		settled = settle(&waiting[i], ended);

		CHECK_FOR_INTERRUPTS();
		told += settled != SETTLED_LOCKED;
		if (settled == SETTLED_ENDED)
			next[(*n)++] = waiting[i];
	}
	*locked = *locked || told < found;
	pfree(waiting);
	return found == WF_RUN_WAIT_PIECE && told > 0;
}

/*
 * Those that wait for these runs, of which some may have ended, hear of it, and those
 * that wait for them, in turn.  Returns whether it is to be called again for the same;
 * *locked: some could not be told, because others have them.  SPI must be connected.
 */
bool
wf_run_over_settle(int n, const pg_uuid_t *ended, bool *locked)
{
	pg_uuid_t  *next = palloc(sizeof(pg_uuid_t) * WF_RUN_WAIT_PIECE);
	ArrayType  *array = array_of(ended, n);
	bool		more = false;

	for (int following = 0; n > 0 && following < FOLLOWING_MAX; following += n)
	{
		if (settle_piece(array, next, &n, locked))
		{
			more = true;		/* who has ended here tells the runtime himself */
			break;
		}
		array = array_of(next, n);
	}
	return more;
}

/*
 * A run, whose row was written in this transaction, waits for these, as its row says;
 * those that have ended it hears of at once.  SPI must be connected.
 */
void
wf_run_over_await(WfRunRow *row, int n, const pg_uuid_t *awaited)
{
	pg_uuid_t	id = *wf_run_row_id(row);
	ArrayType  *array = array_of(awaited, n);
	bool		locked = false;

	wf_wakeup_runs_awaited(n, awaited);
	wf_run_wait_add(&id, array);
	if (settle(&id, array) == SETTLED_ENDED)
		(void) wf_run_over_settle(1, &id, &locked);
}

/* Called by _PG_init(). */
void
wf_run_over_init(WfRunOverRestored restored)
{
	on_restored = restored;
}

/*
 * Runs whose rows were taken or deleted are over: keep what became of them.  SPI must
 * be connected.
 */
void
wf_run_over(int n, WfRunEnd *ends)
{
	pg_uuid_t  *ids = keep(n, ends);
	bool		locked = false;

	if (wf_database_runs_awaited(MyDatabaseId))
		(void) wf_run_over_settle(n, ids, &locked);
	forget_erased(n, ends);
}
