/*-------------------------------------------------------------------------
 *
 * schedule_params.c
 *	  The parameters of a schedule, for one of its occurrences.
 *
 * Runs in any backend.  A string in them that is "$scheduled_at" or "$schedule", and
 * nothing else, stands for the time of the occurrence or the name of the schedule.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

#include "schedule/schedule_params.h"

/* A time as ISO 8601 has it, in UTC: the same in every session. */
char *
wf_schedule_params_time(TimestampTz time)
{
	struct pg_tm tm;
	fsec_t		fsec;

	if (timestamp2tm(time, NULL, &tm, &fsec, NULL, NULL) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("timestamp out of range")));
	if (fsec == 0)
		return psprintf("%04d-%02d-%02dT%02d:%02d:%02dZ", tm.tm_year, tm.tm_mon, tm.tm_mday,
						tm.tm_hour, tm.tm_min, tm.tm_sec);
	return psprintf("%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", tm.tm_year, tm.tm_mon, tm.tm_mday,
					tm.tm_hour, tm.tm_min, tm.tm_sec, (int) fsec);
}

/* What a string stands for, or NULL. */
static const char *
meaning(const JsonbValue *value, const WfSchedule *schedule, TimestampTz occurrence)
{
	static const char time[] = "$scheduled_at";
	static const char name[] = "$schedule";
	const char *text = value->val.string.val;
	size_t		len = value->val.string.len;

	if (len == sizeof(time) - 1 && memcmp(text, time, len) == 0)
		return wf_schedule_params_time(occurrence);
	if (len == sizeof(name) - 1 && memcmp(text, name, len) == 0)
		return schedule->name;
	return NULL;
}

/* The parameters of the run, or the input of the process, that an occurrence makes. */
Jsonb *
wf_schedule_params_of(const WfSchedule *schedule, TimestampTz occurrence)
{
	JsonbIterator *iterator = JsonbIteratorInit(&schedule->params->root);
	JsonbParseState *state = NULL;
	JsonbValue *result = NULL;
	JsonbIteratorToken token;
	JsonbValue	value;

	while ((token = JsonbIteratorNext(&iterator, &value, false)) != WJB_DONE)
	{
		const char *meant = NULL;

		if ((token == WJB_VALUE || token == WJB_ELEM) && value.type == jbvString)
			meant = meaning(&value, schedule, occurrence);
		if (meant != NULL)
		{
			value.val.string.val = (char *) meant;
			value.val.string.len = strlen(meant);
		}
		result = pushJsonbValue(&state, token, token < WJB_BEGIN_ARRAY ? &value : NULL);
	}
	return JsonbValueToJsonb(result);
}
