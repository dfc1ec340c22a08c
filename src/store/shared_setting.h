/*
 * shared_setting.h
 *	  The table workflow.setting: what somebody has set for the whole cluster.
 */
#ifndef WF_SHARED_SETTING_H
#define WF_SHARED_SETTING_H

#include "shmem/member.h"

extern void wf_shared_setting_lock(bool to_write);
extern void wf_shared_setting_read(WfMemberCluster *cluster);
extern void wf_shared_setting_write(WfClusterSetting setting, const char *value, int64 number);

#endif							/* WF_SHARED_SETTING_H */
