/*-------------------------------------------------------------------------
 *
 * database_load.c
 *	  When the runtime of a database is to sum what was done.
 *
 * Runs in every process: the first commit that has done anything since the last sums says
 * so, and the runtime, or the launcher, wakes when the minute is over.  All others find
 * that said, by reading a word.  So where nothing is done nobody wakes.  Nothing here
 * throws.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "base/clock.h"
#include "shmem/database.h"
#include "shmem/database_load.h"

/* Work was written: it is summed when the minute is over. */
void
wf_database_load_written(Oid dbid)
{
	WfDatabase *database = wf_database_peek(dbid);
	uint64		never = (uint64) DT_NOEND;
	TimestampTz now;

	if (database == NULL || likely(pg_atomic_read_u64(&database->load_at) != never))
		return;
	now = wf_clock_now();
	if (pg_atomic_compare_exchange_u64(&database->load_at, &never,
									   (uint64) (now - now % USECS_PER_MINUTE + USECS_PER_MINUTE)))
		wf_database_latch(dbid);
}

/* When the runtime is to sum, by wf_clock_now(); infinity: when something was done. */
TimestampTz
wf_database_load_at(WfDatabase *database)
{
	return (TimestampTz) pg_atomic_read_u64(&database->load_at);
}

/*
 * The runtime is about to sum, with a snapshot that it has not taken yet: who commits from
 * now on says so again.
 */
void
wf_database_load_summing(WfDatabase *database)
{
	pg_atomic_write_u64(&database->load_at, (uint64) DT_NOEND);
	pg_memory_barrier();
}
