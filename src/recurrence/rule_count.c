/*-------------------------------------------------------------------------
 *
 * rule_count.c
 *	  What the COUNT of a rule means for its end.
 *
 * Counted once, when the rule is read, so that no later question has to count
 * from its start.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"

#include "base/compat.h"
#include "recurrence/rule_count.h"
#include "recurrence/rule_period.h"

/* Of a rule finer than days each occurrence is looked for, not longer than the calendar takes. */
#define MAX_FINE_COUNT	10000
#define MAX_FINE_DAYS	146097

/* The most periods of a calendar, days; and so many of them between two that are remembered. */
#define LONGEST_CALENDAR	146097
#define STRIDE				1024

pg_noreturn static void
refuse_seldom(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("the rule comes too seldom for its COUNT"),
			 errdetail("Rules finer than a day are counted for 400 years."),
			 errhint("Use UNTIL.")));
}

static Timestamp
last_in_units(const WfRule *rule)
{
	Timestamp	last = DT_NOEND;
	Timestamp	from = rule->starts;
	int			misses = 0;

	if (rule->count > MAX_FINE_COUNT)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("COUNT of a rule finer than a day is at most %d", MAX_FINE_COUNT),
				 errhint("Use UNTIL.")));
	for (int64 n = 0; n < rule->count && from != DT_NOEND; n++)
	{
		last = wf_rule_search(rule, from, &misses);
		if (last != DT_NOEND && last > rule->starts + MAX_FINE_DAYS * USECS_PER_DAY)
			refuse_seldom();
		from = last == DT_NOEND ? DT_NOEND : last + USECS_PER_SEC;
	}
	return last;
}

/* A calendar that was counted: how many occurrences, and how many before each stride. */
typedef struct Counted
{
	int64		seen;
	int64		before[LONGEST_CALENDAR / STRIDE + 1];
} Counted;

/*
 * At the end of the first calendar: pass over those that are the same and do not reach COUNT,
 * and over the strides of the next one that do not.
 */
static void
pass_over(const Counted *counted, int cycle, int64 *n, int64 *left)
{
	int64		calendars = (*left - 1) / counted->seen;
	int			stride = 0;

	*left -= calendars * counted->seen;
	while ((stride + 1) * STRIDE < cycle && counted->before[stride + 1] < *left)
		stride++;
	*left -= counted->before[stride];
	*n += calendars * cycle + (int64) stride * STRIDE;
}

/*
 * Go through the periods.  When all of a calendar were seen and COUNT is not
 * reached, the following ones are the same.
 */
static Timestamp
last_in_periods(const WfRule *rule)
{
	int			cycle = wf_rule_period_cycle(rule);
	int64		left = rule->count;
	Counted		counted = {.seen = 0};
	WfRulePeriod period;

	wf_rule_period_begin(&period, rule);
	for (int64 n = 0; wf_rule_period_load(&period, n); n++)
	{
		int			count = wf_rule_period_count(&period);

		CHECK_FOR_INTERRUPTS();
		if (n < cycle && n % STRIDE == 0)
			counted.before[n / STRIDE] = counted.seen;
		if (n == 0)
			left += wf_rule_period_before(&period, rule->starts);
		if (left <= count)
			return wf_rule_period_at(&period, (int) left - 1);
		left -= count;
		counted.seen += count;
		if (n == cycle - 1)
		{
			if (counted.seen == 0)
				return DT_NOEND;
			pass_over(&counted, cycle, &n, &left);
		}
	}
	return DT_NOEND;
}

/*
 * The local time of the last occurrence that COUNT leaves; DT_NOEND if the
 * calendar ends before.  Error 22023 if COUNT is too large to be counted.
 */
Timestamp
wf_rule_count_last(const WfRule *rule)
{
	return rule->freq > WF_RULE_DAILY ? last_in_units(rule) : last_in_periods(rule);
}
