/*
 * rule_period.h
 *	  The periods of a rule: years, months, weeks or days, and what is in them.
 */
#ifndef WF_RULE_PERIOD_H
#define WF_RULE_PERIOD_H

#include "recurrence/rule.h"
#include "recurrence/rule_day.h"

/* A position from the start and one from the end for each of 366 numbers. */
#define WF_RULE_MAX_POSITIONS	(2 * 366)

/* One period: its days, and which of their times count. */
typedef struct WfRulePeriod
{
	const WfRule *rule;
	int			origin;			/* number of the first period in the calendar */
	int			times;			/* of a day */
	WfRuleMonth month;
	int			ndays;
	int			days[366];
	int			all;			/* with BYSETPOS: of so many, these were picked */
	int			npicked;
	int			picked[WF_RULE_MAX_POSITIONS];
} WfRulePeriod;

extern int	wf_rule_period_cycle(const WfRule *rule);
extern int	wf_rule_period_number(const WfRule *rule, Timestamp time);
extern void wf_rule_period_begin(WfRulePeriod *period, const WfRule *rule);
extern bool wf_rule_period_load(WfRulePeriod *period, int64 n);
extern int	wf_rule_period_count(const WfRulePeriod *period);
extern Timestamp wf_rule_period_at(const WfRulePeriod *period, int n);
extern int	wf_rule_period_before(const WfRulePeriod *period, Timestamp time);

#endif							/* WF_RULE_PERIOD_H */
