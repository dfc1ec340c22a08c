/*-------------------------------------------------------------------------
 *
 * shmem.c
 *	  The shared memory of the extension: a list of subsystems.
 *
 * Runs in the postmaster.  Each subsystem has a segment of its own, of which
 * it says the size and which it fills; what is in there is written by its file
 * alone.  A new subsystem is a line of the list below.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"

#include "shmem/cost.h"
#include "shmem/database.h"
#include "shmem/ended.h"
#include "shmem/file_wait.h"
#include "shmem/errand.h"
#include "shmem/instance.h"
#include "shmem/lane.h"
#include "shmem/log_budget.h"
#include "shmem/member_place.h"
#include "shmem/membership.h"
#include "shmem/owner.h"
#include "shmem/permit.h"
#include "shmem/placed.h"
#include "shmem/prepared.h"
#include "shmem/shmem.h"
#include "shmem/slot.h"
#include "shmem/under_way.h"

typedef struct Subsystem
{
	const char *name;			/* of the segment */
	Size		(*size) (void);
	void		(*attach) (void *segment, bool created);
	Size		(*beside) (void);	/* or NULL: what attach takes besides the segment */
} Subsystem;

/* In the order in which they are filled: the later ones point to the earlier. */
static const Subsystem subsystems[] = {
	{"workflow instance", wf_instance_shmem_size, wf_instance_shmem_attach, NULL},
	{"workflow lanes", wf_lane_shmem_size, wf_lane_shmem_attach, NULL},
	{"workflow owners", wf_owner_shmem_size, wf_owner_shmem_attach, NULL},
	{"workflow databases", wf_database_shmem_size, wf_database_shmem_attach, NULL},
	{"workflow slots", wf_slot_shmem_size, wf_slot_shmem_attach, NULL},
	{"workflow runs under way", wf_under_way_shmem_size, wf_under_way_shmem_attach, NULL},
	{"workflow prepared", wf_prepared_shmem_size, wf_prepared_shmem_attach, NULL},
	{"workflow ended runs", wf_ended_shmem_size, wf_ended_shmem_attach, NULL},
	{"workflow members", wf_member_place_shmem_size, wf_member_place_shmem_attach, NULL},
	{"workflow placed queues", wf_placed_shmem_size, wf_placed_shmem_attach, NULL},
	{"workflow files", wf_file_wait_shmem_size, wf_file_wait_shmem_attach, NULL},
	{"workflow membership", wf_membership_shmem_size, wf_membership_shmem_attach, NULL},
	{"workflow errands", wf_errand_shmem_size, wf_errand_shmem_attach, NULL},
	{"workflow costs", wf_cost_shmem_size, wf_cost_shmem_attach, NULL},
	{"workflow log budget", wf_log_budget_shmem_size, wf_log_budget_shmem_attach, NULL},
	{"workflow permits of runs", wf_permit_shmem_size, wf_permit_shmem_attach, wf_permit_shmem_beside}
};

static shmem_request_hook_type previous_request = NULL;
static shmem_startup_hook_type previous_startup = NULL;

static void
request_shmem(void)
{
	if (previous_request)
		previous_request();
	for (int i = 0; i < (int) lengthof(subsystems); i++)
	{
		RequestAddinShmemSpace(MAXALIGN(subsystems[i].size()));
		if (subsystems[i].beside != NULL)
			RequestAddinShmemSpace(subsystems[i].beside());
	}
	RequestNamedLWLockTranche(WF_INSTANCE_TRANCHE, 1);
	RequestNamedLWLockTranche(WF_PERMIT_TRANCHE, 1);
}

static void
startup_shmem(void)
{
	if (previous_startup)
		previous_startup();

	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	for (int i = 0; i < (int) lengthof(subsystems); i++)
	{
		bool		found;
		Size		size = subsystems[i].size();
		void	   *segment = ShmemInitStruct(subsystems[i].name, size, &found);

		if (!found)
			memset(segment, 0, size);
		subsystems[i].attach(segment, !found);
	}
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
