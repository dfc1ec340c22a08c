/*-------------------------------------------------------------------------
 *
 * cluster_set.c
 *	  Settings of the cluster are set.
 *
 * Runs in sessions of operators.  Locks the table workflow.setting against others who set
 * something, and those who register; then, where it is to work alone, the row of this
 * instance.  SPI must be connected.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/errcodes.h"
#include "base/quote.h"
#include "cluster/cluster_set.h"
#include "cluster/member_state.h"
#include "shmem/instance.h"
#include "shmem/member_change.h"
#include "store/runtime_row.h"
#include "store/shared_setting.h"

/* The setting of that name.  Error 42704. */
static WfClusterSetting
find(const char *name)
{
	int			setting = wf_cluster_setting_find(name);

	if (setting < 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("there is no setting \"%s\"", wf_quote(name)),
				 errhint("The view workflow.settings has all of them.")));
	return setting;
}

/* Who has missed a beat or two because of a slow network does not die of it. */
static void
check_death(const int *values)
{
	int64		silence = (int64) values[WF_CLUSTER_ALIVE_INTERVAL] * values[WF_CLUSTER_DEATH_COUNT];

	if (silence < WF_CLUSTER_DEATH_MIN)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a runtime would be supposed to be dead after %d ms", (int) silence),
				 errdetail("alive_signal_interval times number_of_skipped_intervals_to_suppose_death must be %d ms at least.",
						   WF_CLUSTER_DEATH_MIN)));
}

/* Error WF017: others live. */
static void
refuse_single(const WfMemberRow *other)
{
	ereport(ERROR,
			(errcode(WF_ERR_IN_USE),
			 errmsg("runtime \"%s\" lives", wf_quote(other->id)),
			 errdetail("A single server works alone."),
			 errhint("Shut down all other runtimes first; the view workflow.runtimes has them.")));
}

/* This instance works alone from now on, or not any more; when it registers, it asks. */
static void
set_alone(bool alone)
{
	const char *id = wf_runtime_row_mine(wf_instance->epoch);
	WfMemberRow *others;
	WfRuntimeRow row;

	if (alone && wf_runtime_row_living(&others) > 0)
		refuse_single(&others[0]);
	if (id == NULL || !wf_runtime_row_lock(id, &row) ||
		row.state != (alone ? WF_RUNTIME_ALIVE : WF_RUNTIME_SINGLE))
		return;
	wf_member_state_change(&row, alone ? WF_RUNTIME_SINGLE : WF_RUNTIME_ALIVE);
	wf_runtime_row_update(&row);
}

/*
 * Set a setting; value NULL: to its default.  Errors 42704, 22023; WF017 if it is to be a
 * single server beside others.
 */
void
wf_cluster_set(const char *name, const char *value)
{
	WfClusterSetting setting = find(name);
	int			number = value == NULL ? wf_cluster_settings[setting].initial :
		wf_cluster_setting_read(setting, value);
	WfMemberCluster cluster = {0};

	wf_shared_setting_lock(true);
	wf_shared_setting_read(&cluster);
	cluster.values[setting] = number;
	check_death(cluster.values);
	if (setting == WF_CLUSTER_SINGLE)
		set_alone(number != 0);
	wf_shared_setting_write(setting, value == NULL ? NULL : wf_cluster_setting_text(setting, number),
							cluster.settings + 1);
	wf_member_change_row();
}
