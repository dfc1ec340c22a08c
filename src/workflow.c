/*-------------------------------------------------------------------------
 *
 * workflow.c
 *	  The front door: what happens when the library is loaded.
 *
 * Runs in the postmaster, and in a backend that loads the library without
 * having been asked to by shared_preload_libraries, which is refused.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"

#include "base/guc.h"
#include "base/postmaster.h"
#include "bgworker/bgworker.h"
#include "bgworker/database_hold.h"
#include "cluster/claimer.h"
#include "eval/expected_calls.h"
#include "eval/neutral_value.h"
#include "eval/restricted.h"
#include "eval/setting_list.h"
#include "run/run_leased.h"
#include "run/run_lost.h"
#include "shmem/file_change.h"
#include "shmem/member_change.h"
#include "shmem/permit.h"
#include "shmem/shmem.h"
#include "shmem/wakeup.h"
#include "store/statement.h"

#ifdef PG_MODULE_MAGIC_EXT
PG_MODULE_MAGIC_EXT(
	.name = "workflow",
	.version = WF_VERSION
);
#else
PG_MODULE_MAGIC;
#endif

void		_PG_init(void);

/*
 * Without shared memory no commit could wake anybody, and the work that a
 * session leaves would seem to be stuck: better not to work at all.
 */
void
_PG_init(void)
{
	/* pg_upgrade restores our tables and wants nothing to happen to them */
	if (IsBinaryUpgrade)
		return;

	if (!process_shared_preload_libraries_in_progress)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("workflow must be loaded via shared_preload_libraries"),
				 errhint("Add \"workflow\" to shared_preload_libraries in postgresql.conf and restart the server.")));

	wf_guc_init();
	wf_postmaster_init();
	wf_shmem_init();
	wf_wakeup_init();
	wf_permit_init();
	wf_member_change_init();
	wf_file_change_init();
	wf_claimer_init();
	wf_run_leased_init();
	wf_run_lost_init();
	wf_statement_init();
	wf_setting_list_init();
	wf_neutral_value_init();
	wf_restricted_init();
	wf_expected_calls_init();
	wf_database_hold_init();
	wf_bgworker_register();
}
