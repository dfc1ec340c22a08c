/*-------------------------------------------------------------------------
 *
 * shmem.c
 *	  What the processes of one PostgreSQL instance know of each other.
 *
 * Used by every backend, in callbacks at the end of transactions among other
 * places.  Locks: see shmem.h.  WfShared.lock is taken before a spinlock,
 * never after one.
 *
 * Why no wake is lost.  An executor goes round this circle:
 *
 *		ResetLatch; read mark and generation; take a snapshot; claim and work;
 *		advance the mark if the generation is still the same; state = IDLE;
 *		WaitLatch
 *
 * and who commits work for its owner does:
 *
 *		rows become visible; lower the mark, generation + 1; full barrier;
 *		look for executors of the owner; SetLatch
 *
 * Either the executor reads the new generation: then its snapshot, taken
 * later, shows the rows.  Or it read the old one: then its ResetLatch came
 * before the SetLatch, and WaitLatch returns at once.  That holds for every
 * executor whose latch is set, and it suffices that one of those that could
 * go to sleep over the rows has its latch set:
 *
 * - an IDLE one is past its scan and will look again, unless it leaves.  Who
 *	 leaves first frees the slot, then sets the latches of its siblings and of
 *	 the runtime (pool.c), who read the lowered mark;
 * - without an idle one, all BUSY ones have their latch set, since only one of
 *	 them may have taken its snapshot too early;
 * - one that is added after we looked reads mark and generation after it was
 *	 added, hence after they were changed;
 * - one that we took for IDLE, but was on its way to BUSY, had to pass a
 *	 barrier between writing BUSY and reading the mark, as we had between
 *	 writing the mark and reading IDLE: it has read the lowered mark.
 *
 * Without an executor the same argument holds for the runtime, which holds
 * the earliest mark of its database, and without a runtime for the launcher.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/controldata_utils.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/shmem.h"
#include "utils/timestamp.h"

#include "base/guc.h"
#include "shmem/database.h"
#include "shmem/owner.h"
#include "shmem/prepared.h"
#include "shmem/shmem.h"
#include "shmem/slot.h"

#define SEGMENT_NAME	"workflow"

WfShared   *wf_shared = NULL;
WfExecutor *wf_my_executor = NULL;

static shmem_request_hook_type previous_request = NULL;
static shmem_startup_hook_type previous_startup = NULL;

/* How often this postmaster has made the segment: again after each crash. */
static int	times_made = 0;

/* --- the segment --------------------------------------------------------- */

static Size
segment_size(void)
{
	Size		size = MAXALIGN(sizeof(WfShared));

	size = add_size(size, MAXALIGN(mul_size(wf_max_databases,
											sizeof(WfDatabase))));
	size = add_size(size, MAXALIGN(mul_size(wf_max_owners,
											sizeof(WfOwner))));
	size = add_size(size, MAXALIGN(mul_size(wf_max_executors,
											sizeof(WfExecutor))));
	size = add_size(size, MAXALIGN(wf_prepared_shmem_size()));
	return size;
}

static void
request_shmem(void)
{
	if (previous_request)
		previous_request();
	RequestAddinShmemSpace(segment_size());
	RequestNamedLWLockTranche(SEGMENT_NAME, 1);
}

/*
 * Was the server not shut down cleanly before this start?  Asked before
 * recovery touches the control file.  A standby counts as unclean: why the
 * primary that it may replace went away, nobody knows.
 */
static bool
start_is_unclean(void)
{
	ControlFileData *control;
	bool		crc_ok;
	bool		clean;

	if (times_made++ > 0)
		return true;

	control = get_controlfile(DataDir, &crc_ok);
	clean = crc_ok && control->state == DB_SHUTDOWNED;
	pfree(control);
	return !clean;
}

/* Lay out and fill the new segment. */
static void
make_segment(void)
{
	char	   *next = (char *) wf_shared + MAXALIGN(sizeof(WfShared));

	memset(wf_shared, 0, segment_size());
	wf_shared->lock = &GetNamedLWLockTranche(SEGMENT_NAME)->lock;
	pg_atomic_init_u32(&wf_shared->changing, 0);
	wf_shared->unclean_start = start_is_unclean();
	wf_shared->started_at = GetCurrentTimestamp();
	wf_shared->ndatabases = wf_max_databases;
	wf_shared->nowners = wf_max_owners;
	wf_shared->nexecutors = wf_max_executors;

	wf_shared->databases = (WfDatabase *) next;
	next += MAXALIGN(wf_max_databases * sizeof(WfDatabase));
	wf_shared->owners = (WfOwner *) next;
	next += MAXALIGN(wf_max_owners * sizeof(WfOwner));
	wf_shared->executors = (WfExecutor *) next;
	next += MAXALIGN(wf_max_executors * sizeof(WfExecutor));
	wf_prepared_shmem_init(next);

	for (int i = 0; i < wf_max_databases; i++)
	{
		pg_atomic_init_u32(&wf_shared->databases[i].awaiting, 0);
		ConditionVariableInit(&wf_shared->databases[i].stepped);
		SpinLockInit(&wf_shared->databases[i].others.mutex);
	}
	for (int i = 0; i < wf_max_owners; i++)
		SpinLockInit(&wf_shared->owners[i].mutex);
}

static void
startup_shmem(void)
{
	bool		found;

	if (previous_startup)
		previous_startup();

	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	wf_shared = ShmemInitStruct(SEGMENT_NAME, segment_size(), &found);
	if (!found)
		make_segment();
	LWLockRelease(AddinShmemInitLock);
}

/* _PG_init's part: chains the request and startup hooks. */
void
wf_shmem_init(void)
{
	previous_request = shmem_request_hook;
	shmem_request_hook = request_shmem;
	previous_startup = shmem_startup_hook;
	shmem_startup_hook = startup_shmem;
}
