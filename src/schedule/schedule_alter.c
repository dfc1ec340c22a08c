/*-------------------------------------------------------------------------
 *
 * schedule_alter.c
 *	  Schedules that are changed.
 *
 * Runs in the sessions of those who manage a schedule, whose row is locked.  What comes
 * out of a change is checked as a new schedule is.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

#include "base/alteration.h"
#include "base/compat.h"
#include "base/quote.h"
#include "base/zone.h"
#include "definition/definition.h"
#include "definition/privilege.h"
#include "job/job.h"
#include "schedule/schedule_alter.h"
#include "schedule/schedule_cron.h"
#include "schedule/schedule_define.h"
#include "schedule/schedule_word.h"

/* How a setting is written in JSON. */
typedef enum SettingKind
{
	SETTING_TEXT,				/* const char * */
	SETTING_WORD,				/* int */
	SETTING_TIME,				/* TimestampTz */
	SETTING_INTERVAL,			/* Interval * */
	SETTING_PARAMS,				/* Jsonb * */
	SETTING_PRIORITY			/* int, and has_priority */
} SettingKind;

/* What can be changed. */
typedef struct Setting
{
	const char *name;
	SettingKind kind;
	size_t		offset;			/* in WfSchedule */
	WfScheduleWords words;
	bool		moves;			/* it says when the occurrences are, */
	bool		targets;		/* or what is made */
} Setting;

#define AT(field) offsetof(WfSchedule, field)

static const Setting settings[] = {
	{"job", SETTING_TEXT, AT(job),.targets = true},
	{"definition", SETTING_TEXT, AT(definition),.targets = true},
	{"cron", SETTING_TEXT, AT(cron),.moves = true},
	{"rule", SETTING_TEXT, AT(rule),.moves = true},
	{"every", SETTING_INTERVAL, AT(every),.moves = true},
	{"zone", SETTING_TEXT, AT(zone),.moves = true},
	{"params", SETTING_PARAMS, AT(params),.moves = false},
	{"starts", SETTING_TIME, AT(starts),.moves = true},
	{"ends", SETTING_TIME, AT(ends),.moves = true},
	{"overlap", SETTING_WORD, AT(overlap),.words = WF_WORDS_OVERLAP},
	{"catch_up", SETTING_WORD, AT(catch_up),.words = WF_WORDS_CATCH_UP},
	{"gap", SETTING_WORD, AT(gap),.words = WF_WORDS_GAP,.moves = true},
	{"fold", SETTING_WORD, AT(fold),.words = WF_WORDS_FOLD,.moves = true},
	{"jitter", SETTING_INTERVAL, AT(jitter),.moves = true},
	{"calendar", SETTING_TEXT, AT(calendar),.moves = true},
	{"priority", SETTING_PRIORITY, AT(priority),.moves = false}
};

/* --- values ------------------------------------------------------------------------ */

static void
set(const Setting *setting, WfSchedule *schedule, WfAlteration *alteration)
{
	char	   *field = (char *) schedule + setting->offset;

	switch (setting->kind)
	{
		case SETTING_TEXT:
			*(const char **) field = wf_alteration_text(alteration, "a string");
			if (setting->offset == offsetof(WfSchedule, zone))
				wf_zone_check(schedule->zone);
			break;
		case SETTING_WORD:
			*(int *) field = wf_schedule_word_value(setting->words, wf_alteration_text(alteration, "a string"));
			break;
		case SETTING_TIME:
			*(TimestampTz *) field = wf_alteration_time(alteration, setting->offset == AT(starts) ? DT_NOBEGIN : DT_NOEND);
			break;
		case SETTING_INTERVAL:
			*(Interval **) field = wf_alteration_interval(alteration);
			break;
		case SETTING_PARAMS:
			*(Jsonb **) field = alteration->value.type == jbvNull ? NULL : JsonbValueToJsonb(&alteration->value);
			break;
		case SETTING_PRIORITY:
			schedule->has_priority = wf_alteration_int(alteration, &schedule->priority);
			break;
	}
}

/* --- the whole ---------------------------------------------------------------------- */

/* The setting of this name.  Error 22023. */
static const Setting *
find(const char *name)
{
	const char *names = NULL;

	for (int i = 0; i < (int) lengthof(settings); i++)
	{
		if (strcmp(settings[i].name, name) == 0)
			return &settings[i];
		names = wf_quote_list(names, settings[i].name, i == (int) lengthof(settings) - 1);
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("there is no setting \"%s\"", wf_quote(name)),
			 errhint("%s", names)));
}

/* Who has it made something else could make that himself. */
static void
require_target(const WfSchedule *schedule)
{
	if (schedule->job != NULL)
		wf_job_require(wf_job_newest(schedule->job), "run");
	if (schedule->definition != NULL)
		wf_privilege_require(wf_definition_by_name(schedule->definition, 0), "start");
}

/*
 * Change a schedule, and write it.  What it has missed so far stays missed unless its times are
 * changed.  Errors: 22023, 22004, and those of wf_schedule_define_check().  SPI must be
 * connected.
 */
void
wf_schedule_alter(WfSchedule *schedule, const Jsonb *changes)
{
	WfAlteration alteration;
	bool		moves = false;
	bool		targets = false;

	wf_alteration_begin(&alteration, changes);
	while (wf_alteration_next(&alteration))
	{
		const Setting *setting = find(alteration.name);

		set(setting, schedule, &alteration);
		moves = moves || setting->moves;
		targets = targets || setting->targets;
	}
	if (targets)
		require_target(schedule);
	wf_schedule_define_check(schedule, moves);
	wf_schedule_row_change(schedule);
	wf_schedule_row_update(schedule);
	if (moves && wf_schedule_cron_is(schedule))
		wf_schedule_cron_enter(schedule);
}
