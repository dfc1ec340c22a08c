/*-------------------------------------------------------------------------
 *
 * database_walk.c
 *	  When a walk over what is over may find something that has outlived its time.
 *
 * Runs in every process.  A walk (store/retention.c) that came to its end knows when the
 * first of what it has left will have; only what ends since then can be new, and every
 * commit that has done anything says so.  So a database in which nothing is done is walked
 * over when something is to go, and never else.  Nothing here throws.
 *
 * The word walk_news: NOTHING, SOMETHING, or the number of the walk that has begun last.
 * Who writes sets it to SOMETHING, who begins a walk to its number, before its snapshot; and
 * at the end of the walk it becomes NOTHING only if it is that number still.  A walk that is
 * rolled back, or ends with its process, leaves its number, and another one follows.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "shmem/database.h"
#include "shmem/database_walk.h"

#define NOTHING			0
#define SOMETHING		1
#define FIRST_WALK		2

/* Work was written: it may be something that ends. */
void
wf_database_walk_written(Oid dbid)
{
	WfDatabase *database = wf_database_peek(dbid);

	if (database != NULL && pg_atomic_read_u32(&database->walk_news) != SOMETHING)
		pg_atomic_write_u32(&database->walk_news, SOMETHING);
}

/* A walk begins, with a snapshot that is still to be taken.  Returns its number. */
uint32
wf_database_walk_begin(WfDatabase *database)
{
	uint32		number = FIRST_WALK + pg_atomic_fetch_add_u32(&database->walks, 1) % (PG_UINT32_MAX - FIRST_WALK);

	pg_atomic_write_u32(&database->walk_news, number);
	pg_memory_barrier();
	return number;
}

/*
 * That walk has come to its end, and was committed.  next: when the first of what it has
 * left will have outlived its time, by wf_clock_now(), with this retention where no rule says
 * otherwise; infinity: nothing of it ever will.
 */
void
wf_database_walk_end(WfDatabase *database, uint32 walk, int64 retention, TimestampTz next)
{
	pg_atomic_write_u64(&database->walk_retention, (uint64) retention);
	pg_atomic_write_u64(&database->walk_at, (uint64) next);
	pg_memory_barrier();
	(void) pg_atomic_compare_exchange_u32(&database->walk_news, &walk, NOTHING);
}

/* From when on a walk may find something; -infinity: nobody knows, infinity: nothing is there. */
TimestampTz
wf_database_walk_at(WfDatabase *database, int64 retention)
{
	if (pg_atomic_read_u32(&database->walk_news) != NOTHING)
		return DT_NOBEGIN;
	pg_memory_barrier();
	if ((int64) pg_atomic_read_u64(&database->walk_retention) != retention)
		return DT_NOBEGIN;
	return (TimestampTz) pg_atomic_read_u64(&database->walk_at);
}
