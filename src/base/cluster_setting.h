/*
 * cluster_setting.h
 *	  The settings that all runtimes of a cluster share.
 */
#ifndef WF_CLUSTER_SETTING_H
#define WF_CLUSTER_SETTING_H

/* In the order of the list in cluster_setting.c. */
typedef enum WfClusterSetting
{
	WF_CLUSTER_TIMER_INTERVAL,
	WF_CLUSTER_SERVICE_TIMER_INTERVAL,
	WF_CLUSTER_TIMER_FAILURES,
	WF_CLUSTER_SERVICE_TIMER_FAILURES,
	WF_CLUSTER_ALIVE_INTERVAL,
	WF_CLUSTER_DEATH_COUNT,
	WF_CLUSTER_PROTECTION,
	WF_CLUSTER_BATCH_SIZE,
	WF_CLUSTER_PARALLELISM,
	WF_CLUSTER_OBTAIN_INTERVAL,
	WF_CLUSTER_OBTAIN_COUNT,
	WF_CLUSTER_RESTORE_PAUSE,
	WF_CLUSTER_RESTORE_COUNT,
	WF_CLUSTER_STATUS_INTERVAL,
	WF_CLUSTER_STATUS_COUNT,
	WF_CLUSTER_APPROVE,
	WF_CLUSTER_SINGLE
} WfClusterSetting;

#define WF_CLUSTER_NSETTINGS	17

/* The shortest silence (ms) that counts as death. */
#define WF_CLUSTER_DEATH_MIN	3000

typedef struct WfClusterSettingInfo
{
	const char *name;
	const char *unit;			/* "ms", or NULL; "bool" for a boolean */
	int			initial;		/* its value unless somebody has set it */
	int			minimum;
	int			maximum;
} WfClusterSettingInfo;

extern const WfClusterSettingInfo wf_cluster_settings[];

extern int	wf_cluster_setting_find(const char *name);
extern void wf_cluster_setting_defaults(int *values);
extern int	wf_cluster_setting_read(WfClusterSetting setting, const char *text);
extern int	wf_cluster_setting_stored(WfClusterSetting setting, const char *text);
extern const char *wf_cluster_setting_text(WfClusterSetting setting, int value);

#endif							/* WF_CLUSTER_SETTING_H */
