/*-------------------------------------------------------------------------
 *
 * cluster_set.c
 *	  Settings of the cluster are set.
 *
 * Runs in sessions of operators.  Locks the table workflow.setting against others who set
 * something, and those who register.  SPI must be connected.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/quote.h"
#include "cluster/cluster_set.h"
#include "shmem/member_change.h"
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

/* Set a setting; value NULL: to its default.  Errors 42704, 22023. */
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
	wf_shared_setting_write(setting, value == NULL ? NULL : wf_cluster_setting_text(setting, number),
							cluster.settings + 1);
	wf_member_change_row();
}
