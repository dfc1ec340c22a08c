/*
 * rule.h
 *	  A recurrence rule of RFC 5545, and its times.
 */
#ifndef WF_RULE_H
#define WF_RULE_H

#include "datatype/timestamp.h"

#include "recurrence/time_set.h"

typedef enum WfRuleFreq
{
	WF_RULE_YEARLY,
	WF_RULE_MONTHLY,
	WF_RULE_WEEKLY,
	WF_RULE_DAILY,
	WF_RULE_HOURLY,
	WF_RULE_MINUTELY,
	WF_RULE_SECONDLY
} WfRuleFreq;

#define WF_RULE_WORDS	6		/* for numbers up to 366 */

/* Numbers that count from the start, or from the end: 1 and -1 are bit 1. */
typedef struct WfRuleNumbers
{
	bool		given;
	uint64		from_start[WF_RULE_WORDS];
	uint64		from_end[WF_RULE_WORDS];
} WfRuleNumbers;

typedef struct WfRule
{
	WfRuleFreq	freq;
	int			interval;
	int			week_start;		/* Sunday is 0 */
	Timestamp	starts;			/* local, in whole seconds */

	/* What is later does not count: local, and as an instant. */
	Timestamp	until_local;
	TimestampTz until;
	int64		count;			/* 0: without end */

	/* Of the days that the period has: those that each of these names. */
	uint64		months;			/* 0: any */
	WfRuleNumbers month_days;
	WfRuleNumbers year_days;
	WfRuleNumbers weeks;
	uint64		weekdays;		/* any of them; Sunday is bit 0 */
	bool		ordinals;		/* or the n-th of the month or year */
	WfRuleNumbers nth[7];

	WfTimeSet	times;			/* of each day */
	WfRuleNumbers positions;	/* of what remains, these */
} WfRule;

/* Is the number n from the start, and -m from the end, one of these? */
static inline bool
wf_rule_names(const WfRuleNumbers *numbers, int n, int m)
{
	return ((numbers->from_start[n / 64] >> n % 64) & 1) != 0 ||
		((numbers->from_end[m / 64] >> m % 64) & 1) != 0;
}

extern Timestamp wf_rule_search(const WfRule *rule, Timestamp from, int *misses);
extern Timestamp wf_rule_next(const void *rule, Timestamp from);
extern bool wf_rule_is_hourly(const WfRule *rule);

#endif							/* WF_RULE_H */
