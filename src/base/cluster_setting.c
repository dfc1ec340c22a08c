/*-------------------------------------------------------------------------
 *
 * cluster_setting.c
 *	  The settings that all runtimes of a cluster share: names, units, bounds.
 *
 * Runs in any backend.  They are those of the table workflow.setting, one value for
 * the whole cluster; settings of one instance are in guc.c.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <limits.h>

#include "utils/builtins.h"
#include "utils/guc.h"

#include "base/cluster_setting.h"
#include "base/quote.h"

#define MS_PER_HOUR		3600000
#define MS_PER_DAY		86400000

/* The order is that of WfClusterSetting, and that of the view. */
const WfClusterSettingInfo wf_cluster_settings[] = {
	{"timer_interval", "ms", 1000, 10, MS_PER_HOUR},
	{"service_timer_interval", "ms", 60000, 100, MS_PER_DAY},
	{"timer_max_sequential_fail_count", NULL, 5, 1, 1000000},
	{"service_timer_max_sequential_fail_count", NULL, 5, 1, 1000000},
	{"alive_signal_interval", "ms", 1000, 100, MS_PER_HOUR},
	{"number_of_skipped_intervals_to_suppose_death", NULL, 60, 2, 100000},
	{"protection_interval_in_percents", NULL, 20, 0, 90},
	{"execute_timers_batch_size", NULL, 100, 1, 10000},
	{"max_degree_of_parallelism_multiplier", NULL, 1, 1, 64},
	{"obtain_timer_value_interval", "ms", 1000, 10, MS_PER_HOUR},
	{"obtain_timer_value_attempt_count", NULL, 60, 1, 1000000},
	{"restore_pause_interval", "ms", 1000, 10, MS_PER_HOUR},
	{"restore_wait_attempt_count", NULL, 60, 1, 1000000},
	{"start_status_check_interval", "ms", 1000, 10, MS_PER_HOUR},
	{"start_status_check_attempt_count", NULL, 10, 1, 1000000},
	{"approve_runtimes", "bool", 0, 0, 1},
	{"single_server", "bool", 0, 0, 1}
};

StaticAssertDecl(lengthof(wf_cluster_settings) == WF_CLUSTER_NSETTINGS, "a setting has no line");

static bool
is_boolean(const WfClusterSettingInfo *info)
{
	return info->unit != NULL && strcmp(info->unit, "bool") == 0;
}

/* The setting of that name; -1: there is none. */
int
wf_cluster_setting_find(const char *name)
{
	for (int i = 0; i < WF_CLUSTER_NSETTINGS; i++)
		if (strcmp(wf_cluster_settings[i].name, name) == 0)
			return i;
	return -1;
}

/* Fill in what they are unless somebody has set them. */
void
wf_cluster_setting_defaults(int *values)
{
	for (int i = 0; i < WF_CLUSTER_NSETTINGS; i++)
		values[i] = wf_cluster_settings[i].initial;
}

/* What a setting can be. */
static const char *
bounds(const WfClusterSettingInfo *info)
{
	if (is_boolean(info))
		return "on or off";
	return psprintf("an integer between %d and %d%s%s", info->minimum, info->maximum,
					info->unit ? " " : "", info->unit ? info->unit : "");
}

/*
 * Parse the text of a value, with a unit or without; false: it is not one.  *hint says
 * more, or is NULL.
 */
static bool
parse(const WfClusterSettingInfo *info, const char *text, int *value, const char **hint)
{
	bool		on;

	*hint = NULL;
	if (!is_boolean(info))
		return parse_int(text, value, info->unit ? GUC_UNIT_MS : 0, hint) &&
			*value >= info->minimum && *value <= info->maximum;
	if (!parse_bool(text, &on))
		return false;
	*value = on ? 1 : 0;
	return true;
}

/* Read the value of a setting from its text.  Error 22023. */
int
wf_cluster_setting_read(WfClusterSetting setting, const char *text)
{
	const WfClusterSettingInfo *info = &wf_cluster_settings[setting];
	const char *hint;
	int			value;

	if (!parse(info, text, &value, &hint))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid value for setting \"%s\": \"%s\"", info->name, wf_quote(text)),
				 errdetail("It is %s.", bounds(info)),
				 hint ? errhint("%s", hint) : 0));
	return value;
}

/* The same of a text that was stored; what would not be taken now is the default. */
int
wf_cluster_setting_stored(WfClusterSetting setting, const char *text)
{
	const WfClusterSettingInfo *info = &wf_cluster_settings[setting];
	const char *hint;
	int			value;

	return parse(info, text, &value, &hint) ? value : info->initial;
}

/* The text of a value, in the current memory context. */
const char *
wf_cluster_setting_text(WfClusterSetting setting, int value)
{
	if (is_boolean(&wf_cluster_settings[setting]))
		return value ? "on" : "off";
	return psprintf("%d", value);
}
